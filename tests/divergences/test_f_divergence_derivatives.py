"""Second and third derivatives of what f-GANs differentiate through: unrolling and consensus take the derivative of a gradient."""

from __future__ import annotations

import jax
import pytest

from gan_jax.divergences.f_divergence import F_DIVERGENCES
from tests.cases import cases


@pytest.mark.slow
@cases("name", F_DIVERGENCES)
@cases("v", [-0.7, 0.0, 0.4])
def test_higher_derivatives_agree_with_finite_differences(name: str, v: float) -> None:
    with jax.enable_x64(True):
        for part in ("activation", "conjugate_of_activation"):
            value = getattr(F_DIVERGENCES[name], part)
            # Central differences: an error of h² times the next odd derivative, and of rounding over h.
            h = 1e-5
            for _ in range(3):
                slope = jax.grad(lambda x, f=value: f(x))
                differences = (value(v + h) - value(v - h)) / (2 * h)
                assert float(slope(v)) == pytest.approx(float(differences), rel=1e-6, abs=1e-8), part
                value = slope
