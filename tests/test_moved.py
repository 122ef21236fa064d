"""Where names were, they go on working, and say where they are."""

from __future__ import annotations

import importlib

import pytest

from gan_jax.data import avatar_feeds, drawn_avatars
from gan_jax.estimators import comparison, variational
from gan_jax.training import conditional, game, optimizers, translation

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
}


@pytest.mark.parametrize("name", MOVED)
def test_a_name_that_has_moved_works_and_says_where_it_is(name: str) -> None:
    module, _, last = name.rpartition(".")
    with pytest.warns(DeprecationWarning, match=f"{name} is {MOVED[name].__module__}.{MOVED[name].__name__} now"):
        assert getattr(importlib.import_module(module), last) is MOVED[name]


def test_a_name_that_never_was_is_an_attribute_error() -> None:
    for module in ("gan_jax.divergences.variational", "gan_jax.data.avatar_sets"):
        with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nonsense'"):
            getattr(importlib.import_module(module), "nonsense")  # noqa: B009
