"""What is saved can be drawn again, byte for byte, without computing anything."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import __main__ as command_line
from experiments.conditional.text_to_avatar import experiment as text_to_avatar
from experiments.translation.cycle_2d import experiment as cycle_2d
from gan_jax.distributions.correspondences import CORRESPONDENCES
from gan_jax.models.text import ENCODERS

FILES = {"arrays.npz", "claims.json", "config.json", "figure.png", "figure.svg", "manifest.json", "table.csv"}


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def one_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def must_not_run(*_: object) -> None:
    raise AssertionError("run was called")


class TestRedraw:
    def test_draws_the_same_bytes_without_running(self, stub: Any, tmp_path: Path) -> None:
        command_line.main(["stub", "--out", str(tmp_path)])
        before = contents(tmp_path / "stub")
        stub.run = must_not_run
        for name in FILES - {"arrays.npz", "config.json", "manifest.json"}:
            (tmp_path / "stub" / name).write_bytes(b"")
        assert command_line.main(["stub", "--out", str(tmp_path), "--redraw"]) == 0
        assert contents(tmp_path / "stub") == before

    def test_claims_of_an_older_version_get_their_kinds(
        self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Claims are made from the arrays: what an older version wrote of them, which had no kinds, is not read."""
        command_line.main(["stub", "--out", str(tmp_path)])
        file = tmp_path / "stub" / "claims.json"
        before = file.read_bytes()
        added = {"kind", "verdict", "budget"}
        older = [{name: value for name, value in claim.items() if name not in added} for claim in json.loads(before)]
        file.write_text(json.dumps(older))
        capsys.readouterr()
        assert command_line.main(["stub", "--out", str(tmp_path), "--redraw", "--strict"]) == 0
        assert (
            "1 of 1 theorems, 0 of 1 replications (1 not run at this budget), 0 of 1 findings"
            in capsys.readouterr().out
        )
        assert file.read_bytes() == before

    def test_a_changed_plot_shows(self, stub: Any, tmp_path: Path) -> None:
        command_line.main(["stub", "--out", str(tmp_path)])
        before = contents(tmp_path / "stub")
        plot = stub.plot
        stub.plot = lambda arrays: plot({**arrays, "y": -arrays["y"]})
        command_line.main(["stub", "--out", str(tmp_path), "--redraw"])
        changed = {name for name, data in contents(tmp_path / "stub").items() if data != before[name]}
        assert changed == {"figure.png", "figure.svg"}

    def test_does_not_need_jax(self, stub: Any, tmp_path: Path) -> None:
        command_line.main(["stub", "--out", str(tmp_path)])
        # The saved arrays of the stub, under the name of an experiment that exists.
        code = """
import sys
from experiments import __main__ as command_line
from experiments.framework import harness
from experiments.divergences import moving_plans
from matplotlib.figure import Figure
moving_plans.plot = lambda arrays: Figure()
moving_plans.claims = lambda arrays: []
moving_plans.table = lambda arrays: [{"x": 1}]
assert command_line.main(["moving_plans", "--redraw", "--out", sys.argv[1]]) == 0
assert "jax" not in sys.modules
"""
        (tmp_path / "stub").rename(tmp_path / "moving_plans")
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        ("damage", "sentence"),
        [
            (lambda file: file.unlink(), "arrays.npz does not exist, so there is nothing to redraw; run "),
            (lambda file: file.write_bytes(b"PK\x03\x04 half"), "arrays.npz is no .npz that can be read"),
            (lambda file: file.write_bytes(b"text"), "arrays.npz is no .npz that can be read"),
            (lambda file: file.write_bytes(b""), "arrays.npz is no .npz that can be read"),
            (lambda file: np.savez(file, x=np.zeros(3)), "arrays.npz has no array 'y'"),
            (lambda file: file.write_bytes(one_array()), "arrays.npz is no .npz that can be read"),
        ],
        ids=["missing", "truncated", "text", "empty", "an array is missing", "one array"],
    )
    def test_arrays_that_cannot_be_used(
        self,
        stub: Any,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        damage: Callable[[Path], Any],
        sentence: str,
    ) -> None:
        command_line.main(["stub", "--out", str(tmp_path)])
        damage(tmp_path / "stub" / "arrays.npz")
        before = contents(tmp_path / "stub")
        capsys.readouterr()
        assert command_line.main(["stub", "--out", str(tmp_path), "--redraw"]) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1
        assert contents(tmp_path / "stub") == before

    def test_takes_no_option_of_the_experiment(
        self, stub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command_line.main(["stub", "--out", str(tmp_path), "--redraw", "--slope", "4"]) == 2
        assert "--redraw draws what was saved, so it takes no option of the experiment" in capsys.readouterr().err


def test_no_experiment_loads_jax_or_another_slow_package_to_be_listed_drawn_or_claimed() -> None:
    code = """
import sys
SLOW = {"jax", "scipy.stats", "scipy.special", "ott", "orbax", "tensorflow_datasets", "sklearn", "numpyro", "flax"}
from experiments import EXPERIMENTS, TEMPLATE
from experiments.framework import harness
for entry in (*EXPERIMENTS, TEMPLATE):
    harness.load(entry.name)
    assert not SLOW & set(sys.modules), (entry.name, SLOW & set(sys.modules))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_names_that_configurations_have_are_those_of_the_library() -> None:
    """Configurations load no JAX, and so name for themselves what tables of the library hold."""
    assert set(text_to_avatar.ENCODERS) == set(ENCODERS)
    assert set(cycle_2d.PAIRS) == set(CORRESPONDENCES)
