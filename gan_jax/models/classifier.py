"""A small convolutional classifier of images, whose last hidden layer serves as features."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float, Shaped

from gan_jax import checks
from gan_jax.models.convolutions import Conv
from gan_jax.typing import Array, PRNGKey, Variables

COARSEST = 4
"""The image is halved until its longer side is at most this."""

HE = nn.initializers.he_normal()


class Classifier(NamedTuple):
    """A classifier as two pure functions.

    Attributes:
      init: ``init(key, x) -> variables`` for a batch ``x [batch, h, w, c]``; all of it is ``"params"``.
      apply: ``apply(variables, x) -> (features [batch, d], logits [batch, classes])``; sees images one by one.
    """

    init: Callable[[PRNGKey, Shaped[Array, "batch h w c"]], Variables]
    apply: Callable[
        [Variables, Float[Array, "batch h w c"]], tuple[Float[Array, "batch d"], Float[Array, "batch classes"]]
    ]


class ConvClassifier(nn.Module):
    """3 × 3 convolutions, halved by strides, then two dense layers; ReLU between all.

    Attributes:
      classes: how many logits.
      features: width of the last hidden layer.
      width: channels of the first convolution; doubled at every halving.
      widest: channels are not doubled beyond this.
    """

    classes: int
    features: int
    width: int
    widest: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c"]) -> tuple[Float[Array, "batch d"], Float[Array, "batch classes"]]:
        """Maps images ``[batch, h, w, c]`` to ``(features [batch, d], logits [batch, classes])``."""
        width = self.width
        h = nn.relu(Conv(width, kernel_init=HE)(x))
        while max(h.shape[1:3]) > COARSEST:
            width = min(2 * width, self.widest)
            h = nn.relu(Conv(width, stride=2, kernel_init=HE)(h))
            h = nn.relu(Conv(width, kernel_init=HE)(h))
        features = nn.relu(nn.Dense(self.features, kernel_init=HE)(h.reshape(len(h), -1)))
        return features, nn.Dense(self.classes)(features)


def conv_classifier(classes: int, *, features: int = 128, width: int = 32, widest: int = 128) -> Classifier:
    """A convolutional classifier for images of 8 to 64 pixels, without normalisation.

    Args:
      classes: how many logits.
      features: width of the last hidden layer, whose values after ReLU are the features.
      width: channels of the first convolution; doubled at every halving of the image.
      widest: channels are not doubled beyond this.

    Returns:
      The classifier.

    Raises:
      ValueError: fewer than two classes, or a width below one.
    """
    checks.integer("classes", classes, 2)
    for name, value in (("features", features), ("width", width), ("widest", widest)):
        checks.integer(name, value, 1)
    module = ConvClassifier(classes, features, width, widest)

    def init(key: PRNGKey, x: Array) -> Variables:
        return module.init(key, jnp.zeros_like(x[:1]))

    def apply(variables: Variables, x: Array) -> tuple[Array, Array]:
        return cast("tuple[Array, Array]", module.apply(variables, x))

    return Classifier(init, apply)
