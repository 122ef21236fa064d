"""Moving plans: the cheapest of all is what assignment solvers find, and claims notice a cost that is off."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import ot
import pytest
from rich.console import Console
from scipy.optimize import linear_sum_assignment

from experiments.divergences import moving_plans
from experiments.divergences.moving_plans import Config
from experiments.framework.progress import Lines, Progress
from tests.cases import cases

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return moving_plans.run(Config(), Progress(Lines(Console(quiet=True))))


def distances(arrays: Arrays, columns: int) -> np.ndarray:
    x, y = (arrays[name][:, :columns].astype(np.float64) for name in "xy")
    return np.linalg.norm(x[:, None] - y[None], axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize(("space", "columns"), [("plane", 2), ("line", 1)])
def test_every_plan_once_with_its_cost_in_order(arrays: Arrays, space: str, columns: int) -> None:
    plans, costs = arrays[f"{space}_plans"], arrays[f"{space}_costs"]
    assert len(plans) == math.factorial(6) == 720
    assert {tuple(plan) for plan in plans.tolist()} == set(itertools.permutations(range(6)))
    expected = distances(arrays, columns)[np.arange(6), plans].mean(axis=1)
    # Six float32 distances and their mean: 9 roundings, each of at most half a unit.
    np.testing.assert_allclose(costs, expected, rtol=9 * np.finfo(np.float32).eps / 2)
    assert (np.diff(costs) >= 0).all()


@pytest.mark.parametrize(("space", "columns"), [("plane", 2), ("line", 1)])
def test_the_cheapest_plan_is_what_scipy_and_pot_find(arrays: Arrays, space: str, columns: int) -> None:
    matrix = distances(arrays, columns)
    rows, order = linear_sum_assignment(matrix)
    tolerance = 9 * np.finfo(np.float32).eps / 2
    np.testing.assert_allclose(arrays[f"{space}_costs"][0], matrix[rows, order].mean(), rtol=tolerance)
    np.testing.assert_allclose(arrays[f"{space}_costs"][0], ot.emd2([], [], matrix), rtol=tolerance)
    np.testing.assert_allclose(arrays[f"{space}_solver"], ot.emd2([], [], matrix), rtol=tolerance)


def test_all_claims_hold(arrays: Arrays) -> None:
    claims = moving_plans.claims(arrays)
    assert [claim.holds for claim in claims] == [True] * 4
    assert claims[0].expected == 720


@cases(
    ("name", "wrong"),
    [
        ("plane_costs", lambda value: value * 1.00001),
        ("plane_costs", lambda value: value[1:]),
        ("line_costs", lambda value: value * 0.99999),
        ("plane_solver", lambda value: value * np.nan),
        ("line_solver", lambda value: value * 1.00001),
    ],
)
def test_a_claim_fails_where_a_number_is_wrong(arrays: Arrays, name: str, wrong: Any) -> None:
    assert not all(claim.holds for claim in moving_plans.claims({**arrays, name: wrong(arrays[name])}))


def test_the_seed_and_the_separation_are_used(arrays: Arrays) -> None:
    progress = Progress(Lines(Console(quiet=True)))
    other = moving_plans.run(Config(seed=1), progress)
    moved = moving_plans.run(Config(separation=3.0), progress)
    assert not np.array_equal(other["x"], arrays["x"])
    np.testing.assert_array_equal(moved["x"], arrays["x"])
    np.testing.assert_allclose(moved["y"] - arrays["y"], np.tile([[1.0, 0.0]], (6, 1)), atol=1e-6)


def test_table_has_a_row_for_every_plan_and_every_solver(arrays: Arrays) -> None:
    rows = moving_plans.table(arrays)
    assert len(rows) == 2 * (720 + 1)
    assert rows[0]["mean_cost"] == arrays["plane_costs"][0]
    assert [row["space"] for row in rows if row["by"] == "exact solver"] == ["plane", "line"]


def test_figure_names_the_costs_it_shows(arrays: Arrays) -> None:
    axes = moving_plans.plot(arrays).axes
    costs, plans = arrays["plane_costs"], arrays["plane_plans"]
    (first,) = np.flatnonzero((plans == np.arange(6)).all(axis=1))
    shown = [ax.get_title() for ax in axes[:3]]
    expected = [("cheapest", 0), ("first", first), ("worst", -1)]
    assert shown == [f"{name} plan: mean cost {costs[rank]:.3f}" for name, rank in expected]
    np.testing.assert_array_equal(axes[3].lines[0].get_ydata(), costs)
    assert all(ax.get_xlabel() for ax in axes)


@cases(
    ("options", "sentence"),
    [
        ({"points": 9}, "points is 9; expected 2 to 8, since all points! plans are enumerated"),
        ({"points": 1}, "points is 1; expected 2 to 8"),
        ({"separation": math.nan}, "separation is nan; expected a finite number"),
        ({"separation": math.inf}, "separation is inf; expected a finite number"),
        ({"seed": -1}, "seed is -1; expected an integer of at least 0"),
    ],
)
def test_bad_config(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Config(**options)
