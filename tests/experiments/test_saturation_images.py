"""Shifted digits and pairs of classes: theorems hold on every split, claims notice what is off, seeds are used."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
from jax import random
from rich.console import Console
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from experiments.divergences.saturation_images import compute as digit_sweeps
from experiments.divergences.saturation_images import experiment
from experiments.divergences.saturation_images.experiment import SMOKE, Config, less_noise, rounding, standard_error
from experiments.framework import artifacts, harness
from experiments.framework.claims import Claim, Kind
from experiments.framework.progress import Lines, Progress
from gan_jax.cli import devices
from gan_jax.data.digits import Digits, load_digits
from gan_jax.training.ensemble import ensemble

# One smoke run, half of it compilation, is behind most of these.
pytestmark = pytest.mark.slow

Arrays = dict[str, np.ndarray]
QUIET = Progress(Lines(Console(quiet=True)))
EPS = float(np.finfo(np.float32).eps)


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_digits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke preset from run to files, under the configuration of JAX that the tests have."""
    root = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "configure_jax", lambda: None)
        request = harness.Request(
            "saturation_images", harness.load("saturation_images"), SMOKE, "smoke", "python -m experiments"
        )
        return harness.run(request, root, QUIET).folder


@pytest.fixture(scope="module")
def arrays(folder: Path) -> Arrays:
    return artifacts.read_arrays(folder)


def perfect() -> Arrays:
    """What a run without error would give: two seeds, every claim holds."""
    theta = np.asarray([0.0, 0.5, 1.0, 4.0])
    noise = np.asarray([[-1e-3, 1e-3]])
    log_2 = np.log(2.0) * (theta > 0)
    transport = np.sqrt(theta**2 + 1.25**2)
    # W1 of (0, 1), (0, 3), (0, 8), (1, 3), (1, 8), (3, 8).
    of_classes = np.asarray([3.2, 2.8, 2.6, 2.8, 2.3, 2.4])
    return {
        "repeated": np.asarray(0),
        "example": np.zeros((8, 8)),
        "shift/theta": theta,
        "shift/least_ink": np.asarray(0.0),
        "shift/transport": transport[:, None] + 0 * noise,
        "shift/linear_gap": np.zeros(2),
        "shift/half_sizes": np.asarray([898, 899]),
        "shift/js": log_2[:, None] - np.abs(noise),
        "shift/js_standard_error": np.full((4, 2), 1e-2),
        "shift/w1": theta[:, None] + noise,
        "shift/w1_standard_error": np.full((4, 2), 1e-2),
        "classes/digits": np.asarray([0, 1, 3, 8]),
        "classes/js": np.full((6, 1), np.log(2.0)) - np.abs(noise),
        "classes/transport": of_classes[:, None] + noise,
        "classes/floor": np.full((4, 1), 1.3) + noise,
    }


def broken(claims: list[Claim]) -> list[str]:
    return [claim.what for claim in claims if not claim.holds]


def test_arrays_have_their_shapes_and_are_finite(arrays: Arrays) -> None:
    quantities = ["", "_standard_error", "_training", "_lipschitz_observed", "_lipschitz_certified"]
    shapes = {f"shift/{name}{quantity}": (3, 2) for name in ("js", "w1") for quantity in quantities}
    shapes |= {f"classes/js{quantity}": (6, 2) for quantity in quantities}
    shapes |= {"shift/transport": (3, 2), "classes/transport": (6, 2), "classes/floor": (4, 2)}
    shapes |= {"shift/theta": (3,), "shift/linear_gap": (2,), "shift/half_sizes": (2,), "classes/digits": (4,)}
    shapes |= {"repeated": (), "shift/least_ink": (), "example": (8, 8)}
    assert {name: array.shape for name, array in arrays.items()} == shapes
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert arrays["shift/half_sizes"].tolist() == [898, 899]


def test_no_picture_is_on_both_sides(digits: Digits) -> None:
    for index in range(3):
        first, second = ({row.tobytes() for row in side} for side in digit_sweeps.split(Config(), digits, index))
        assert not first & second
        assert first | second == {row.tobytes() for row in digit_sweeps.flat(digits)}
        assert len(first) + len(second) == 1797


