"""Whether a condition is used: exact on made-up tables, unbiased where there is nothing to know."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics.conditioning import agreement, diversity_within, mutual_information, swap_effect
from gan_jax.models.conditional import conditional_mlp_generator
from gan_jax.models.text import label_encoder


def test_shares_are_of_what_was_asked_for() -> None:
    said = np.array([[0, 1, -1], [2, -1, -1], [2, 3, -1], [1, 3, -1]])
    found = np.array([[0, 1, 5], [2, 0, 5], [0, 3, 5], [1, 1, 5]])
    result = agreement(said, found)
    np.testing.assert_array_equal(result.n, [4, 3, 0])
    np.testing.assert_allclose(result.share[:2], [0.75, 2 / 3])
    assert np.isnan(result.share[2])
    assert (result.low[:2] < result.share[:2]).all()
    assert (result.high[:2] > result.share[:2]).all()


def test_intervals_cover() -> None:
    """At least 95 % of 400 repetitions hold the truth, less four standard errors."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        right = rng.random(150) < 0.9
        result = agreement(np.zeros((150, 1), int), np.where(right, 0, 1)[:, None])
        covered += int(result.low[0] <= 0.9 <= result.high[0])
    assert covered >= 400 * 0.95 - 4.0 * np.sqrt(400 * 0.95 * 0.05)


def test_information_is_exact_where_it_is_known() -> None:
    c = np.repeat(np.arange(8), 500)
    every = mutual_information(c, c)
    np.testing.assert_allclose([every.plug_in, every.entropy], np.log(8), rtol=1e-12)
    # Half of the answers say which of two groups: log 2.
    np.testing.assert_allclose(mutual_information(c, c // 4).plug_in, np.log(2), rtol=1e-12)
    assert mutual_information(c, np.zeros_like(c)).value == 0.0


def test_information_where_there_is_none_is_zero_on_average() -> None:
    """The correction removes the bias of the plug-in value: within four standard errors of it, of 300 repetitions."""
    rng, corrected, plug_in = np.random.default_rng(0), [], []
    for _ in range(300):
        result = mutual_information(rng.integers(8, size=400), rng.integers(5, size=400))
        corrected.append(result.plug_in - result.bias)
        plug_in.append(result.plug_in)
    error = np.std(plug_in, ddof=1) / np.sqrt(300)
    assert abs(np.mean(corrected)) < 4.0 * error + 0.002
    assert np.mean(plug_in) > 10.0 * error


@pytest.mark.slow
def test_a_swap_shows_what_is_heeded() -> None:
    generator = conditional_mlp_generator(label_encoder(4, width=3), (16,), latent=3)
    labels = jnp.arange(64) % 4
    variables = generator.init(jax.random.key(0), labels)
    other = jnp.roll(labels, 1)
    of = lambda made: float(swap_effect(jax.random.key(1), made, variables, labels, other))  # noqa: E731
    assert 0.01 < of(generator) < 100.0
    deaf = generator._replace(embed=lambda v, c: jnp.zeros((c.shape[0], 3)))
    assert of(deaf) == 0.0
    frozen = generator._replace(noise=lambda key, n: jnp.zeros((n, 3)))
    assert of(frozen) == np.inf


def test_diversity_is_the_mean_distance() -> None:
    x = np.random.default_rng(0).normal(size=(3, 7, 2, 2)).astype(np.float32)
    flat = x.reshape(3, 7, 4)
    by_hand = [np.mean([np.linalg.norm(a[i] - a[j]) for i in range(7) for j in range(7) if i != j]) for a in flat]
    np.testing.assert_allclose(diversity_within(x), by_hand, rtol=1e-5)
    # Equal ones far from the origin: the square root of the rounding of sums of squares.
    assert diversity_within(np.full((1, 4, 3), 1000.0, np.float32))[0] < 1e-3


def test_wrong_inputs_are_named() -> None:
    with pytest.raises(ValueError, match="expected one shape"):
        agreement(np.zeros((2, 1), int), np.zeros((3, 1), int))
    with pytest.raises(ValueError, match="expected one shape"):
        mutual_information(np.zeros(2, int), np.zeros(3, int))
    with pytest.raises(ValueError, match="at least 2 examples of each condition"):
        diversity_within(np.zeros((3, 1, 2)))
