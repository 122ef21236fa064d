"""A number's type says which values it may have; every other value gets a sentence."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from gan_jax import ranges
from gan_jax.ranges import Count, Decay, Even, NonNegative, Positive, Real, Recorded, Seed, Share
from tests.cases import cases


@dataclass(frozen=True)
class Inner:
    decay: Decay = 0.9
    sizes: tuple[Count, ...] = (1, 2)
    pair: tuple[Real, Positive] = (-1.0, 1.0)


@dataclass(frozen=True)
class Game:
    steps: Recorded = 4
    records: Count = 2


@dataclass(frozen=True)
class Options:
    rate: NonNegative = 0.0
    share: Share = 1.0
    width: Even = 2
    seed: Seed = 0
    name: str = "x"
    kind: Literal["a", "b"] = "a"
    flag: bool = True
    size: Count | None = None
    inner: Inner = field(default_factory=Inner)


@cases(
    ("options", "sentence"),
    [
        (Options(rate=-1e-9), "rate is -1e-09; expected a finite number of at least 0"),
        (Options(rate=math.nan), "rate is nan; expected a finite number of at least 0"),
        (Options(rate=math.inf), "rate is inf; expected a finite number of at least 0"),
        (Options(rate=True), "rate is True; expected a finite number of at least 0"),
        (Options(share=1.5), "share is 1.5; expected a finite number of at least 0 and at most 1"),
        (Options(width=3), "width is 3; expected an even number of at least 2"),
        (Options(seed=2**32), "seed is 4294967296; expected an integer of at least 0 and at most 4294967295"),
        (Options(seed=1.0), "seed is 1.0; expected an integer"),  # type: ignore[arg-type]
        (Options(name=None), "name is None; expected a text"),  # type: ignore[arg-type]
        (Options(kind="c"), "kind is 'c'; expected one of 'a', 'b'"),  # type: ignore[arg-type]
        (Options(flag="yes"), "flag is 'yes'; expected True or False"),  # type: ignore[arg-type]
        (Options(size=0), "size is 0; expected an integer of at least 1 and at most 2147483647, or None"),
        (Options(inner=Inner(decay=1.0)), "inner.decay is 1.0; expected a finite number of at least 0 and below 1"),
        (Options(inner=Inner(sizes=(3, 0))), "inner.sizes[1] is 0; expected an integer of at least 1"),
        (Options(inner=Inner(pair=(-math.inf, 1.0))), "inner.pair[0] is -inf; expected a finite number"),
        (Options(inner=Inner(pair=(0.0, 0.0))), "inner.pair[1] is 0.0; expected a finite number above 0"),
        (Options(inner=Inner(pair=(1.0,))), "inner.pair is (1.0,); expected 2 values"),  # type: ignore[arg-type]
        (Options(inner=Inner(sizes=())), "inner.sizes is 'empty'; expected at least one value"),
        (Options(inner=None), "inner is None; expected Inner"),  # type: ignore[arg-type]
    ],
)
def test_what_is_not_of_its_type_gets_one_sentence(options: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        ranges.check(options)


def test_steps_that_are_no_multiple_of_records_are_refused() -> None:
    assert [str(fault) for fault in ranges.faults(Game(steps=81))] == [
        "steps is 81; expected a multiple of records, which is 2"
    ]
    # One fault of either number is said once, and nothing is divided by 0.
    assert [fault.name for fault in ranges.faults(Game(steps=81, records=0))] == ["records"]
    assert list(ranges.faults(Game(steps=80))) == []


def test_every_fault_is_found() -> None:
    faulty = Options(rate=-1.0, inner=Inner(pair=(1.0,), decay=1.0), width=3)  # type: ignore[arg-type]
    assert {fault.name for fault in ranges.faults(faulty)} == {"rate", "width", "inner.decay", "inner.pair"}


def test_what_is_of_its_type_passes() -> None:
    edges = Options(rate=1, share=0, width=4, seed=2**32 - 1, size=1, inner=Inner(decay=0.0, sizes=(1,)))
    assert list(ranges.faults(edges)) == []


@pytest.mark.parametrize("given", [(), ("a", "a"), ("a", "c")])
def test_names_that_repeat_or_are_unknown_are_refused(given: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"rows is {given}; expected different names among a, b")):
        ranges.different_names("rows", given, {"a": 1, "b": 2})
    ranges.different_names("rows", ("b", "a"), {"a": 1, "b": 2})
