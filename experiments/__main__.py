"""``python -m experiments``: lists the experiments, runs one or all of them, redraws what was saved; trains on images."""

from __future__ import annotations

import dataclasses
import difflib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments import EXPERIMENTS, PROCESSOR, TEMPLATE
from experiments.framework import harness, new, times
from experiments.framework.claims import Kind, claims_table, tally
from experiments.framework.harness import Outcome, Request
from experiments.framework.progress import shown_progress
from gan_jax.cli import devices
from gan_jax.cli import main as cli
from gan_jax.cli.errors import UserError
from gan_jax.cli.main import COMMANDS, ended, guarded, refuse_empty
from gan_jax.cli.options import FLAGS, check, flag_or
from gan_jax.cli.profiling import Profiling
from gan_jax.cli.terminal import duration, say

PROGRAM = "python -m experiments"
USAGE = f"""{PROGRAM}                  list the experiments
{PROGRAM} NAME             run one; leaves results/NAME/
{PROGRAM} NAME --help      every option of it, with its meaning
{PROGRAM} NAME --redraw    draw it again from the saved arrays
{PROGRAM} CHAPTER          run all of one chapter, in this order: divergences, game, images, diversity, conditional
                                       or translation
{PROGRAM} all              run all of them, in this order
{PROGRAM} new NAME --chapter CHAPTER
                                       begin one of your own: a copy of experiments/forkme.py, in the table of contents

{cli.usage()}"""

_WHICH = "The configuration to start from: the figure itself, one for two cores, or a small one that takes seconds."


@dataclasses.dataclass(frozen=True)
class Options:
    """How to run."""

    preset: Annotated[Literal["full", "quick", "smoke"], tyro.conf.arg(help=_WHICH)] = "full"

    out: Path = Path("results")
    """The folder of results; the run leaves one folder, named after the experiment, inside it."""

    redraw: bool = False
    """Draw the figure, the table and the claims again from the saved arrays, without computing anything."""

    strict: Annotated[str, flag_or("--strict", "theorems", "all"), tyro.conf.arg(help_behavior_hint="")] = "off"
    """Exit with status 1 where a theorem does not hold; with --strict all, where any claim does not. A replication that was not run at its
    budget is neither."""

    profiling: Annotated[Profiling, tyro.conf.OmitArgPrefixes] = dataclasses.field(default_factory=Profiling)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
      arguments: the words after ``python -m experiments``; ``sys.argv``'s by default.

    Returns:
      The exit status: 0; 1 where ``--strict`` was given and a theorem does not hold, or with ``--strict all`` any claim; 2 for a
      wrong request; 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(PROGRAM, lambda: _answered(words), lambda: _left_by(words))


def _answered(words: Sequence[str]) -> int:
    refuse_empty(words, PROGRAM)
    if not words or words[0] in ("-h", "--help", "list"):
        _list()
        return 0
    if words[0] in COMMANDS:
        say(f"{PROGRAM}: {words[0]} is a command of the library now: {cli.PROGRAM} {words[0]}", file=sys.stderr)
        return cli.command(words[0], words[1:])
    if words[0] == "new":
        return new.main(words[1:])
    name = _known(words[0])
    several = name == "all" or name in new.chapters(EXPERIMENTS)
    return _several(name, words[1:]) if several else _one(name, words[1:])


def _left_by(words: Sequence[str]) -> str:
    """What there is after Ctrl-C."""
    if words[0] in COMMANDS:
        return cli.left_by(words[0])
    if words[0] == "new":
        return "what it had written so far is there"
    return "the experiment under way left nothing, earlier results are as they were"


def _list() -> None:
    console, ratios = _console(), times.seen()
    table = Table("experiment", "what it shows", "presets and time", title="Experiments", title_justify="left")
    chapter = EXPERIMENTS[0].chapter
    for entry in EXPERIMENTS:
        if entry.chapter != chapter:
            chapter = entry.chapter
            table.add_section()
        presets = ("full", "smoke") if entry.quick is None else ("full", "quick", "smoke")
        took = ", ".join(f"{preset} {duration(times.expected(entry, preset, ratios))}" for preset in presets)
        table.add_row(entry.name, escape(harness.title(entry.name)), took)
    console.print(table)
    whose = (
        f"as this machine has been seen to take in {len(ratios)} of them: {times.factor(ratios):.3g} times as long as {PROCESSOR}"
        if ratios
        else f"on {PROCESSOR}; this machine's own are kept from its first run on"
    )
    console.print(f"Times are {whose}.", markup=False, highlight=False, soft_wrap=True)
    console.print(USAGE, markup=False, highlight=False)


