"""Three hundred pairs of laws drawn at random, with 16-digit truths: ``exact`` gives the right f-divergence, or none.

A share of them, since compiling takes long; all of them by ``python -m tests.divergences.assay.checking``.
"""

from __future__ import annotations

import jax
import pytest

from tests.divergences.assay import checking

pytestmark = pytest.mark.slow

REVERSED = ("kl_reversed", "chi_squared_reversed")
DIVERGENCES = ("kl", "jensen_shannon", "total_variation", "squared_hellinger", "chi_squared", *REVERSED)
# What a library may refuse that promises never to be wrong in silence; one that refused everything would be useless.
MOST_REFUSED = 0.05
MOST_REFUSED_SINGLE = 0.2


# Of the combinations of a structure and a divergence one in so many: each compiles for two seconds and more.
@pytest.fixture(scope="module", params=[64, pytest.param(16, marks=pytest.mark.exhaustive)])
def outcomes(request: pytest.FixtureRequest) -> list[checking.Outcome]:
    with jax.enable_x64(True):
        return [
            found
            for row, quantity in checking.planned(DIVERGENCES, request.param)
            for found in checking.outcomes(row, quantity)
        ]


@pytest.mark.parametrize("what", ["value", "gradient"])
def test_divergences_are_right_or_refused(outcomes: list[checking.Outcome], what: str) -> None:
    of_it = [outcome for outcome in outcomes if outcome.what == what]
    assert len(of_it) >= 8
    assert [checking.said(outcome) for outcome in of_it if outcome.kind == "wrong"] == []
    assert checking.share(of_it, "refused") <= MOST_REFUSED


def test_estimates_of_errors_cover_them(outcomes: list[checking.Outcome]) -> None:
    """Of values that are refused as well."""
    of_it = [outcome for outcome in outcomes if outcome.what == "estimate"]
    assert len(of_it) >= 8
    assert [checking.said(outcome) for outcome in of_it if outcome.kind == "wrong"] == []


def test_what_is_refused_raises_where_it_is_not_traced(outcomes: list[checking.Outcome]) -> None:
    refused = [outcome for outcome in outcomes if outcome.what == "value" and outcome.kind == "refused"]
    for outcome in refused[:3]:
        with jax.enable_x64(True), pytest.raises(ValueError, match="with_error"):
            checking.eager(outcome.row, outcome.quantity)


def test_single_precision_is_right_or_refused() -> None:
    chosen = [(row, quantity) for row, quantity in checking.planned(("jensen_shannon", "kl"), 48)]
    found = [
        outcome for row, quantity in chosen for outcome in checking.outcomes(row, quantity, "float32", slopes=False)
    ]
    values = [outcome for outcome in found if outcome.what == "value"]
    assert len(values) > 5
    assert [checking.said(outcome) for outcome in values if outcome.kind == "wrong"] == []
    assert checking.share(values, "refused") <= MOST_REFUSED_SINGLE