def test_every_split_is_another_one(digits: Digits) -> None:
    drawn = {
        digit_sweeps.split(Config(seed=seed), digits, index)[0].tobytes() for seed in range(3) for index in range(3)
    }
    assert len(drawn) == 9
    drawn = {digit_sweeps.class_pictures(Config(seed=seed), digits, i).tobytes() for seed in range(3) for i in range(3)}
    assert len(drawn) == 9


def test_class_pictures_are_different_ones_of_their_class(digits: Digits) -> None:
    pictures = digit_sweeps.class_pictures(SMOKE, digits, 0)
    label = {row.tobytes(): int(of) for row, of in zip(digit_sweeps.flat(digits), digits.labels, strict=True)}
    assert pictures.shape == (4, 174, 64)
    for digit, rows in zip(SMOKE.digits, pictures, strict=True):
        assert {label[row.tobytes()] for row in rows} == {digit}
        assert len({row.tobytes() for row in rows}) == 174


def test_transport_of_the_halves_is_what_pot_finds_in_float64(arrays: Arrays, digits: Digits) -> None:
    x, y = (side.astype(np.float64) for side in digit_sweeps.split(SMOKE, digits, 1))
    weights = [np.full(len(side), 1 / len(side)) for side in (x, y)]
    for row, theta in enumerate(SMOKE.shifts):
        value = ot.emd2(*weights, cdist(x, y + theta / 8), numItermax=10**7)
        tolerance = rounding(arrays, value)
        np.testing.assert_allclose(arrays["shift/transport"][row, 1], value, rtol=0, atol=tolerance)


def test_transport_of_classes_is_what_assignment_finds(arrays: Arrays, digits: Digits) -> None:
    pictures = digit_sweeps.class_pictures(SMOKE, digits, 0).astype(np.float64)

    def assigned(x: np.ndarray, y: np.ndarray) -> float:
        cost = cdist(x, y)
        return float(cost[linear_sum_assignment(cost)].mean())

    pairs = [assigned(pictures[i, :87], pictures[j, :87]) for i, j in combinations(range(4), 2)]
    floors = [assigned(rows[:87], rows[87:]) for rows in pictures]
    # Sums of 87 float32 distances of 64 squares each.
    np.testing.assert_allclose(arrays["classes/transport"][:, 0], pairs, rtol=(87 + 64) * EPS)
    np.testing.assert_allclose(arrays["classes/floor"][:, 0], floors, rtol=(87 + 64) * EPS)


def test_a_shift_costs_its_length_up_to_the_floor(arrays: Arrays) -> None:
    theta, transport = arrays["shift/theta"][:, None], arrays["shift/transport"]
    tolerance = rounding(arrays, transport.max())
    assert (np.abs(transport - theta) <= transport[:1] + tolerance).all()
    assert (transport >= theta + arrays["shift/linear_gap"][None] - tolerance).all()
    # The tolerance is small against what it tells apart.
    assert tolerance < 1e-3 * transport[0].min()


def test_the_exact_claims_and_the_bounds_hold_on_a_short_run(arrays: Arrays) -> None:
    claims = experiment.claims(arrays)
    # A discriminator of 50 steps is far from log 2; what is a theorem holds for any network.
    theorems = [claim for claim in claims if claim.kind is Kind.THEOREM]
    assert theorems == [
        claim for claim in claims if claim.basis in ("exact", "rounding") or "lower bound" in claim.what
    ]
    assert len(theorems) == 6
    assert broken(theorems) == []


def test_trained_values_are_lower_bounds_of_what_saturates(arrays: Arrays) -> None:
    assert (arrays["shift/js"] <= math.log(2)).all()
    assert (arrays["classes/js"] <= math.log(2)).all()
    assert (arrays["shift/w1_lipschitz_certified"] <= 1 + 1e-5).all()
    assert (np.diff(arrays["shift/w1"].mean(axis=1)) > 0).all()


def test_all_claims_hold_for_a_perfect_run() -> None:
    claims = experiment.claims(perfect())
    assert broken(claims) == []
    assert len(claims) == 15


