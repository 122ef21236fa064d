"""Conditional divergences: closed forms, the chain rule, and what joint laws add."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import special

from gan_jax import distributions
from gan_jax.distributions.conditional import every_sentence, named_point, places, ring_mode
from gan_jax.divergences import conditional, empirical, exact
from gan_jax.typing import Array, Distribution
from tests.cases import cases

CONDITIONS = jnp.arange(3)
MEANS = jnp.array([0.0, 1.0, 3.0])
WEIGHTS = np.array([0.5, 0.3, 0.2])


def standard(condition: Array) -> Distribution:
    return dist.Normal(0.0 * MEANS[condition], 1.0)


def shifted(condition: Array) -> Distribution:
    return dist.Normal(MEANS[condition], 1.0)


def by_condition(divergence: Callable[..., Array]) -> Array:
    return jax.jit(lambda conditions: conditional.by_condition(divergence, standard, shifted, conditions))(CONDITIONS)


def test_each_condition_has_its_own_divergence() -> None:
    means = np.asarray(MEANS)
    np.testing.assert_allclose(by_condition(exact.kl), means**2 / 2, rtol=1e-5)
    np.testing.assert_allclose(by_condition(exact.wasserstein), means, atol=1e-5)


def test_the_average_is_weighted() -> None:
    value = conditional.averaged(exact.kl, standard, shifted, CONDITIONS, WEIGHTS)
    np.testing.assert_allclose(value, np.sum(WEIGHTS * np.asarray(MEANS) ** 2 / 2), rtol=1e-5)
    equal = conditional.averaged(exact.kl, standard, shifted, CONDITIONS)
    np.testing.assert_allclose(equal, np.mean(np.asarray(MEANS) ** 2 / 2), rtol=1e-5)


def test_a_gradient_runs_through_the_average() -> None:
    """d/dm of Σ w m²/2 at m = means + t is Σ w (mean + t)."""

    def value(t: Array) -> Array:
        moved = lambda c: dist.Normal(MEANS[c] + t, 1.0)  # noqa: E731
        return conditional.averaged(exact.kl, standard, moved, CONDITIONS, WEIGHTS)

    np.testing.assert_allclose(jax.jit(jax.grad(value))(0.5), np.sum(WEIGHTS * (np.asarray(MEANS) + 0.5)), rtol=1e-4)


@pytest.mark.slow
def test_a_condition_that_never_occurs_does_not_count() -> None:
    far = lambda c: dist.Uniform(10.0 * c, 10.0 * c + 1.0)  # noqa: E731
    near = lambda c: dist.Uniform(0.0 * c, 1.0 + 0.0 * c)  # noqa: E731
    conditions = jnp.arange(2.0)
    assert conditional.averaged(exact.kl, near, far, conditions) == jnp.inf
    assert conditional.averaged(exact.kl, near, far, conditions, np.array([1.0, 0.0])) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kl", "jensen_shannon", "total_variation", "squared_hellinger"])
def test_of_f_divergences_the_average_is_that_of_joint_laws(name: str) -> None:
    """The joint law as a law of the line: condition c moved to 1000 c, so that conditions do not meet."""
    divergence = getattr(exact, name)

    def joint(means: Array) -> Distribution:
        components = dist.Normal(means + 1000.0 * CONDITIONS, 1.0)
        return dist.MixtureSameFamily(dist.Categorical(jnp.asarray(WEIGHTS, float)), components)

    averaged, jointly = jax.jit(
        lambda means: (
            conditional.averaged(divergence, standard, shifted, CONDITIONS, WEIGHTS),
            divergence(joint(0.0 * means), joint(means)),
        )
    )(MEANS)
    np.testing.assert_allclose(averaged, jointly, rtol=2e-3)


def test_the_chain_rule_of_kl() -> None:
    other = np.array([0.2, 0.2, 0.6])
    value = conditional.joint_kl(standard, shifted, CONDITIONS, WEIGHTS, other)
    expected = np.sum(WEIGHTS * np.log(WEIGHTS / other)) + np.sum(WEIGHTS * np.asarray(MEANS) ** 2 / 2)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert conditional.joint_kl(standard, shifted, CONDITIONS, WEIGHTS, np.array([0.5, 0.5, 0.0])) == jnp.inf
    np.testing.assert_allclose(
        conditional.joint_kl(standard, shifted, CONDITIONS, np.array([0.5, 0.5, 0.0]), WEIGHTS),
        0.5 * np.log(0.5 / 0.5) + 0.5 * np.log(0.5 / 0.3) + 0.5 * 0.5,
        rtol=1e-5,
    )


def test_a_joint_wasserstein_distance_may_change_conditions() -> None:
    """Two labels whose points are swapped: on average 1; jointly the price of a change of label, where that is less."""
    x, y = jnp.array([[0.0], [1.0]]), jnp.array([[1.0], [0.0]])
    labels = jnp.array([0, 1])
    for price, expected in ((0.25, 0.25), (100.0, 1.0)):
        p = conditional.labelled_points(x, labels, 2, price=price)
        q = conditional.labelled_points(y, labels, 2, price=price)
        np.testing.assert_allclose(empirical.wasserstein(p, q), expected, rtol=1e-5)


@pytest.mark.slow
@cases("label", range(5))
def test_the_modes_of_a_ring_are_its_components(label: int) -> None:
    ring = distributions.gaussian_ring(5, 2.0, 0.1)
    mode = ring_mode(label, modes=5, radius=2.0, scale=0.1)
    np.testing.assert_allclose(mode.mean, ring.centres[label], atol=1e-6)
    np.testing.assert_allclose(mode.covariance_matrix, 0.01 * np.eye(2), atol=1e-7)
    x = ring.centres[label] + jnp.array([0.05, -0.02])
    of_all = jax.vmap(lambda k, x: ring_mode(k, modes=5, radius=2.0, scale=0.1).log_prob(x), (0, None))
    of_modes, of_ring = jax.jit(lambda x: (of_all(jnp.arange(5), x), ring.log_prob(x)))(x)
    np.testing.assert_allclose(special.logsumexp(of_modes) - np.log(5), of_ring, rtol=1e-4)


def test_sentences_name_points() -> None:
    sentences = every_sentence()
    assert len(sentences) == 60
    assert len({text for text, _ in sentences}) == 60
    text, number = next((text, number) for text, number in sentences if "far left" in text and "top" in text)
    np.testing.assert_array_equal(places()[number], [-2.0, 1.0])
    np.testing.assert_array_equal(named_point(number).mean, [-2.0, 1.0])
    assert "far left" in text


def test_known_weights_stay_known_in_a_program_that_is_traced() -> None:
    weights, twice = jnp.asarray([0.5, 0.3, 0.2]), jnp.asarray([1.0, 0.6, 0.4])
    traced = jax.eval_shape(lambda: conditional.averaged(exact.kl, standard, shifted, CONDITIONS, weights))
    assert traced.shape == ()
    with pytest.raises(ValueError, match="expected shares that sum to 1"):
        jax.eval_shape(lambda: conditional.averaged(exact.kl, standard, shifted, CONDITIONS, twice))


def test_wrong_requests_are_named() -> None:
    with pytest.raises(ValueError, match="weights has shape"):
        conditional.averaged(exact.kl, standard, shifted, CONDITIONS, np.ones(2) / 2)
    with pytest.raises(ValueError, match="expected shares that sum to 1"):
        conditional.joint_kl(standard, shifted, CONDITIONS, np.array([0.5, 0.3, 0.1]))
    with pytest.raises(ValueError, match="expected shares that sum to 1"):
        conditional.averaged(exact.kl, standard, shifted, CONDITIONS, np.array([np.nan, 0.5, 0.5]))
    with pytest.raises(ValueError, match="labels go from 0 to 5; expected integers from 0 to 1"):
        conditional.labelled_points(jnp.zeros((2, 1)), jnp.asarray([0, 5]), 2, price=1.0)
    with pytest.raises(ValueError, match="label is 8; expected 0 to 7"):
        ring_mode(8)
    with pytest.raises(ValueError, match="number is 15; expected 0 to 14"):
        named_point(15)
    with pytest.raises(ValueError, match=r"expected \[n, d\] and \[n\]"):
        conditional.labelled_points(jnp.zeros((2, 1)), jnp.zeros((3,), int), 2, price=1.0)
    with pytest.raises(ValueError, match="price is -1"):
        conditional.labelled_points(jnp.zeros((2, 1)), jnp.zeros((2,), int), 2, price=-1.0)