def _known(name: str) -> str:
    names = [*(entry.name for entry in EXPERIMENTS), *new.chapters(EXPERIMENTS), "all"]
    if name in (*names, TEMPLATE.name):
        return name
    near = difflib.get_close_matches(name, [*names, TEMPLATE.name, "new", *COMMANDS], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UserError(
        f"there is no experiment {name!r}; {hint}Known ones: {', '.join(names)}. Commands: new, {', '.join(COMMANDS)}."
    )


def _one(name: str, words: Sequence[str]) -> int:
    experiment = harness.load(name)
    options, config, default = _parse(name, experiment, words)
    if options.redraw:
        options.profiling.refuse("--redraw")
        if config != default:
            raise UserError("--redraw draws what was saved, so it takes no option of the experiment itself")
        return _report([harness.redraw(name, experiment, options.out)], options)
    request = Request(name, experiment, config, options.preset, _command([name, *words]))
    with options.profiling.shown(devices.configure_jax):
        with shown_progress(Console(stderr=True)) as progress:
            outcome = harness.run(request, options.out, progress)
        return _report([outcome], options)


def _several(which: str, words: Sequence[str]) -> int:
    """Runs the experiments of one chapter, or all of them."""
    description = "Runs all experiments." if which == "all" else f"Runs all experiments of the chapter {which!r}."
    options = tyro.cli(Options, prog=f"{PROGRAM} {which}", description=description, args=words, config=FLAGS)
    experiments = {entry.name: harness.load(entry.name) for entry in EXPERIMENTS if which in ("all", entry.chapter)}
    if options.redraw:
        options.profiling.refuse("--redraw")
        return _report([harness.redraw(*pair, options.out) for pair in experiments.items()], options)
    requests = [
        Request(
            name, experiment, harness.presets(experiment)[options.preset], options.preset, _command([which, *words])
        )
        for name, experiment in experiments.items()
    ]
    with options.profiling.shown(devices.configure_jax):
        with shown_progress(Console(stderr=True)) as progress:
            outcomes = harness.run_all(requests, options.out, progress)
        return _report(outcomes, options)


def _parse(name: str, experiment: harness.Experiment, words: Sequence[str]) -> tuple[Options, Any, Any]:
    """The options, the configuration, and the preset's own configuration.

    The preset is read first, because the other options start from it.
    """
    known = harness.presets(experiment)
    preset = ("preset", Annotated[Literal[tuple(known)], tyro.conf.arg(help=_WHICH)], "full")
    first = dataclasses.make_dataclass("Preset", [preset], frozen=True)
    read: Any = tyro.cli(first, prog=f"{PROGRAM} {name}", args=words, return_unknown_args=True, add_help=False)
    chosen = read[0].preset
    default = known[chosen]
    flat = tyro.conf.OmitArgPrefixes
    # An experiment may have presets of its own.
    own = dataclasses.make_dataclass("Options", [preset], bases=(Options,), frozen=True)
    line = dataclasses.make_dataclass(
        "Line",
        [
            ("options", Annotated[own, flat], dataclasses.field(default=own(preset=chosen))),
            ("config", Annotated[experiment.Config, flat], dataclasses.field(default=default)),
        ],
        frozen=True,
    )
    parsed: Any = tyro.cli(line, prog=f"{PROGRAM} {name}", description=experiment.__doc__, args=words, config=FLAGS)
    check(parsed.config, flat=True)
    return parsed.options, parsed.config, default


def _report(outcomes: Sequence[Outcome], options: Options) -> int:
    claims = [(outcome.name, claim) for outcome in outcomes for claim in outcome.claims]
    console = _console()
    console.print(claims_table(claims, "Claims"))
    console.print(f"{tally([claim for _, claim in claims])}; results in {options.out}", markup=False, highlight=False)
    asked = {"off": (), "theorems": (Kind.THEOREM,), "all": tuple(Kind)}[options.strict]
    return int(any(claim.fails and claim.kind in asked for _, claim in claims))


def _console() -> Console:
    """Standard output; where it is no terminal, wide enough for the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def _command(words: Sequence[str]) -> str:
    return f"{PROGRAM} {shlex.join(words)}"


if __name__ == "__main__":
    ended(main)
