"""Nested fractions add up to the whole's, and the time left follows from them."""

from __future__ import annotations

import io
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from experiments.framework.progress import Lines, LiveBars, Progress, shown_progress
from gan_jax.cli.terminal import duration
from tests.cases import cases


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(clock: Clock, interval: float = 5.0) -> tuple[Progress, io.StringIO]:
    stream = io.StringIO()
    return Progress(Lines(Console(file=stream, width=200), interval, clock), clock), stream


def test_an_inner_task_stands_for_its_share() -> None:
    progress, _ = lines(Clock())
    with progress.task("whole", total=10.0) as whole:
        with progress.task("inner", total=4, share=8.0) as inner:
            inner.advance(2)
            assert progress.fractions() == pytest.approx([0.4, 0.5])
            with progress.task("innermost", total=2) as innermost:
                innermost.advance()
                assert progress.fractions() == pytest.approx([0.5, 0.625, 0.5])
            assert progress.fractions() == pytest.approx([0.6, 0.75])
        assert progress.fractions() == pytest.approx([0.8])
        whole.advance(2)
        assert progress.fractions() == pytest.approx([1.0])
    assert progress.fractions() == []
    assert progress.seconds_left() is None


def test_the_time_left_is_the_time_taken_times_what_is_left_over_what_is_done() -> None:
    clock = Clock()
    progress, _ = lines(clock)
    with progress.task("whole", total=4, expected=60.0) as whole:
        clock.now += 10.0
        assert progress.seconds_left() == pytest.approx(50.0)
        whole.advance()
        assert progress.seconds_left() == pytest.approx(30.0)
        clock.now += 20.0
        whole.advance(2)
        assert progress.seconds_left() == pytest.approx(10.0)


def test_the_time_of_what_is_no_unit_is_left_out_while_the_task_around_it_runs() -> None:
    """Two parts of four units, each after 100 s of loading: a unit takes 5 s."""
    clock = Clock()
    progress, _ = lines(clock)
    with progress.task("whole", total=2.0, expected=500.0):
        with progress.task("first", total=4) as first:
            with progress.task("loading", share=0.0):
                clock.now += 100.0
                assert progress.seconds_left() == 400.0
            clock.now += 5.0
            first.advance()
            assert progress.seconds_left() == pytest.approx(35.0)
            with progress.task("loading more", share=0.0), progress.task("a file"):
                clock.now += 40.0
                assert progress.seconds_left() == pytest.approx(35.0)
            clock.now += 15.0
            first.advance(3)
        # Now that it is over, loading is a part of what such a part takes.
        assert progress.seconds_left() == pytest.approx(160.0)


def test_an_expectation_that_was_too_short_never_gives_a_negative_time() -> None:
    clock = Clock()
    progress, _ = lines(clock)
    with progress.task("whole", expected=1.0):
        clock.now += 10.0
        assert progress.seconds_left() == 0.0


@given(st.lists(st.floats(0.0, 10.0), max_size=20), st.floats(0.1, 20.0), st.floats(0.0, 5.0))
def test_fractions_rise_and_stay_within_0_and_1(steps: list[float], total: float, share: float) -> None:
    progress, _ = lines(Clock())
    seen = [0.0]
    with progress.task("whole", total=3.0), progress.task("inner", total=total, share=share) as inner:
        for step in steps:
            inner.advance(step)
            seen.append(progress.fractions()[0])
    assert all(before <= after for before, after in pairwise(seen))
    assert 0.0 <= min(seen) <= max(seen) <= 1.0


def test_lines_appear_for_outer_tasks_and_then_every_interval() -> None:
    clock = Clock()
    progress, stream = lines(clock)
    with progress.task("whole", expected=100.0), progress.task("part", total=10) as part:
        with progress.task("detail", total=40, share=5) as detail:
            for _ in range(40):
                clock.now += 0.25
                detail.advance()
        part.advance(5)
    assert stream.getvalue().splitlines() == [
        "whole 0% · time left 1 min 40 s",
        "whole 0% › part 0% · time left 1 min 40 s",
        "whole 25% › part 25% › detail 50% · time left 15 s",
        "whole 50% › part 50% › detail 100% · time left 10 s",
    ]


def test_track_advances_by_one_for_each_item() -> None:
    progress, _ = lines(Clock())
    seen = [(item, progress.fractions()[0]) for item in progress.track("abcd", "letters")]
    assert seen == [("a", 0.0), ("b", 0.25), ("c", 0.5), ("d", 0.75)]
    assert list(progress.track([], "nothing")) == []
    assert list(progress.track(iter("ab"), "letters", total=2)) == ["a", "b"]


def test_a_task_that_fails_does_not_count() -> None:
    progress, _ = lines(Clock())
    with progress.task("whole", total=2):
        with pytest.raises(ZeroDivisionError), progress.task("inner"):
            raise ZeroDivisionError
        assert progress.fractions() == [0.0]


@pytest.mark.parametrize("total", [0.0, -1.0, math.nan, math.inf])
def test_bad_total(total: float) -> None:
    progress, _ = lines(Clock())
    with (
        pytest.raises(ValueError, match=r"total of task 'whole' is .*; expected a finite number above 0"),
        progress.task("whole", total),
    ):
        pass


@pytest.mark.parametrize("share", [-1.0, math.nan, math.inf])
def test_bad_share(share: float) -> None:
    progress, _ = lines(Clock())
    with (
        pytest.raises(ValueError, match=r"share of task 'whole' is .*; expected a finite number of at least 0"),
        progress.task("whole", share=share),
    ):
        pass


def test_track_without_a_length() -> None:
    progress, _ = lines(Clock())
    with pytest.raises(ValueError, match="total of task 'letters' is None and its items have no length"):
        list(progress.track(iter("ab"), "letters"))


def test_bars_on_a_terminal_lines_elsewhere() -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, force_terminal=True, width=100)
    with shown_progress(terminal) as progress:
        assert isinstance(progress._display, LiveBars)
        with progress.task("whole", total=4, expected=8.0), progress.task("inner", total=2, share=2) as inner:
            inner.advance()
            terminal.print("a line between")
    text = stream.getvalue()
    # The bars refresh ten times a second and at the end; states in between may pass unseen.
    for part in ("whole", "inner", "50 %", "time left", "a line between"):
        assert part in text
    with shown_progress(Console(file=io.StringIO())) as progress:
        assert isinstance(progress._display, Lines)


@cases(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0.0, "0 s"),
        (0.2, "1 s"),
        (59.0, "59 s"),
        (59.5, "1 min 0 s"),
        (200.0, "3 min 20 s"),
        (7500.0, "2 h 5 min"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
