"""What holds for every listed experiment: its contract, and its smoke preset from command line to files."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import PIL.Image
import pytest

from experiments import EXPERIMENTS, TEMPLATE
from experiments import __main__ as command_line
from experiments.framework import harness
from gan_jax.cli import devices
from tests.tiers import those

NAMES = [entry.name for entry in (*EXPERIMENTS, TEMPLATE)]
FILES = {"arrays.npz", "claims.json", "config.json", "figure.png", "figure.svg", "manifest.json", "table.csv"}

# Their smoke presets compile for a quarter of an hour together: at every change those of every chapter that make its data, players and
# measures with fewest programs; all of them before a release.
AT_EVERY_CHANGE = {
    "moving_plans",
    "saturation_1d",
    "dirac_gan",
    "image_zoo",
    "mode_weights",
    "conditional_ring",
    "cycle_2d",
    TEMPLATE.name,
}

of_every_experiment = pytest.mark.parametrize("name", NAMES)
with_its_smoke_preset = pytest.mark.parametrize("name", those(AT_EVERY_CHANGE, NAMES))
# Drawing takes seconds, and is the same code for all.
drawn_again = pytest.mark.parametrize("name", those({"saturation_1d", TEMPLATE.name}, NAMES))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def smoke(name: str, results: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the smoke preset leaves; computed once for each experiment."""
    monkeypatch.setattr(devices, "configure_jax", lambda: None)
    if not (results / name).exists():
        assert command_line.main([name, "--preset", "smoke", "--out", str(results)]) == 0
    return results / name


@of_every_experiment
def test_docstring_says_what_a_reader_asks_first(name: str) -> None:
    title, blank, *rest = (harness.load(name).__doc__ or "").splitlines()
    assert title.endswith(".")
    assert harness.title(name) == title.rstrip(".")
    assert blank == ""
    text = "\n".join(rest)
    for part in ("Figure: ", "Expected: ", f"``python -m experiments {name}``"):
        assert part in text, part
    assert any(unit in text for unit in (" s on two cores", " min on two cores"))


@of_every_experiment
def test_config_is_frozen_and_every_field_is_documented(name: str) -> None:
    module = harness.load(name)
    assert dataclasses.is_dataclass(module.Config)
    fields = [field.name for field in dataclasses.fields(module.Config)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(module.SMOKE, fields[0], 0)
    (definition,) = ast.parse(source := inspect.getsource(module.Config)).body
    assert isinstance(definition, ast.ClassDef)
    lines = source.splitlines()
    documented = []
    for statement, following in itertools.zip_longest(definition.body, definition.body[1:]):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            _, _, behind = lines[(statement.end_lineno or statement.lineno) - 1].partition("  # ")
            below = following.value if isinstance(following, ast.Expr) else None
            if behind.strip() or (isinstance(below, ast.Constant) and isinstance(below.value, str)):
                documented.append(statement.target.id)
    assert documented == fields


@pytest.mark.slow
@with_its_smoke_preset
def test_smoke_preset_leaves_every_file(name: str, smoke: Path) -> None:
    animation = {"animation.gif"} if harness.has_animation(harness.load(name)) else set()
    assert {file.name for file in smoke.iterdir()} == FILES | animation
    config, manifest = (json.loads((smoke / f"{file}.json").read_text()) for file in ("config", "manifest"))
    assert list(config) == [field.name for field in dataclasses.fields(harness.load(name).Config)]
    assert manifest["experiment"] == name
    assert manifest["preset"] == "smoke"
    with np.load(smoke / "arrays.npz", allow_pickle=False) as arrays:
        assert len(arrays.files) > 0
    header, *rows = (smoke / "table.csv").read_text().splitlines()
    assert rows
    assert "," in header


@pytest.mark.slow
@with_its_smoke_preset
def test_claims_name_their_source_and_have_a_tolerance(name: str, smoke: Path) -> None:
    claims = json.loads((smoke / "claims.json").read_text())
    assert claims
    for claim in claims:
        assert claim["what"]
        assert claim["source"]
        assert isinstance(claim["tolerance"], float), claim
        assert ("budget" in claim) is (claim["kind"] == "replication")


@pytest.mark.slow
@with_its_smoke_preset
def test_theorems_hold_however_little_was_trained(name: str, smoke: Path) -> None:
    claims = json.loads((smoke / "claims.json").read_text())
    assert [claim for claim in claims if claim["kind"] == "theorem" and not claim["holds"]] == []


@pytest.mark.slow
@with_its_smoke_preset
def test_figure_can_be_read_at_half_width(name: str, smoke: Path) -> None:
    pixels = matplotlib.image.imread(smoke / "figure.png")
    assert 1500 <= pixels.shape[1] <= 1800
    assert float(pixels[..., :3].std()) > 0.01


@pytest.mark.slow
@with_its_smoke_preset
def test_animation_moves_and_is_small(name: str, smoke: Path) -> None:
    file = smoke / "animation.gif"
    if not file.exists():
        pytest.skip("this experiment has no animation")
    assert file.stat().st_size < 2e6
    with PIL.Image.open(file) as image:
        assert image.n_frames > 1
        assert max(image.size) <= 800


@pytest.mark.slow
@drawn_again
def test_redraw_gives_the_same_bytes_and_does_not_run(name: str, smoke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("run was called")

    before = {file.name: file.read_bytes() for file in smoke.iterdir()}
    monkeypatch.setattr(harness.load(name), "run", fail)
    # By --strict theorems have to hold: what little training leaves undone is none.
    assert command_line.main([name, "--redraw", "--out", str(smoke.parent), "--strict"]) == 0
    assert {file.name: file.read_bytes() for file in smoke.iterdir()} == before
