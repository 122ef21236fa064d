"""What ``loss_tracks_quality`` makes of two series, of its schedule, and of a wrong request."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from experiments.framework.artifacts import Arrays
from experiments.framework.claims import Claim
from experiments.images.loss_tracks_quality import experiment
from experiments.images.loss_tracks_quality.compute import moments, pictures, qualities
from experiments.images.loss_tracks_quality.experiment import FIRST, GAMES, GENERATORS, LOG_2, correlations
from gan_jax.cli.errors import UserError
from gan_jax.metrics import statistics

SEEDS, RECORDS = 6, 12


def as_the_paper_says() -> Arrays:
    """A run where W1 falls with KID, JS stays near log 2 by noise of its own, and a frozen generator stands still."""
    rng = np.random.default_rng(0)
    shape = (len(GENERATORS), SEEDS, RECORDS + 1)
    falling = np.exp(-np.linspace(0.0, 3.0, RECORDS + 1)) * np.ones(shape)
    falling[GENERATORS.index("frozen")] = 1.0
    arrays: Arrays = {"floor": np.asarray([0.001, 0.002])}
    for name in GAMES:
        noise = rng.normal(size=(3, *shape))
        arrays[f"{name}/kid"] = falling + 1e-3 * noise[0]
        arrays[f"{name}/kid_standard_error"] = np.full(shape, 0.01)
        steady = LOG_2 - 1e-3 * np.abs(noise[1])
        arrays[f"{name}/training"] = steady if name == "minimax" else 8.0 * falling + 1e-3 * noise[1]
        arrays[f"{name}/held_out"] = arrays[f"{name}/training"] + 1e-4 * noise[2]
        arrays[f"{name}/standard_error"] = arrays[f"{name}/slope"] = np.ones(shape)
        arrays[f"{name}/pictured"] = rng.integers(0, 256, (3, RECORDS + 1, 8, 8, 8, 1), np.uint8)
        arrays[f"{name}/step"] = np.concatenate([[0], FIRST * 2 ** np.arange(RECORDS)])
    return arrays


def failing(arrays: Arrays) -> set[str]:
    return {claim.what for claim in experiment.claims(arrays) if not claim.holds}


def claim_of(arrays: Arrays, *parts: str) -> Claim:
    (found,) = (claim for claim in experiment.claims(arrays) if all(part in claim.what for part in parts))
    return found


def test_correlation_is_spearmans_along_each_run() -> None:
    arrays = as_the_paper_says()
    found = correlations(arrays, "minimax")
    assert found.shape == (len(GENERATORS), SEEDS)
    for index in np.ndindex(found.shape):
        expected = spearmanr(arrays["minimax/training"][index], arrays["minimax/kid"][index]).statistic
        assert found[index] == pytest.approx(expected, abs=1e-12)


def test_all_claims_hold_where_all_is_as_the_paper_says() -> None:
    assert failing(as_the_paper_says()) == set()


def test_exchanging_what_the_discriminators_say_is_noticed() -> None:
    arrays = as_the_paper_says()
    for field in ("training", "held_out"):
        js, w1 = arrays[f"minimax/{field}"], arrays[f"wgan_gp/{field}"]
        arrays[f"minimax/{field}"], arrays[f"wgan_gp/{field}"] = w1, js
    failed = failing(arrays)
    for label in ("MLP", "DCGAN"):
        assert f"{label}, WGAN-GP: rank correlation of W1 estimate and KID, less 2 standard errors" in failed
        assert f"{label}: rank correlation of minimax − that of WGAN-GP, plus 2 standard errors" in failed
        assert f"{label}, minimax: JS estimate, mean over records: very close to log 2" in failed


def test_a_frozen_generator_whose_estimate_falls_is_noticed() -> None:
    arrays = as_the_paper_says()
    arrays["wgan_gp/training"][GENERATORS.index("frozen")] *= np.linspace(1.0, 0.9, RECORDS + 1)
    claim = claim_of(arrays, "frozen", "W1 estimate at the end")
    assert claim.measured == pytest.approx(-0.1, abs=1e-3)
    assert not claim.holds


def test_an_estimate_that_does_not_move_has_no_correlation_and_its_claims_do_not_hold() -> None:
    arrays = as_the_paper_says()
    arrays["minimax/training"] = np.full_like(arrays["minimax/training"], LOG_2)
    assert np.isnan(correlations(arrays, "minimax")).all()
    assert not claim_of(arrays, "frozen", "minimax", "rank correlation").holds


def test_null_of_the_control_is_the_spread_of_independent_series() -> None:
    n, trials = RECORDS + 1, 4000
    x, y = np.random.default_rng(1).normal(size=(2, trials, n))
    values = statistics.rank_correlation(x, y)
    # A variance from 4000 values has a relative standard error of about √(2 / 4000) = 2.2 %.
    assert values.var() == pytest.approx(1.0 / (n - 1), rel=4 * math.sqrt(2.0 / trials))
    expected = 2.0 / math.sqrt((n - 1) * SEEDS)
    assert claim_of(as_the_paper_says(), "frozen", "WGAN-GP", "rank correlation").tolerance == pytest.approx(expected)


def test_table_has_every_number_once() -> None:
    arrays = as_the_paper_says()
    rows = experiment.table(arrays)
    series = 2 * len(GENERATORS) * SEEDS
    assert len(rows) == series * (RECORDS + 1) * 6 + series * 2 + 2
    keys = [tuple(value for name, value in row.items() if name != "value") for row in rows]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("config", [experiment.Config(), experiment.SMOKE])
def test_records_rise_geometrically_to_the_last_step(config: experiment.Config) -> None:
    for name, last in zip(GAMES, (config.minimax_steps, config.wgan_steps), strict=True):
        found = moments(config, name)
        assert found[0] == 0
        assert found[1] == FIRST
        assert found[-1] == last
        assert len(found) == config.records + 1
        assert (np.diff(found) > 0).all()
        # Rounding moves a step by at most a half, and its logarithm by at most 1 / (2 · 10).
        if last > 100:
            gaps = np.diff(np.log(found[1:]))
            assert np.abs(gaps - gaps.mean()).max() <= 1.0 / FIRST


def test_as_many_records_as_there_are_steps_are_told_apart() -> None:
    config = replace(experiment.SMOKE, records=20, wgan_steps=30, minimax_steps=31)
    assert moments(config, "wgan_gp").tolist() == [0, *range(10, 29), 30]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"wgan_steps": 20}, r"wgan_steps is 20; expected at least 25, since records \(15\) are at different steps"),
        ({"seeds": 1}, "seeds is 1; expected an integer of at least 2"),
        ({"samples": 3}, "samples is 3; expected an integer of at least 4"),
        ({"minimax_rate": math.nan}, "minimax_rate is nan; expected a finite number above 0"),
    ],
)
def test_a_wrong_config_is_refused(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        experiment.Config(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("folder:flowers", "data is folder:flowers; expected a set with test pictures in classes"),
        ("digitz", "did you mean 'digits'"),
        ("mnist", "mnist is not prepared in .*; run: make data NAME=mnist"),
    ],
)
def test_a_set_that_cannot_be_had_is_one_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        pictures(experiment.Config(data=name, data_dir=tmp_path))


def test_held_out_pictures_are_none_that_is_learned() -> None:
    train, test = pictures(experiment.Config())
    seen = {image.tobytes() for image in train.images}
    assert len(train.images) + len(test.images) == 1797
    assert not any(image.tobytes() in seen for image in test.images)
    fewer = pictures(experiment.Config(held_out=50)).test
    assert len(fewer.images) == len(fewer.labels) == 50


def test_kid_keeps_the_axes_of_the_members() -> None:
    from gan_jax.metrics.features import Features, extract
    from gan_jax.metrics.kernel import kid

    features = Features("pixels", "none", lambda x: (x.reshape(len(x), -1), x.reshape(len(x), -1)))
    samples = np.random.default_rng(2).integers(0, 256, (2, 3, 20, 2, 2, 1), np.uint8)
    real = extract(features, samples[0, 0]).features
    done: list[None] = []
    found = qualities(samples, features, real, lambda: done.append(None))
    expected = kid(real, extract(features, samples[1, 2]).features)
    assert len(done) == 6
    assert found["kid"].shape == found["kid_standard_error"].shape == (2, 3)
    assert found["kid"][1, 2] == float(expected.value)
    assert found["kid_standard_error"][1, 2] == float(expected.standard_error)
