"""What experiments stand on, and the names that they import: progress, claims, tables and what a run leaves."""

from __future__ import annotations

from experiments.framework.artifacts import Arrays, TableRow
from experiments.framework.claims import (
    AT_LEAST,
    AT_MOST,
    EQUAL,
    Budget,
    Claim,
    Relation,
    finding,
    less,
    over_seeds,
    replication,
    theorem,
)
from experiments.framework.progress import Progress, Task
from experiments.framework.tables import long_rows, per_seed, wide_rows

__all__ = [
    "AT_LEAST", "AT_MOST", "EQUAL", "Arrays", "Budget", "Claim", "Progress", "Relation", "TableRow", "Task", "finding", "less",
    "long_rows", "over_seeds", "per_seed", "replication", "theorem", "wide_rows",
]  # fmt: skip
