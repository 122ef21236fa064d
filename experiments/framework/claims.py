"""Claims: what a figure says, as numbers that can be checked.

A claim is made by the function that is named after its kind: ``theorem``, ``replication`` or ``finding``. There is no default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, SupportsFloat

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text


class Relation(NamedTuple):
    """How a measured value is held against the expected one.

    Attributes:
      symbol: what stands before the expected value in print.
      excess: ``excess(measured, expected)``, the amount that the tolerance has to cover.
    """

    symbol: str
    excess: Callable[[float, float], float]


EQUAL = Relation("=", lambda measured, expected: abs(measured - expected))
AT_MOST = Relation("≤", lambda measured, expected: measured - expected)
AT_LEAST = Relation("≥", lambda measured, expected: expected - measured)


class Kind(StrEnum):
    """What it means that a claim does not hold."""

    THEOREM = "theorem"
    """An exact value, a bound or an identity, which holds whatever was trained and for how long: the code is wrong."""

    REPLICATION = "replication"
    """A published number, by the published protocol: another result than theirs, where the run had their budget."""

    FINDING = "finding"
    """What was conjectured, or reached elsewhere, and measured here: it is otherwise."""


class Budget(NamedTuple):
    """What a published number was made with.

    Attributes:
      needed: in words: steps, samples, seeds.
      met: whether this run had as much.
    """

    needed: str
    met: bool


NOT_RUN = "not run at this budget"


@dataclass(frozen=True)
class Claim:
    """One claim, by whom, and what was measured.

    A claim that does not hold is printed as such. NaN never holds, in any of the three numbers.

    Attributes:
      kind: theorem, replication or finding.
      what: the claim in a few words, with units.
      source: who says so: a paper and its equation, a closed form, a theorem.
      expected: the value that the source gives.
      measured: the value that the run gave.
      tolerance: how far ``measured`` may be on the wrong side of ``expected``: from a standard error or from an exact
        value's rounding, never from what the code happened to give. Finite and ≥ 0.
      relation: ``EQUAL``, ``AT_MOST`` or ``AT_LEAST``.
      basis: where the tolerance comes from, e.g. ``"3 standard errors"``.
      budget: of a replication, and of no other.
    """

    kind: Kind
    what: str
    source: str
    expected: float
    measured: float
    tolerance: float
    relation: Relation = EQUAL
    basis: str = ""
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if self.tolerance < 0.0:
            raise ValueError(f"tolerance of {self.what!r} is {self.tolerance}; expected a value of at least 0")
        if (self.budget is None) is (self.kind is Kind.REPLICATION):
            raise ValueError(
                f"budget of {self.what!r} is {self.budget}; expected one of a replication, and of no other"
            )

    @property
    def due(self) -> bool:
        """Whether the claim is to hold in this run: not a replication that had less than the published budget."""
        return self.budget is None or self.budget.met

    @property
    def holds(self) -> bool:
        """Whether it is due, and the measured value stands in the relation to the expected one, within the tolerance."""
        # An infinite tolerance would hold whatever was measured: such a claim says nothing, so it does not hold.
        if not self.due or not math.isfinite(self.tolerance):
            return False
        # Two equal infinities (KL of disjoint supports) agree, although their difference is NaN.
        same = self.measured == self.expected
        return bool(same or self.relation.excess(self.measured, self.expected) <= self.tolerance)

    @property
    def fails(self) -> bool:
        """Whether it is due and does not hold."""
        return self.due and not self.holds

    @property
    def verdict(self) -> str:
        """``holds``, ``does not hold`` or ``not run at this budget``."""
        return ("holds" if self.holds else "does not hold") if self.due else NOT_RUN

    def record(self) -> dict[str, object]:
        """The claim as JSON can hold it: numbers that JSON lacks (NaN, infinities) become their names; ``holds`` is null where not due."""
        numbers = {name: _json_number(getattr(self, name)) for name in ("expected", "measured", "tolerance")}
        words = {"what": self.what, "source": self.source, "relation": self.relation.symbol, "basis": self.basis}
        budget = {} if self.budget is None else {"budget": self.budget.needed}
        verdict = {"holds": self.holds if self.due else None, "verdict": self.verdict}
        return {"kind": str(self.kind), **words, **numbers, **budget, **verdict}


def _json_number(value: float) -> float | str:
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _claim(
    kind: Kind,
    what: str,
    source: str,
    expected: SupportsFloat,
    measured: SupportsFloat,
    tolerance: SupportsFloat,
    relation: Relation = EQUAL,
    basis: str = "",
    *,
    budget: Budget | None = None,
) -> Claim:
    """A claim; the arguments are ``Claim``'s."""
    numbers = float(expected), float(measured), float(tolerance)
    return Claim(kind, what, source, *numbers, relation, basis, budget)


