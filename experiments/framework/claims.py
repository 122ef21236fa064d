"""Claims: what a figure says, as numbers that can be checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

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


@dataclass(frozen=True)
class Claim:
    """One claim, by whom, and what was measured.

    A claim that does not hold is a finding, and is printed as such. NaN never holds, in any of the three numbers.

    Attributes:
      what: the claim in a few words, with units.
      source: who says so: a paper and its equation, a closed form, a theorem.
      expected: the value that the source gives.
      measured: the value that the run gave.
      tolerance: how far ``measured`` may be on the wrong side of ``expected``: from a standard error or from an exact
        value's rounding, never from what the code happened to give. Finite and ≥ 0.
      relation: ``EQUAL``, ``AT_MOST`` or ``AT_LEAST``.
      basis: where the tolerance comes from, e.g. ``"3 standard errors"``.
    """

    what: str
    source: str
    expected: float
    measured: float
    tolerance: float
    relation: Relation = EQUAL
    basis: str = ""

    def __post_init__(self) -> None:
        if self.tolerance < 0.0:
            raise ValueError(f"tolerance of {self.what!r} is {self.tolerance}; expected a value of at least 0")

    @property
    def holds(self) -> bool:
        """Whether the measured value stands in the relation to the expected one, within the tolerance."""
        # An infinite tolerance would hold whatever was measured: such a claim says nothing, so it does not hold.
        if not math.isfinite(self.tolerance):
            return False
        # Two equal infinities (KL of disjoint supports) agree, although their difference is NaN.
        same = self.measured == self.expected
        return bool(same or self.relation.excess(self.measured, self.expected) <= self.tolerance)

    @property
    def verdict(self) -> str:
        """``holds`` or ``does not hold``."""
        return "holds" if self.holds else "does not hold"

    def record(self) -> dict[str, object]:
        """The claim as JSON can hold it: numbers that JSON lacks (NaN, infinities) become their names."""
        numbers = {name: _json_number(getattr(self, name)) for name in ("expected", "measured", "tolerance")}
        words = {"what": self.what, "source": self.source, "relation": self.relation.symbol, "basis": self.basis}
        return {**words, **numbers, "holds": self.holds}


def _json_number(value: float) -> float | str:
    number = float(value)
    return number if math.isfinite(number) else str(number)


def claims_table(claims: Sequence[tuple[str, Claim]], title: str) -> Table:
    """The claims as a table for the terminal, one section for each experiment.

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
    table.add_column("verdict", no_wrap=True)
    for experiment, members in groupby(claims, key=itemgetter(0)):
        table.add_section()
        table.add_row(Text(experiment, "bold"))
        for _, claim in members:
            what = Text.assemble(claim.what, "\n", (claim.source, "dim"))
            tolerance = Text.assemble(f"{claim.tolerance:.3g}", "\n" if claim.basis else "", (claim.basis, "dim"))
            expected = f"{claim.relation.symbol} {claim.expected:.6g}"
            style = "" if claim.holds else "bold red"
            table.add_row(what, expected, f"{claim.measured:.6g}", tolerance, claim.verdict, style=style)
    return table


def tally(claims: Sequence[Claim]) -> str:
    """``4 of 5 claims hold``."""
    return f"{sum(claim.holds for claim in claims)} of {len(claims)} claims hold"
