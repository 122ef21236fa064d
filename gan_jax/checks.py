"""Borders: what a user can get wrong, answered in one sentence that names the argument, the value and what was expected.

Values are looked at where they are concrete; inside ``jit``, ``vmap`` and ``grad`` only shapes and static arguments are checked.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import operator
import pkgutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.typing import Array, PRNGKey

Value = TypeVar("Value")


def is_concrete(value: object) -> bool:
    """Whether ``value`` can be looked at now (it is not a tracer)."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))


def samples(name: str, value: object) -> Array:
    """Returns ``value`` as samples ``[n, d]`` of a floating type of at least 32 bits: sums over pairs leave the range of fewer.

    Args:
      name: what the caller's user called the argument.
      value: array-like ``[n]`` (read as ``[n, 1]``) or ``[n, d]``.

    Returns:
      The array ``[n, d]``.

    Raises:
      ValueError: no real numbers, not one- or two-dimensional, empty, or (where concrete) not finite.

    Warns:
      UserWarning: numbers of a wider type than they are computed in, where that moves them by more than a thousandth of their range.
    """
    given = real(name, value)
    array = _floating(given)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}; expected samples of shape [n, d] (or [n] for one dimension)")
    if array.ndim == 1:
        array = array[:, None]
    if 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; expected at least one sample of at least one dimension")
    finite(name, array)
    if given.dtype != array.dtype and is_concrete(given):
        _warn_where_rounded(name, np.asarray(given).reshape(array.shape), array.dtype)
    return array


def floating(name: str, value: object) -> Array:
    """Returns ``value`` as an array of a floating type of at least 32 bits: differences of bytes would wrap around.

    Raises:
      ValueError: no real numbers, none at all, or (where concrete) not finite.
    """
    array = _floating(real(name, value))
    if 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; expected at least one example")
    finite(name, array)
    return array


def _floating(given: Array | np.ndarray) -> Array:
    array = jnp.asarray(given)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return array.astype(jnp.result_type(float))
    return array.astype(jnp.float32) if array.dtype.itemsize < 4 else array


def _warn_where_rounded(name: str, given: np.ndarray, dtype: np.dtype) -> None:
    wide = given.astype(np.float64)
    moved, reach = np.max(np.abs(given.astype(dtype).astype(np.float64) - wide), axis=0), np.ptp(wide, axis=0)
    if np.any((reach > 0) & (moved > 1e-3 * reach)):
        warnings.warn(
            f"{name} has the type {given.dtype} and is computed in {dtype}: rounding moves its numbers by up to {np.max(moved):.3g}, which "
            "is not small beside their range; expected samples that are centred (distances do not change), or jax.enable_x64(True)",
            stacklevel=5,
        )


def real(name: str, value: object) -> Array | np.ndarray:
    """Returns ``value`` as an array of real numbers, of the type that it has, or of the nearest that JAX knows.

    Raises:
      ValueError: complex numbers, words, a list whose rows differ in length, or entries that are masked.
    """
    unmasked(name, value)
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
    if isinstance(array, np.ndarray):
        # Numbers of another machine's order of bytes, and of more than 64 bits, are none of JAX's.
        wide = array.dtype.kind == "f" and array.dtype.itemsize > 8
        array = array.astype(np.float64 if wide else array.dtype.newbyteorder("="), copy=False)
    return array


