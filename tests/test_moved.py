"""Where names were, they go on working, and say where they are."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest

from gan_jax import distributions, typing
from gan_jax.cli import options
from gan_jax.data import avatar_feeds, captions, drawn_avatars, sources
from gan_jax.estimators import comparison, variational
from gan_jax.metrics import classifier, histograms, kernel, modes
from gan_jax.models import image_pairs
from gan_jax.objectives import choice, penalties
from gan_jax.training import conditional, frozen, game, optimizers, state, translation

MOVED = {
    "gan_jax.divergences.variational.neural_estimator": variational.neural_estimator,
    "gan_jax.divergences.comparison.exact_curves": comparison.exact_curves,
    "gan_jax.data.avatar_sets.draw_set": drawn_avatars.draw_set,
    "gan_jax.data.avatar_sets.captioned": avatar_feeds.captioned,
    "gan_jax.training.translation.half_constant": optimizers.half_constant,
    "gan_jax.training.game.adversarial": game.gan,
    "gan_jax.training.game.anywhere": game.unsharded,
    "gan_jax.training.conditional.conditional": conditional.conditional_gan,
    "gan_jax.training.translation.translation": translation.cyclegan,
    "gan_jax.training.conditional.Pairs": typing.ConditionedBatch,
    "gan_jax.training.state.Player": state.PlayerState,
    "gan_jax.data.captions.what_is_said": captions.attributes_of,
    "gan_jax.metrics.histograms.reverse_kl_floor": histograms.reverse_kl_baseline,
    "gan_jax.training.state.spread": state.variance_ratio,
    "gan_jax.typing.Pairs": typing.ConditionedBatch,
    "gan_jax.distributions.Pair": distributions.DistributionPair,
    "gan_jax.distributions.pairs.Pair": distributions.DistributionPair,
    "gan_jax.models.image_pairs.Pair": image_pairs.ImagePair,
    "gan_jax.objectives.choice.one_of": choice.switch_objective,
    "gan_jax.objectives.choice.one_of_penalties": choice.switch_penalty,
    "gan_jax.metrics.modes.Assay": modes.ModeMetrics,
    "gan_jax.metrics.modes.Tally": modes.ModeCounts,
    "gan_jax.metrics.modes.lives": modes.mode_turnover,
    "gan_jax.metrics.classifier.Recipe": classifier.ClassifierRecipe,
    "gan_jax.estimators.comparison.Recipe": comparison.TrainingRecipe,
    "gan_jax.data.sources.everywhere": sources.replicate,
}


@pytest.mark.parametrize("name", MOVED)
def test_a_name_that_has_moved_works_and_says_where_it_is(name: str) -> None:
    module, _, last = name.rpartition(".")
    with pytest.warns(DeprecationWarning, match=rf"{name} is gan_jax\..*\.{MOVED[name].__name__} now"):
        assert getattr(importlib.import_module(module), last) is MOVED[name]


def test_a_name_that_never_was_is_an_attribute_error() -> None:
    for module in ("gan_jax.divergences.variational", "gan_jax.data.avatar_sets"):
        with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nonsense'"):
            getattr(importlib.import_module(module), "nonsense")  # noqa: B009


ONES = np.ones(1, int)
RENAMED = {
    "spread is variance_ratio": lambda: state.Info(*range(7)).spread == 6,
    "spread is standard_deviation": lambda: frozen.GeneratorGradient(*range(3)).spread == 2,
    "SubsetDistance.spread is standard_deviation": lambda: kernel.SubsetDistance(*range(2)).spread == 1,
    "ConditionedBatch.said is condition_attributes": lambda: typing.ConditionedBatch(*range(4)).said == 2,
    "true of ConditionedBatch is attributes": lambda: typing.ConditionedBatch(0, 1, 2, true=3).attributes == 3,
    "said of Caption._replace is condition_attributes": lambda: captions.Caption("", 1)._replace(said=2)[1] == 2,
    "said of describes is condition_attributes": lambda: bool(conditional.describes(said=ONES, attributes=ONES)),
    "spread of dragan is scale": lambda: penalties.dragan(spread=0.25) is not penalties.dragan(),
}


@pytest.mark.parametrize("name", RENAMED)
def test_a_field_or_an_argument_by_its_old_name_works_and_says_what_it_is(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{name} now"):
        assert RENAMED[name]()


def test_the_old_name_of_a_score_works() -> None:
    critic = typing.ConditionalCritic(*[lambda *_: None] * 3, lambda *_: "scores", None, lambda variables: variables)
    with pytest.warns(DeprecationWarning, match="judge is score now"):
        assert critic.judge(0, 0, 0) == "scores"


def test_an_option_by_its_old_name_is_understood() -> None:
    """On the command line and in a run's ``config.json``; what only looks like one is left alone."""

    @dataclasses.dataclass(frozen=True)
    class Options:
        discriminator_width: int = 1

    for words in (["--judge-width", "3"], ["--judge-width=3"], ["--discriminator-width", "3"]):
        assert options.parsed(Options, "train_translation", words) == Options(3)
    assert options.from_json(Options, {"judge_width": 3}, "config.json") == Options(3)
