"""What became of a translated example: is it the right one, does it depend on what was given, and where is the way back hidden?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from gan_jax import checks, numerics
from gan_jax.typing import Array, PRNGKey


class MapError(NamedTuple):
    """How far a learned map is from the true one.

    Attributes:
      relative: relative error of the nearest of the allowed maps, ``[]``; 0 for the truth, about √2 for a guess that varies as much as it.
      nearest: which of them it is: 0 for the true map itself, i for the i-th symmetry, ``[]``.
      every: relative errors of all of them, ``[1 + symmetries]``.
    """

    relative: Float[Array, ""]
    nearest: Int[Array, ""]
    every: Float[Array, " maps"]


def map_error(
    translated: Float[Array, " n *event"],
    truth: Float[Array, " n *event"],
    symmetries: Sequence[Callable[[Float[Array, " n *event"]], Float[Array, " n *event"]]] = (),
) -> MapError:
    """``min_s √(Σ_i |G(x_i) − s(T(x_i))|² / Σ_i |T(x_i) − mean T|²)`` over the identity and the symmetries s of the target.

    A law that a map s leaves as it is cannot tell T from s ∘ T: no sample of it can, with a cycle or without.

    Args:
      translated: ``G(x)``, ``[n, *event]``.
      truth: ``T(x)`` of the same x, ``[n, *event]``.
      symmetries: of the target's law, each ``[n, *event] -> [n, *event]``; the identity is always tried.

    Returns:
      The error.

    Raises:
      ValueError: shapes that differ, fewer than two examples.

    Source: Zhu et al. 2017, section 6, on permuted labels; Moriakov, Adler & Teuwen 2020, "Kernel of CycleGAN as a principal homogeneous
      space", for the symmetries.
    """
    translated, truth = checks.floating("translated", translated), checks.floating("truth", truth)
    _same("translated", translated, "truth", truth)
    checks.at_least("examples", translated.shape[0], 2)
    away = numerics.norm(truth - jnp.mean(truth, axis=0, keepdims=True), axis=None)
    allowed = [truth, *(symmetry(truth) for symmetry in symmetries)]
    every = jnp.stack([numerics.norm(translated - one, axis=None) / away for one in allowed])
    return MapError(jnp.min(every), jnp.argmin(every), every)


def cycle_error(returned: Float[Array, " n *event"], given: Float[Array, " n *event"]) -> Float[Array, ""]:
    """``mean |F(G(x)) − x|`` over examples and entries, ``[]``: the term that training descends.

    Args:
      returned: what came back, ``[n, *event]``.
      given: what was given, ``[n, *event]``.

    Returns:
      The error, in units of the data.

    Raises:
      ValueError: shapes that differ.

    Source: Zhu et al. 2017, equation 2.
    """
    returned, given = checks.floating("returned", returned), checks.floating("given", given)
    _same("returned", returned, "given", given)
    return jnp.mean(jnp.abs(returned - given))


def distance_correlation(x: Float[Array, " n *event"], y: Float[Array, " n *other"]) -> Float[Array, ""]:
    """Distance correlation of two samples, from 0 (independent, as n grows) to 1 (``y = a + b C x``, C orthogonal), ``[]``.

    With ``A_ij`` the distances within x, less the means of its row and column and plus that of all, and B likewise of y,
    ``R² = mean A B / √(mean A² · mean B²)``. It is zero where one of the two does not vary: what is given does not matter then.

    Args:
      x: what was given, ``[n, *event]``.
      y: what was made of it, ``[n, *other event]``.

    Returns:
      The correlation.

    Raises:
      ValueError: numbers of examples that differ, fewer than two.

    Source: Székely, Rizzo & Bakirov 2007, "Measuring and testing dependence by correlation of distances", definitions 4 and 5.
    """
    x, y = checks.floating("x", x), checks.floating("y", y)
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"x has {x.shape[0]} examples and y has {y.shape[0]}; expected as many, one made of each")
    checks.at_least("examples", x.shape[0], 2)
    a, b = _centred(x), _centred(y)
    own = jnp.mean(jnp.square(a)) * jnp.mean(jnp.square(b))
    varies = own > 0.0
    squared = jnp.maximum(jnp.mean(a * b), 0.0) / jnp.sqrt(jnp.where(varies, own, 1.0))
    return jnp.where(varies, jnp.sqrt(squared), 0.0)


def _centred(x: Array) -> Array:
    """Distances within a sample, doubly centred, ``[n, n]``."""
    flat = x.reshape(x.shape[0], -1)
    away = flat - jnp.mean(flat, axis=0, keepdims=True)
    # A correlation has no unit.
    away = away / numerics.unit_of(away)
    squares = jnp.sum(jnp.square(away[:, None] - away[None]), axis=2)
    distances = jnp.sqrt(squares)
    rows = jnp.mean(distances, axis=1, keepdims=True)
    return distances - rows - rows.T + jnp.mean(distances)


def steganography(
    key: PRNGKey,
    forward: Callable[[Float[Array, " n *event"]], Float[Array, " n *event"]],
    backward: Callable[[Float[Array, " n *event"]], Float[Array, " n *event"]],
    x: Float[Array, " n *event"],
    scales: Float[Array, " k"],
) -> Float[Array, " k"]:
    """Cycle error when the translated examples are disturbed by noise: what is hidden in small differences is lost, what is shown is not.

    ``mean |F(G(x) + s ε) − x|``, ``ε ~ N(0, I)``, for every scale s. A way back that reads what everybody sees gets worse by about what the
    disturbance itself is; one that reads a hidden code gets worse by far more. It is compiled at every call, since nothing says that the
    maps are those of the last one: ``jit`` what calls it often.

    Args:
      key: of the noise, the same for all scales.
      forward, backward: G and F, ``[n, *event] -> [n, *event]``.
      x: what is given, ``[n, *event]``.
      scales: s, ``[k]``, in units of the other domain.

    Returns:
      Cycle errors, ``[k]``.

    Raises:
      ValueError: ``scales`` of another rank.

    Source: Chu, Zhmoginov & Sandler 2017, "CycleGAN, a master of steganography", section 4.
    """
    if jnp.ndim(scales) != 1:
        raise ValueError(f"scales has shape {jnp.shape(scales)}; expected [k]")
    made = forward(x)
    noise = jax.random.normal(key, made.shape)
    return jax.lax.map(lambda scale: cycle_error(backward(made + scale * noise), x), jnp.asarray(scales))


def _same(name: str, a: Array, other: str, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(f"{name} has shape {a.shape} and {other} has shape {b.shape}; expected the same")