def unmasked(name: str, value: object) -> None:
    """Raises ``ValueError`` for an array of NumPy's with entries that are masked: their numbers would be taken as they are."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        masked = int(np.ma.count_masked(value))
        raise ValueError(f"{name} has {masked} masked entries; expected numbers alone: leave those out, or fill them")


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
    raise ValueError(_unknown(name, value, choices))


class Named(Mapping[str, Value]):
    """Values by name, never changed; a name that is not there is a ``KeyError`` of one sentence, with the nearest one.

    Args:
      what: what a name is one of, such as ``"objective"``.
      values: by name.
      also: other words for some of them, from the field: they are named in the sentence, and are no names.
    """

    def __init__(self, what: str, values: Mapping[str, Value], *, also: Mapping[str, str] | None = None) -> None:
        self._what, self._values, self._also = what, dict(values), dict(also or {})

    def __getitem__(self, name: str) -> Value:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(_unknown(self._what, name, self)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def meant(self, word: str) -> str | None:
        """The name for another word of the field, whatever its case; None where there is none."""
        return self._also.get(word.lower())


@dataclass(frozen=True)
class At:
    """A function by the place where it is, imported at its first call: what a table has of a file that imports the table's own.

    Attributes:
      path: ``"module:function"``, such as ``"gan_jax.objectives.mine:mine"``.
    """

    path: str

    @property
    def function(self) -> Callable[..., Any]:
        """The function.

        Raises:
          ValueError: there is no such module, or none such in it; the message gives the nearest.
        """
        module, colon, name = self.path.partition(":")
        if not colon:
            raise ValueError(f"path is {self.path!r}; expected 'module:function'")
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            # What the file itself imports and does not find is its own matter.
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise
            near = nearest(error.name, _beside(error.name))
            hint = f"; did you mean {near!r}?" if near else ""
            raise ValueError(f"path is {self.path!r}, and there is no module {error.name!r}{hint}") from None
        names = [own for own, value in vars(found).items() if getattr(value, "__module__", None) == module]
        return cast("Callable[..., Any]", getattr(found, one_of(f"function of {module}", name, names)))

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)


def _beside(module: str) -> list[str]:
    """The modules of the package that ``module`` would be in."""
    package = module.rpartition(".")[0]
    found = importlib.import_module(package) if package else None
    return [f"{package}.{one.name}" for one in pkgutil.iter_modules(getattr(found, "__path__", []))]


def nearest(value: object, choices: Iterable[str]) -> str | None:
    """The one of ``choices`` that was probably meant; None where none is near."""
    word, known = str(value), list(choices)
    meant = choices.meant(word) if isinstance(choices, Named) else None
    near = difflib.get_close_matches(word, known, n=1) or difflib.get_close_matches(word.lower(), known, n=1)
    return meant or (near[0] if near else None)


def _unknown(name: str, value: object, choices: Iterable[str]) -> str:
    near = nearest(value, choices)
    hint = f"did you mean {near!r}? " if near else ""
    return f"{name} is {value!r}; {hint}expected one of {', '.join(map(repr, choices))}"


def at_least(name: str, value: object, low: float, *, strict: bool = False) -> None:
    """Raises ``ValueError`` unless ``value`` is a real number ``>= low`` (``> low`` where ``strict``), or an array of such; NaN is none."""
    expected = f"a value {'above' if strict else 'of at least'} {low:g}"
    _refuse_unless(name, value, expected, lambda array: array > low if strict else array >= low)


def between(name: str, value: object, low: float, high: float) -> None:
    """Raises ``ValueError`` unless ``value`` is a real number with ``low < value < high``, or an array of such; NaN is none."""
    expected = f"a value between {low:g} and {high:g}"
    _refuse_unless(name, value, expected, lambda array: (low < array) & (array < high))


def within(
    name: str,
    value: object,
    low: float,
    high: float,
    *,
    low_open: bool = False,
    high_open: bool = False,
    what: str | None = None,
) -> None:
    """Raises ``ValueError`` unless ``value`` is a real number (or an array of such) in an interval, whose ends may be excluded."""
    expected = f"a value in {'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"

    def inside(array: np.ndarray) -> np.ndarray:
        above = array > low if low_open else array >= low
        return above & (array < high if high_open else array <= high)

    _refuse_unless(name, value, what or expected, inside)


def number(name: str, value: object) -> None:
    """Raises ``ValueError`` unless ``value`` is a real and finite number, or an array of such."""
    _refuse_unless(name, value, "a finite number", np.isfinite)


def flag(name: str, value: object) -> None:
    """Raises ``TypeError`` unless ``value`` is True or False: any other text, "no" too, is true to Python."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r}; expected True or False")


def one_number(name: str, value: object) -> None:
    """Raises ``ValueError`` unless ``value`` is one number: no list of them, and no array of shape ``[1]``."""
    shape = real(name, value).shape
    if shape != ():
        raise ValueError(f"{name} has shape {shape}; expected one number (map over several with jax.vmap)")


def known_number(name: str, value: object, low: float) -> float:
    """Returns ``value`` where it is one finite number of at least ``low``, known at compile time.

    Raises:
      ValueError: it is not.
    """
    one_number(name, value)
    if isinstance(value, jax.core.Tracer):
        raise ValueError(f"{name} is traced; expected a value of at least {low:g}, known at compile time")
    at_least(name, value, low)
    finite(name, value)
    return float(cast("float", value))


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
        found = operator.index(value)  # type: ignore[arg-type]  # what it is for: not all objects are integers
    except TypeError:
        hint = f", such as {value:.0f}" if isinstance(value, float) and value.is_integer() else ""
        raise ValueError(f"{name} is {value!r}; expected {expected}{hint}") from None
    if isinstance(value, bool) or found < low or (high is not None and found > high):
        raise ValueError(f"{name} is {value}; expected {expected}")
    return found


def sizes(name: str, value: object, *, what: str = "sizes") -> tuple[int, ...]:
    """Returns sizes as a tuple of integers of at least one: a shape, widths.

    Raises:
      ValueError: no sequence, or what is in it is no integer of at least one.
    """
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        example = f"({value},)" if isinstance(value, int) else "(64, 64)"
        raise ValueError(f"{name} is {value!r}; expected a tuple of {what}, such as {example}")
    try:
        return tuple(integer("a size", size, 1) for size in value)
    except ValueError:
        raise ValueError(f"{name} is {tuple(value)}; expected {what} that are integers of at least 1") from None


