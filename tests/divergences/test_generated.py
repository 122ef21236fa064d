"""The law of a generator on a grid: against closed forms, by properties, and the bounds that hold for any discriminator."""

from __future__ import annotations

import math
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import special, stats

from gan_jax.divergences import exact, generated
from gan_jax.objectives import losses

EPS = float(np.finfo(np.float32).eps)


law_masses, generated_masses = map(jax.jit, (generated.law_masses, generated.generated_masses))
jensen_shannon, wasserstein = map(jax.jit, (generated.jensen_shannon, generated.wasserstein))
discriminator_value = jax.jit(generated.discriminator_value, static_argnums=0)


@cache
def normal_cells(count: int) -> np.ndarray:
    return np.asarray(jax.jit(partial(generated.normal_cells, count))())


def grid(low: float, high: float, count: int) -> np.ndarray:
    return np.linspace(low, high, count, dtype=np.float32)


def on_line(mean: float, scale: float, *, cells: int = 1024, bins: int = 1024) -> tuple[np.ndarray, np.ndarray, float]:
    """Masses of N(0, 1) and of the generator ``mean + scale z``, and the step of the grid."""
    edges = grid(-10.0, 10.0, bins + 1)
    p = law_masses(dist.Normal(0.0, 1.0), edges)
    q = generated_masses(np.float32(mean) + np.float32(scale) * normal_cells(cells), edges)
    return np.asarray(p), np.asarray(q), 20.0 / bins


class TestLatents:
    @pytest.mark.parametrize("count", [2, 3, 64, 1000])
    def test_cells_have_equal_probability_and_the_outer_ones_their_mean(self, count: int) -> None:
        edges = np.asarray(normal_cells(count), float)
        assert edges.shape == (count + 1,)
        np.testing.assert_allclose(special.ndtr(edges[1:-1]), np.arange(1, count) / count, atol=4 * EPS)
        tail_mean = stats.norm.expect(lambda z: z, lb=edges[-2], conditional=True)
        np.testing.assert_allclose(0.5 * (edges[-1] + edges[-2]), tail_mean, rtol=1e-5)
        np.testing.assert_allclose(edges, -edges[::-1], atol=4 * EPS)

    def test_lattice_integrates_over_the_normal(self) -> None:
        z = np.asarray(generated.normal_lattice(4000), float)
        assert z.shape == (4181, 2)
        # Either coordinate is Φ⁻¹ of all (k + 1/2) / n, which lie evenly around one half.
        np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=1e-6)
        np.testing.assert_allclose(z.T @ z / len(z), np.eye(2), atol=5e-3)
        # E cos(z₁ + z₂) = e^{-1}: a Monte Carlo mean of so many points has a standard error of 8e-3.
        np.testing.assert_allclose(np.cos(z.sum(axis=1)).mean(), math.exp(-1.0), atol=8e-4)

    @pytest.mark.parametrize("function", [generated.normal_cells, generated.normal_lattice])
    def test_one_is_too_few(self, function: object) -> None:
        with pytest.raises(ValueError, match="count is 1"):
            function(1)  # type: ignore[operator]


class TestMasses:
    @pytest.mark.parametrize(("mean", "scale"), [(0.0, 1.0), (2.0, 0.5), (-1.0, -2.0)])
    def test_affine_generator_is_the_gaussian(self, mean: float, scale: float) -> None:
        edges = grid(-10.0, 10.0, 201)
        exactly = np.asarray(law_masses(dist.Normal(mean, abs(scale)), edges))
        for cells in (256, 1024):
            found = np.asarray(generated_masses(np.float32(mean) + np.float32(scale) * normal_cells(cells), edges))
            assert found.sum() == pytest.approx(1.0, abs=1e-6)
            assert found.min() >= 0.0
            # The distribution functions meet at every cell's edge, so that they differ by no more than one cell's mass.
            assert np.abs(np.cumsum(found - exactly)).max() < 1.0 / cells

    def test_generator_that_folds_and_stops(self) -> None:
        edges = grid(-1.0, 4.0, 6)
        # |z| with everything below 1 moved to 0.5: half-normal tails and a point mass.
        z = np.abs(normal_cells(4096))
        found = np.asarray(generated_masses(np.where(z < 1.0, np.float32(0.5), z), edges))
        inside = special.ndtr(1.0) - special.ndtr(-1.0)
        expected = [
            0.0,
            0.0,
            inside,
            2 * (special.ndtr(2.0) - special.ndtr(1.0)),
            2 * (special.ndtr(3.0) - special.ndtr(2.0)),
        ]
        np.testing.assert_allclose(found[:5], expected, atol=3 / 4096)

    def test_tails_of_a_law_keep_their_digits(self) -> None:
        found = np.asarray(law_masses(dist.Normal(0.0, 1.0), jnp.asarray([-9.0, -8.0, 8.0, 9.0])))
        tail = special.ndtr(-8.0) - special.ndtr(-9.0)
        np.testing.assert_allclose(found[[1, 3]], tail, rtol=1e-4)
        np.testing.assert_allclose(found[[0, 4]], special.ndtr(-9.0), rtol=1e-4)

    def test_mixture_on_a_grid_against_numpyro(self) -> None:
        points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
        x, y = grid(-5.0, 5.0, 101), grid(-4.5, 5.5, 81)
        found = np.asarray(jax.jit(generated.mixture_density)(points, x, y, 0.3))
        mesh = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
        # One draw for each point, of equal weights; coordinates are independent.
        log_p = jax.jit(lambda mesh, points: dist.Normal(points[:, None, None, :], 0.3).log_prob(mesh).sum(-1))
        each = np.asarray(log_p(np.broadcast_to(mesh, (50, *mesh.shape)), points))
        np.testing.assert_allclose(found, np.exp(each).mean(axis=0), atol=1e-5)
        assert found.sum() * 0.1 * 0.125 == pytest.approx(1.0, abs=1e-4)


