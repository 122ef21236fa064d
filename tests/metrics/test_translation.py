"""Measures of translation, on maps whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics.translation import cycle_error, distance_correlation, map_error, steganography


def points(n: int = 500, seed: int = 0) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (n, 2))


def quarter(y: jax.Array) -> jax.Array:
    return jnp.stack([-y[:, 1], y[:, 0]], axis=1)


def test_the_true_map_has_no_error_and_a_shifted_one_its_shift() -> None:
    truth = points()
    assert float(map_error(truth, truth).relative) == 0.0
    spread = float(jnp.sqrt(jnp.mean(jnp.sum((truth - truth.mean(0, keepdims=True)) ** 2, axis=1))))
    found = map_error(truth + jnp.array([[0.3, 0.4]]), truth)
    assert float(found.relative) == pytest.approx(0.5 / spread, rel=1e-5)


def test_an_independent_guess_errs_by_root_two() -> None:
    found = map_error(points(20_000, 1), points(20_000, 2))
    assert float(found.relative) == pytest.approx(np.sqrt(2.0), abs=0.03)


def test_a_symmetry_of_the_target_is_named_and_forgiven() -> None:
    truth = points()
    turns = (quarter, lambda y: quarter(quarter(y)), lambda y: quarter(quarter(quarter(y))))
    turned = quarter(quarter(truth))
    assert float(map_error(turned, truth).relative) == pytest.approx(2.0, abs=0.05)
    found = map_error(turned, truth, turns)
    assert int(found.nearest) == 2
    assert float(found.relative) < 1e-6
    assert found.every.shape == (4,)


def test_cycle_error_is_a_mean_of_absolute_differences() -> None:
    given = points()
    assert float(cycle_error(given + 0.25, given)) == pytest.approx(0.25, rel=1e-5)


def test_distance_correlation_of_a_rotated_and_scaled_sample_is_one() -> None:
    x = points()
    assert float(distance_correlation(x, 3.0 * quarter(x) + 1.0)) == pytest.approx(1.0, abs=1e-5)


def test_distance_correlation_of_what_does_not_depend() -> None:
    x = points(1000, 3)
    assert float(distance_correlation(x, jnp.ones((1000, 2)))) == 0.0
    # Of independent samples R² is about the mean distance squared over n times the distance variances: small, not zero.
    assert float(distance_correlation(x, points(1000, 4))) < 0.12


@pytest.mark.slow
def test_distance_correlation_sees_what_a_correlation_does_not() -> None:
    """``y = x²`` is uncorrelated with x; for a standard normal the limit of R is known by quadrature over pairs."""
    x = jax.random.normal(jax.random.key(5), (4000, 1))
    assert abs(float(jnp.corrcoef(x[:, 0], x[:, 0] ** 2)[0, 1])) < 0.1
    assert float(distance_correlation(x, x**2)) > 0.45


@pytest.mark.parametrize("unit", [1e-30, 1e-12, 1e12, 1e30])
def test_ratios_of_lengths_have_no_unit(unit: float) -> None:
    """Squares of these lengths, or fourth powers, are beyond single precision."""
    x = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    y = (x + 0.5 * np.random.default_rng(1).normal(size=(60, 2))).astype(np.float32)
    plain = float(distance_correlation(x, y)), float(map_error(y, x).relative)
    scaled = (
        float(distance_correlation(np.float32(unit) * x, y)),
        float(map_error(*(np.float32(unit) * z for z in (y, x))).relative),
    )
    assert scaled == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("measure", [cycle_error, lambda a, b: map_error(a, b).relative, distance_correlation])
def test_bytes_are_numbers(measure: Callable[..., jax.Array]) -> None:
    """Differences of unsigned bytes would wrap around."""
    x, y = (np.random.default_rng(seed).integers(256, size=(20, 4), dtype=np.uint8) for seed in (0, 1))
    assert float(measure(x, y)) == pytest.approx(float(measure(x.astype(np.float32), y.astype(np.float32))), rel=1e-6)


def test_distance_correlation_is_its_definition() -> None:
    x, y = np.asarray(points(30, 6), np.float64), np.asarray(points(30, 7), np.float64) + np.asarray(points(30, 6))

    def centred(z: np.ndarray) -> np.ndarray:
        d = np.linalg.norm(z[:, None] - z[None], axis=2)
        return d - d.mean(0, keepdims=True) - d.mean(1, keepdims=True) + d.mean()

    a, b = centred(x), centred(y)
    expected = np.sqrt((a * b).mean() / np.sqrt((a**2).mean() * (b**2).mean()))
    assert float(distance_correlation(jnp.asarray(x), jnp.asarray(y))) == pytest.approx(expected, rel=1e-4)


def test_a_hidden_code_is_lost_in_noise_that_a_shown_one_survives() -> None:
    """Both ways return x exactly; one writes its second number into digits that nobody sees."""
    x = jax.random.uniform(jax.random.key(8), (2000, 2))
    scales = jnp.array([0.0, 0.01])

    def hide(x: jax.Array) -> jax.Array:
        # y_1 is a multiple of 1/8 and a thousandth of x_2; y_2 is nothing but the rest of x_1.
        coarse = jnp.floor(8.0 * x[:, 0]) / 8.0
        return jnp.stack([coarse + 1e-3 * x[:, 1], x[:, 0] - coarse], axis=1)

    def find(y: jax.Array) -> jax.Array:
        coarse = jnp.floor(8.0 * y[:, 0] + 1e-4) / 8.0
        return jnp.stack([coarse + y[:, 1], 1e3 * (y[:, 0] - coarse)], axis=1)

    shown = steganography(jax.random.key(9), lambda x: 2.0 * x, lambda y: 0.5 * y, x, scales)
    hidden = steganography(jax.random.key(9), hide, find, x, scales)
    assert float(hidden[0]) < 1e-3
    # Half of the noise, whose mean absolute value is √(2/π) of its scale.
    assert float(shown[1]) == pytest.approx(0.5 * 0.01 * np.sqrt(2 / np.pi), rel=0.05)
    assert float(hidden[1]) > 100.0 * float(shown[1])


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match=r"translated has shape \(3, 2\) and truth has shape \(4, 2\)"):
        map_error(jnp.zeros((3, 2)), jnp.zeros((4, 2)))
    with pytest.raises(ValueError, match="examples is 1"):
        map_error(jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"returned has shape"):
        cycle_error(jnp.zeros((3, 2)), jnp.zeros((4, 2)))
    with pytest.raises(ValueError, match="x has 3 examples and y has 4"):
        distance_correlation(jnp.zeros((3, 2)), jnp.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"scales has shape \(\)"):
        steganography(jax.random.key(0), lambda x: x, lambda y: y, jnp.zeros((3, 2)), jnp.asarray(0.1))
