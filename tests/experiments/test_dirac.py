"""DiracGAN's closed forms: of the paper, and of the games that are played."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.game.dirac_gan import compute
from experiments.game.dirac_gan import theory as dirac
from gan_jax.objectives import losses
from gan_jax.training.stability import eigenvalues
from tests.cases import cases


def test_every_objective_here_is_one_of_the_library() -> None:
    others = {"least_squares −1 1 0", "least_squares −1 1 1", "f_kl trick"}
    assert set(dirac.DERIVATIVES) - others <= set(losses.OBJECTIVES)


@cases("rule", dirac.RULES)
def test_formulas_are_the_eigenvalues_of_their_matrices(rule: str) -> None:
    for point in (
        dirac.Point(),
        dirac.Point("least_squares", noise=0.8, step=0.3, gamma=0.5),
        dirac.Point("hinge", "r1_and_r2", 0.4, step=1.7, gamma=1.1),
        dirac.Point("f_kl trick", noise=2.0, step=0.7, gamma=0.2),
    ):
        update = point.closed_form(rule, 3)
        found = np.sort_complex(eigenvalues(update.jacobian))
        # Where two eigenvalues meet, a routine loses half of its digits.
        np.testing.assert_allclose(found, np.sort_complex(update.eigenvalues), atol=2e-7)


def test_gradient_penalties_have_no_smooth_equilibrium() -> None:
    for penalty in ("gp", "dragan"):
        for rule in dirac.RULES:
            assert np.isnan(dirac.Point("wasserstein", penalty, 0.3).closed_form(rule, 2).eigenvalues).all()


@pytest.mark.slow
def test_measured_jacobians_are_the_closed_forms() -> None:
    points = [
        dirac.Point("minimax", step=0.5),
        dirac.Point("relativistic", noise=1.3, step=0.5),
        dirac.Point("wasserstein", "r1", 0.3, step=0.5),
    ]
    for rule in ("simultaneous", "optimistic"):
        found = compute.play(rule, points, steps=2, unrolling=1)
        expected = [np.sort_complex(point.closed_form(rule, 1).eigenvalues) for point in points]
        for matrix, closed in zip(found["jacobian"], expected, strict=True):
            np.testing.assert_allclose(np.sort_complex(eigenvalues(matrix)), closed, atol=1e-8)
        assert found["path"].shape == (3, 3, 2)
