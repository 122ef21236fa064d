"""Two processes of one run: one of them is asked to stop, both end at the same step, and go on to what they would have come to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gan_jax.training import run_folder

WORKER = Path(__file__).with_name("run_pair_worker.py")
PATIENCE = 240.0


def pair(folder: Path, piece: int = 0, fails: str = "never", status: int = 0) -> list[str]:
    """What each of the two says in the end; process 1 is asked to stop at that piece, of one step each, or fails in its evaluation."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}
    environment["PYTHONPATH"] = os.fspath(WORKER.parents[2])
    started = [
        subprocess.Popen(
            [sys.executable, WORKER, folder, str(port), str(process), str(piece), fails],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for process in range(2)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=PATIENCE)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [status, status], "\n".join(said)
    return [next(line for line in text.splitlines() if line.startswith(("came to", "ended by"))) for text in said]


@pytest.mark.slow
def test_what_one_of_two_is_asked_both_do_and_go_on_from_there(tmp_path: Path) -> None:
    whole = pair(tmp_path / "whole")
    assert whole[0] == whole[1]
    assert whole[0].startswith("came to 20 True")
    stopped = pair(tmp_path / "run", 8)
    assert stopped[0] == stopped[1]
    assert stopped[0].startswith("came to 8 False")
    assert pair(tmp_path / "run") == whole
    for name in (run_folder.METRICS, run_folder.TABLE):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        pytest.param("saves", "schedule.save_every is 20, and 10 in the first process", marks=pytest.mark.slow),
        pytest.param("other", "rate is 0.06, and 0.05 in the first process", marks=pytest.mark.exhaustive),
        pytest.param("key", "key is [0, 2], and [0, 1] in the first process", marks=pytest.mark.exhaustive),
    ],
)
def test_one_of_two_with_other_options_is_refused_and_writes_nothing(tmp_path: Path, what: str, words: str) -> None:
    ended = pair(tmp_path / "run", fails=what, status=2)
    assert "another process of this run was started with other options" in ended[0]
    assert words in ended[1]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_what_one_of_two_stops_at_ends_both(tmp_path: Path) -> None:
    """``stop`` may be told to one process alone: whether to stop is no part of what decides a run's numbers."""
    ended = pair(tmp_path / "run", fails="stops")
    assert ended[0] == ended[1]
    assert ended[0].startswith("came to 5 False")


@pytest.mark.exhaustive
def test_an_evaluation_that_fails_in_one_of_two_leaves_the_other_waiting_for_nothing(tmp_path: Path) -> None:
    whole = pair(tmp_path / "whole")
    # After what both exchange: it is a warning, and the run is the same.
    assert pair(tmp_path / "after", fails="after") == whole
    # Before it, the other one waits: both end, and started again they go on without the evaluation that ended them.
    folder = tmp_path / "before"
    ended = pair(folder, fails="before", status=2)
    assert "the evaluation at step 10 failed in this process, and another one waits for it" in ended[1]
    assert pair(folder, fails="before") == whole
    rows = {row["step"]: row for row in run_folder.read_rows(folder)}
    assert ["shift" in rows[step] for step in (5, 10, 15, 20)] == [False, False, False, True]
    assert (folder / run_folder.TABLE).read_text().splitlines()[-1].startswith("20,")
