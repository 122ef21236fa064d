"""What the experiments on translation measure, on maps whose truth is known."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.translation import ablations as cycle_games
from experiments.translation.cycle_2d.compute import _measured as measured_in_the_plane
from experiments.translation.cycle_2d.experiment import _wrong, course, found
from experiments.translation.cycle_avatars.compute import distances, right
from experiments.translation.cycle_digits import experiment as cycle_digits
from experiments.translation.cycle_digits.compute import SIZE, _measured, _split
from experiments.translation.cycle_digits.experiment import TASKS
from gan_jax.cli.image_config import Data, Evaluation
from gan_jax.cli.reference_features import reference_features
from gan_jax.data import avatars
from gan_jax.data.drawn_avatars import draw_set
from gan_jax.data.images import to_bytes
from gan_jax.distributions import draw
from gan_jax.distributions.correspondences import correspondence
from gan_jax.training.translation import ABLATIONS


def test_cases_are_the_ablations_of_one_recipe() -> None:
    """Every case has the weights of its ablation, and what all draw from is the same."""
    games = tuple(ABLATIONS)
    made = cycle_games.cases(cycle_games.CycleRecipe(cycle_weight=0.7), games, feed=jnp.arange(3.0))
    assert made.feed.shape == (len(games), 3)
    full = {"adversarial_weight": 1.0, "forward_weight": 0.7, "backward_weight": 0.7}
    for number, game in enumerate(games):
        for name, weight in (full | ABLATIONS[game]).items():
            assert float(made.hyper[name][number]) == pytest.approx(weight)


def test_a_game_without_identity_terms_is_the_full_one_but_for_them() -> None:
    games = (cycle_games.FULL, cycle_games.NO_IDENTITY, cycle_games.ADVERSARIAL)
    made = cycle_games.cases(cycle_games.CycleRecipe(cycle_weight=3.0, identity_weight=0.5), games)
    found = {name: values.tolist() for name, values in made.hyper.items()}
    assert found == {
        "adversarial_weight": [1.0, 1.0, 1.0],
        "forward_weight": [3.0, 3.0, 0.0],
        "backward_weight": [3.0, 3.0, 0.0],
        "identity_weight": [0.5, 0.0, 0.5],
    }
    with pytest.raises(ValueError, match="identity_weight is None; expected a number"):
        cycle_games.cases(cycle_games.CycleRecipe(), games)


@pytest.mark.parametrize("task", TASKS)
def test_tasks_are_undone(task: str) -> None:
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 8, 8, 1)).astype(np.float32)
    made = TASKS[task].made(x, np.random.default_rng(1))
    assert made.shape == (20, 8, 8, TASKS[task].channels)
    assert np.abs(made).max() <= 1.0
    np.testing.assert_allclose(TASKS[task].undone(made), x, atol=1e-6)


def test_colours_are_full_and_of_every_hue() -> None:
    """The largest channel of white ink is 1, the least is none, and no two digits have one colour."""
    colours = TASKS["coloured"].made(np.ones((200, 8, 8, 1), np.float32), np.random.default_rng(0))[:, 0, 0]
    np.testing.assert_allclose(colours.max(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(colours.min(axis=1), -1.0, atol=1e-6)
    assert len(np.unique(colours.argmax(axis=1), return_counts=True)[1]) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_the_true_map_of_digits_scores_as_real_digits_do() -> None:
    config = cycle_digits.Config()
    split, measure = _split(config), reference_features(Data(size=SIZE), Evaluation())
    task = TASKS["inverted"]
    rng = np.random.default_rng(0)
    y, held_out = task.made(split.y, rng), task.made(split.held_out, rng)
    right = np.asarray(to_bytes(held_out))
    # One record of one game whose G is T, and of one that gives every digit another's picture.
    made = np.stack([right, np.roll(right, 1, axis=0)])[None, :, None]
    found = _measured(measure, task, split, y, held_out, made)
    assert found["accuracy"][0, 0, 0] == pytest.approx(found["real_accuracy"], abs=0.005)
    assert found["relative"][0, 0, 0] < 0.01
    assert found["accuracy"][0, 1, 0] < 0.3
    assert found["relative"][0, 1, 0] > 1.0
    # The law is the same, and KID cannot tell.
    np.testing.assert_allclose(found["kid"][0, :, 0], found["floor"][0], atol=1e-4)


def arrays_of(relative: list[float], back: list[float], nearest: list[int]) -> dict[str, Any]:
    """One record of full games on one pair."""
    shape = (1, 1, len(relative))
    found = {"relative": relative, "back": back, "own": relative, "nearest": nearest}
    arrays = {f"pair/{name}": np.array(values).reshape(shape) for name, values in found.items()}
    arrays |= {f"pair/{name}": np.zeros(shape) for name in ("cycle", "dependence", "distance")}
    return arrays | {"games": np.array(["full"])}


def test_a_map_is_found_both_ways_or_not() -> None:
    seen = course(arrays_of([0.05, 0.05, 0.2], [0.02, 0.3, 0.02], [0, 0, 0]), "pair", "full")
    assert found(seen).tolist() == [True, False, False]


def test_wrong_maps_are_counted_apart_and_their_losses_compared() -> None:
    arrays = arrays_of([0.05, 0.06, 0.04, 0.05, 0.9], [0.05] * 5, [0, 0, 3, 2, 1])
    arrays["pair/loss"] = np.array([[1.0, 1.1, 1.05, 1.05, 3.0]])
    arrays["pair/ideal"] = np.array([[1.0, 0.0], [1.0, 0.01]])
    arrays["pair/own"] = np.array([0.05, 0.06, 1.4, 1.4, 1.3]).reshape(1, 1, 5)
    arrays["pair/distance"] = np.array([0.0, 0.0, 0.0, 0.01, 0.02]).reshape(1, 1, 5)
    another, equal = _wrong(arrays, "pair", "a pair")
    # The last game is far from T and from the target too.
    assert another.measured == 2.0
    assert equal.measured == pytest.approx(0.0)
    assert equal.holds


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rotated", "square", "moons"])
def test_the_true_map_is_all_that_can_be_wished_for(name: str) -> None:
    pair = correspondence(name)

    @jax.jit
    def measured(key: jax.Array) -> dict[str, jax.Array]:
        x_key, real_key = jax.random.split(key)
        x = draw(pair.source, x_key, 400)
        return measured_in_the_plane(pair, x, pair.forward(x), pair.backward(pair.forward(x)), real_key)

    seen = measured(jax.random.key(0))
    assert float(seen["relative"]) < 1e-4
    assert int(seen["nearest"]) == 0
    assert float(seen["cycle"]) < 1e-4
    assert float(seen["dependence"]) > 0.5
    assert abs(float(seen["distance"])) < 0.05


@pytest.mark.exhaustive
def test_attributes_of_the_true_cartoons_survive_and_of_others_do_not() -> None:
    who = avatars.sample(jax.random.key(0), 60, pairs="all")
    images = np.asarray(to_bytes(avatars.render(who, size=16, style="cartoon")))
    attributes = np.asarray(who.attributes)
    found = right(np.stack([images, np.roll(images, 1, axis=0)]), attributes)
    np.testing.assert_array_equal(found[0], 1.0)
    assert found[1, :2].max() < 0.35


@pytest.mark.exhaustive
def test_true_cartoons_are_as_far_as_the_floor_and_dark_ones_farther_at_both_scales() -> None:
    seen, truth, others = (draw_set(seed, 200, pairs="all", size=16, style="cartoon") for seed in range(3))
    dark = (0.7 * truth.images).astype(np.uint8)
    found = distances(seen, truth, others, np.stack([truth.images, dark])[:, None])
    np.testing.assert_allclose(found["kid"][0, 0], found["floor"][:, 0], rtol=1e-6)
    assert (found["kid"][1, 0] - found["floor"][:, 0] > 4.0 * found["kid_error"][1, 0]).all()
    # Where features are larger than 1, dividing them brings everything nearer.
    assert (found["square"] > 1.0) == (found["kid"][1, 0, 1] < found["kid"][1, 0, 0])
