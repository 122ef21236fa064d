"""Seeds × hyperparameters as one program: a tidy table whose rows are separate runs."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from gan_jax.models import players
from gan_jax.objectives import losses
from gan_jax.training import game, updates
from gan_jax.training.ensemble import sweep
from gan_jax.typing import Array, PRNGKey
from tests.cases import cases

GAN = game.gan(
    losses.non_saturating(),
    players.affine(),
    players.fourier_logistic(8),
    lambda key, batch, separation: separation + jax.random.normal(key, (batch, 1)),
    updates.alternating(),
    batch_size=8,
    data_parameters={"separation": 1.0},
    ema_decay=0.9,
)


def member(key: PRNGKey, **hyperparameters: Array) -> dict[str, Array]:
    state, infos, _ = game.play(GAN, GAN.init(key, **hyperparameters), steps=3, records=1)
    return {"shift": state.generator.variables["params"]["shift"], "loss": infos.generator_loss[0]}


AXES = {"separation": [0.0, 2.0], "generator_rate": [1e-3, 1e-2]}


@pytest.mark.slow
def test_a_row_is_a_run_of_its_own() -> None:
    table = sweep(member, jax.random.key(3), seeds=2, **AXES)
    alone = jax.jit(member)
    for row in range(8):
        hyper = {name: table[name][row] for name in AXES}
        key = jax.random.split(jax.random.key(3), 2)[table["seed"][row]]
        expected = alone(key, **hyper)
        np.testing.assert_allclose(table["shift"][row], expected["shift"], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(table["loss"][row], expected["loss"], rtol=1e-5)


@pytest.mark.slow
def test_the_table_is_tidy_and_seeds_run_fastest() -> None:
    table = sweep(member, jax.random.key(0), seeds=2, **AXES)
    assert list(table) == ["separation", "generator_rate", "seed", "loss", "shift"]
    np.testing.assert_array_equal(table["seed"], [0, 1] * 4)
    np.testing.assert_allclose(table["generator_rate"], [1e-3, 1e-3, 1e-2, 1e-2] * 2, rtol=1e-6)
    np.testing.assert_array_equal(table["separation"], [0.0] * 4 + [2.0] * 4)
    assert table["shift"].shape == (8, 1)
    assert all(isinstance(column, np.ndarray) for column in table.values())


@pytest.mark.slow
def test_parts_of_the_table_are_the_table() -> None:
    seen: list[tuple[int, int]] = []
    whole = sweep(member, jax.random.key(0), seeds=3, separation=[0.0, 1.0])
    # Six members by four: the last call is filled and cut.
    parts = sweep(
        member,
        jax.random.key(0),
        seeds=3,
        separation=[0.0, 1.0],
        together=4,
        on_part=lambda done, members: seen.append((done, members)),
    )
    assert seen == [(4, 6), (6, 6)]
    for name, column in whole.items():
        np.testing.assert_allclose(parts[name], column, rtol=1e-6, atol=1e-7, err_msg=name)


def test_points_share_their_seeds_keys() -> None:
    table = sweep(lambda key, x: {"u": jax.random.uniform(key)}, jax.random.key(0), seeds=2, x=[1.0, 2.0])
    np.testing.assert_array_equal(table["u"][:2], table["u"][2:])
    assert table["u"][0] != table["u"][1]


@cases(
    ("words", "options"),
    [
        (r"unknown hyperparameter 'seperation'; did you mean 'separation'\? this game has", {"seperation": [1.0]}),
        ("seeds is 0", {"seeds": 0}),
        (r"separation has shape \(0,\)", {"separation": []}),
        (r"separation has shape \(\)", {"separation": 1.0}),
        ("together is 0", {"together": 0, "separation": [1.0]}),
        ("generator_rate has the type object; expected real numbers", {"generator_rate": [None, 1e-3]}),
    ],
)
def test_bad_input_is_one_sentence(words: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=words):
        sweep(member, jax.random.key(0), **options)


def test_a_result_must_not_be_called_as_a_hyperparameter_is() -> None:
    with pytest.raises(ValueError, match="member returns x, which is a column"):
        sweep(lambda key, x: {"x": x}, jax.random.key(0), seeds=1, x=[1.0])


def test_the_repetition_has_its_column_to_itself() -> None:
    with pytest.raises(ValueError, match="seed is the column of the repetition's number; expected another name"):
        sweep(lambda key, *, seed: {"x": seed}, 0, seeds=2, seed=[1.0, 2.0])
