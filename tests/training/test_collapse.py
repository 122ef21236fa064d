"""The variance of what is generated, and runs that stop on it."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import players
from gan_jax.models.mlp import mlp
from gan_jax.objectives import losses
from gan_jax.training import game, loop, run_folder, runs, updates
from gan_jax.training.checkpoint import digest
from gan_jax.training.collapse import collapsed
from gan_jax.training.game import Game
from gan_jax.training.state import LARGEST_RATIO, Info, variance_ratio
from gan_jax.typing import Array, PRNGKey

# ------------------------------------------------------------------------------------------------------------- the measure


@pytest.mark.parametrize("event", [(1,), (3,), (4, 4, 2)], ids=str)
def test_it_is_the_ratio_of_total_variances(event: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    real, fake = 5.0 + rng.normal(size=(64, *event)), -3.0 + 2.0 * rng.normal(size=(64, *event))
    traces = [np.trace(np.atleast_2d(np.cov(x.reshape(64, -1).T, bias=True))) for x in (real, fake)]
    found = variance_ratio(jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32))
    np.testing.assert_allclose(found, traces[1] / traces[0], rtol=1e-5)


def test_one_law_has_a_ratio_of_one_and_a_point_none() -> None:
    n, d = 4096, 2
    real, fake = jax.random.normal(jax.random.key(0), (2, n, d))
    # The trace of a sample covariance in d dimensions has the relative variance 2 / (n d); here there are two.
    assert abs(float(variance_ratio(real, fake)) - 1.0) < 4 * np.sqrt(4 / (n * d))
    assert float(variance_ratio(real, jnp.full((n, d), 0.1))) == 0.0
    # One law a tenth as wide, and elsewhere.
    np.testing.assert_allclose(variance_ratio(real, real[::-1] * 0.1 + 7.0), 0.01, rtol=1e-3)


@pytest.mark.slow
def test_a_law_that_does_not_vary_gives_a_finite_number() -> None:
    # Means of equal numbers that are no powers of two round, and must not look like variance.
    point, other, some = jnp.full((7, 3), 0.1), jnp.full((7, 3), 1234.567), jnp.linspace(0.0, 1.0, 7)[:, None]
    assert float(variance_ratio(point, other)) == 1.0
    assert float(variance_ratio(point[:, :1], some)) == LARGEST_RATIO
    assert float(variance_ratio(point[:, :1] + 1e-12 * some, 1e6 * some)) == LARGEST_RATIO
    for unit in (1e-25, 1e25):
        np.testing.assert_allclose(variance_ratio(unit * some, 3.0 * unit * some), 9.0, rtol=1e-5)
    assert np.isnan(float(variance_ratio(some, some.at[0].set(jnp.nan))))


def data(key: PRNGKey, batch: int) -> Array:
    return 1.0 + 0.5 * jax.random.normal(key, (batch, 1))


def test_a_direct_game_tells_the_ratio_of_its_batch() -> None:
    """``G(z) = 3 z`` against a deviation of ½: 36."""

    def cost(key: PRNGKey, fake: Array, real: Array) -> Array:
        return jnp.mean(fake) - jnp.mean(real)

    generator = players.affine(scale=3.0)
    made = game.direct(cost, generator, data, batch_size=4096)
    _, info = jax.jit(made.step)(jax.jit(made.init)(jax.random.key(0)))
    # Both variances are known to sqrt(2 / n).
    expected = 9.0 / 0.25
    assert abs(float(info.variance_ratio) / expected - 1.0) < 4 * np.sqrt(4 / 4096)


def test_a_point_against_a_point_keeps_every_quantity_finite() -> None:
    dirac = game.gan(
        losses.minimax(),
        players.particles(lambda key: jnp.full((1, 1), 0.3)),
        players.linear(slope=0.5),
        lambda key, n: jnp.full((n, 1), 0.1),
        updates.alternating(),
        batch_size=3,
    )
    _, chunks = loop.run(dirac, jax.jit(dirac.init)(jax.random.key(0)), steps=4, chunk=4)
    assert float(chunks[0].info.variance_ratio) == 1.0


# ---------------------------------------------------------------------------------------------------------------- stopping


def info_of(value: float) -> Info:
    return Info(*[jnp.zeros(())] * 6, variance_ratio=jnp.asarray(value))


def test_collapsed_looks_at_the_mean_ratio() -> None:
    assert collapsed()(info_of(0.04)) is True
    assert collapsed()(info_of(0.06)) is False
    assert collapsed(below=0.5)(info_of(0.4)) is True
    # What is not finite is for the loop to name.
    assert collapsed()(info_of(np.nan)) is False
    with pytest.raises(ValueError, match="below is 0"):
        collapsed(below=0.0)


@pytest.fixture(scope="module")
def gan() -> Game:
    return game.gan(
        losses.minimax(), players.affine(), mlp((4,)), data, updates.alternating(), batch_size=8, generator_rate=0.05
    )


class After:
    """Says stop at its ``count``-th chunk, and keeps what it was told."""

    def __init__(self, count: int) -> None:
        self.count, self.told = count, []

    def __call__(self, info: Info) -> bool:
        self.told.append(float(info.variance_ratio))
        return len(self.told) == self.count


@pytest.mark.slow
def test_a_loop_stops_after_the_chunk_and_goes_on_to_the_same_bits(gan: Game) -> None:
    start = jax.jit(gan.init)(jax.random.key(0))
    whole, all_chunks = loop.run(gan, start, steps=12, chunk=3)
    stop = After(2)
    state, chunks = loop.run(gan, start, steps=12, chunk=3, stop=stop)
    assert [(chunk.first, chunk.last) for chunk in chunks] == [(1, 3), (4, 6)]
    assert int(state.step) == 6
    assert stop.told == [float(chunk.info.variance_ratio) for chunk in all_chunks[:2]]
    rest, _ = loop.run(gan, state, steps=6, chunk=3, stop=lambda info: False)
    assert digest(rest) == digest(whole)


def test_a_loop_stops_a_generator_that_collapses() -> None:
    """``G(z) = a z`` of which the cost is ``a²``: with step h, the ratio falls like ``(1 - 2h)^{2t}``."""
    shrinking = game.direct(
        lambda key, fake, real: jnp.mean(jnp.square(fake)),
        players.affine(scale=0.5),
        lambda key, batch: 0.5 * jax.random.normal(key, (batch, 1)),
        batch_size=512,
        generator_rate=0.05,
    )
    state, chunks = loop.run(
        shrinking, jax.jit(shrinking.init)(jax.random.key(0)), steps=400, chunk=5, stop=collapsed(below=0.1)
    )
    assert float(chunks[-1].info.variance_ratio) < 0.1 <= float(chunks[-2].info.variance_ratio)
    assert int(state.step) == chunks[-1].last < 400


def train(gan: Game, folder: Path, **options: object) -> runs.Finished:
    schedule = runs.Schedule(20, log_every=5, save_every=10)
    return runs.train(gan, jax.random.key(1), folder, schedule, config={"rate": 1.0}, **options)


@pytest.mark.slow
def test_a_run_that_stopped_goes_on_to_the_bytes_of_one_that_did_not(gan: Game, tmp_path: Path) -> None:
    once, once_folder, folder = train(gan, tmp_path / "once"), tmp_path / "once", tmp_path / "twice"
    measured: list[int] = []
    # After a chunk at which nothing else is due.
    stopped = train(gan, folder, stop=After(3), on_save=lambda state, step: measured.append(step))
    assert (stopped.step, stopped.complete) == (15, False)
    assert int(stopped.state.step) == 15
    assert [row["step"] for row in run_folder.read_rows(folder)] == [5, 10, 15]
    assert measured == [0, 10]
    # At the last chunk: then all steps are made.
    done = train(gan, folder, stop=After(1))
    assert (done.step, done.complete) == (20, True)
    assert digest(done.state) == digest(once.state)
    for name in (run_folder.METRICS, run_folder.TABLE):
        assert (folder / name).read_bytes() == (once_folder / name).read_bytes()
