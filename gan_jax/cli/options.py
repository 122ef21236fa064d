"""Options of a command: read from the words of a command line or from a run's ``config.json``, and every value held against its type."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import tyro

from gan_jax import ranges
from gan_jax.cli.errors import UserError

Options = TypeVar("Options")

FLAGS = (tyro.conf.FlagCreatePairsOff,)
"""A flag is ``--redraw``, without a twin ``--no-redraw``."""

RENAMED = {"judge_width": "discriminator_width", "judge_layers": "discriminator_layers"}
"""Options by their names of the last release: for one more they are understood, on the command line and in a run's ``config.json``."""


def parsed(kind: type[Options], command: str, words: Sequence[str], *, description: str | None = None) -> Options:
    """The options of one command.

    Args:
      kind: a dataclass.
      command: its name.
      words: what follows it on the command line.
      description: what the help begins with; the dataclass's own docstring where None.

    Raises:
      UserError: a number out of its range; names the option, the value and what was expected.
      SystemExit: an unknown option, or a word that is no such value; tyro has printed which.
    """
    words = [_renamed(word) for word in words]
    options = tyro.cli(kind, prog=f"python -m gan_jax {command}", description=description, args=words, config=FLAGS)
    check(options)
    return options


def flag_or(flag: str, alone: str, word: str) -> tyro.constructors.PrimitiveConstructorSpec[str]:
    """How a flag is read that one word may follow: ``alone`` where none does, ``word`` where it does, "off" where neither is there."""

    def read(words: list[str]) -> str:
        if words not in ([], [word]):
            raise ValueError(f"{flag} is followed by {' '.join(words)!r}; expected nothing, or {word}")
        return word if words else alone

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar=f"[{word}]",
        instance_from_str=read,
        is_instance=lambda value: value in ("off", alone, word),
        str_from_instance=lambda value: [value],
    )


def _renamed(word: str) -> str:
    """A word of the command line, with an option's new name in the place of its old one."""
    for old, new in RENAMED.items():
        if word.startswith("--") and word.partition("=")[0].endswith(old.replace("_", "-")):
            return word.replace(old.replace("_", "-"), new.replace("_", "-"), 1)
    return word


def check(options: object, *, flat: bool = False) -> None:
    """Raises ``UserError`` for the first value that is not what its type says.

    Args:
      options: a dataclass.
      flat: whether options of a group are known by their own names alone, as those of an experiment are.
    """
    for fault in ranges.faults(options):
        name = fault.name.rpartition(".")[2] if flat else fault.name
        value = repr(fault.value) if isinstance(fault.value, str) else fault.value
        raise UserError(f"--{name.replace('_', '-')} is {value}; {fault.wanted}")


def from_json(kind: type[Options], tree: Mapping[str, Any], where: object, prefix: str = "") -> Options:
    """The dataclass that a run wrote as JSON; what is not there has its default, as in runs of earlier versions.

    Args:
      kind: the dataclass.
      tree: what JSON has of it.
      where: the file, for messages.
      prefix: what stands before the names of its fields.

    Raises:
      UserError: a name that ``kind`` has not, or a value of another type or out of its range; names the file and the field.
    """
    hints = get_type_hints(kind, include_extras=True)
    tree = {RENAMED.get(name, name): value for name, value in tree.items()}
    for name in tree:
        if name not in hints:
            near = difflib.get_close_matches(name, list(hints), n=1)
            hint = f"did you mean {near[0]!r}?" if near else "is the run of another version of gan_jax?"
            raise UserError(f"{where}: {prefix}{name} is no option; {hint}")
    values = {name: _value(hints[name], value, where, f"{prefix}{name}") for name, value in tree.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise UserError(f"{where}: {prefix.rstrip('.') or 'the configuration'} lacks an option ({error})") from error
    except ValueError as error:
        raise UserError(f"{where}: {prefix}{error}") from error


def _value(hint: Any, value: Any, where: object, name: str) -> Any:
    kind, _ = ranges.split(hint)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise UserError(f"{where}: {name} is {json.dumps(value)}; expected a group of options")
        return from_json(kind, value, where, f"{name}.")  # type: ignore[arg-type]  # A dataclass's type is a type.
    made = value
    if isinstance(value, str) and (kind is Path or (ranges.is_union(kind) and Path in get_args(kind))):
        made = Path(value)
    elif isinstance(value, list) and get_origin(kind) is tuple:
        made = tuple(value)
    for fault in ranges.faults_of(name, made, hint):
        raise UserError(f"{where}: {fault.name} is {json.dumps(value)}; {fault.wanted}")
    return made
