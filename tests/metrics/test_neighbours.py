"""Precision, recall, density and coverage against their definitions, closed forms and published values."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan_jax.divergences import kernels
from gan_jax.metrics import neighbours as module
from gan_jax.metrics.neighbours import Neighbours, expected_coverage, neighbours
from tests.cases import cases


def definition(x: np.ndarray, y: np.ndarray, k: int) -> Neighbours:
    # The zeroth neighbour is the sample itself.
    real_radii, fake_radii = (np.sort(cdist(z, z), axis=1)[:, k] for z in (x, y))
    between = cdist(x, y)
    in_real, in_fake = between <= real_radii[:, None], between <= fake_radii[None, :]
    return Neighbours(
        in_real.any(axis=0).mean(), in_fake.any(axis=1).mean(), in_real.sum() / (k * len(y)), in_real.any(axis=1).mean()
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_equals_its_definition_also_in_blocks(monkeypatch: pytest.MonkeyPatch, k: int) -> None:
    rng = np.random.default_rng(k)
    x, y = rng.normal(size=(70, 6)), 0.8 * rng.normal(size=(90, 6)) + 0.3
    monkeypatch.setattr(kernels, "BLOCK_ENTRIES", 90 * 16)
    module._radii.clear_cache()  # type: ignore[attr-defined]
    module._counts.clear_cache()  # type: ignore[attr-defined]
    np.testing.assert_allclose(neighbours(x, y, k=k), definition(x, y, k), rtol=1e-12)


def test_distances_far_from_the_origin_are_those_of_float64() -> None:
    rng = np.random.default_rng(0)
    # 1e-3 apart at 1000 from the origin and from each other: ‖x‖² + ‖y‖² − 2 x·y in float32 has no digit of it.
    places = rng.normal(size=(5, 40), scale=1000.0)
    x, y = ((places[:, None] + rng.normal(size=(5, 30, 40), scale=1e-3)).reshape(150, 40) for _ in range(2))
    with jax.enable_x64(True):
        found = np.asarray(module.squared_distances(jnp.asarray(x), jnp.asarray(y)))
    expected = cdist(x, y)
    np.testing.assert_allclose(np.sqrt(found), expected, rtol=1e-3)
    np.testing.assert_allclose(neighbours(x, y, k=4), definition(x, y, 4), atol=0.01)


def test_copies_are_at_distance_zero() -> None:
    x = np.random.default_rng(1).normal(size=(50, 64)).astype(np.float32)
    with jax.enable_x64(True):
        wide = jnp.asarray(x, jnp.float64)
        squares = np.asarray(module.squared_distances(wide, wide))
    assert squares.dtype == np.float32
    assert np.all(np.diagonal(squares) == 0)
    # A generator that repeats k + 1 real pictures: right every time, and 10 of 50 balls reached or so, never more.
    fakes = np.repeat(x[:4], 10, axis=0)
    found = neighbours(x, fakes, k=3)
    assert found.precision == 1.0
    assert found.recall == pytest.approx(4 / 50)
    assert found.coverage == pytest.approx(definition(x.astype(np.float64), fakes.astype(np.float64), 3).coverage)
    assert neighbours(x, x, k=3)[:2] == (1.0, 1.0)


@pytest.mark.slow
@cases("columns", [12, 401])
@cases("k", [1, 2, 5, 11])
def test_kth_smallest_counts_equal_ones_one_by_one(k: int, columns: int) -> None:
    values = np.random.default_rng(k).integers(0, columns // 2, (40, columns)).astype(np.float32)
    values[:, 3] = np.inf
    values[0, 4:] = 7.0
    np.testing.assert_array_equal(module._kth_smallest(jnp.asarray(values), k), np.sort(values, axis=1)[:, k - 1])


def test_ten_thousand_samples_need_no_matrix_of_all_pairs() -> None:
    n, d = 10_000, 64
    with jax.enable_x64(True):
        x, radii = jax.ShapeDtypeStruct((n, d), jnp.float64), jax.ShapeDtypeStruct((n,), jnp.float32)
        programs = module._radii.lower(x, k=5), module._counts.lower(x, x, radii, radii)
        held = [program.compile().memory_analysis() for program in programs]
    assert all(analysis is not None for analysis in held)
    # One such matrix of float32 has 400 MB.
    assert max(analysis.temp_size_in_bytes for analysis in held if analysis is not None) < 4 * n**2 / 2


def test_place_scale_and_order_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(60, 5)), rng.normal(size=(60, 5)) + 0.2
    expected = neighbours(x, y, k=2)
    np.testing.assert_allclose(neighbours(1e25 * x, 1e25 * y, k=2), expected)
    np.testing.assert_allclose(neighbours(1e-25 * x[::-1], 1e-25 * y[::-1], k=2), expected)
    assert neighbours(y, x, k=2).precision == expected.recall


def test_far_laws_have_nothing_in_common() -> None:
    rng = np.random.default_rng(3)
    assert neighbours(rng.normal(size=(60, 5)), rng.normal(size=(60, 5)) + 100.0, k=2) == (0.0, 0.0, 0.0, 0.0)


def test_expectations_where_the_laws_are_equal() -> None:
    rng = np.random.default_rng(4)
    n, m, k, runs = 100, 60, 5, 150
    found = np.array([neighbours(rng.normal(size=(n, 3)), rng.normal(size=(m, 3)), k=k) for _ in range(runs)])
    for column, expected in ((2, 1.0), (3, expected_coverage(n, m, k=k))):
        error = found[:, column].std(ddof=1) / np.sqrt(runs)
        assert abs(found[:, column].mean() - expected) < 4 * error


def test_expected_coverage_at_large_equal_numbers_tends_to_one_minus_two_to_the_minus_k() -> None:
    assert expected_coverage(10**7, 10**7, k=5) == pytest.approx(1 - 2**-5, abs=1e-6)
    assert expected_coverage(2, 1, k=1) == pytest.approx(0.5)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_published_values_of_ten_thousand_in_a_thousand_dimensions() -> None:
    keys = jax.random.split(jax.random.key(0))
    real, fake = (np.asarray(jax.random.normal(key, (10_000, 1000))) for key in keys)
    found = neighbours(real, fake, k=5)
    # Naeem et al. 2020, one draw; here another. In 1000 dimensions a few samples lie in very many balls: over draws the density has a
    # standard deviation of 0.045 (that of the number of balls around a fake one, over k √m), the others these.
    deviations = np.array([0.017, 0.017, 0.045, 0.0075])
    differences = np.abs(np.array(found) - (0.4772, 0.4705, 1.0555, 0.9735))
    assert np.all(differences < 3 * np.sqrt(2) * deviations)
    assert abs(found.density - 1.0) < 3 * deviations[2]
    assert abs(found.coverage - expected_coverage(10_000, 10_000, k=5)) < 3 * deviations[3]


@cases(
    ("call", "words"),
    [
        (
            lambda: neighbours(np.full((9, 2), np.nan), np.zeros((9, 2))),
            "real holds 18 value.* NaN or infinite; expected finite",
        ),
        (
            lambda: neighbours(np.zeros((5, 2)), np.zeros((9, 2)), k=5),
            "k is 5 and real has 5 samples; expected k below",
        ),
        (
            lambda: neighbours(np.zeros((9, 2)), np.zeros((5, 2)), k=7),
            "k is 7 and fake has 5 samples; expected k below",
        ),
        (lambda: neighbours(np.zeros((9, 2)), np.zeros((1, 2)), k=1), r"fake has 1 sample\(s\); expected at least 2"),
        (lambda: neighbours(np.zeros((9, 2)), np.zeros((9, 3)), k=1), "real has 2 features a sample and fake has 3"),
        (lambda: neighbours(np.zeros((9, 2)), np.zeros((9, 2)), k=0), "k is 0; expected an integer of at least 1"),
        (lambda: expected_coverage(5, 5, k=5), "n is 5; expected an integer of at least 6"),
    ],
)
def test_bad_input_is_one_sentence(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
