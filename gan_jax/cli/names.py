"""Options that are a name in a table: the help, the check and what was probably meant are read from the table when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from tyro.constructors import PrimitiveConstructorSpec

from gan_jax.ranges import OneOf


class Names(OneOf, PrimitiveConstructorSpec[str]):
    """The type of such an option, as ``Annotated`` metadata: ``OneOf`` for checks, and what tyro needs to read and to show it.

    Args:
      table: ``"module:TABLE"``, a table or a function that gives the names; imported when they are needed.
      first: names beside those of the table, before them.
      closed: whether there are no others.
    """

    def __init__(self, table: str, *, first: tuple[str, ...] = (), closed: bool = True) -> None:
        module, _, name = table.partition(":")

        def names() -> Iterable[str]:
            found = getattr(importlib.import_module(module), name)
            own = dict.fromkeys(found()) if callable(found) else found
            return {**dict.fromkeys(first), **own} if first else own

        fields = {
            "names": names,
            "closed": closed,
            "nargs": 1,
            "instance_from_str": lambda words: words[0],
            "is_instance": lambda value: isinstance(value, str),
            "str_from_instance": lambda value: [value],
            "choices": None,
            "_action": None,
        }
        # tyro's are those of a frozen dataclass, which has no room for one that is made anew whenever it is shown.
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    @property
    def metavar(self) -> str:
        """What stands for the value in the help."""
        return f"{{{','.join(self.names())}}}"

    def near(self, value: object) -> str | None:
        """The name that was probably meant; other words of the field are known where the table knows them."""
        # Loads JAX, which a command line that lists and helps does without.
        from gan_jax import checks

        return checks.nearest(value, self.names())