theorem = partial(_claim, Kind.THEOREM)
"""What must hold whatever was trained and for how long: an exact value, a bound, an identity."""

replication = partial(_claim, Kind.REPLICATION)
"""A published number by the published protocol; below its budget, which it has to name, the run says neither yes nor no."""

finding = partial(_claim, Kind.FINDING)
"""What was conjectured, or reached elsewhere, and is measured here, such as what a training gets to."""


def over_seeds(values: np.ndarray, errors: float, slack: float = 0.0, *, student: bool = False) -> tuple[float, float]:
    """The last two numbers of a claim about a mean over seeds: the mean, and so many of its standard errors as tolerance.

    Args:
      values: one for each seed, ``[seeds]``; of one seed the tolerance is NaN, which never holds.
      errors: how many standard errors.
      slack: what is asked for beside them, in the units of ``values``.
      student: for a theorem, which must not fail because so few seeds lie near each other: as many errors as Student's t has at the
        confidence that ``errors`` have of a normal law, 7.0 of ten seeds for 4, 10 050 of two.
    """
    # Not at the top: the list of experiments is printed before SciPy, which comes with the room of metrics, would be loaded.
    from gan_jax.metrics.statistics import mean_and_error

    mean, error = mean_and_error(values)
    if student:
        from scipy.special import ndtr, stdtrit

        errors = -float(stdtrit(np.size(values) - 1, ndtr(-errors)))
    return mean, slack + errors * error


def less(values: np.ndarray, errors: float) -> float:
    """The mean over seeds less so many of its standard errors (``errors`` below 0: more), for a claim about its sign."""
    mean, error = over_seeds(values, errors)
    return mean - error


_STYLES = {"holds": "", "does not hold": "bold red", NOT_RUN: "dim"}


def claims_table(claims: Sequence[tuple[str, Claim]], title: str) -> Table:
    """The claims as a table for the terminal, one section for each experiment, and in it theorems first, then replications, then findings.

    Args:
      claims: pairs (experiment, claim), in the order to print.
      title: the table's heading.

    Returns:
      A rich table: claim and source, expected, measured, tolerance and where it comes from, verdict.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("claim, source", ratio=1)
    for header in ("expected", "measured"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("tolerance", justify="right", max_width=20)
    table.add_column("verdict", max_width=13)
    for experiment, members in groupby(claims, key=itemgetter(0)):
        of_experiment = [claim for _, claim in members]
        for kind, group in by_kind(of_experiment).items():
            table.add_section()
            table.add_row(Text.assemble((experiment, "bold"), f", {kind}s"))
            for claim in group:
                what = Text.assemble(claim.what, "\n", (claim.source, "dim"))
                if claim.budget is not None:
                    what.append(f"; budget: {claim.budget.needed}", "dim")
                tolerance = Text.assemble(f"{claim.tolerance:.3g}", "\n" if claim.basis else "", (claim.basis, "dim"))
                expected = f"{claim.relation.symbol} {claim.expected:.6g}"
                style = _STYLES[claim.verdict]
                table.add_row(what, expected, f"{claim.measured:.6g}", tolerance, claim.verdict, style=style)
    return table


def by_kind(claims: Sequence[Claim]) -> dict[Kind, list[Claim]]:
    """The claims of each kind that there is, in the order of ``Kind``."""
    groups = {kind: [claim for claim in claims if claim.kind is kind] for kind in Kind}
    return {kind: group for kind, group in groups.items() if group}


def tally(claims: Sequence[Claim]) -> str:
    """``41 of 41 theorems, 9 of 12 replications (3 not run at this budget), 20 of 31 findings hold``."""
    counts = []
    for kind, group in by_kind(claims).items():
        waiting = sum(not claim.due for claim in group)
        apart = f" ({waiting} {NOT_RUN})" if waiting else ""
        counts.append(f"{sum(claim.holds for claim in group)} of {len(group)} {kind}s{apart}")
    return f"{', '.join(counts)} hold" if counts else "no claims"
