"""A claim holds where the measured value stands in its relation to the expected one, and NaN never does."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from experiments.framework.claims import AT_LEAST, AT_MOST, EQUAL, Claim, Relation, claims_table, tally
from tests.cases import cases

INF, NAN = math.inf, math.nan


def claim(expected: float, measured: float, tolerance: float, relation: Relation = EQUAL) -> Claim:
    return Claim("what", "who", expected, measured, tolerance, relation)


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


def test_the_table_shows_all_numbers_and_both_verdicts_in_80_columns() -> None:
    pairs = [
        ("one", Claim("first [nats]", "who", 0.25, 0.375, 0.125, basis="3 standard errors")),
        ("two", Claim("second", "whom", 1.0, NAN, 0.5, AT_LEAST)),
    ]
    stream = io.StringIO()
    Console(file=stream, width=80).print(claims_table(pairs, "Claims"))
    lines = [line.strip() for line in stream.getvalue().splitlines()]
    first, second = (next(line for line in lines if line.startswith(name)) for name in ("first [nats]", "second"))
    for text in ("= 0.25", "0.375", "0.125", "holds"):
        assert text in first
    for text in ("≥ 1", "nan", "0.5", "does not hold"):
        assert text in second
    words = ("one", "first", "who", "two", "second", "whom")
    places = [next(i for i, line in enumerate(lines) if line.startswith(word)) for word in words]
    assert places == sorted(places)
    assert "3 standard errors" in stream.getvalue()
    assert tally([claim for _, claim in pairs]) == "1 of 2 claims hold"
