"""The profile's parts against a clock: what is known to take so long, and that nothing is counted twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src import pjit
from jax._src.interpreters import pxla

from experiments import __main__ as command_line
from gan_jax.cli import profiling
from gan_jax.cli.errors import UserError
from gan_jax.cli.profiling import COMPILE, LOWER, PARTS, RUN, TRACE

PAUSE = 0.15


def pause_on_the_host(x: np.ndarray) -> np.ndarray:
    time.sleep(PAUSE)
    return np.asarray(x)


class TestProfiled:
    def test_counts_calls_and_seconds_of_a_program(self) -> None:
        @jax.jit
        def slow_to_run(x: jax.Array) -> jax.Array:
            return jax.pure_callback(pause_on_the_host, x, x)

        @jax.jit
        def slow_to_trace(x: jax.Array) -> jax.Array:
            time.sleep(PAUSE)
            return slow_to_run(x) + 1.0

        x = jnp.ones(3)
        with profiling.profiled() as profile:
            started = time.time()
            for _ in range(3):
                slow_to_run(x)
            slow_to_trace(x)
            slow_to_run(jnp.ones(4))
            clock = time.time() - started
        run, traced = profile.programs["slow_to_run"], profile.programs["slow_to_trace"]
        assert (run.calls, run.compiled + run.read) == (4, 2)
        assert (traced.calls, traced.compiled + traced.read) == (1, 1)
        np.testing.assert_allclose(run.seconds[RUN], 4 * PAUSE, atol=0.5 * PAUSE)
        np.testing.assert_allclose(traced.seconds[TRACE], PAUSE, atol=0.5 * PAUSE)
        np.testing.assert_allclose(traced.seconds[RUN], PAUSE, atol=0.5 * PAUSE)
        assert min(run.seconds[LOWER], run.seconds[COMPILE]) > 0.0
        # What programs took and what is left is the time on the clock, and little is left of a block that does nothing else.
        np.testing.assert_allclose(sum(map(profile.of, PARTS)) + profile.python, profile.wall, rtol=1e-9)
        np.testing.assert_allclose(sum(map(profile.of, PARTS)), clock, rtol=0.1)

    def test_python_between_programs_is_what_is_left(self) -> None:
        with profiling.profiled() as profile:
            (jnp.ones(3) + 1.0).block_until_ready()
            time.sleep(2 * PAUSE)
        assert 2 * PAUSE <= profile.python < 4 * PAUSE

    def test_leaves_jax_as_it_was_also_after_an_error(self) -> None:
        before = pxla.ExecuteReplicated.__call__, pjit._get_fastpath_data
        with pytest.raises(ZeroDivisionError), profiling.profiled() as profile:
            raise ZeroDivisionError
        assert (pxla.ExecuteReplicated.__call__, pjit._get_fastpath_data) == before
        assert np.isfinite(profile.wall)

    def test_a_span_is_counted_without_the_spans_inside_it(self) -> None:
        profile = profiling.Profile(0.0, 10.0)
        watch = profiling._Watch(profile)
        for part, name, start, end in [
            (RUN, "constant", 1.0, 2.0),
            (TRACE, "inner", 3.0, 4.5),
            (TRACE, "outer", 0.5, 5.0),
            (LOWER, "jit(outer)", 5.0, 6.0),
            (RUN, "jit(outer)", 6.0, 9.0),
        ]:
            watch.span(part, name, start, end)
        assert profile.programs["outer"].seconds == {TRACE: 2.0, LOWER: 1.0, COMPILE: 0.0, RUN: 3.0}
        assert (profile.programs["inner"].total, profile.programs["constant"].total, profile.python) == (1.5, 1.0, 1.5)

    def test_writes_a_trace(self, tmp_path: Path) -> None:
        with profiling.profiled(tmp_path / "trace"):
            jnp.arange(5) * 2
        assert len(list((tmp_path / "trace").rglob("*.xplane.pb"))) == 1

    def test_a_trace_that_cannot_be_written_is_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(UserError, match="file cannot be written"), profiling.profiled(tmp_path / "file"):
            pass

    def test_another_jax_is_a_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(pjit, "_get_fastpath_data")
        with pytest.raises(UserError, match="does not say when a program runs"), profiling.profiled():
            pass


class TestCommand:
    def test_prints_the_table_after_the_claims(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["moving_plans", "--preset", "smoke", "--out", str(tmp_path), "--profile"]
        assert command_line.main(words) == 0
        said = capsys.readouterr().out
        assert said.index("Claims") < said.index("Where the time went") < said.index("peak memory: process")
        *parts, total = (
            float(line.split("│")[-2])
            for line in said.splitlines()
            if line.startswith(("│ all prog", "│ Python", "│ time"))
        )
        np.testing.assert_allclose(sum(parts), total, atol=0.02)

    def test_is_refused_where_nothing_is_computed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert command_line.main(["moving_plans", "--out", str(tmp_path), "--redraw", "--profile"]) == 2
        assert "--redraw computes nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_a_program_of_laws_is_the_same_in_every_process() -> None:
    code = """
import hashlib
import jax
import numpyro.distributions as dist
from gan_jax.cli.devices import list_parameters_in_order
from gan_jax.divergences import exact

list_parameters_in_order()
program = jax.jit(lambda m: exact.jensen_shannon(dist.Gamma(2.0, 1.0), dist.StudentT(3.0, m, 2.0)))
print(hashlib.sha256(program.lower(1.0).as_text().encode()).hexdigest())
"""
    texts = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(set(texts)) == 1
