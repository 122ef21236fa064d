"""A value with its error, and what is done with a value whose error is too large: it is never returned in silence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from gan_jax import checks
from gan_jax.typing import Array, Distribution


class ExactValue(NamedTuple):
    """A value and an estimate of how far it may be from the truth.

    Attributes:
      value: ``[]``.
      error: ``[]``, ``>= 0``, in units of the value; 0 for a closed form, which rounding alone limits.
    """

    value: Float[Array, ""]
    error: Float[Array, ""]


KINKED = 1e-4
"""The relative error that total variation in the plane may have, in either precision: cells become small along its kink, no more."""


def closed_form(value: Float[Array, ""]) -> ExactValue:
    """A value that rounding alone limits."""
    return ExactValue(value, jnp.zeros_like(value))


def mapped(result: ExactValue, function: Callable[[Array], Array]) -> ExactValue:
    """``function`` of a value, with the error that it has on both sides of it (a root near 0 has no useful derivative)."""
    value = function(result.value)
    low, high = (
        jax.lax.stop_gradient(function(jnp.maximum(result.value + sign * result.error, 0.0))) for sign in (-1.0, 1.0)
    )
    still = jax.lax.stop_gradient(value)
    # Where the value is infinite, so is an end of the interval, and there is no distance between them.
    error = jnp.where(jnp.isfinite(still), jnp.maximum(high - still, still - low), result.error)
    return ExactValue(value, error)


def beyond_rounding(error: Array, length: Array) -> Array:
    """What is left of a distance's error when 16 roundings of ``length``, the size of what was subtracted, are allowed for."""
    allowed = 16.0 * jnp.finfo(error.dtype).eps * jax.lax.stop_gradient(length)
    return jnp.maximum(error - jnp.where(allowed < jnp.inf, allowed, 0.0), 0.0)


def rounding_of_places(length: Array, width: Array) -> Array:
    """How far the places of narrow laws far from 0 are off by rounding: one of ``length``, of which 16 ``width`` are free.

    Args:
      length: how far from 0 the laws are.
      width: how wide they are: nearer to 0 than 16 of it, places are as good as differences of them.
    """
    away = jax.lax.stop_gradient(jnp.maximum(length - 16.0 * width, 0.0))
    return jnp.finfo(length.dtype).eps * jnp.where(away < jnp.inf, away, 0.0)


def tolerance(value: Array, scale: Array | float = 1.0, relative: float | None = None) -> Array:
    """The error that a value may have: 1e-6 of it in double precision, 1e-4 in single, and 16 roundings of ``scale``.

    Args:
      value: what was computed.
      scale: the size of what was added up: 1 for the mass of two laws, a length for a distance.
      relative: a share of the value in place of those (``KINKED``).
    """
    if relative is None:
        relative = 1e-6 if value.dtype == jnp.float64 else 1e-4
    return relative * jnp.abs(value) + 16.0 * jnp.finfo(value.dtype).eps * scale


def accepted(
    what: str,
    result: ExactValue,
    p: Distribution,
    q: Distribution,
    scale: Array | float = 1.0,
    relative: float | None = None,
) -> Array:
    """The value where its error is within ``tolerance``; beyond, NaN where it is traced and an error where it is known.

    Raises:
      ValueError: a concrete value with too large an error.
    """
    value, error = result
    most = tolerance(value, scale, relative)
    # An infinite value is as sure as what it was concluded from.
    good = jax.lax.stop_gradient((error <= most) & (error != jnp.inf))
    if checks.is_concrete((value, error)) and not bool(good) and not bool(jnp.isnan(value)):
        if not math.isfinite(float(value)):
            raise ValueError(
                f"{what} of {type(p).__name__} and {type(q).__name__} may be infinite, which nothing that was computed proves; "
                "exact.with_error returns what was found"
            )
        raise ValueError(
            f"{what} of {type(p).__name__} and {type(q).__name__} is {float(value):.9g} with an error of up to "
            f"{float(error):.2g}; expected at most {float(most):.2g}: "
            "exact.with_error returns both"
        )
    return jnp.where(good, value, jnp.nan)
