"""Three hundred pairs of laws drawn at random, with 16-digit truths: ``exact.wasserstein`` is right, or refuses.

A share of them, since compiling takes long; all of them by ``python -m tests.divergences.assay.checking``.
"""

from __future__ import annotations

import jax
import pytest

from tests.divergences.assay import checking

pytestmark = pytest.mark.slow

# As in test_assay_divergences.
MOST_REFUSED = 0.05


# At every change; of order 1 alone.
FEW = 64


# One in so many structures: programs of distances compile for several seconds each.
@pytest.fixture(scope="module", params=[FEW, pytest.param(8, marks=pytest.mark.exhaustive)])
def outcomes(request: pytest.FixtureRequest) -> list[checking.Outcome]:
    of = request.param
    chosen = [*checking.planned(["wasserstein_1"], of)]
    if of < FEW:
        chosen += checking.planned(["wasserstein_2"], 2 * of)
    with jax.enable_x64(True):
        return [found for row, quantity in chosen for found in checking.outcomes(row, quantity)]


@pytest.mark.parametrize("what", ["value", "gradient"])
def test_distances_are_right_or_refused(outcomes: list[checking.Outcome], what: str) -> None:
    of_it = [outcome for outcome in outcomes if outcome.what == what]
    assert len(of_it) >= 5
    assert [checking.said(outcome) for outcome in of_it if outcome.kind == "wrong"] == []
    assert checking.share(of_it, "refused") <= MOST_REFUSED


def test_estimates_of_errors_cover_them(outcomes: list[checking.Outcome]) -> None:
    """Of values that are refused as well."""
    of_it = [outcome for outcome in outcomes if outcome.what == "estimate"]
    assert len(of_it) >= 5
    assert [checking.said(outcome) for outcome in of_it if outcome.kind == "wrong"] == []