def key(name: str, value: object) -> PRNGKey:
    """Returns a random key; a whole number is the seed of one.

    Args:
      name: what the caller's user called the argument.
      value: a key of ``jax.random.key``, a raw one of ``jax.random.PRNGKey``, or an integer.

    Returns:
      The key, ``[]`` (a raw one as it was).

    Raises:
      TypeError: none of these, or several keys.
      ValueError: an integer that is no seed.
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        if not -(2**31) <= value < 2**32 and not jax.config.read("jax_enable_x64"):
            # JAX would take the last 32 bits of it, and 2^40 for 0.
            raise ValueError(f"{name} is {value}; expected a seed from -2^31 to 2^32 - 1, which 32 bits hold")
        try:
            return jax.random.key(int(value))
        except OverflowError as error:
            raise ValueError(f"{name} is {value}; expected a seed below 2^63") from error
    if isinstance(value, jax.Array | np.ndarray):
        typed = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        if (typed and value.ndim == 0) or (value.dtype == np.uint32 and value.ndim == 1):
            return jnp.asarray(value)
        if value.ndim == 0 and np.issubdtype(value.dtype, np.integer):
            return jax.random.key(value)
        if typed:
            raise TypeError(f"{name} has shape {value.shape}; expected one key (map over several with jax.vmap)")
    raise TypeError(f"{name} is {shown(value)}; expected a key, such as jax.random.key(0)")


def made(name: str, value: object, kind: type, example: str, *, known: Iterable[str] = ()) -> None:
    """Raises ``TypeError`` unless ``value`` is a ``kind``; says so where it is what makes one, or the name of one.

    Args:
      name: what the caller's user called the argument.
      value: what was given.
      kind: what is expected.
      example: how one is made, such as ``"losses.minimax()"``.
      known: names of what makes one, in the module of the example.
    """
    if isinstance(value, kind):
        return
    module, _, _ = example.rpartition(".")
    if isinstance(value, str):
        near = nearest(value, known)
        raise TypeError(
            f"{name} is {value!r}; expected {_one(kind)}, such as {f'{module}.{near}()' if near else example}"
        )
    own = getattr(value, "__name__", None)
    if callable(value) and own is not None:
        raise TypeError(f"{name} is the function {own}; did you mean {own}()? expected {_one(kind)}, such as {example}")
    raise TypeError(f"{name} is {shown(value)}; expected {_one(kind)}, such as {example}")


def takes(name: str, value: object, arguments: Sequence[str], example: str, *, more: bool = False) -> None:
    """Raises ``TypeError`` unless ``value`` is a function that can be called with ``arguments`` by position.

    A constructor whose brackets were forgotten is a function too, but one of other arguments.

    Args:
      name: what the caller's user called the argument.
      value: what was given.
      arguments: names of what it is called with.
      example: what would do, such as ``"penalties.r1()"``.
      more: whether it may need other arguments as well, by name.
    """
    expected = f"a function of ({', '.join(arguments)}), such as {example}"
    if not callable(value):
        raise TypeError(f"{name} is {shown(value)}; expected {expected}")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # Some that are written in C have none: they are asked when they are called.
        return
    own = getattr(value, "__name__", type(value).__name__)
    hint = f"did you mean {own}()? " if _needs_nothing(signature) else ""
    try:
        (signature.bind_partial if more else signature.bind)(*arguments)
    except TypeError as error:
        raise TypeError(f"{name} is {own}{signature}; {hint}expected {expected}") from error
    # One that needs nothing, and knows none of these by name, would take them for its options.
    options = [one for one in signature.parameters.values() if one.default is not one.empty]
    if hint and len(options) == len(signature.parameters) and not signature.parameters.keys() & set(arguments):
        raise TypeError(f"{name} is {own}{signature}; {hint}expected {expected}")


def _needs_nothing(signature: inspect.Signature) -> bool:
    try:
        signature.bind()
    except TypeError:
        return False
    return True


def _one(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"


def shown(value: object) -> str:
    """A value in a sentence: short ones as they are, others by their type."""
    if isinstance(value, jax.Array | np.ndarray):
        return f"an array of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 40 and "\n" not in text else f"of type {type(value).__name__}"


def variables(value: object) -> None:
    """Raises ``TypeError`` where ``value`` is one side of a game's state and not its variables."""
    if hasattr(value, "variables"):
        raise TypeError(
            f"variables is a {type(value).__name__}; expected what it holds, such as state.generator.variables"
        )


def _refuse_unless(name: str, value: object, expected: str, holds: Callable[[np.ndarray], np.ndarray]) -> None:
    """Raises ``ValueError`` unless ``value`` is real numbers which, where they are concrete, are what is expected."""
    # A Python integer of any size is a number; NumPy would make an object of a large one.
    try:
        number = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    except OverflowError as error:
        raise ValueError(f"{name} is larger than numbers of 64 bits are; expected {expected}") from error
    kind = number.dtype if hasattr(number, "dtype") else np.asarray(number).dtype
    if not (jnp.issubdtype(kind, jnp.integer) or jnp.issubdtype(kind, jnp.floating)):
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    if is_concrete(number) and not bool(np.all(holds(np.asarray(number)))):
        raise ValueError(f"{name} is {value}; expected {expected}")
