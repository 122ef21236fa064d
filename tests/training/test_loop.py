"""The host's loop makes the same steps as a plain scan, compiles once, and stops where something is not finite."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.models import players
from gan_jax.objectives import losses
from gan_jax.training import game, loop, updates
from gan_jax.training.game import Game
from gan_jax.training.state import GameState, Info
from gan_jax.typing import Array, PRNGKey


def data(key: PRNGKey, batch: int) -> Array:
    return 1.0 + 0.5 * jax.random.normal(key, (batch, 1))


@pytest.fixture(scope="module")
def gan() -> Game:
    return game.gan(
        losses.minimax(), players.affine(), players.fourier_logistic(8), data, updates.alternating(), batch_size=8
    )


def breaking(gan: Game, at: int, quantity: str) -> Game:
    """The game with one quantity of ``Info`` NaN at step number ``at``."""

    def step(state: GameState) -> tuple[GameState, Info]:
        after, info = gan.step(state)
        value = getattr(info, quantity)
        return after, info._replace(**{quantity: jnp.where(after.step == at, jnp.nan, value)})

    return gan._replace(step=step)


@pytest.mark.slow
def test_chunks_end_where_one_scan_ends(gan: Game) -> None:
    state = gan.init(jax.random.key(0))
    end, chunks = loop.run(gan, state, steps=11, chunk=4, observe=lambda s: s.generator.variables["params"]["shift"])
    plain, infos, _ = jax.jit(lambda s: game.play(gan, s, steps=11, records=11))(state)
    for ours, theirs in zip(jax.tree.leaves(end.generator), jax.tree.leaves(plain.generator), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    assert [(chunk.first, chunk.last) for chunk in chunks] == [(1, 4), (5, 8), (9, 11)]
    np.testing.assert_allclose(chunks[1].info.generator_loss, np.mean(infos.generator_loss[4:8]), rtol=1e-5)
    np.testing.assert_array_equal(chunks[-1].observation, end.generator.variables["params"]["shift"])


@pytest.mark.slow
def test_going_on_is_the_same_as_not_having_stopped_bit_for_bit(gan: Game) -> None:
    state = gan.init(jax.random.key(0))
    whole, _ = loop.run(gan, state, steps=8, chunk=4)
    half, _ = loop.run(gan, state, steps=4, chunk=4)
    rest, chunks = loop.run(gan, half, steps=4, chunk=4)
    for ours, theirs in zip(jax.tree.leaves(whole.generator), jax.tree.leaves(rest.generator), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (chunks[0].first, chunks[0].last) == (5, 8)


@pytest.mark.slow
def test_equal_chunks_compile_once_and_the_callers_state_lives_on(gan: Game) -> None:
    state = gan.init(jax.random.key(0))

    def traces(steps: int) -> int:
        seen = []

        def step(state: GameState) -> tuple[GameState, Info]:
            seen.append(1)
            return gan.step(state)

        loop.run(gan._replace(step=step), state, steps=steps, chunk=3)
        return len(seen)

    # One chunk is traced, and so are four.
    assert traces(12) == traces(3)
    assert traces(4) > traces(3)
    # Not donated: what the caller handed in can still be read.
    assert np.isfinite(np.asarray(state.generator.variables["params"]["shift"])).all()


@pytest.mark.slow
def test_every_chunk_is_handed_over_in_order(gan: Game) -> None:
    seen: list[int] = []
    loop.run(gan, gan.init(jax.random.key(0)), steps=6, chunk=2, on_chunk=lambda chunk: seen.append(chunk.last))
    assert seen == [2, 4, 6]


@pytest.mark.slow
@pytest.mark.parametrize("quantity", ["generator_loss", "penalty", "discriminator_gradient"])
def test_a_quantity_that_is_not_finite_is_named_with_its_step_and_window(gan: Game, quantity: str) -> None:
    with pytest.raises(FloatingPointError, match=rf"^{quantity} is not finite at step 6 \(found in steps 5 to 8\)"):
        loop.run(breaking(gan, 6, quantity), gan.init(jax.random.key(0)), steps=20, chunk=4)


@pytest.mark.filterwarnings("ignore:the objective wasserstein is in units of the data and nothing holds")
def test_a_game_that_diverges_is_stopped_at_its_first_infinite_number() -> None:
    # Simultaneous descent on the bilinear game of DiracGAN with step h multiplies the distance by sqrt(1 + h²).
    rate = 1e4
    bilinear = game.gan(
        losses.wasserstein(),
        players.particles(lambda key: jnp.ones((1, 1))),
        players.linear(slope=1.0),
        lambda key, batch: jnp.zeros((batch, 1)),
        updates.simultaneous(),
        batch_size=1,
        generator_optimizer=optax.sgd,
        discriminator_optimizer=optax.sgd,
        generator_rate=rate,
        discriminator_rate=rate,
    )
    # sqrt(2) · 1e4^t passes 3.4e38 after 10 steps; its square, in the norms and losses, after 5.
    with pytest.raises(FloatingPointError, match=r"is not finite at step (5|6) \(found in steps 1 to 50"):
        loop.run(bilinear, bilinear.init(jax.random.key(0)), steps=50, chunk=50)


@pytest.mark.slow
def test_a_last_update_that_is_not_finite_is_not_handed_back(gan: Game) -> None:
    """What a step looks like is of the state before its update: of the last one only the state itself can tell."""

    def step(state: GameState) -> tuple[GameState, Info]:
        after, info = gan.step(state)
        params = jax.tree.map(
            lambda leaf: jnp.where(after.step == 8, jnp.nan, leaf), after.generator.variables["params"]
        )
        return after._replace(generator=after.generator._replace(variables={"params": params})), info

    with pytest.raises(
        FloatingPointError, match=r"^generator\.variables\.params\.\w+ and 1 more leaves .* after step 8"
    ):
        loop.run(gan._replace(step=step), gan.init(jax.random.key(0)), steps=8, chunk=4)


def test_progress_is_lines_where_there_is_no_terminal(gan: Game, capsys: pytest.CaptureFixture[str]) -> None:
    loop.run(gan, gan.init(jax.random.key(0)), steps=6, chunk=2, show=True)
    shown = capsys.readouterr()
    # One line, and on a machine that is slow some before it.
    lines = shown.err.splitlines()
    assert all(re.fullmatch(r"step [246] of 6, [0-9.e+-]+ steps/s, time left .*", line) for line in lines)
    assert lines[-1].startswith("step 6 of 6")
    assert lines[-1].endswith("time left 0:00:00")
    assert shown.out == ""


def test_progress_shows_steps_and_time_left(
    gan: Game, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    loop.run(gan, gan.init(jax.random.key(0)), steps=6, chunk=2, show=True)
    shown = capsys.readouterr()
    assert "6/6" in shown.err
    assert "left" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(("words", "options"), [("steps is 0", {"steps": 0}), ("chunk is 0", {"steps": 1, "chunk": 0})])
def test_bad_input_is_one_sentence(gan: Game, words: str, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=words):
        loop.run(gan, gan.init(jax.random.key(0)), **options)
