"""Numbers whose type says which values they may have, and one check of a whole tree of options against these types.

A field ``rate: Positive`` is a float for type checkers and command lines, and carries its range as ``Annotated`` metadata. What is not
finite is in no range. This module imports nothing, so that a command line can say what is wrong before anything large is loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Range:
    """Which numbers are meant.

    Attributes:
      low: the smallest; NaN and infinities are never meant.
      high: the largest.
      above: whether ``low`` itself is left out.
      below: whether ``high`` itself is left out.
      multiple: of what whole numbers are multiples.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    multiple: int = 1

    def __contains__(self, value: Any) -> bool:
        low = value > self.low if self.above else value >= self.low
        high = value < self.high if self.below else value <= self.high
        return math.isfinite(value) and low and high and (self.multiple == 1 or value % self.multiple == 0)

    def described(self, kind: type) -> str:
        """``an integer of at least 1``: what is expected of a number of type ``kind``."""
        low = "" if self.low == -math.inf else f"{'above' if self.above else 'of at least'} {self.low:.12g}"
        high = "" if self.high == math.inf else f"{'below' if self.below else 'at most'} {self.high:.12g}"
        what = "an integer" if kind is int else "a finite number"
        if self.multiple > 1:
            what = "an even number" if self.multiple == 2 else f"a multiple of {self.multiple}"
        return " ".join(filter(None, (what, low, "and" if low and high else "", high)))


class OneOf:
    """Which names are meant: those that a table has when it is asked, so that an entry added to the table is one at once.

    Args:
      names: the names, in order; asked when a value is checked, or what is expected is said.
      closed: whether there are no others.
    """

    def __init__(self, names: Callable[[], Iterable[str]], *, closed: bool = True) -> None:
        self.names, self.closed = names, closed

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and (not self.closed or value in self.names())

    def described(self) -> str:
        """``one of 'a', 'b'``."""
        return f"one of {', '.join(map(repr, self.names()))}" if self.closed else "a text"

    def near(self, value: object) -> str | None:
        """The name that was probably meant."""
        return next(iter(difflib.get_close_matches(str(value), list(self.names()), n=1)), None)


@dataclass(frozen=True)
class MultipleOf:
    """Metadata of a whole number that is a multiple of another field of the same dataclass.

    Attributes:
      field: that field's name.
    """

    field: str

    def fault(self, prefix: str, name: str, options: Any) -> Fault | None:
        """What is wrong with the field ``name`` of ``options``, whose own name is ``prefix``; None where nothing is."""
        value, divisor = getattr(options, name), getattr(options, self.field)
        whole = isinstance(value, numbers.Integral) and isinstance(divisor, numbers.Integral)
        if whole and int(divisor) > 0 and int(value) % int(divisor):
            return Fault(f"{prefix}{name}", value, f"a multiple of {self.field}, which is {divisor}")
        return None


MOST = 2**31 - 1
"""Devices count in 32 bits."""

Count: TypeAlias = Annotated[int, Range(1, MOST)]
"""How many, where none makes no sense."""

AtLeastTwo: TypeAlias = Annotated[int, Range(2, MOST)]
"""How many, where one makes no sense: a standard deviation is taken over them, or a distance between them."""

Whole: TypeAlias = Annotated[int, Range(0, MOST)]
"""How many, or none."""

Even: TypeAlias = Annotated[int, Range(2, MOST, multiple=2)]
"""How many, in pairs."""

Fifties: TypeAlias = Annotated[int, Range(50, MOST, multiple=50)]
"""Steps that are recorded at every fiftieth."""

Recorded: TypeAlias = Annotated[int, Range(1, MOST), MultipleOf("records")]
"""Steps of a game that is looked at ``records`` times, which is another field."""

Seed: TypeAlias = Annotated[int, Range(0, 2**32 - 1)]
"""Of random numbers: JAX takes 32 bits of it, so that larger ones would repeat smaller ones without a word."""

Real: TypeAlias = Annotated[float, Range()]
"""Any finite number."""

Positive: TypeAlias = Annotated[float, Range(0, above=True)]
"""A rate, a scale, a length."""

NonNegative: TypeAlias = Annotated[float, Range(0)]
"""A weight, a distance, a time."""

Share: TypeAlias = Annotated[float, Range(0, 1)]
"""A part of a whole."""

Decay: TypeAlias = Annotated[float, Range(0, 1, below=True)]
"""Of a moving average: what is kept at a step. One would keep the start for ever."""


