"""Of two processes of one run one is killed: the other ends with a sentence, and started again both go on."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_jax.training import run_folder

WORDS = (
    *(
        "--model.pair",
        "mlp",
        "--model.width",
        "16",
        "--model.latent",
        "8",
        "--rule.batch-size",
        "16",
        "--evaluation.fake",
        "0",
    ),
    *("--schedule.log-every", "5", "--schedule.save-every", "20", "--no-tensorboard", "--devices.processes", "2"),
)


# A parent started in the background ignores SIGINT, and its children would too. SIGUSR1 has it say where it hangs.
HEARS_CTRL_C = (
    "import faulthandler, runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "faulthandler.register(signal.SIGUSR1); "
    "runpy.run_module('gan_jax', run_name='__main__', alter_sys=True)"
)


def started(folder: Path, steps: int) -> list[subprocess.Popen[str]]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        HEARS_CTRL_C,
        "train",
        "--out",
        str(folder),
        "--schedule.steps",
        str(steps),
        *WORDS,
    ]
    return [
        subprocess.Popen(
            [*command, "--devices.coordinator", f"localhost:{port}", "--devices.process", str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"},
        )
        for number in range(2)
    ]


@contextlib.contextmanager
def both(folder: Path, steps: int) -> Iterator[list[subprocess.Popen[str]]]:
    processes = started(folder, steps)
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def errors_of(process: subprocess.Popen[str], seconds: float) -> str:
    """What a process that is about to end writes to standard error; where it does not end, where it hangs."""
    try:
        return process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGUSR1)
        time.sleep(2.0)
        process.kill()
        return pytest.fail(f"no end after {seconds:g} s:\n{process.communicate()[1]}")


def saved_steps(folder: Path) -> list[int]:
    """Steps of whole checkpoints; one that is being written has a longer name."""
    return [int(path.name) for path in (folder / "checkpoints").glob("[0-9]*") if path.name.isdigit()]


def wait_for_a_checkpoint(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    until = time.monotonic() + 300.0
    while time.monotonic() < until and not saved_steps(folder):
        assert all(process.poll() is None for process in processes), [p.communicate() for p in processes]
        time.sleep(0.05)


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_other_in_a_sentence_and_both_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with both(folder, 100_000) as processes:
        wait_for_a_checkpoint(folder, processes)
        processes[1].send_signal(signal.SIGKILL)
        # JAX itself would wait for it for more than a minute, and then abort.
        errors = errors_of(processes[0], 60.0)
    assert processes[0].returncode == 2, errors
    assert "another process of the run is gone" in errors.strip().splitlines()[-1]
    # A thread of Orbax, if one was writing, says above what happened to it; JAX's abort is not reached.
    assert "Check failure stack trace" not in errors
    saved = max(saved_steps(folder))
    assert saved >= 20
    steps = saved + 40
    with both(folder, steps) as processes:
        outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert f"all {steps} steps made" in outputs[0][0]
    assert [row["step"] for row in run_folder.read_rows(folder)] == list(range(5, steps + 1, 5))


@pytest.mark.exhaustive
def test_process_0_that_is_killed_ends_the_others_in_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with both(folder, 100_000) as processes:
        wait_for_a_checkpoint(folder, processes)
        processes[0].send_signal(signal.SIGKILL)
        # JAX aborts out of C++, and its page of that is left out.
        errors = errors_of(processes[1], 60.0)
    # Where the break in an exchange is seen first, Python says it.
    assert processes[1].returncode in (2, signal.SIGABRT)
    assert "stack trace" not in errors
    assert "coordination" not in errors
    assert "start all of them again, each with its own command" in errors.strip().splitlines()[-1]
    assert max(saved_steps(folder)) >= 20


@pytest.mark.slow
def test_ctrl_c_ends_a_process_that_waits_for_the_others(tmp_path: Path) -> None:
    with both(tmp_path / "run", 100) as processes:
        processes[1].kill()
        assert processes[0].stdout is not None
        assert "waiting for the other processes of the run" in processes[0].stdout.readline()
        processes[0].send_signal(signal.SIGINT)
        errors = errors_of(processes[0], 20.0)
    assert processes[0].returncode == 130
    assert (
        errors.strip()
        == "python -m gan_jax: interrupted; what the run had saved is whole, and the same command goes on from there."
    )
