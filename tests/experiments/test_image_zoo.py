"""The zoo: every objective and penalty of the library is in it, claims notice what is off, and what diverges touches nothing else."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.framework.claims import Claim
from experiments.framework.progress import Task
from experiments.images.image_zoo import compute as zoo_games
from experiments.images.image_zoo import experiment as image_zoo
from experiments.images.image_zoo.compute import Bench, Cell, Played
from experiments.images.image_zoo.experiment import (
    COMPARISONS,
    OBJECTIVES,
    SCORES,
    SMOKE,
    WEIGHTS,
    Comparison,
    Config,
    distances,
    logarithms,
    spoken,
)
from gan_jax.metrics.features import Extracted, Features
from gan_jax.objectives import losses, penalties
from tests.cases import cases

Arrays = dict[str, np.ndarray]
SHAPE = (len(OBJECTIVES), len(WEIGHTS))


def perfect(seeds: int = 1) -> Arrays:
    """What a run would give in which every paper is right: KID is 0.5 without a penalty and falls from one penalty to the next."""
    value = {
        "none": 0.5,
        "gp": 0.2,
        "lp": 0.1,
        "r1": 0.2,
        "r2": 0.2,
        "r1_and_r2": 0.01,
        "zero_centred": 0.2,
        "dragan": 0.2,
    }
    kid = np.broadcast_to(np.asarray([value[name] for name in WEIGHTS])[None, :, None], (*SHAPE, seeds)).copy()
    kid[OBJECTIVES.index("minimax"), 0] = 1.0
    scores = {name: np.full(kid.shape, 0.5) for name in SCORES}
    return {
        **scores,
        "kid": kid,
        "kid_error": np.full(kid.shape, 0.002),
        "seconds": np.full(kid.shape, 2.0),
        "samples": np.zeros((*SHAPE, zoo_games.SHOWN, 8, 8, 1), np.uint8),
        "halves": np.asarray([1e-3, -1e-3, 0.0, 0.0]),
        "real": np.zeros((4, 8, 8, 1), np.uint8),
        **{
            name: np.asarray(number)
            for name, number in {"n_real": 1797, "n_fake": 1000, "steps": 10, "width": 8}.items()
        },
        "extractor": np.asarray("digits-8 classifier 01234567; 8 × 8 grey, [-1, 1]"),
        "objectives": np.asarray(OBJECTIVES),
        "penalties": np.asarray(list(WEIGHTS)),
    }


def lost(arrays: Arrays, objective: str, penalty: str) -> Arrays:
    """The same, where one game diverged."""
    where = (OBJECTIVES.index(objective), list(WEIGHTS).index(penalty), 0)
    changed = {name: arrays[name].copy() for name in SCORES}
    for values in changed.values():
        values[where] = np.nan
    return {**arrays, **changed}


def broken(arrays: Arrays) -> list[str]:
    """What is claimed and does not hold."""
    return [claim.what for claim in image_zoo.claims(arrays) if not claim.holds]


# -------------------------------------------------------------------------------------------------------------- what is in it


def test_every_objective_and_penalty_of_the_zoo_is_in_the_library() -> None:
    assert set(OBJECTIVES) <= set(losses.OBJECTIVES)
    assert set(WEIGHTS) <= {"none", *penalties.PENALTIES}
    assert Config().objectives == OBJECTIVES
    assert Config().penalties == tuple(WEIGHTS)


@cases(
    ("field", "value"),
    [
        ("objectives", ("minimax", "minmax")),
        ("objectives", ()),
        ("penalties", ("r1", "r1")),
        ("seeds", 0),
        ("fake", 5),
        ("learning_rate", math.inf),
        ("ema_decay", 1.0),
        ("seed", -1),
    ],
)
def test_config_names_what_is_wrong(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field} is .*; expected"):
        Config(**{field: value})


def test_games_of_one_call_have_one_penalty_and_none_is_left_out() -> None:
    members = zoo_games.cells(16, 8, 2)
    assert sorted((c.objective, c.penalty, c.seed) for c in members) == list(product(range(16), range(8), range(2)))
    parts = list(zoo_games.calls(members, 2))
    assert [cell for part in parts for cell in part] == members
    assert all(len({(cell.objective, cell.penalty) for cell in part}) == 1 for part in parts)
    assert all(len({cell.penalty for cell in part}) == 1 for part in zoo_games.calls(zoo_games.cells(16, 8, 1), 2))
    assert [len(part) for part in zoo_games.calls(members[:5], 2)] == [2, 2, 1]


def test_time_is_for_a_thousand_steps() -> None:
    assert zoo_games.per_thousand(3.0, 1500) == pytest.approx(2.0)


# ----------------------------------------------------------------------------------------------------------------- measuring


def flat(images: jax.Array) -> tuple[jax.Array, jax.Array]:
    pixels = images.reshape(len(images), -1)
    return pixels, pixels[:, :2]


@pytest.mark.slow
def test_a_game_that_is_not_finite_leaves_the_others_as_they_are() -> None:
    config = Config(objectives=("minimax", "hinge"), penalties=("none", "r1"), seeds=1, steps=10)
    noise = jax.random.uniform(jax.random.key(3), (16, 2, 2, 1), minval=-0.5, maxval=0.5)
    real = np.asarray(flat(jax.random.uniform(jax.random.key(4), (20, 2, 2, 1), minval=-0.5, maxval=0.5))[0])
    bench = Bench(lambda shift: noise + shift, (2, 2, 1), Features("pixels", "none", flat), Extracted(real, real))

    # A number that is not finite in the discriminator alone, and one that shows in the pictures alone.
    def play(some: list[Cell], *, sound: bool) -> Played:
        ill = [(c.objective, c.penalty) in ((0, 1), (1, 1)) and not sound for c in some]
        late = [i and c.objective == 0 for i, c in zip(ill, some, strict=True)]
        shift = [math.nan if i and not a else 0.1 * c.objective for i, a, c in zip(ill, late, some, strict=True)]
        return Played(jnp.asarray(shift), jnp.asarray([not a for a in late]))

    def table(*, sound: bool) -> Arrays:
        task = Task("games", 4.0, 1.0, 0.0, None, lambda: None)
        result = zoo_games.play_all(config, lambda some: play(list(some), sound=sound), bench, task)
        assert task.done == 4.0
        return result

    whole, part = table(sound=True), table(sound=False)
    assert np.isfinite(np.stack([whole[name] for name in SCORES])).all()
    assert (part["seconds"] > 0.0).all()
    for name in SCORES:
        np.testing.assert_array_equal(part[name][:, 0], whole[name][:, 0])
        assert np.isnan(part[name][:, 1]).all()
    np.testing.assert_array_equal(part["samples"][:, 0], whole["samples"][:, 0])
    assert not part["samples"][:, 1].any()
    # A shift of all pixels by a tenth is further away than none.
    assert whole["kid"][1, 0, 0] > whole["kid"][0, 0, 0]


def test_floor_of_two_halves_is_no_distance() -> None:
    features = np.random.default_rng(0).normal(size=(200, 4))
    halves = zoo_games.kid_of_halves(jax.random.key(0), features)
    assert halves.shape == (zoo_games.HALVINGS,)
    # Halvings of the same pictures: their mean is off by the pictures' own noise at most, of the size of one value's spread.
    assert abs(halves.mean()) < 3 * halves.std()
    assert np.unique(halves).size == halves.size


# -------------------------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize("seeds", [1, 3])
def test_all_claims_hold_where_every_paper_is_right(seeds: int) -> None:
    arrays = perfect(seeds)
    arrays["kid"] += 1e-4 * np.arange(len(OBJECTIVES))[:, None, None]
    assert broken(arrays) == []
    assert len(image_zoo.claims(arrays)) == len(COMPARISONS) + len(WEIGHTS) - 1 + 3


def test_a_penalty_that_helps_half_of_all_objectives_is_noticed() -> None:
    arrays = perfect()
    # Rows that differ: games that are the same to the bit are counted once.
    arrays["kid"] += 1e-4 * np.arange(len(OBJECTIVES))[:, None, None]
    assert broken(arrays) == []
    arrays["kid"][::2, list(WEIGHTS).index("r2")] = 2.0
    assert broken(arrays) == ["R2: of 16 different games, those with a lower KID than without a penalty"]


@cases("comparison", COMPARISONS, ids=lambda c: f"{c.worse}-{c.better}")
def test_a_pair_that_is_no_worse_is_noticed(comparison: Comparison) -> None:
    arrays = perfect()
    (i, j), (k, m) = (
        (OBJECTIVES.index(objective), list(WEIGHTS).index(penalty))
        for objective, penalty in (comparison.worse, comparison.better)
    )
    # Three standard errors of the difference of logarithms, and four are asked for.
    arrays["kid"][i, j] = arrays["kid"][k, m] * np.exp(3.0 * math.sqrt(2.0) * 0.002 / arrays["kid"][k, m])
    name = f"log KID: {spoken(comparison.worse)} − {spoken(comparison.better)}, less 4 standard errors"
    assert name in broken(arrays)


def test_a_recipe_that_misses_the_aim_is_noticed() -> None:
    arrays = perfect()
    row, column = OBJECTIVES.index("relativistic"), list(WEIGHTS).index("r1_and_r2")
    arrays["kid"][row, column] = 0.03
    assert [what for what in broken(arrays) if what.startswith("relativistic (R1+R2)")]


def test_a_loss_better_than_the_non_saturating_one_is_noticed() -> None:
    arrays = perfect()
    arrays["kid"][OBJECTIVES.index("non_saturating"), list(WEIGHTS).index("r1_and_r2")] = 0.05
    assert "R1+R2: log KID, non_saturating − the least of all other objectives" in broken(arrays)


def verdict(arrays: Arrays, beginning: str) -> Claim:
    (claim,) = (claim for claim in image_zoo.claims(arrays) if claim.what.startswith(beginning))
    return claim


def test_what_diverged_is_infinitely_far() -> None:
    worse = verdict(lost(perfect(), "wasserstein", "none"), "log KID: wasserstein (none) − wasserstein (GP)")
    assert worse.measured == math.inf
    assert worse.holds
    better = lost(perfect(), "wasserstein", "gp")
    assert not verdict(better, "log KID: wasserstein (none) − wasserstein (GP)").holds
    # Two of them cannot be told apart.
    assert not verdict(lost(better, "wasserstein", "none"), "log KID: wasserstein (none) − wasserstein (GP)").holds
    assert verdict(lost(perfect(), "hinge", "r1_and_r2"), "R1+R2: games that diverged").measured == 1.0


def test_a_part_of_the_zoo_has_the_claims_of_that_part() -> None:
    whole = perfect()
    rows = [OBJECTIVES.index(name) for name in SMOKE.objectives]
    columns = [list(WEIGHTS).index(name) for name in SMOKE.penalties]
    cut = {name: whole[name][np.ix_(rows, columns)] for name in (*SCORES, "seconds", "samples")}
    names = {"objectives": np.asarray(SMOKE.objectives), "penalties": np.asarray(SMOKE.penalties)}
    assert 3 < len(image_zoo.claims({**whole, **cut, **names})) < len(image_zoo.claims(whole))


def test_error_of_a_mean_has_the_spread_over_seeds_in_it() -> None:
    arrays = perfect(seeds=2)
    arrays["kid"][0, 0] = [0.2, 0.4]
    kid, error = distances(arrays)
    assert kid[0, 0] == pytest.approx(0.3)
    assert error[0, 0] == pytest.approx(math.sqrt((0.002**2 + 0.02) / 2))
    assert error[1, 1] == pytest.approx(0.002 / math.sqrt(2))
    assert distances(perfect())[1][0, 0] == pytest.approx(0.002)


def test_usual_spread_is_that_of_most_cells() -> None:
    arrays, rng = perfect(seeds=2), np.random.default_rng(1)
    arrays["kid"] = np.exp(rng.normal(np.log(0.05), 0.3, arrays["kid"].shape))
    # One wild cell in twenty has its own error, and does not change that of the others.
    arrays["kid"][::2, 0, 1] *= 50.0
    arrays = lost(arrays, "f_gan", "dragan")
    mean, error = logarithms(arrays)
    usual = float(np.min(error[error > 0.0]))
    # 127 variances with one degree of freedom: the standard error of their median, 0.455, is 1 / (2 · 0.47 · sqrt(127)) = 0.095, and that
    # of the deviation 10 %. Four of these; the wild cells move the median by 5 % of ranks, the formula by 3 %.
    assert usual * math.sqrt(2) == pytest.approx(0.3, rel=0.5)
    wild = np.abs(np.diff(np.log(arrays["kid"][0, 0]))) / 2
    assert error[0, 0] == pytest.approx(wild.item())
    assert (mean[-1, -1], error[-1, -1]) == (math.inf, 0.0)


def test_a_kid_below_its_error_counts_as_its_error() -> None:
    arrays = perfect()
    arrays["kid"][0, 0] = -0.001
    mean, error = logarithms(arrays)
    assert mean[0, 0] == pytest.approx(math.log(0.002))
    assert error[0, 0] == pytest.approx(1.0)
    assert error[0, 1] == pytest.approx(0.002 / 0.2)


# ---------------------------------------------------------------------------------------------------------- table and figure


def test_table_has_one_row_for_every_game() -> None:
    rows = image_zoo.table(lost(perfect(seeds=2), "hinge", "lp"))
    assert len(rows) == 2 * math.prod(SHAPE)
    assert {row["diverged"] for row in rows if (row["objective"], row["penalty"]) != ("hinge", "lp")} == {False}
    (gone,) = (row for row in rows if row["diverged"])
    assert math.isnan(float(str(gone["kid"])))
    assert (gone["seed"], gone["penalty_weight"], gone["n_fake"], gone["seconds_per_1000_steps"]) == (
        0,
        10.0,
        1000,
        2.0,
    )


@cases(
    ("kid", "text"),
    [
        (0.0124, ".012"),
        (0.3149, ".31"),
        (0.0996, ".10"),
        (0.996, "1.0"),
        (2.44, "2.4"),
        (57.3, "57"),
        (-0.0012, "-.001"),
    ],
)
def test_numbers_fit_a_cell(kid: float, text: str) -> None:
    assert image_zoo.number(kid) == text


def test_best_cells_and_colours() -> None:
    kid = np.asarray([[0.3, -0.001, np.inf], [np.inf, np.inf, np.inf]])
    assert image_zoo.best_of_rows(kid) == [1, -1]
    assert image_zoo.limits(np.asarray([np.nan, -0.001, 3.0])) == (0.005, 0.05)
    assert image_zoo.limits(np.asarray([0.2, 30.0])) == (0.2, 2.0)
    assert image_zoo.limits(np.asarray([np.nan])) == (0.005, 0.05)


def test_names_are_written_for_readers() -> None:
    assert [image_zoo.written(name) for name in ("f_reverse_kl", "f_gan", "least_squares")] == [
        "f: reverse KL",
        "f: GAN",
        "least squares",
    ]


def test_figure_says_diverged_in_both_places_and_how_many_seeds() -> None:
    figure = image_zoo.plot(lost(perfect(), "f_kl", "none"))
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert words.count("diverged") == 2
    assert "one seed" in figure.get_suptitle()
    assert "mean of 2 seeds" in image_zoo.plot(perfect(seeds=2)).get_suptitle()
    plt.close("all")
