"""Conditional games: wrong pairs are wrong, losses are what the paper weighs, gradients reach the encoders, one compilation."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from gan_jax.models.conditional import conditional_mlp_generator
from gan_jax.models.conditional_critics import conditional_mlp_critic
from gan_jax.models.text import gru_encoder, label_encoder, sentence, transformer_encoder
from gan_jax.objectives import losses, penalties
from gan_jax.training.conditional import ConditionedBatch, conditional_gan, describes, labelled, mismatched
from gan_jax.training.game import Game, play
from gan_jax.typing import Array, PRNGKey, Variables
from tests.tiers import some
from tests.training.compilations import once

CLASSES = 4


def data(key: PRNGKey, batch: int) -> ConditionedBatch:
    label_key, noise_key = jax.random.split(key)
    labels = jax.random.randint(label_key, (batch,), 0, CLASSES)
    centres = 2.0 * jnp.stack([jnp.cos(labels * 1.6), jnp.sin(labels * 1.6)], axis=1)
    return labelled(centres + 0.1 * jax.random.normal(noise_key, (batch, 2)), labels)


def game(head: str = "concatenation", **settings: Any) -> Game:
    encoder = label_encoder(CLASSES, width=4)
    arguments: dict[str, Any] = {"objective": losses.non_saturating(), "data": data, "batch_size": 8} | settings
    return conditional_gan(
        generator=conditional_mlp_generator(encoder, (8,)),
        discriminator=conditional_mlp_critic(encoder, (8,), head=head, classes=CLASSES),
        **arguments,
    )


# ------------------------------------------------------------------------------------------------------------ wrong pairs


@settings(deadline=None, max_examples=50)
@over(seed=st.integers(0, 2**31 - 1), values=st.sampled_from([2, 3, 12]), unsaid=st.sampled_from([0.0, 0.3, 0.8]))
def test_a_wrong_condition_never_describes_its_example(seed: int, values: int, unsaid: float) -> None:
    """Attributes of few values and captions that leave most of them out, where nearly all pairs happen to be right."""
    rng = np.random.default_rng(seed)
    true = rng.integers(values, size=(32, 3))
    said = np.where(rng.random((32, 3)) < unsaid, -1, true)
    drawn = mismatched(jax.random.key(seed), jnp.asarray(said), jnp.asarray(true))
    matches = np.array(
        [[all(s in (-1, t) for s, t in zip(claims, facts, strict=True)) for claims in said] for facts in true]
    )
    np.testing.assert_array_equal(drawn.found, ~matches.all(axis=1))
    index = np.asarray(drawn.places)
    assert not matches[np.arange(32), index][np.asarray(drawn.found)].any()


def test_every_wrong_condition_is_as_likely() -> None:
    said = true = jnp.array([[0], [0], [1], [2], [2]])
    drawn = jax.vmap(lambda key: mismatched(key, said, true).places)(jax.random.split(jax.random.key(0), 6000))
    for row, wrong in enumerate([(2, 3, 4), (2, 3, 4), (0, 1, 3, 4), (0, 1, 2), (0, 1, 2)]):
        counts = np.bincount(np.asarray(drawn[:, row]), minlength=5)
        assert counts[[i for i in range(5) if i not in wrong]].sum() == 0
        # Five standard deviations of a binomial.
        share = 1.0 / len(wrong)
        np.testing.assert_allclose(counts[list(wrong)] / 6000, share, atol=5.0 * np.sqrt(share * (1 - share) / 6000))


def test_what_is_left_open_describes_everything() -> None:
    assert bool(describes(jnp.array([-1, -1]), jnp.array([3, 4])))
    assert bool(describes(jnp.array([3, -1]), jnp.array([3, 4])))
    assert not bool(describes(jnp.array([3, 5]), jnp.array([3, 4])))


# ------------------------------------------------------------------------------------------------------------------ losses


def by_hand(made: Game, objective: losses.Objective, weight: float, found: bool) -> float:
    """The loss of the discriminator at the first step, from its parts."""
    state = made.init(jax.random.key(0))
    encoder = label_encoder(CLASSES, width=4)
    generator = conditional_mlp_generator(encoder, (8,))
    critic = conditional_mlp_critic(encoder, (8,), head="concatenation")
    key = jax.random.fold_in(state.key, 0)
    discriminator_key, _ = jax.random.split(key)
    keys = jax.random.split(jax.random.fold_in(discriminator_key, 0), 6)

    @jax.jit
    def losses_of(own: Variables, judge: Variables) -> tuple[Array, Array, Array]:
        pairs = data(keys[0], 8)
        fake = generator.apply(own, generator.noise(keys[1], 8), generator.embed(own, pairs.condition))
        wrong = mismatched(keys[2], pairs.condition_attributes, pairs.attributes)
        logits = lambda x, c: critic.score(judge, critic.features(judge, x), critic.embed(judge, c))  # noqa: E731
        right = logits(pairs.x, pairs.condition)
        against_fake = objective.discriminator_loss(right, logits(fake, pairs.condition))
        against_wrong = objective.discriminator_loss(right, logits(pairs.x, pairs.condition[wrong.places]))
        return against_fake, against_wrong, wrong.found.all()

    against_fake, against_wrong, all_found = losses_of(state.generator.variables, state.discriminator.variables)
    assert bool(all_found) == found
    return float(jnp.mean((1.0 - weight) * against_fake + weight * against_wrong))


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("name", some(["non_saturating", "relativistic", "hinge", "least_squares"], 2))
def test_the_three_kinds_weigh_as_they_should(name: str, weight: float) -> None:
    objective = losses.OBJECTIVES[name]()
    made = game(objective=objective, wrong_weight=weight)
    _, info = made.step(made.init(jax.random.key(0)))
    np.testing.assert_allclose(info.discriminator_loss, by_hand(made, objective, weight, True), rtol=1e-5)


def test_a_distance_and_a_free_discriminator_warn_by_name() -> None:
    with pytest.warns(UserWarning, match="objective wasserstein is in units of the data and nothing holds the slope"):
        game(objective=losses.wasserstein())
    game(objective=losses.wasserstein(), penalty=penalties.gradient_penalty())


def test_a_separable_loss_has_one_real_part_and_two_halves() -> None:
    """Reed et al. 2016, Algorithm 1, line 11: log s_r + (log(1 − s_w) + log(1 − s_f)) / 2."""
    objective = losses.minimax()
    real, fake, wrong = jax.random.normal(jax.random.key(0), (3, 5))
    ours = 0.5 * objective.discriminator_loss(real, fake) + 0.5 * objective.discriminator_loss(real, wrong)
    paper = jnp.log(jax.nn.sigmoid(real)) + 0.5 * (jnp.log(jax.nn.sigmoid(-wrong)) + jnp.log(jax.nn.sigmoid(-fake)))
    np.testing.assert_allclose(ours, -paper, rtol=1e-5)


def test_wrong_pairs_do_not_move_the_optimum() -> None:
    """On a finite set, exactly: with the best discriminator the generator's best answer is the truth, with and without the third kind.

    ``C(q) = max_D`` of the weighted objective is ``Σ p log p / (p + n) + n log n / (p + n)``, n = (1 − w) q + w r, r the wrong pairs.
    """
    rng = np.random.default_rng(0)
    p = rng.random((3, 4)) * (rng.random((3, 4)) < 0.6) + 1e-3 * np.eye(3, 4)
    p /= p.sum()
    joint_wrong = p.sum(1, keepdims=True) * p.sum(0, keepdims=True) * (p == 0)
    wrong = joint_wrong / joint_wrong.sum()

    def value(q: np.ndarray, w: float) -> float:
        n = (1.0 - w) * q + w * wrong
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.nansum(p * np.log(p / (p + n))) + np.nansum(n * np.log(n / (p + n))))

    for w in (0.0, 0.5):
        for _ in range(200):
            other = p * np.exp(0.3 * rng.standard_normal(p.shape)) + 0.02 * rng.random() * wrong
            assert value(other / other.sum(), w) > value(p, w)


@pytest.mark.slow
def test_an_auxiliary_classifier_is_trained_by_both_sides() -> None:
    """Its cross-entropy falls on real examples, and generated ones come to be read as their class."""
    made = game("auxiliary", wrong_weight=0.0, batch_size=64)
    state = made.init(jax.random.key(0))
    assert "auxiliary_weight" in made.hyperparameters
    state, _, _ = jax.jit(lambda state: play(made, state, steps=1500, records=1))(state)
    encoder = label_encoder(CLASSES, width=4)
    generator = conditional_mlp_generator(encoder, (8,))
    critic = conditional_mlp_critic(encoder, (8,), head="auxiliary", classes=CLASSES)
    assert critic.classify is not None
    pairs = data(jax.random.key(1), 256)
    own, judge = state.generator.variables, state.discriminator.variables
    made_x = generator.apply(own, generator.noise(jax.random.key(2), 256), generator.embed(own, pairs.condition))
    for x, least in ((pairs.x, 0.99), (made_x, 0.9)):
        read = jnp.argmax(critic.classify(judge, critic.features(judge, x)), axis=1)
        assert float(jnp.mean(read == pairs.condition)) > least


# --------------------------------------------------------------------------------------------------------------- the game


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3])
def test_one_compilation_whatever_the_step(steps: int) -> None:
    made = game(
        penalty=penalties.both(penalties.r1(), penalties.r2()),
        penalty_every=2,
        discriminator_steps=steps,
        ema_decay=0.9,
    )
    step = once(made.step)
    state = made.init(jax.random.key(0))
    for _ in range(3):
        state, info = step(state)
    chex.assert_tree_all_finite(info)
    assert int(state.step) == 3


@pytest.mark.slow
def test_a_penalty_looks_at_points_whose_condition_both_ends_share() -> None:
    """Interpolates lie between a real example and one that was generated from its condition: on these laws, inside one class."""
    seen: list[Array] = []

    def spy(critic: Any, real: Array, fake: Array, key: PRNGKey) -> Array:
        seen.extend([real, fake])
        return jnp.zeros(real.shape[0])

    def plain(key: PRNGKey, batch: int) -> ConditionedBatch:
        labels = jax.random.randint(key, (batch,), 0, CLASSES)
        return labelled(jnp.stack([labels, labels], axis=1).astype(float), labels)

    encoder = label_encoder(CLASSES, width=4)
    tells = conditional_mlp_generator(encoder, (8,))
    # A generator that draws what its condition says, from the embedding of it alone.
    table = tells.init(jax.random.key(0), jnp.arange(CLASSES))
    rows = tells.embed(table, jnp.arange(CLASSES))

    def apply(variables: Any, z: Any, embedding: Array) -> Array:
        label = jnp.argmin(jnp.sum((embedding[:, None] - rows[None]) ** 2, axis=2), axis=1)
        return jnp.stack([label, label], axis=1).astype(float)

    oracle = tells._replace(init=lambda key, c: table, apply=apply, train=lambda v, z, e: (apply(v, z, e), v))
    made_game = conditional_gan(
        losses.hinge(), oracle, conditional_mlp_critic(encoder, (8,)), plain, batch_size=16, penalty=spy
    )
    made_game.step(made_game.init(jax.random.key(1)))
    np.testing.assert_array_equal(np.asarray(seen[0]), np.asarray(seen[1]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", some(["gru", "transformer"], 2))
def test_gradients_reach_the_encoders_of_both_players(kind: str) -> None:
    encoder = sentence(
        gru_encoder(9, width=4) if kind == "gru" else transformer_encoder(9, 5, width=4, heads=2, layers=1)
    )

    def captioned(key: PRNGKey, batch: int) -> ConditionedBatch:
        labels = jax.random.randint(key, (batch, 2), 0, 3)
        tokens = jnp.pad(2 + labels + jnp.array([[0, 3]]), ((0, 0), (0, 3)))
        return ConditionedBatch(labels.astype(float), tokens, labels, labels)

    made = conditional_gan(
        losses.relativistic(),
        conditional_mlp_generator(encoder, (8,)),
        conditional_mlp_critic(encoder, (8,)),
        captioned,
        batch_size=16,
    )
    state = made.init(jax.random.key(0))
    after, _ = jax.jit(made.step)(state)
    for side in ("generator", "discriminator"):
        before = getattr(state, side).variables["params"]["encoder"]
        moved = jax.tree.map(
            lambda a, b: float(jnp.abs(a - b).max()), getattr(after, side).variables["params"]["encoder"], before
        )
        assert moved["params" if "params" in moved else "words"]["embedding"] > 0.0
        assert max(jax.tree.leaves(moved["sentence"])) > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("head", some(["concatenation", "projection", "auxiliary"], 3))
def test_a_ring_is_learned_label_by_label(head: str) -> None:
    """Every label on its mode; the arguments are not those of the experiment."""
    made = game(
        head,
        objective=losses.relativistic(),
        batch_size=128,
        wrong_weight=0.0 if head == "auxiliary" else 0.5,
        penalty=penalties.both(penalties.r1(), penalties.r2()),
        penalty_weight=0.1,
    )
    state, _, _ = jax.jit(lambda state: play(made, state, steps=2000, records=1))(made.init(jax.random.key(3)))
    generator = conditional_mlp_generator(label_encoder(CLASSES, width=4), (8,))
    labels = jnp.repeat(jnp.arange(CLASSES), 100)
    own = state.generator.variables
    x = generator.apply(own, generator.noise(jax.random.key(1), 400), generator.embed(own, labels))
    centres = 2.0 * jnp.stack([jnp.cos(jnp.arange(CLASSES) * 1.6), jnp.sin(jnp.arange(CLASSES) * 1.6)], axis=1)
    nearest = jnp.argmin(jnp.sum((x[:, None] - centres[None]) ** 2, axis=2), axis=1)
    assert float(jnp.mean(nearest == labels)) > 0.99


# --------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"wrong_weight": 1.5}, r"wrong_weight is 1.5; expected a share from 0 to 1"),
        ({"penalty_every": 0}, "penalty_every is 0"),
    ],
)
def test_a_wrong_setting_is_named(settings_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        game(**settings_)


def test_wrong_data_are_named() -> None:
    flat = lambda key, batch: data(key, batch)._replace(x=jnp.zeros((batch, 3)))  # noqa: E731
    with pytest.raises(ValueError, match=r"examples of shape \(8, 3\); expected \(8, 2\)"):
        game(data=flat).init(jax.random.key(0))
    bare = lambda key, batch: data(key, batch)._replace(condition_attributes=jnp.zeros((batch,), int))  # noqa: E731
    with pytest.raises(ValueError, match="data gives condition_attributes of shape"):
        game(data=bare).init(jax.random.key(0))
    with pytest.raises(ValueError, match="unknown hyperparameter 'wrong_wait'"):
        game().init(jax.random.key(0), wrong_wait=0.1)
