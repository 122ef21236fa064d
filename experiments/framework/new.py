"""``python -m experiments new NAME --chapter CHAPTER``: begins an experiment, as a copy of ``experiments/forkme.py``."""

from __future__ import annotations

import ast
import keyword
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

import experiments
from gan_jax import files
from gan_jax.cli.errors import UserError
from gan_jax.cli.main import COMMANDS
from gan_jax.cli.names import Names
from gan_jax.cli.options import FLAGS, check
from gan_jax.cli.terminal import say

PROGRAM = "python -m experiments new"
TREE = Path(experiments.__file__).parent
"""Where experiments are."""

TABLE = "__init__.py"
"""The file of the tree that has the table of contents."""


def chapters(entries: Sequence[experiments.Entry] = ()) -> tuple[str, ...]:
    """The chapters of entries, of all where none are given, in the order of the story."""
    return tuple(dict.fromkeys(entry.chapter for entry in entries or experiments.EXPERIMENTS))


@dataclass(frozen=True)
class Options:
    """Begins an experiment: one file, a copy of experiments/forkme.py, and one line in experiments/__init__.py. Then it is run."""

    name: Annotated[str, tyro.conf.Positional]
    """What it is called: a name as Python's modules have."""

    chapter: Annotated[str, Names("experiments.framework.new:chapters")]
    """The folder that it goes into."""

    title: str | None = None
    """What it shows, in one line; made of the name where not given."""


def main(words: Sequence[str]) -> int:
    """Begins an experiment and runs it at once, by its smoke preset, as its author will: in a process that has read the new line.

    Args:
      words: what follows ``new`` on the command line.

    Raises:
      UserError: as ``begin``.
    """
    command = ["-m", "experiments", begin(words), "--preset", "smoke"]
    say(f"Running it: {Path(sys.executable).name} {' '.join(command)}")
    sys.stdout.flush()
    return subprocess.run([sys.executable, *command], cwd=TREE.parent, check=False).returncode


def begin(words: Sequence[str], tree: Path = TREE) -> str:
    """Writes the file and the line; returns the experiment's name.

    Args:
      words: what follows ``new`` on the command line.
      tree: the folder ``experiments``.

    Raises:
      UserError: a name that is taken or is none, an unknown chapter, a title of several lines, a tree that cannot be written.
    """
    options = tyro.cli(Options, prog=PROGRAM, args=words, config=FLAGS)
    check(options)
    name, place = options.name, tree / options.chapter / f"{options.name}.py"
    _check_name(name, place)
    text = _filled((tree / "forkme.py").read_text(encoding="utf-8"), name, _title(options))
    contents = _with_line((tree / TABLE).read_text(encoding="utf-8"), name, options.chapter)
    write(place, text)
    try:
        write(tree / TABLE, contents)
    except UserError:
        place.unlink()
        raise
    say(f"{place} is a copy of {tree / 'forkme.py'}, and a line of {tree / TABLE}.")
    return name


def _check_name(name: str, place: Path) -> None:
    if not name.isidentifier() or not name.isascii() or name != name.lower() or keyword.iskeyword(name):
        raise UserError(
            f"name is {name!r}; expected small letters, digits and _ that begin with a letter, no word of Python's, such as my_figure"
        )
    taken = {entry.name for entry in experiments.EXPERIMENTS} | {"all", "list", "new", "forkme", *chapters(), *COMMANDS}
    if name in taken:
        raise UserError(f"name is {name!r}, which is taken; expected another: python -m experiments lists them")
    for there in (place, place.with_suffix("")):
        if there.exists() or there.is_symlink():
            raise UserError(f"name is {name!r}, and {there} is there already; expected another")


def _title(options: Options) -> str:
    title = options.name.replace("_", " ").capitalize() if options.title is None else options.title.strip()
    if not title or not title.isprintable() or '"' in title or "\\" in title or len(title) > 120:
        raise UserError(
            f"title is {title!r}; expected one line of at most 120 letters, without quotation marks and backslashes"
        )
    return title.rstrip(".")


def _filled(template: str, name: str, title: str) -> str:
    """The template with its title and its name in the place of its own."""
    _, _, rest = template.partition("\n")
    return f'"""{title}.\n' + rest.replace("experiments forkme", f"experiments {name}")


def _with_line(text: str, name: str, chapter: str) -> str:
    """The table of contents with one line more, after the last one of its chapter.

    Raises:
      UserError: the table is not of one entry a line.
    """
    in_chapter = "" if chapter == experiments.Entry._field_defaults["chapter"] else f', chapter="{chapter}"'
    line = f'    Entry("{name}", full=10.0, smoke=10.0{in_chapter}, measured=False),'
    last = [entry.name for entry in experiments.EXPERIMENTS if entry.chapter == chapter][-1]
    lines = text.split("\n")
    places = [
        number for number, own in enumerate(lines) if own.startswith(f'    Entry("{last}", ') and own.endswith("),")
    ]
    if len(places) != 1:
        raise UserError(
            f"{TREE / TABLE} has no line of {last!r} to add one after; add to EXPERIMENTS there: {line.strip()}"
        )
    lines.insert(places[0] + 1, line)
    found = "\n".join(lines)
    ast.parse(found)
    return found


def write(file: Path, text: str) -> None:
    """Writes one file of the tree, whole or not at all; ``UserError`` where it cannot be."""
    try:
        files.write_text(file, text)
    except OSError as error:
        raise UserError(
            f"{file} cannot be written ({error.strerror or error}); expected a checkout of gan_jax that is yours"
        ) from error
