"""Every law of NumPyro is right in a divergence, or refused in one sentence."""

from __future__ import annotations

import jax
import pytest

from gan_jax.divergences import exact
from tests.divergences.assay import built, checking
from tests.divergences.laws_of_numpyro import COVERED, LAWS, REFUSED, names
from tests.tiers import those


def _first_pair_with(name: str) -> checking.Row:
    """The truth, by 38 digits, is the assay's; what the parameters mean is held against NumPyro in test_assay_data."""
    return next(
        row
        for row in checking.rows()
        for side in ("p", "q")
        if type(built.build(row[side], built.parameters(row[side]))).__name__ == name
    )


WITH_FORMULAS_OF_THEIR_OWN = {
    "Dagum",
    "DoublyTruncatedPowerLaw",
    "HalfCauchy",
    "InverseGamma",
    "Kumaraswamy",
    "Levy",
    "LowerTruncatedPowerLaw",
    "RelaxedBernoulliLogits",
    "RightTruncatedGamma",
    "VonMises",
    "Weibull",
}
"""Laws whose landmarks and variables no other test meets."""


def test_no_law_of_numpyro_is_forgotten() -> None:
    assert names() == set(LAWS) | set(REFUSED) | COVERED
    assert not set(LAWS) & set(REFUSED)


@pytest.mark.slow
@pytest.mark.parametrize("divergence", [exact.jensen_shannon, exact.wasserstein, exact.energy_distance])
def test_what_has_no_density_on_the_line_is_refused_in_one_sentence(divergence) -> None:
    for name, make in REFUSED.items():
        law = make()
        assert type(law).__name__ == name
        with pytest.raises(ValueError, match=name) as refusal:
            divergence(law, law)
        # JAX may add a note of its own, which is not in the message.
        message = str(refusal.value)
        assert "; expected " in message, message
        assert "\n" not in message, message


@pytest.mark.slow
@pytest.mark.parametrize("name", those(WITH_FORMULAS_OF_THEIR_OWN, LAWS))
def test_what_has_one_is_right(name: str) -> None:
    row = _first_pair_with(name)
    with jax.enable_x64(True):
        found = list(checking.outcomes(row, "jensen_shannon", slopes=False))
    assert [checking.said(outcome) for outcome in found if outcome.kind != "right"] == []
    assert {outcome.what for outcome in found} == {"value", "estimate"}
