"""Every number that a public function takes has its type and range: one sentence where it is another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from gan_jax import checks, distributions
from gan_jax.cli import image_config, train, train_translation
from gan_jax.data.sources import resident
from gan_jax.divergences import empirical, f_divergence, gaussians, generated, histogram
from gan_jax.estimators.variational import neural_estimator
from gan_jax.metrics import (
    frechet,
    histograms,
    kernel,
    modes,
    neighbours,
    report,
    score,
    statistics,
    support,
    translation,
    vendi,
)
from gan_jax.metrics.features import Extracted, Features, extract, in_unit_range
from gan_jax.models import image_pairs
from gan_jax.models.convolutions import convolution, transposed_convolution
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.objectives import costs, losses, penalties
from gan_jax.training import game, updates
from gan_jax.training.state import PlayerState
from tests.cases import cases

POINTS = np.random.default_rng(0).normal(size=(9, 2))
KEY = jax.random.key(0)
IMAGES = np.zeros((12, 8, 8, 1), np.uint8)
WEIGHTS = np.ones((3, 3, 1, 1), np.float32)
FEATURES = Features("none", "none", lambda x: (x[:, 0, :, 0], x[:, 0, :, 0]))
EXTRACTED = Extracted(np.zeros((9, 2), np.float32), np.zeros((9, 2), np.float32))

INTEGERS: dict[str, Callable[[object], object]] = {
    "sliced_wasserstein projections": lambda v: empirical.sliced_wasserstein(KEY, POINTS, POINTS, projections=v),
    "sinkhorn_divergence max_iterations": lambda v: empirical.sinkhorn_divergence(
        POINTS, POINTS, epsilon=1.0, max_iterations=v
    ),
    "histogram bins": lambda v: histogram.jensen_shannon(POINTS, POINTS, bins=v),
    "normal_cells count": generated.normal_cells,
    "normal_lattice count": generated.normal_lattice,
    "neighbours k": lambda v: neighbours.neighbours(POINTS, POINTS, k=v),
    "expected_coverage k": lambda v: neighbours.expected_coverage(20, 20, k=v),
    "expected_coverage n": lambda v: neighbours.expected_coverage(v, 20, k=1),
    "expected_coverage m": lambda v: neighbours.expected_coverage(20, v, k=1),
    "score splits": lambda v: score.inception_style_score(POINTS, splits=v),
    "kid_of_subsets subsets": lambda v: kernel.kid_of_subsets(KEY, POINTS, POINTS, subsets=v, size=5),
    "kid_of_subsets size": lambda v: kernel.kid_of_subsets(KEY, POINTS, POINTS, subsets=2, size=v),
    "support interval n": lambda v: support.interval(1, 0, v),
    "histogram n": lambda v: histograms.of_counts(np.array([9, 9]), np.array([0.5, 0.5]), n=v),
    "baseline n": lambda v: histograms.reverse_kl_baseline(v, np.array([0.5, 0.5])),
    "extract batch": lambda v: extract(FEATURES, IMAGES, batch=v),
    "evaluate k": lambda v: report.evaluate(FEATURES, IMAGES, IMAGES, k=v),
    "evaluate splits": lambda v: report.evaluate(FEATURES, IMAGES, IMAGES, splits=v),
    "scores k": lambda v: report.scores(FEATURES, EXTRACTED, EXTRACTED, k=v),
    "convolution stride": lambda v: convolution(IMAGES, WEIGHTS, stride=v),
    "convolution groups": lambda v: convolution(IMAGES, WEIGHTS, groups=v),
    "transposed_convolution stride": lambda v: transposed_convolution(IMAGES, WEIGHTS, stride=v),
}


@cases("name", INTEGERS)
@cases("value", [2.5, True, "3", None, 3j, 0], ids=repr)
def test_a_number_of_things_is_an_integer(name: str, value: object) -> None:
    if value is None and name == "histogram bins":
        return  # The default: as many as Rice's rule gives.
    argument = name.split()[-1]
    with pytest.raises(
        ValueError, match=rf"^{argument} is {re.escape(repr(value))}; expected an integer of at least \d"
    ):
        INTEGERS[name](value)


@cases("value", [np.int64(3), np.uint8(3), np.array(3), jnp.int32(3), 3])
def test_integers_of_numpy_and_jax_are_integers(value: object) -> None:
    found = checks.integer("k", value, 1, 3)
    assert type(found) is int
    assert found == 3


def test_an_integer_above_its_range_and_one_that_is_traced() -> None:
    with pytest.raises(ValueError, match="k is 4; expected an integer of at least 1 and at most 3"):
        checks.integer("k", 4, 1, 3)
    with pytest.raises(ValueError, match="k is traced; expected an integer of at least 1, known at compile time"):
        jax.jit(lambda k: checks.integer("k", k, 1))(3)


COMPLEX = np.full((9, 2), 1j)
SAMPLES: dict[str, Callable[[object], object]] = {
    "x wasserstein": lambda v: empirical.wasserstein(v, POINTS),
    "y moving_plans": lambda v: empirical.moving_plans(POINTS, v),
    "x sliced": lambda v: empirical.sliced_wasserstein(KEY, v, POINTS),
    "x sinkhorn": lambda v: empirical.sinkhorn_divergence(v, POINTS, epsilon=1.0),
    "y mmd2": lambda v: empirical.mmd2(POINTS, v, kernel=empirical.cubic),
    "x energy": lambda v: empirical.energy_distance(v, POINTS),
    "x histogram": lambda v: histogram.jensen_shannon(v, POINTS),
    "real neighbours": lambda v: neighbours.neighbours(v, POINTS, k=2),
    "fake kid": lambda v: kernel.kid(POINTS, v),
    "real fid": lambda v: frechet.fid(v, POINTS),
    "features vendi": vendi.vendi_score,
    "kernel vendi": vendi.vendi_of_kernel,
    "samples support": support.support_size,
    "mean_p frechet": lambda v: frechet.frechet_distance(v, np.eye(2), np.zeros(2), np.eye(2)),
    "cov_q frechet": lambda v: frechet.frechet_distance(np.zeros(2), np.eye(2), np.zeros(2), v),
    "logits score": score.inception_style_score,
}


@cases("name", SAMPLES)
@cases(
    "value", [COMPLEX, COMPLEX.tolist(), [["a", "b"]], [[1.0], [1.0, 2.0]]], ids=["complex", "list", "words", "ragged"]
)
def test_samples_are_real_numbers(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name.split()[0]} (has the type|is no array) .*expected real numbers"):
        SAMPLES[name](value)


REALS: dict[str, Callable[[object], object]] = {
    "order wasserstein": lambda v: empirical.wasserstein(POINTS, POINTS, order=v),
    "order sliced": lambda v: empirical.sliced_wasserstein(KEY, POINTS, POINTS, order=v),
    "epsilon sinkhorn": lambda v: empirical.sinkhorn_divergence(POINTS, POINTS, epsilon=v),
    "threshold sinkhorn": lambda v: empirical.sinkhorn_divergence(POINTS, POINTS, epsilon=1.0, threshold=v),
    "bandwidth gaussian": empirical.gaussian,
    "bandwidth laplacian": empirical.laplacian,
    "radius support": lambda v: support.support_size(POINTS, radius=v),
    "level support": lambda v: support.support_size(POINTS, level=v),
    "level histogram": lambda v: histograms.interval(1, 9, level=v),
    "share histogram": lambda v: histograms.of_counts(np.array([9, 9]), np.array([0.5, 0.5]), n=20, share=v),
}


@cases("name", REALS)
@cases("value", [1j, "1", None, True, np.nan, np.inf, -1.0], ids=repr)
def test_a_real_number_is_one_in_its_range(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name.split()[0]} .*expected "):
        REALS[name](value)


def refuses(check: Callable[..., object], *arguments: object, **options: object) -> bool:
    try:
        check("n", *arguments, **options)
    except ValueError:
        return True
    return False


def test_ends_of_a_range_belong_to_it_or_do_not() -> None:
    for value, refused in ((0, True), (1, False), (3, False), (4, True)):
        assert refuses(checks.integer, value, 1, 3) is refused, value
    for strict in (False, True):
        assert [refuses(checks.at_least, v, 1.0, strict=strict) for v in (0.5, 1.0, 1.5)] == [True, strict, False]
    assert [refuses(checks.between, v, 1.0, 2.0) for v in (1.0, 1.5, 2.0)] == [True, False, True]
    for low in (False, True):
        for high in (False, True):
            ends = [
                refuses(checks.within, v, 1.0, 2.0, low_open=low, high_open=high) for v in (0.5, 1.0, 1.5, 2.0, 2.5)
            ]
            assert ends == [True, low, False, high, True]


def test_pixels_that_look_like_those_of_another_range_are_named() -> None:
    unit = np.linspace(0.0, 1.0, 16, dtype=np.float32).reshape(1, 4, 4, 1)
    with pytest.warns(UserWarning, match="mine has no pixel below 0 .*expected 2 x - 1 of pixels x in"):
        np.testing.assert_array_equal(in_unit_range("mine", unit), unit)
    with pytest.warns(UserWarning, match="real_images has no pixel below 0"):
        extract(FEATURES, unit, name="real_images")
    # Neither grey pictures nor those of the right range are.
    in_unit_range("mine", 2.0 * unit - 1.0)
    in_unit_range("mine", 0.0 * unit)


@cases(
    ("names", "wrong", "sentence"),
    [
        (losses.OBJECTIVES, "wgan", "objective is 'wgan'; did you mean 'wasserstein'? expected one of 'minimax', "),
        (losses.OBJECTIVES, "LSGAN", "objective is 'LSGAN'; did you mean 'least_squares'? expected"),
        (losses.OBJECTIVES, "wassertein", "objective is 'wassertein'; did you mean 'wasserstein'? expected"),
        (losses.OBJECTIVES, "qqq", "objective is 'qqq'; expected one of"),
        (penalties.PENALTIES, "r1_r2", "penalty is 'r1_r2'; did you mean 'r1_and_r2'? expected one of 'gp', "),
        (costs.COSTS, "Sinkhorn", "cost is 'Sinkhorn'; did you mean 'sinkhorn'? expected one of 'mmd', "),
        (updates.UPDATES, "alternate", "update is 'alternate'; did you mean 'alternating'? expected one of"),
        (image_pairs.PAIRS, "dc_gan", "pair is 'dc_gan'; did you mean 'dcgan'? expected one of 'mlp', "),
        (distributions.PAIRS, "gaussian", "pair is 'gaussian'; did you mean 'gaussians'? expected one of"),
        (f_divergence.F_DIVERGENCES, "KL", "f-divergence is 'KL'; did you mean 'kl'? expected one of 'kl', "),
    ],
)
def test_a_name_that_no_table_has_is_told_the_near_one(names: Mapping[str, object], wrong: str, sentence: str) -> None:
    with pytest.raises(KeyError) as caught:
        names[wrong]
    assert caught.value.args[0].startswith(sentence)
    # It is a mapping as any other.
    assert wrong not in names
    assert names.get(wrong) is None
    assert {**names} == dict(names.items())
    assert all(names[name] is value for name, value in names.items())
    with pytest.raises(TypeError):
        names[wrong] = None  # type: ignore[index]


def test_every_other_word_of_the_field_is_a_name_and_is_understood_where_one_is_asked_for() -> None:
    for word in ("gan", "wgan", "wgan-gp", "lsgan", "nsgan", "rsgan", "rasgan"):
        assert losses.OBJECTIVES.meant(word) in losses.OBJECTIVES
    with pytest.raises(ValueError, match=r"rule\.objective is 'WGAN'; did you mean 'wasserstein'"):
        checks.one_of("rule.objective", "WGAN", losses.OBJECTIVES)
    with pytest.raises(
        TypeError, match=re.escape("objective is 'wgan'; expected an Objective, such as losses.wasserstein()")
    ):
        losses.check_objective("wgan")


NUMBERS = np.random.default_rng(1).integers(-200, 200, size=(24, 2)) * 128.0
"""Whole numbers that half precision and bfloat16 have exactly; squares and cubes of them they have not."""

KINDS: dict[str, Callable[[np.ndarray], object]] = {
    "half precision": lambda x: x.astype(np.float16),
    "bfloat16": lambda x: jnp.asarray(x / 128.0, jnp.bfloat16) * 128,
    "the other order of bytes": lambda x: x.astype(">f4"),
    "whole numbers in the other order": lambda x: x.astype(">i4"),
    "80 bits": lambda x: x.astype(np.longdouble),
    "masks that mask nothing": lambda x: np.ma.masked_array(x),
}

SCORES: dict[str, Callable[[object, object], object]] = {
    "kid": lambda x, y: kernel.kid(x, y).value,
    "energy": empirical.energy_distance,
    "sliced": lambda x, y: empirical.sliced_wasserstein(jax.random.key(0), x, y, projections=2),
    "histogram": lambda x, y: histogram.jensen_shannon(x, y, bins=5),
}


@pytest.mark.slow
@pytest.mark.parametrize("score", SCORES)
def test_numbers_are_the_same_whatever_they_are_stored_as(score: str) -> None:
    x, y = NUMBERS[:10], NUMBERS[10:]
    expected = SCORES[score](x.astype(np.float32), y.astype(np.float32))
    for kind, stored in KINDS.items():
        np.testing.assert_allclose(SCORES[score](stored(x), stored(y)), expected, rtol=1e-6, err_msg=kind)
    eighth = jnp.asarray(x / 1280.0, jnp.float8_e4m3fn)
    np.testing.assert_allclose(
        SCORES[score](eighth, eighth[:7]), SCORES[score](*(part.astype(jnp.float32) for part in (eighth, eighth[:7])))
    )


@pytest.mark.parametrize("score", SCORES)
def test_masked_entries_are_no_numbers(score: str) -> None:
    hidden = np.ma.masked_array(NUMBERS, mask=NUMBERS > 20_000.0)
    with pytest.raises(ValueError, match=rf"has {int(np.sum(NUMBERS > 20_000.0))} masked entries; expected numbers"):
        SCORES[score](hidden, NUMBERS)


def test_a_function_by_its_place_is_imported_when_it_is_called() -> None:
    at = checks.At("gan_jax.objectives.losses:least_squares")
    assert at(fake_label=-1.0) is losses.least_squares(fake_label=-1.0)
    assert at == checks.At("gan_jax.objectives.losses:least_squares")
    with pytest.raises(ValueError, match=r"there is no module 'gan_jax.objectives.mine'"):
        checks.At("gan_jax.objectives.mine:mine")()
    with pytest.raises(
        ValueError, match=r"no module 'gan_jax.objectives.loses'; did you mean 'gan_jax.objectives.losses'\?"
    ):
        checks.At("gan_jax.objectives.loses:minimax")()
    with pytest.raises(ValueError, match=r"path is 'gan_jax.objectives.losses'; expected 'module:function'"):
        checks.At("gan_jax.objectives.losses")()
    with pytest.raises(ValueError, match=r"is 'least_square'; did you mean 'least_squares'\?"):
        checks.At("gan_jax.objectives.losses:least_square")()


def test_samples_that_rounding_does_not_tell_apart_are_warned_of() -> None:
    near = np.random.default_rng(0).normal(size=(50, 2))
    # Five digits are left; and a coordinate that does not move has none to lose.
    np.testing.assert_allclose(checks.samples("x", near + 1e4), near + 1e4, rtol=1e-7)
    checks.samples("x", np.column_stack([near, np.full(50, 0.1)]))
    for far in (near + 1e9, np.arange(2**24, 2**24 + 3, dtype=np.int32)[:, None], jnp.arange(2**24, 2**24 + 3)):
        with pytest.warns(UserWarning, match="is computed in float32: rounding moves its numbers by up to"):
            checks.samples("x", far)
    with jax.enable_x64(True):
        checks.samples("x", near + 1e9)


def test_natural_mistakes_are_named() -> None:
    generator = mlp_generator((4,))
    side = PlayerState(generator.init(jax.random.key(0)), ())
    with pytest.raises(
        TypeError, match=r"variables is a PlayerState; expected what it holds, such as state\.generator\.variables"
    ):
        generator.apply(side, jnp.zeros((1, 2)))
    # A law is a function too, of no name.
    with pytest.raises(TypeError, match=r"^objective is (?!the function).*expected an Objective"):
        losses.check_objective(dist.Normal(0.0, 1.0))
    with pytest.raises(ValueError, match="rate is larger than numbers of 64 bits are; expected"):
        checks.at_least("rate", 10**400, 0.0)
    with pytest.raises(ValueError, match=r"images is 'digits'; expected an ImageSet, such as sets\.load\('digits'\)"):
        resident("digits")


def test_lists_are_numbers_and_arguments_in_the_other_order_are_named() -> None:
    assert statistics.rank_correlation([1, 2, 3], [3, 2, 1]) == -1.0
    assert float(translation.distance_correlation([[1.0], [2.0], [4.0]], [[1.0], [3.0], [7.0]])) == pytest.approx(1.0)
    assert float(translation.cycle_error([[1.0]], [[3.0]])) == 2.0
    with pytest.raises((TypeError, ValueError), match=r"^samples has .*; expected real numbers"):
        modes.tally(distributions.gaussian_ring(), np.zeros((4, 2)))


def test_the_last_line_of_a_run_says_how_it_ended(tmp_path: Path) -> None:
    made = image_config.Config(out=tmp_path)
    assert train._summary(made, 7, True) == f"{tmp_path}: all 7 steps made"
    stopped = f"{tmp_path}: stopped at step 7 of {made.schedule.steps}, saved; the same command goes on from here"
    assert train._summary(made, 7, False) == stopped
    more = (
        f"{tmp_path}: {made.schedule.steps + 1} steps were made before, more than the {made.schedule.steps} asked for"
    )
    assert train._summary(made, made.schedule.steps + 1, True) == more
    both = train_translation.Config(out=tmp_path)
    stopped = f"{tmp_path}: stopped at step 7 of {both.schedule.steps}, saved; the same command goes on from here"
    assert train_translation._summary(both, 7, False) == stopped


def test_what_is_asked_of_laws_and_samplers_is_said() -> None:
    assert gaussians.gaussian_mixture(dist.Poisson(1.0)) is None
    with pytest.raises(ValueError, match=r"data has batch shape \(3,\); expected a single distribution"):
        game.gan(
            losses.minimax(),
            mlp_generator((4,)),
            mlp((4,)),
            dist.Normal(jnp.zeros(3), 1.0),
            updates.alternating(),
            batch_size=4,
        )
    estimate = neural_estimator(losses.minimax(), mlp((4,)), steps=2, batch_size=4, held_out=8)
    with pytest.raises(ValueError, match=r"gives shape \(1, 1\) for a batch of 8; expected \[batch, \*event\]"):
        estimate(0, lambda key, n: jnp.zeros(1), dist.Normal(0.0, 1.0))
    # Beyond 32 bits: JAX would take 2^40 for 0.
    for seed in (2**40, 2**32, -(2**31) - 1, 10**20):
        with pytest.raises(ValueError, match="expected a seed from"):
            checks.key("key", seed)
    for seed in (2**32 - 1, -(2**31)):
        assert checks.key("key", seed) == jax.random.key(seed)
    assert repr(losses.OBJECTIVES).startswith("{'minimax': ")