@pytest.mark.parametrize(
    ("name", "index", "added", "noticed"),
    [
        ("repeated", (), 1, "occur twice"),
        ("shift/least_ink", (), 1 / 16, "emptiest pixel"),
        ("shift/transport", (2, 0), 1.0, "|W1(A, B + θv) − θ|"),
        ("shift/transport", (3, 1), -0.25, "⟨v, mean B − mean A⟩"),
        ("shift/js", (2,), -0.03, "from θ = 1 on"),
        ("shift/js", (1,), -0.03, "for all θ > 0"),
        ("shift/js", (0,), 0.04, "trained JS at θ = 0"),
        ("shift/w1", (2,), -0.04, "relative error"),
        ("shift/w1", (1,), 0.04, "trained W1 is a lower bound"),
        ("classes/js", (3,), -0.03, "largest log 2 − trained JS of a pair"),
        ("classes/js", (), -0.03, "mean log 2 − trained JS"),
        ("classes/js", (slice(0, 3),), -0.6, "of trained JS against W1"),
        ("classes/floor", (2,), 1.2, "W1 − floor"),
        ("classes/transport", (5,), 0.9, "W1(0, 1) − W1(3, 8)"),
        ("classes/transport", (0, 0), 1.5, "W1(0, 1) − W1(3, 8)"),
        ("classes/js", (0,), -0.01, "JS(0, 1) − JS(3, 8)"),
    ],
)
def test_claims_notice_what_is_off(name: str, index: tuple[Any, ...], added: float, noticed: str) -> None:
    arrays = perfect()
    arrays[name] = arrays[name].astype(float)
    arrays[name][index] += added
    assert any(noticed in what for what in broken(experiment.claims(arrays)))


def test_the_pair_claims_are_left_out_where_their_digits_are() -> None:
    arrays = perfect()
    arrays["classes/digits"] = np.asarray([2, 4, 5, 6])
    assert len(experiment.claims(arrays)) == 13


def test_deviation_between_halves_is_the_standard_error_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    values, count = rng.normal(size=174), 4000
    means = np.stack([rng.permutation(values)[:87].mean() for _ in range(count)])[None]
    lost = means.mean() - less_noise(means)[0]
    # A sample deviation has a relative standard error of 1 / sqrt(2 count).
    assert lost / 4 == pytest.approx(values.std(ddof=1) / math.sqrt(174), rel=4 / math.sqrt(2 * count))


def test_standard_error_of_a_random_partition_is_that_of_independent_samples() -> None:
    rng = np.random.default_rng(1)
    values, count = rng.normal(size=600), 4000
    parts = [np.split(rng.permutation(values), [299]) for _ in range(count)]
    means = np.asarray([a.mean() - b.mean() for a, b in parts])
    errors = np.asarray([math.sqrt(a.var(ddof=1) / a.size + b.var(ddof=1) / b.size) for a, b in parts])
    expected = float(standard_error(errors[None])[0]) * math.sqrt(count)
    assert means.std(ddof=1) == pytest.approx(expected, rel=4 / math.sqrt(2 * count))


@pytest.mark.parametrize("seeds", [1, 3])
def test_trainings_are_one_program_and_land_in_their_places(seeds: int) -> None:
    rng = np.random.default_rng(0)
    sides = [(rng.normal(size=(5, 7, 2)), rng.normal(size=(5, 6, 2))) for _ in range(seeds)]
    traced = []

    def member(key: Any, x: Any, y: Any) -> dict[str, Any]:
        traced.append(None)
        return {"gap": jnp.mean(x) - jnp.mean(y), "draw": random.uniform(key)}

    program = jax.jit(ensemble(member))
    result = digit_sweeps.trained(program, sides, random.key(0), QUIET, "training", 1.0)
    assert len(traced) == 1
    expected = np.stack([x.mean(axis=(1, 2)) - y.mean(axis=(1, 2)) for x, y in sides], axis=1)
    # Means of 14 and 12 float32 numbers below 4 in size.
    np.testing.assert_allclose(result["gap"], expected, atol=(14 + 12) * 4 * EPS)
    assert np.unique(result["draw"]).size == 5 * seeds


