"""Files hold what they were given, and refuse what they cannot hold."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments.framework import artifacts
from gan_jax.cli.json_files import write_json
from gan_jax.cli.surroundings import git_state


@dataclass(frozen=True)
class Config:
    slope: float = 2.0
    sizes: tuple[int, ...] = (64, 256)


class TestArtifacts:
    def test_objects_are_refused(self) -> None:
        with pytest.raises(TypeError, match="run returned 'x' with dtype object; expected numbers"):
            artifacts.plain_arrays({"x": np.asarray([{}], object)})

    def test_a_sum_is_the_same_to_the_last_bit_when_arrays_are_read_again(self, tmp_path: Path) -> None:
        turned = np.random.default_rng(0).normal(size=(7, 300, 11)).astype(np.float32).transpose(1, 2, 0)
        assert turned.mean() != np.ascontiguousarray(turned).mean()
        arrays = artifacts.plain_arrays({"x": turned, "scalar": np.float32(2)})
        artifacts.write_arrays(tmp_path, arrays)
        read = artifacts.read_arrays(tmp_path)
        assert read["x"].mean() == arrays["x"].mean()
        assert read["scalar"].shape == arrays["scalar"].shape == ()

    def test_an_empty_table_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="table returned no rows"):
            artifacts.write_table(tmp_path, [])

    def test_a_table_has_the_columns_of_all_rows(self, tmp_path: Path) -> None:
        artifacts.write_table(tmp_path, [{"a": 1}, {"b": np.float32(0.5), "a": math.nan}])
        assert (tmp_path / "table.csv").read_text() == "a,b\n1,\nnan,0.5\n"

    def test_values_in_json(self, tmp_path: Path) -> None:
        value = {
            "path": Path("x"),
            "nan": np.float32("nan"),
            "tuple": (1, np.int64(2)),
            "config": Config(),
            "none": None,
        }
        write_json(tmp_path / "value.json", value)
        expected = {
            "path": "x",
            "nan": "nan",
            "tuple": [1, 2],
            "config": {"slope": 2.0, "sizes": [64, 256]},
            "none": None,
        }
        assert json.loads((tmp_path / "value.json").read_text()) == expected

    def test_git_state_of_a_checkout_and_of_no_checkout(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            monkeypatch.delenv(variable, raising=False)
        assert git_state(tmp_path) == {"commit": None, "dirty": None}
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]

        def git(*words: str) -> None:
            subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True, timeout=30)

        git("init")
        git("commit", "--allow-empty", "--no-verify", "-m", "first")
        clean = git_state(tmp_path)
        assert len(str(clean["commit"])) == 40
        assert clean["dirty"] is False
        (tmp_path / "new").touch()
        assert git_state(tmp_path) == {**clean, "dirty": True}


def test_every_box_of_a_figure_is_rounded(tmp_path: Path) -> None:
    """What a solver leaves in its last digits is in no file; subfigures move what is in them."""
    figure = Figure(figsize=(11.0, 7.0), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.0, 1.7))
    inner = lower.subfigures(1, 2, width_ratios=(1.0, 2.3))
    for part, title in ((upper, "upper"), *((part, "inner") for part in inner)):
        part.subplots(1, 2)[0].set(title=title, xlabel="x [nats]", ylabel="y")
    artifacts.write_figure(tmp_path, figure)
    boxes = [part.bbox_relative for part in (upper, lower, *inner)] + [
        ax.get_position(original=True) for ax in figure.axes
    ]
    corners = np.array([(*box.p0, *box.p1) for box in boxes])
    np.testing.assert_allclose(corners, np.round(corners, 4), atol=1e-12)
    assert len(np.unique(corners[:4], axis=0)) == 4
