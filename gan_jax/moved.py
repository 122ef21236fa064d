"""Names that have moved: where they were, they go on working for one release, and say where they are."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


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


def renamed_field(value: Any, name: str, new: str) -> Any:
    """What a property of a field's old name returns: the field, with a ``DeprecationWarning`` that says what it is now."""
    warnings.warn(f"{type(value).__name__}.{name} is {new} now", DeprecationWarning, stacklevel=3)
    return getattr(value, new)


def renamed_argument(function: str, name: str, new: str) -> None:
    """Warns whoever called ``function`` with an argument by the name that it had."""
    warnings.warn(f"{name} of {function} is {new} now", DeprecationWarning, stacklevel=4)
