"""Names that have moved: where they were, they go on working for one release, and say where they are."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])
Record = TypeVar("Record")


def moved(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for names that are elsewhere now.

    Args:
      module: the one that had them, ``__name__``.
      names: of each, the module that has it, or ``"module:name"`` where it has another name there; of ``"*"``, the module that has all
        others.

    Returns:
      A function of a name: what has moved, with a ``DeprecationWarning`` that says where to.
    """

    def get(name: str) -> Any:
        target = names.get(name, names.get("*"))
        if target is None or name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        # By name, since the target may import the module that it has left.
        target, _, new = target.partition(":")
        found, new = importlib.import_module(target), new or name
        if not hasattr(found, new):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(f"{module}.{name} is {target}.{new} now", DeprecationWarning, stacklevel=2)
        return getattr(found, new)

    return get


def renamed_arguments(**names: str) -> Callable[[Function], Function]:
    """A decorator of a function whose arguments have other names now.

    Args:
      names: of each that was, the one that is.

    Returns:
      The decorator: keywords by the old names are understood, with a ``DeprecationWarning``.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def called(*arguments: Any, **keywords: Any) -> Any:
            for name in names.keys() & keywords.keys():
                what = f"{name} of {function.__qualname__.removesuffix('.__new__')}"
                warnings.warn(f"{what} is {names[name]} now", DeprecationWarning, stacklevel=2)
                keywords[names[name]] = keywords.pop(name)
            return function(*arguments, **keywords)

        return cast(Function, called)

    return decorate


def renamed_fields(**names: str) -> Callable[[type[Record]], type[Record]]:
    """A decorator of a ``NamedTuple`` whose fields have other names now.

    Args:
      names: of each that was, the one that is.

    Returns:
      The decorator: fields are read, given and replaced by the old names too, with a ``DeprecationWarning``.
    """

    def old(name: str) -> property:
        def get(record: Any) -> Any:
            warnings.warn(f"{type(record).__name__}.{name} is {names[name]} now", DeprecationWarning, stacklevel=2)
            return getattr(record, names[name])

        return property(get, doc=f"The old name of ``{names[name]}``, for one release.")

    def decorate(record: type[Record]) -> type[Record]:
        for name in names:
            setattr(record, name, old(name))
        setattr(record, "__new__", staticmethod(renamed_arguments(**names)(record.__new__)))  # noqa: B010
        setattr(record, "_replace", renamed_arguments(**names)(record._replace))  # type: ignore[attr-defined] # noqa: B010
        return record

    return decorate
