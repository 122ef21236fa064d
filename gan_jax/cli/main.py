"""The command line of the library: which commands there are, and what becomes of what goes wrong in one."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence

from gan_jax.cli.answers import answer, hold, leave, of_several
from gan_jax.cli.errors import KEPT, UserError
from gan_jax.cli.terminal import say, speak_plainly

PROGRAM = "python -m gan_jax"

COMMANDS = {
    "train": "train on images in a folder, and go on there after whatever stopped it",
    "sample": "images from a run",
    "draw": "pictures of a sentence, from a run trained with captions",
    "evaluate": "how good a run's images are, every number with what it depends on",
    "export": "a run's generator alone, with a loader that needs JAX and nothing else",
    "prepare": "fetch a set of images once",
    "train_translation": "train a CycleGAN on two sets of images that nobody paired; goes on as train does",
    "translate": "a folder of images, from one set's kind to the other's",
}
"""Each is ``main(words) -> status`` of a module of this room."""

_WORDS = {
    "sample": " RUN",
    "draw": " RUN CAPTION",
    "evaluate": " RUN",
    "export": " RUN",
    "prepare": " NAME",
    "translate": " RUN FOLDER",
}


def usage(program: str = PROGRAM) -> str:
    """The commands, one a line."""
    calls = {name: f"{program} {name}{_WORDS.get(name, '')}" for name in COMMANDS}
    width = max(map(len, calls.values())) + 2
    return "\n".join(f"{calls[name]:{width}}{what}" for name, what in COMMANDS.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
      arguments: the words after ``python -m gan_jax``; ``sys.argv``'s by default.

    Returns:
      The exit status: 0; 2 for a wrong request; 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(PROGRAM, lambda: _answered(words), lambda: left_by(words[0]))


def _answered(words: Sequence[str]) -> int:
    refuse_empty(words, PROGRAM)
    if not words or words[0] in ("-h", "--help"):
        for line in (*usage().splitlines(), "", f"{PROGRAM} COMMAND --help: every option of it, with its meaning"):
            say(line)
        return 0
    if words[0] not in COMMANDS:
        near = difflib.get_close_matches(words[0], COMMANDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UserError(f"there is no command {words[0]!r}; {hint}Known ones: {', '.join(COMMANDS)}.")
    return command(words[0], words[1:])


def refuse_empty(words: Sequence[str], program: str) -> None:
    """Raises ``UserError`` for a word without letters, as a variable of the shell is that is not set: as a path it would be this folder."""
    for before, word in zip(("", *words), words, strict=False):
        if not word.strip():
            raise UserError(f"the word after {before or program} is empty; expected a name, a number or a path")
        if word.startswith("--") and word.endswith("="):
            raise UserError(f"nothing follows {word}; expected a name, a number or a path")


def command(name: str, words: Sequence[str], program: str = PROGRAM) -> int:
    """Runs one of ``COMMANDS``; what the library warns of is a line on standard error."""
    module = importlib.import_module(f"gan_jax.cli.{name}")
    # Orbax reports what is as it should be, in words that worry.
    logging.getLogger("absl").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: say(f"{program}: {message}", file=sys.stderr)
        return int(module.main(words))


def left_by(name: str) -> str:
    """What there is after Ctrl-C in a command."""
    if name in ("train", "train_translation"):
        return "what the run had saved is whole, and the same command goes on from there"
    return "what it had written so far is there"


def guarded(program: str, work: Callable[[], int], left: Callable[[], str]) -> int:
    """The exit status of ``work``; what a user can cause becomes one sentence on standard error, a defect keeps its traceback.

    Args:
      program: as it was called.
      work: returns its own status.
      left: what there is after Ctrl-C.
    """
    speak_plainly(sys.stdout, sys.stderr)
    # Figures go to files, whatever a notebook or a desktop has set this to.
    os.environ["MPLBACKEND"] = "agg"
    try:
        return work()
    except UserError as error:
        say(f"{program}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        hold(error)
        say("", file=sys.stderr)
        say(f"{program}: interrupted; {left()}.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Nobody reads on: ``ended`` says so to no one.
        raise
    except Exception as error:
        hold(error)
        said = answer(error)
        if said is None:
            raise
        kept = [note for note in getattr(error, "__notes__", []) if note.startswith(KEPT)]
        say(f"{program}: {'; '.join([said, *kept])}", file=sys.stderr)
        return 2


def ended(status: Callable[[], int]) -> None:
    """Ends the process with a status, or with the traceback of a defect."""
    try:
        leave(status())
    except BrokenPipeError:
        # The reader closed the pipe (``| head``): nobody is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception:
        # A defect in one of several processes: its traceback, and no waiting for the others.
        if not of_several():
            raise
        traceback.print_exc()
        leave(1)


def console_command() -> None:
    """The command ``gan-jax``."""
    ended(main)
