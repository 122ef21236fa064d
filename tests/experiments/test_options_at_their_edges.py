"""Every option of every experiment at the edge of its type: refused before anything is computed, or all of the experiment comes out."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from rich.console import Console

from experiments import EXPERIMENTS
from experiments.framework import harness
from experiments.framework.claims import Kind
from experiments.framework.progress import Lines, Progress
from gan_jax import ranges

# Seeds have an edge too, which is a number like any other.
ALIKE = {"seed"}
FAR = 1e6


def edges(hint: Any, value: Any) -> list[Any]:
    """The least and the largest that a type allows, where these are no wild numbers; of a list its first alone, and its last."""
    kind, allowed = ranges.split(hint)
    found: list[Any] = []
    if kind is bool:
        found = [not value]
    elif get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis and len(value) > 1:
        found = [value[:1], value[-1:]]
    elif allowed is not None and kind in (int, float):
        ends = (allowed.low, not allowed.above), (allowed.high, not allowed.below)
        found = [kind(end) for end, itself in ends if itself and abs(end) < FAR and end in allowed]
    return [edge for edge in found if edge != value]


def changes(options: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The name of every option, and its value at each of its edges."""
    hints = get_type_hints(type(options), include_extras=True)
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            yield from changes(value, f"{field.name}.")
        elif field.name not in ALIKE:
            yield from ((f"{prefix}{field.name}", edge) for edge in edges(hints[field.name], value))


def changed(options: Any, name: str, value: Any) -> Any:
    outer, _, inner = name.rpartition(".")
    if not outer:
        return dataclasses.replace(options, **{name: value})
    return dataclasses.replace(options, **{outer: dataclasses.replace(getattr(options, outer), **{inner: value})})


CASES = [
    pytest.param(entry.name, option, value, id=f"{entry.name}-{option}-{value}")
    for entry in EXPERIMENTS
    for option, value in changes(harness.load(entry.name).SMOKE)
]


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("name", "option", "value"), CASES)
def test_an_option_at_its_edge_is_refused_at_once_or_gives_all_of_the_experiment(
    name: str, option: str, value: Any
) -> None:
    experiment = harness.load(name)
    try:
        config = changed(experiment.SMOKE, option, value)
        ranges.check(config)
    except ValueError:
        return
    arrays = experiment.run(config, Progress(Lines(Console(quiet=True))))
    assert [claim.what for claim in experiment.claims(arrays) if claim.kind is Kind.THEOREM and claim.fails] == []
    experiment.table(arrays)
    experiment.plot(arrays).savefig(io.BytesIO())
