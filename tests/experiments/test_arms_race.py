"""How ``arms_race`` reads tracking off two series, and what its figure refuses."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.game.arms_race import experiment as arms_race
from experiments.game.arms_race.experiment import Series
from gan_jax.plots.arms_race import OnLine, Strip
from gan_jax.plots.arms_race import arms_race as figure
from gan_jax.plots.arms_race import arms_race_animation as animation


def wandering(seeds: int = 4, length: int = 80) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).normal(size=(seeds, length)), axis=1)


@pytest.mark.parametrize("delay", [0, 3, 9])
def test_a_delayed_copy_has_its_delay_for_lag(delay: int) -> None:
    exact = wandering()
    estimate = np.concatenate([np.zeros((4, delay)), exact[:, : 80 - delay]], axis=1)
    found = Series(20.0 * np.arange(1, 81), exact, estimate, estimate)
    assert arms_race.lag(found) == (20.0 * delay, 0.0)
    lags, values = arms_race.correlation_at_lags(found)
    assert lags[-1] == 20.0 * 20
    np.testing.assert_allclose(values[:, delay], 1.0, atol=1e-12)
    gain = arms_race.gain_by_lag(found)
    assert (gain > 0).all() if delay else (gain == 0).all()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"steps": 10, "records": 4, "transport_every": 2}, "steps is 10; expected a multiple of records, which is 4"),
        ({"records": 80, "transport_every": 3}, "records is 80; expected a multiple of transport_every, which is 3"),
        ({"bins": 3}, "bins is 3; expected an even number of at least 2"),
        ({"output_noise": 0.01}, "output_noise is 0.01; expected at least the step 0.08 of the grid"),
    ],
)
def test_a_wrong_config_is_refused(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        arms_race.Config(**wrong)  # type: ignore[arg-type]


def test_strips_of_different_lengths_are_refused() -> None:
    x = np.linspace(-1.0, 1.0, 5)
    moment = OnLine(0, x, x, x, x)
    strips = [Strip("a", [moment], True), Strip("b", [moment, moment], True)]
    with pytest.raises(ValueError, match=r"strips have \[1, 2\] moments"):
        figure(strips, [[]])
    with pytest.raises(ValueError, match=r"strips have \[1, 2\] moments"):
        animation(strips)
    with pytest.raises(ValueError, match=r"strips have \[\] moments"):
        animation([])
