"""Every row of the table is a game that can be played, and the claims say what the arrays say."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.diversity.cures import rows_of
from experiments.diversity.mode_table import experiment as mode_table
from experiments.diversity.mode_table.compute import player_of
from experiments.diversity.mode_table.experiment import NUMBERS, PROTOCOL_STEPS, PUBLISHED, ROWS
from experiments.framework.claims import Kind
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives.losses import non_saturating
from gan_jax.training.game import Game, gan
from gan_jax.training.recording import Case, watch, watch_cases
from gan_jax.training.updates import alternating
from tests.cases import cases


@pytest.mark.exhaustive
@cases("name", ROWS)
def test_every_row_is_a_game_and_samples_the_plane(name: str) -> None:
    config = mode_table.SMOKE
    row = ROWS[name]
    player, budget = player_of(name, config), row.budget(config)
    assert budget.steps >= 1
    feed = jnp.zeros((30, 2 * player.pack))

    def played(key: jax.Array) -> jax.Array:
        init_key, sample_key = jax.random.split(key)
        state, _ = player.game.step(player.game.init(init_key, feed=feed), feed)
        return player.sample(sample_key, state, 12)

    # Traced, not compiled: shapes and types are what a wrong row gets wrong.
    assert jax.eval_shape(played, jax.random.key(0)).shape == (12, 2)


@pytest.fixture
def small() -> Game:
    return gan(non_saturating(), mlp_generator((4,)), mlp((4,)), rows_of, alternating(), batch_size=8)


@pytest.mark.slow
def test_watched_games_are_plain_games(small: Game) -> None:
    feeds = jax.random.normal(jax.random.key(1), (2, 50, 2)) + jnp.array([0.0, 5.0])[:, None, None]
    cases = Case(feed=feeds, hyper={"generator_rate": jnp.array([1e-2, 1e-3])}, truth=jnp.arange(2.0))

    def look(key: jax.Array, state: object, case: Case) -> dict[str, jax.Array]:
        return {"params": state.generator.variables["params"]["Dense_1"]["bias"], "truth": case.truth}  # type: ignore[attr-defined]

    seen = []
    watched = watch_cases(
        small, jax.random.key(0), look, cases, seeds=3, steps=6, records=2, on_record=lambda record: seen.append(record)
    )
    assert seen == [1, 2]
    assert watched.seen["params"].shape == (3, 2, 3, 2)
    assert watched.info.variance_ratio.shape == (2, 2, 3)
    np.testing.assert_array_equal(watched.seen["truth"][0], [[0.0] * 3, [1.0] * 3])
    key = jax.random.split(jax.random.split(jax.random.key(0), 3)[2])[0]
    state = small.init(key, feed=feeds[1], generator_rate=1e-3)
    step = jax.jit(small.step)
    for _ in range(6):
        state, info = step(state, feeds[1])
    bias = state.generator.variables["params"]["Dense_1"]["bias"]
    np.testing.assert_allclose(watched.seen["params"][-1, 1, 2], bias, rtol=1e-5, atol=1e-7)
    assert np.isfinite(float(info.variance_ratio))


@pytest.mark.slow
def test_watch_is_one_case(small: Game) -> None:
    feed = jax.random.normal(jax.random.key(1), (50, 2))
    arguments = {"seeds": 2, "steps": 4, "records": 2}
    bias = lambda state: state.generator.variables["params"]["Dense_1"]["bias"]  # noqa: E731
    one = watch(small, jax.random.key(0), lambda key, state: bias(state), feed=feed, **arguments)
    many = watch_cases(
        small, jax.random.key(0), lambda key, state, case: bias(state), Case(feed=feed[None]), **arguments
    )
    np.testing.assert_array_equal(one.seen, many.seen[:, 0])
    with pytest.raises(ValueError, match="steps is 5 and records is 2"):
        watch(small, jax.random.key(0), lambda key, state: bias(state), feed=feed, seeds=1, steps=5, records=2)


def arrays_of(
    published: str, *, steps: int = PROTOCOL_STEPS, shift: float = 0.0, seeds: int = 10, samples: int = 2500
) -> dict[str, np.ndarray]:
    """Arrays of a run whose games give the published means, each ``shift`` of their standard errors away."""
    shape = (1, 2, 2, 10)
    found = {name: np.full(shape, np.nan) for name in NUMBERS}
    for place, target in enumerate(("ring", "grid")):
        for quantity, (mean, error) in PUBLISHED[published][target].items():
            spread = np.linspace(-1.0, 1.0, 10)
            # Ten values whose standard error is the published one.
            found[quantity][0, :, place] = mean + shift * error + error * np.sqrt(10) * spread / np.std(spread, ddof=1)
    name = next(name for name, row in ROWS.items() if row.published == published)
    return {
        **found,
        "rows": np.array([name]),
        "targets": np.array(["ring", "grid"]),
        "steps": np.array([steps]),
        "seeds": np.array([seeds]),
        "modes": np.array([8, 25]),
        "floor": np.array([0.0014, 0.0048]),
        "n": np.array(samples),
    }


@pytest.mark.parametrize(("shift", "holds"), [(0.0, True), (2.7, True), (3.0, False), (-3.0, False)])
def test_two_combined_standard_errors(shift: float, holds: bool) -> None:
    # Two standard errors of the difference of two means with the same error are 2 √2 = 2.83 of it.
    claims = mode_table.claims(arrays_of("PacGAN2", shift=shift))
    assert len(claims) == 6
    assert {claim.kind for claim in claims} == {Kind.REPLICATION}
    assert all(claim.holds is holds for claim in claims)


@pytest.mark.parametrize("short", [{"steps": 100_000}, {"seeds": 9}, {"samples": 2499}], ids=str)
@pytest.mark.parametrize("shift", [0.0, 9.0])
def test_no_published_number_is_due_below_the_published_budget(short: dict[str, int], shift: float) -> None:
    claims = mode_table.claims(arrays_of("GAN", shift=shift, **short))
    assert len(claims) == 6
    assert {claim.verdict for claim in claims} == {"not run at this budget"}
    assert not any(claim.fails for claim in claims)
    assert all(f"after {short.get('steps', 400_000):,} of 400,000 steps" in claim.what for claim in claims)


@cases(
    ("change", "message"),
    [
        ({"rows": ("gan", "gna")}, "rows is"),
        ({"targets": ()}, "targets is"),
        ({"records": 0}, "records is 0; expected an integer of at least 1"),
        ({"small_steps": 5}, "the row small_gan has 5 steps; expected a multiple of records, which is 2"),
        ({"samples": 0}, "samples is 0; expected an integer of at least 1"),
    ],
)
def test_bad_configurations(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(mode_table.SMOKE, **change)  # type: ignore[arg-type]