class TestDistances:
    @pytest.mark.parametrize(("mean", "scale"), [(0.0, 1.0), (0.5, 1.0), (1.0, 2.0), (4.0, 0.5)])
    def test_against_exact_values(self, mean: float, scale: float) -> None:
        p, q, step = on_line(mean, scale)
        laws = dist.Normal(0.0, 1.0), dist.Normal(mean, scale)
        # A cell holds 1/1024 of the mass and moves by at most its own length; the curvature of the density over a cell is of second order.
        js, w1 = exact.jensen_shannon(*laws), exact.wasserstein(*laws)
        assert float(jensen_shannon(p, q)) == pytest.approx(float(js), abs=2e-3)
        assert float(wasserstein(p, q, step)) == pytest.approx(float(w1), abs=2e-3 * scale)

    @pytest.mark.slow
    def test_a_coarser_grid_never_tells_more(self) -> None:
        p, q, _ = on_line(1.0, 0.7)
        p, q = p[1:-1], q[1:-1]
        values = []
        while p.size > 1:
            values.append(float(jensen_shannon(p, q)))
            p, q = p[::2] + p[1::2], q[::2] + q[1::2]
        assert np.all(np.diff(values) <= 1e-6)

    def test_disjoint_laws(self) -> None:
        p, q = jnp.asarray([0.0, 1.0, 0.0, 0.0]), jnp.asarray([0.0, 0.0, 0.0, 1.0])
        assert float(jensen_shannon(p, q)) == pytest.approx(math.log(2.0), rel=2 * EPS)
        assert float(wasserstein(p, q, 0.5)) == 1.0
        assert float(jensen_shannon(p, p)) == 0.0

    def test_masses_of_other_cells_are_refused(self) -> None:
        three, four = jnp.full(3, 1 / 3), jnp.full(4, 1 / 4)
        for function in (generated.jensen_shannon, lambda p, q: generated.wasserstein(p, q, 1.0)):
            with pytest.raises(ValueError, match="expected masses of the same cells"):
                function(three, four)
        with pytest.raises(ValueError, match="expected one logit a cell"):
            generated.discriminator_value(losses.minimax().divergence, four, three, three)


class TestDiscriminatorValue:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "objective", [losses.minimax(), losses.wasserstein(), losses.least_squares(), losses.hinge()]
    )
    def test_is_the_objective_on_equal_weights(self, objective: losses.Objective) -> None:
        logits = np.random.default_rng(0).normal(size=64).astype(np.float32)
        half = np.repeat(np.float32([1 / 32, 0.0]), 32)
        found = discriminator_value(objective.divergence, logits, half, half[::-1])
        expected = jax.jit(objective.divergence)(logits[:32], logits[32:])
        assert float(found) == pytest.approx(float(expected), abs=1e-5)

    def test_best_logits_meet_the_divergence_and_others_stay_below(self) -> None:
        p, q, _ = on_line(1.0, 0.7, bins=64)
        best = np.log(np.maximum(p, 1e-30)) - np.log(np.maximum(q, 1e-30))
        best = np.where(p == 0, -80.0, np.where(q == 0, 80.0, best)).astype(np.float32)
        js = float(jensen_shannon(p, q))
        value = losses.non_saturating().divergence
        assert float(discriminator_value(value, best, p, q)) == pytest.approx(js, abs=1e-6)
        for seed in range(5):
            logits = best + np.random.default_rng(seed).normal(size=best.shape).astype(np.float32)
            assert float(discriminator_value(value, logits, p, q)) < js

    def test_no_lipschitz_critic_says_more_than_w1(self) -> None:
        p, q, step = on_line(1.0, 0.7, bins=128)
        w1 = float(wasserstein(p, q, step))
        value = losses.wasserstein().divergence
        critic = lambda slopes: np.float32(step * np.append(0.0, np.cumsum(slopes)))  # noqa: E731
        signs = np.sign(np.cumsum(p - q)[:-1])
        assert float(discriminator_value(value, critic(-signs), p, q)) == pytest.approx(w1, abs=1e-5)
        for seed in range(5):
            slopes = np.random.default_rng(seed).uniform(-1.0, 1.0, signs.shape)
            assert float(discriminator_value(value, critic(slopes), p, q)) <= w1


def test_mass_is_put_in_the_middles_of_cells_and_half_a_cell_beyond() -> None:
    found = generated.cell_centres(jnp.array([0.0, 2.0, 4.0, 6.0]))
    np.testing.assert_array_equal(found, [-1.0, 1.0, 3.0, 5.0, 7.0])