def test_table_has_every_value_once(arrays: Arrays) -> None:
    rows = experiment.table(arrays)
    names = [(row["part"], row["member"], row["quantity"], row["seed"]) for row in rows]
    assert len(set(names)) == len(names) == sum(array.size for array in arrays.values() if array.ndim == 2) - 64
    found = {name: row["value"] for name, row in zip(names, rows, strict=True)}
    assert found["shift", "8", "transport", 1] == arrays["shift/transport"][2, 1]
    assert found["classes", "3 8", "js", 0] == arrays["classes/js"][5, 0]
    assert found["classes", "8 8", "floor", 1] == arrays["classes/floor"][3, 1]


def test_figure_shows_the_arrays(arrays: Arrays) -> None:
    axes = experiment.plot(arrays).axes
    js, w1 = (ax for ax in axes if ax.get_xlabel() == "shift θ (units of full ink)")
    assert [js.get_ylabel(), w1.get_ylabel()] == ["JS (nats)", "W1 (units of full ink)"]
    lines = {line.get_label(): line.get_ydata() for ax in (js, w1) for line in ax.lines}
    np.testing.assert_allclose(lines["D on held-out pictures"], arrays["shift/js"].mean(axis=1))
    np.testing.assert_allclose(lines["1-Lipschitz critic, held out"], arrays["shift/w1"].mean(axis=1))
    np.testing.assert_allclose(lines["exact transport of the halves"], arrays["shift/transport"].mean(axis=1))
    matrices = [np.ma.filled(ax.images[0].get_array(), np.nan) for ax in axes if ax.get_xlabel() == "digit"]
    assert len(matrices) == 2
    for matrix, name in zip(matrices, ("js", "transport"), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_allclose(matrix[np.triu_indices(4, 1)], arrays[f"classes/{name}"].mean(axis=1))
    assert np.isnan(np.diag(matrices[0])).all()
    np.testing.assert_allclose(np.diag(matrices[1]), arrays["classes/floor"].mean(axis=1))
    pictures = [ax for ax in axes if ax.get_title().startswith("θ = ")]
    assert [ax.get_title() for ax in pictures] == ["θ = 0", "θ = 1", "θ = 8"]
    np.testing.assert_allclose(pictures[1].images[0].get_array(), arrays["example"] + 1 / 8)


def test_redraw_needs_the_saved_arrays_alone(folder: Path) -> None:
    code = """
import sys
from pathlib import Path
from experiments import __main__ as command_line
folder = Path(sys.argv[1])
before = (folder / "figure.png").read_bytes()
assert command_line.main(["saturation_images", "--redraw", "--out", str(folder.parent)]) == 0
assert (folder / "figure.png").read_bytes() == before
assert "jax" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"shifts": ()}, r"shifts is \(\); expected finite numbers that rise from 0 to at least 1"),
        ({"shifts": (0.5, 1.0)}, "expected finite numbers that rise from 0"),
        ({"shifts": (0.0, 2.0, 1.0)}, "expected finite numbers that rise from 0"),
        ({"shifts": (0.0, math.nan)}, "expected finite numbers that rise from 0"),
        ({"shifts": (0.0, math.inf)}, "expected finite numbers that rise from 0"),
        ({"shifts": (0.0, 0.5)}, "to at least 1"),
        ({"digits": (3,)}, r"digits is \(3,\); expected at least two of 0 to 9, rising"),
        ({"digits": (3, 3)}, "expected at least two of 0 to 9, rising"),
        ({"digits": (8, 10)}, "expected at least two of 0 to 9, rising"),
        ({"seeds": 1}, "seeds is 1; expected an integer of at least 2"),
        ({"width": 7}, "width is 7; expected an even number of at least 2"),
        ({"steps": 120}, "steps is 120; expected a multiple of 50 of at least 50"),
        ({"batch_size": 0}, "batch_size is 0; expected an integer of at least 1"),
        ({"critic_learning_rate": math.nan}, "critic_learning_rate is nan; expected a finite number above 0"),
        ({"seed": -1}, "seed is -1; expected an integer of at least 0"),
    ],
)
def test_bad_config(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Config(**options)
