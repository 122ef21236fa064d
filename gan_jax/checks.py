"""Borders: what a user can get wrong, answered in one sentence that names the argument, the value and what was expected.

Values are looked at where they are concrete; inside ``jit``, ``vmap`` and ``grad`` only shapes and static arguments are checked.
"""

from __future__ import annotations

import difflib
import operator
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
      ValueError: no real numbers, not one- or two-dimensional, empty, or (where concrete) not finite.
    """
    array = jnp.asarray(real(name, value))
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


def real(name: str, value: object) -> Array | np.ndarray:
    """Returns ``value`` as an array of real numbers, of the type that it has.

    Raises:
      ValueError: complex numbers, words, or a list whose rows differ in length.
    """
    if isinstance(value, jax.Array) or not is_concrete(value):
        array: Array | np.ndarray = jnp.asarray(value)
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name} is no array ({error}); expected real numbers") from error
    if not (jnp.issubdtype(array.dtype, jnp.bool_) or jnp.issubdtype(array.dtype, jnp.number)) or jnp.issubdtype(
        array.dtype, jnp.complexfloating
    ):
        raise ValueError(f"{name} has the type {array.dtype}; expected real numbers")
    return array


def finite(name: str, value: object) -> None:
    """Raises ``ValueError`` where a concrete ``value`` holds NaN or infinity, or no real numbers."""
    if is_concrete(value):
        bad = int(np.sum(~np.isfinite(real(name, value))))
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


def at_least(name: str, value: object, low: float, *, strict: bool = False) -> None:
    """Raises ``ValueError`` where a concrete ``value`` is no real number ``>= low`` (``> low`` where ``strict``), or is NaN."""
    expected = f"a value {'above' if strict else 'of at least'} {low:g}"
    if is_concrete(value):
        array = _numbers(name, value, expected)
        if not bool(np.all(array > low if strict else array >= low)):
            raise ValueError(f"{name} is {value}; expected {expected}")


def between(name: str, value: object, low: float, high: float) -> None:
    """Raises ``ValueError`` where a concrete ``value`` is no real number with ``low < value < high``, or is NaN."""
    expected = f"a value between {low:g} and {high:g}"
    if is_concrete(value):
        array = _numbers(name, value, expected)
        if not bool(np.all((low < array) & (array < high))):
            raise ValueError(f"{name} is {value}; expected {expected}")


def integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """Returns ``value`` where it is an integer of at least ``low`` and at most ``high``.

    Args:
      name: what the caller's user called the argument.
      value: a Python integer, or one of NumPy or JAX that is known at compile time. Neither 2.0 nor True is one.
      low: the least that it may be.
      high: the most, where there is such a bound.

    Returns:
      A Python integer.

    Raises:
      ValueError: another type, or an integer out of range.
    """
    upper = "" if high is None else f" and at most {high}"
    expected = f"an integer of at least {low}{upper}"
    if isinstance(value, jax.core.Tracer):
        raise ValueError(f"{name} is traced; expected {expected}, known at compile time")
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # what it is for: not all objects are integers
    except TypeError:
        raise ValueError(f"{name} is {value!r}; expected {expected}") from None
    if isinstance(value, bool) or number < low or (high is not None and number > high):
        raise ValueError(f"{name} is {value}; expected {expected}")
    return number


def _numbers(name: str, value: object, expected: str) -> np.ndarray:
    """The array of a concrete value, whose type is neither boolean nor complex nor no number at all."""
    array = np.asarray(value)
    is_number = jnp.issubdtype(array.dtype, jnp.integer) or jnp.issubdtype(array.dtype, jnp.floating)
    if not is_number:
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    return array