class Fault(NamedTuple):
    """One value of a tree of options that is not what its type says.

    Attributes:
      name: of the field, dotted.
      value: it.
      expected: what its type says, in words.
      near: the name that was probably meant; None where none is near, or no name is expected.
    """

    name: str
    value: object
    expected: str
    near: str | None = None

    @property
    def wanted(self) -> str:
        """What follows the value in a sentence: ``did you mean 'a'? expected one of 'a', 'b'``."""
        return f"{'' if self.near is None else f'did you mean {self.near!r}? '}expected {self.expected}"

    def __str__(self) -> str:
        return f"{self.name} is {self.value!r}; {self.wanted}"


def faults(options: Any, prefix: str = "") -> Iterator[Fault]:
    """Walks a dataclass, and dataclasses within it.

    Args:
      options: an instance.
      prefix: what stands before the names of its fields.

    Yields:
      Each field whose value is of another type than its own, not finite, or outside its range; each without an entry, where it has
      some by default; and each that is no multiple of the field that it has to be a multiple of.
    """
    hints = get_type_hints(type(options), include_extras=True)
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value == () and isinstance(field.default, tuple) and field.default:
            yield Fault(f"{prefix}{field.name}", "empty", "at least one value")
        yield from faults_of(f"{prefix}{field.name}", value, hints[field.name])
        multiple = next((item for item in get_args(hints[field.name]) if isinstance(item, MultipleOf)), None)
        fault = multiple and multiple.fault(prefix, field.name, options)
        if fault:
            yield fault


def check(options: Any) -> None:
    """Raises ``ValueError`` for the first of ``faults``: its name, its value and what was expected."""
    for fault in faults(options):
        raise ValueError(str(fault))


def different_names(name: str, given: Sequence[str], known: Iterable[str]) -> None:
    """Raises ``ValueError`` unless ``given``, the value of ``name``, has at least one name, none twice, and all of them ``known``."""
    names = list(known)
    if not given or len(set(given)) != len(given) or not set(given) <= set(names):
        raise ValueError(f"{name} is {given}; expected different names among {', '.join(names)}")


def faults_of(name: str, value: object, hint: Any) -> Iterator[Fault]:
    """``faults`` of one value, by its type."""
    kind, _ = split(hint)
    if dataclasses.is_dataclass(value) and isinstance(kind, type) and isinstance(value, kind):
        yield from faults(value, f"{name}.")
    elif get_origin(kind) is tuple and isinstance(value, tuple):
        inner = get_args(kind)
        inner = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(inner) != len(value):
            yield Fault(name, value, described(hint))
            return
        for index, (part, part_hint) in enumerate(zip(value, inner, strict=True)):
            yield from faults_of(f"{name}[{index}]", part, part_hint)
    elif not _fits(value, hint):
        yield Fault(name, value, described(hint), near(value, hint))


def split(hint: Any) -> tuple[Any, Range | None]:
    """A type without its metadata, and its range; None where it has none."""
    if get_origin(hint) is not Annotated:
        return hint, None
    kind, *metadata = get_args(hint)
    return kind, next((item for item in metadata if isinstance(item, Range)), None)


def choice(hint: Any) -> OneOf | None:
    """The names that a type has in its metadata; None where it has none."""
    metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((item for item in metadata if isinstance(item, OneOf)), None)


def near(value: object, hint: Any) -> str | None:
    """The name that was probably meant by a value of a type that has names; None where none is near."""
    names = choice(hint)
    if names is not None:
        return names.near(value)
    kind, _ = split(hint)
    if get_origin(kind) is Literal:
        return OneOf(lambda: map(str, get_args(kind))).near(value)
    return None


def is_union(kind: Any) -> bool:
    """Whether ``kind`` is ``A | B``."""
    return get_origin(kind) in (Union, types.UnionType)


def _fits(value: object, hint: Any) -> bool:
    kind, range_ = split(hint)
    names = choice(hint)
    if names is not None:
        return value in names
    if is_union(kind):
        return any(_fits(value, choice) for choice in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool) and value in (range_ or Range())
    outer = get_origin(kind) or kind
    return not isinstance(outer, type) or isinstance(value, outer)


def described(hint: Any) -> str:
    """What a type expects, in words: ``a finite number above 0, or None``."""
    kind, range_ = split(hint)
    names = choice(hint)
    if names is not None:
        return names.described()
    if is_union(kind):
        return ", or ".join(described(choice) for choice in get_args(kind))
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    if kind in _NUMBERS:
        return (range_ or Range()).described(kind)
    if get_origin(kind) is tuple:
        first, *_ = inner = get_args(kind)
        return f"values, each {described(first)}" if inner[-1] is Ellipsis else f"{len(inner)} values"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


_NUMBERS: Mapping[Any, type] = {int: numbers.Integral, float: numbers.Real}
_WORDS: Mapping[Any, str] = {str: "a text", bool: "True or False", Path: "a path", type(None): "None"}
