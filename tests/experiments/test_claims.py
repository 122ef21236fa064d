"""A claim holds where the measured value stands in its relation to the expected one, and NaN never does; kinds are told apart."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from experiments.framework.claims import (
    AT_LEAST,
    AT_MOST,
    EQUAL,
    Budget,
    Claim,
    Kind,
    Relation,
    claims_table,
    finding,
    less,
    over_seeds,
    replication,
    tally,
    theorem,
)
from tests.cases import cases

INF, NAN = math.inf, math.nan


def claim(expected: float, measured: float, tolerance: float, relation: Relation = EQUAL) -> Claim:
    return theorem("what", "who", expected, measured, tolerance, relation)


@cases(
    ("relation", "expected", "measured", "tolerance", "holds"),
    [
        (EQUAL, 1.0, 1.0, 0.0, True),
        (EQUAL, 1.0, 1.25, 0.25, True),
        (EQUAL, 1.0, 0.75, 0.25, True),
        (EQUAL, 1.0, 1.2500001, 0.25, False),
        (EQUAL, 1.0, 0.7499999, 0.25, False),
        (EQUAL, INF, INF, 0.0, True),
        (EQUAL, INF, -INF, 1.0, False),
        (EQUAL, INF, 1e308, 1.0, False),
        (AT_MOST, 1.0, -5.0, 0.0, True),
        (AT_MOST, 1.0, 1.25, 0.25, True),
        (AT_MOST, 1.0, 1.26, 0.25, False),
        (AT_MOST, 1.0, INF, 0.25, False),
        (AT_MOST, INF, 1.0, 0.0, True),
        (AT_LEAST, 1.0, 5.0, 0.0, True),
        (AT_LEAST, 1.0, 0.75, 0.25, True),
        (AT_LEAST, 1.0, 0.74, 0.25, False),
        (AT_LEAST, 1.0, -INF, 0.25, False),
    ],
)
def test_verdict(relation: Relation, expected: float, measured: float, tolerance: float, holds: bool) -> None:
    assert claim(expected, measured, tolerance, relation).holds is holds


@cases("relation", [EQUAL, AT_MOST, AT_LEAST], ids=lambda relation: relation.symbol)
@cases(
    ("expected", "measured", "tolerance"),
    [(NAN, 1.0, 9.0), (1.0, NAN, 9.0), (1.0, 1.0, NAN), (NAN, NAN, 9.0), (NAN, INF, 9.0), (1.0, 1.0, INF)],
)
def test_nan_and_a_boundless_tolerance_never_hold(
    relation: Relation, expected: float, measured: float, tolerance: float
) -> None:
    assert claim(expected, measured, tolerance, relation).holds is False


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, st.floats(0.0, 1e6))
def test_equal_is_at_most_and_at_least(expected: float, measured: float, tolerance: float) -> None:
    one_sided = [claim(expected, measured, tolerance, relation).holds for relation in (AT_MOST, AT_LEAST)]
    assert claim(expected, measured, tolerance).holds == all(one_sided)
    assert any(one_sided)


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tolerance of 'what' is -0.1; expected a value of at least 0"):
        claim(1.0, 1.0, -0.1)


@pytest.mark.parametrize("measured", [1.0, 2.0], ids=["as published", "otherwise"])
def test_a_replication_below_its_budget_says_neither_yes_nor_no(measured: float) -> None:
    short, whole = (
        replication("what", "who", 1.0, measured, 0.5, budget=Budget("9 steps", met)) for met in (False, True)
    )
    assert (short.holds, short.fails, short.verdict, short.record()["holds"]) == (
        False,
        False,
        "not run at this budget",
        None,
    )
    assert whole.holds is (measured == 1.0)
    assert whole.fails is not whole.holds
    assert whole.verdict == ("holds" if whole.holds else "does not hold")
    assert whole.record()["holds"] is whole.holds
    assert short.record()["budget"] == "9 steps"


def test_every_claim_says_its_kind_and_a_replication_alone_its_budget() -> None:
    numbers = ("what", "who", 1.0, 1.0, 0.0)
    assert [made(*numbers).kind for made in (theorem, finding)] == [Kind.THEOREM, Kind.FINDING]
    assert theorem(*numbers).record()["kind"] == "theorem"
    with pytest.raises(TypeError, match="missing"):
        Claim(*numbers)  # type: ignore[arg-type, call-arg]
    with pytest.raises(ValueError, match=r"budget of 'what' is None; expected one of a replication, and of no other"):
        Claim(Kind.REPLICATION, *numbers)
    with pytest.raises(ValueError, match=r"budget of 'what' is Budget\(.*; expected one of a replication"):
        Claim(Kind.THEOREM, *numbers, budget=Budget("9 steps", met=True))


def test_numbers_of_numpy_become_numbers_of_python() -> None:
    made = finding("what", "who", np.float32(0.5), np.int64(1), np.array(0.25, np.float32))
    assert [type(number) for number in (made.expected, made.measured, made.tolerance)] == [float] * 3


def test_a_mean_over_seeds_and_its_standard_errors() -> None:
    # Of 1, 2, 3, 4 the mean is 5/2, the variance 5/3, and the standard error the root of 5/12.
    error = math.sqrt(5.0 / 12.0)
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert over_seeds(values, 4.0) == pytest.approx((2.5, 4.0 * error), abs=1e-12)
    assert over_seeds(values, 2.0, 0.02) == pytest.approx((2.5, 0.02 + 2.0 * error), abs=1e-12)
    assert less(values, 2.0) == pytest.approx(2.5 - 2.0 * error, abs=1e-12)
    assert not finding("what", "who", 0.0, *over_seeds(values[:1], 2.0)).holds
    assert not finding("what", "who", -9.0, less(values[:1], 2.0), 0.0, AT_LEAST).holds


def test_the_table_shows_all_numbers_and_both_verdicts_in_80_columns() -> None:
    pairs = [
        ("one", finding("third", "them", 2.0, 2.0, 0.0)),
        ("one", theorem("first [nats]", "who", 0.25, 0.375, 0.125, basis="3 standard errors")),
        ("two", finding("second", "whom", 1.0, NAN, 0.5, AT_LEAST)),
        ("two", replication("fourth", "a paper", 3.0, 9.0, 0.5, budget=Budget("9 steps", met=False))),
    ]
    stream = io.StringIO()
    Console(file=stream, width=80).print(claims_table(pairs, "Claims"))
    lines = [line.strip() for line in stream.getvalue().splitlines()]
    first, second = (next(line for line in lines if line.startswith(name)) for name in ("first [nats]", "second"))
    for text in ("= 0.25", "0.375", "0.125", "holds"):
        assert text in first
    for text in ("≥ 1", "nan", "0.5", "does not hold"):
        assert text in second
    # Theorems first, then replications, then findings, in each experiment.
    words = ("one, theorems", "first", "who", "one, findings", "third", "them")
    words += (
        "two, replications",
        "fourth",
        "a paper; budget: 9",
        "two, findings",
        "second",
        "whom",
    )
    places = [next(i for i, line in enumerate(lines) if line.startswith(word)) for word in words]
    assert places == sorted(places)
    assert "3 standard errors" in stream.getvalue()
    fourth = " ".join(lines[places[7]].split() + lines[places[7] + 1].split())
    assert "not run at" in fourth
    assert "this budget" in fourth
    assert "does not hold" not in fourth


def test_the_tally_counts_kinds_apart() -> None:
    def claims(kind: str, holding: int, failing: int) -> list[Claim]:
        makers = {"theorem": theorem, "finding": finding}
        return [makers[kind]("what", "who", 0.0, float(n >= holding), 0.0) for n in range(holding + failing)]

    published = [
        replication("what", "who", 0.0, value, 0.0, budget=Budget("9 steps", met))
        for value, met, count in ((0.0, True, 9), (0.0, False, 2), (1.0, False, 1), (1.0, True, 1))
        for _ in range(count)
    ]
    counted = "41 of 41 theorems, 9 of 13 replications (3 not run at this budget), 20 of 31 findings hold"
    assert tally(claims("finding", 20, 11) + published + claims("theorem", 41, 0)) == counted
    assert tally(claims("theorem", 1, 0)) == "1 of 1 theorems hold"
    assert tally([]) == "no claims"
