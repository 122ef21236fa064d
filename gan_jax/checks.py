"""Borders: what a user can get wrong, answered in one sentence that names the argument, the value and what was expected.

Values are looked at where they are concrete; inside ``jit``, ``vmap`` and ``grad`` only shapes and static arguments are checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.typing import Array


def is_concrete(value: object) -> bool:
    """Whether ``value`` can be looked at now (it is not a tracer)."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))


def samples(name: str, value: object) -> Array:
    """Returns ``value`` as samples ``[n, d]`` of a floating type.

    Args:
      name: what the caller's user called the argument.
      value: array-like ``[n]`` (read as ``[n, 1]``) or ``[n, d]``.

    Returns:
      The array ``[n, d]``.

    Raises:
      ValueError: not one- or two-dimensional, empty, or (where concrete) not finite.
    """
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(jnp.result_type(float))
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}; expected samples of shape [n, d] (or [n] for one dimension)")
    if array.ndim == 1:
        array = array[:, None]
    if 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; expected at least one sample of at least one dimension")
    finite(name, array)
    return array


def finite(name: str, value: object) -> None:
    """Raises ``ValueError`` where a concrete ``value`` holds NaN or infinity."""
    if is_concrete(value):
        bad = int(np.sum(~np.isfinite(np.asarray(value))))
        if bad:
            raise ValueError(f"{name} holds {bad} value(s) that are NaN or infinite; expected finite numbers")


def same_dimension(x_name: str, x: Array, y_name: str, y: Array) -> None:
    """Raises ``ValueError`` unless ``x [n, d]`` and ``y [m, d]`` share ``d``."""
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"{x_name} has shape {x.shape} and {y_name} has shape {y.shape}; expected the same shape of one sample"
        )


def one_of(name: str, value: str, choices: Iterable[str]) -> str:
    """Returns ``value`` where it is one of ``choices``.

    Raises:
      ValueError: an unknown name; the message gives the nearest one.
    """
    known = list(choices)
    if value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"{name} is {value!r}; {hint}expected one of {', '.join(map(repr, known))}")


def at_least(name: str, value: float | Array, low: float, *, strict: bool = False) -> None:
    """Raises ``ValueError`` where a concrete ``value`` is not ``>= low`` (``> low`` where ``strict``), or is NaN."""
    if is_concrete(value):
        array = np.asarray(value)
        if not bool(np.all(array > low if strict else array >= low)):
            raise ValueError(f"{name} is {value}; expected a value {'above' if strict else 'of at least'} {low:g}")
