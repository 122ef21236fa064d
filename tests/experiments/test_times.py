"""Times: those of the pages are the code's, with their processor, and the list's are this machine's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from experiments import DIVERGENCES, ELSEWHERE, EXPERIMENTS, NEWEST, OTHER_PROCESSOR, PROCESSOR, Entry
from experiments import __main__ as command_line
from experiments.framework import harness, times
from gan_jax.cli.terminal import duration
from tests.pages import PAGES

PAGE = "docs/experiments.md"
"""Where times stand, and nowhere else."""

MEASURED = [entry for entry in EXPERIMENTS if entry.measured]
"""The ones that the page has: the times of one just begun are guesses."""

ROW = re.compile(r"^\| `(\w+)` \|.*\| `([^`|]*)` \| ([^|]*) \|$", re.M)


def test_the_table_of_the_page_is_that_of_the_code() -> None:
    """Each row has the whole command, preset included, and the time of that very command."""
    assert [page for page, text in PAGES.items() if ROW.search(text)] == [PAGE]
    assert ROW.findall(PAGES[PAGE]) == [
        (entry.name, entry.command, duration(entry.seconds(entry.preset))) for entry in MEASURED
    ]


def test_the_totals_of_the_page_are_the_sums_of_its_rows() -> None:
    words = " ".join(PAGES[PAGE].split())
    for chapter in dict.fromkeys(entry.chapter for entry in MEASURED):
        total = duration(sum(entry.seconds(entry.preset) for entry in MEASURED if entry.chapter == chapter))
        assert f"{total} ({chapter})" in words
    assert f"{PROCESSOR}, with nothing compiled before" in words
    assert f"T{OTHER_PROCESSOR[1:]} took" in words
    cold, warm = map(duration, DIVERGENCES)
    assert f"{NEWEST}: {cold} for `make figures`, and {warm} the second time" in words
    for name, seconds in ELSEWHERE.items():
        assert f"{duration(seconds)} for `{name}`" in words


def test_presets_of_commands_are_there() -> None:
    for entry in EXPERIMENTS:
        assert entry.preset in harness.presets(harness.load(entry.name))
        assert entry.quick is None or "quick" in getattr(harness.load(entry.name), "PRESETS", {})


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> tuple[Entry, ...]:
    found = (Entry("a", 100.0, 10.0), Entry("b", 50.0, 5.0, quick=20.0), Entry("c", 1000.0, 8.0))
    monkeypatch.setattr(times, "EXPERIMENTS", found)
    return found


def test_what_was_seen_scales_what_is_expected(entries: tuple[Entry, ...]) -> None:
    a, b, c = entries
    assert times.seen() == {}
    assert times.expected(b, "quick", {}) == 20.0
    times.keep("a", "full", 250.0)  # 2.5 times as long
    times.keep("b", "quick", 30.0)  # 1.5 times
    times.keep("c", "smoke", 32.0)  # 4 times
    times.keep("c", "smoke", 16.0)  # 2 times: the last one counts
    times.keep("c", "hour", 16.0)  # Nothing is known of it
    times.keep("absent", "full", 16.0)
    ratios = times.seen()
    assert ratios == {"a full": 2.5, "b quick": 1.5, "c smoke": 2.0}
    assert times.factor(ratios) == 2.0
    assert times.expected(a, "full", ratios) == 250.0
    assert times.expected(b, "full", ratios) == 100.0
    assert times.expected(c, "full", ratios) == 2000.0
    assert [times.weight(name, "full") for name in ("a", "c", "absent")] == [250.0, 2000.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"x": 3}',
        '{"HERE": {"a full": "long"}}',
        '{"HERE": {"a full": null}}',
        '{"HERE": {"a full": -1}}',
    ],
)
def test_a_record_that_cannot_be_read_is_none(entries: tuple[Entry, ...], fresh_record: Path, text: str) -> None:
    fresh_record.write_text(text.replace("HERE", times.platform.node()))
    assert times.seen() == {}
    times.keep("a", "full", 250.0)
    assert times.seen() == {"a full": 2.5}


def test_a_record_that_cannot_be_written_stops_nothing(
    entries: tuple[Entry, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(times, "file", lambda: tmp_path / "file" / "times.json")
    times.keep("a", "full", 250.0)
    assert times.seen() == {}


def test_a_run_is_kept_and_the_list_says_whose_times_it_has(
    stub: Any, tmp_path: Path, fresh_record: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "title", lambda name: "Stand-in")
    command_line.main([])
    assert f"Times are on {PROCESSOR}; this machine's own" in capsys.readouterr().out
    # A slope of one's own is no preset: what it takes says nothing of the others.
    command_line.main(["stub", "--out", str(tmp_path), "--slope", "3"])
    assert not fresh_record.exists()
    command_line.main(["stub", "--out", str(tmp_path)])
    ((_, kept),) = json.loads(fresh_record.read_text()).items()
    assert set(kept) == {"stub full"}
    times.keep("stub", "full", 600.0)  # 3 s were expected.
    command_line.main([])
    printed = capsys.readouterr().out
    assert "full 10 min 0 s, smoke 3 min 20 s" in printed
    assert f"200 times as long as {PROCESSOR}" in " ".join(printed.split())
