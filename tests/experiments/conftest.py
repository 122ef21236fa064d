"""A stand-in for an experiment, quick and without JAX."""

from __future__ import annotations

import math
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import experiments
from experiments import __main__ as command_line
from experiments.framework import harness, times
from experiments.framework.claims import AT_LEAST, EQUAL, Budget, Claim, finding, replication, theorem
from gan_jax.cli import devices


@dataclass(frozen=True)
class Config:
    """A stand-in."""

    slope: float = 2.0
    """Slope of the line; above 0."""

    seed: int = 7
    """Seed."""

    def __post_init__(self) -> None:
        if not self.slope > 0.0:
            raise ValueError(f"slope is {self.slope}; expected a number above 0")


def compute(config: Config, progress: Any) -> dict[str, np.ndarray]:
    with progress.task("points", total=3) as task:
        for _ in range(3):
            task.advance()
    return {"x": np.arange(5.0), "y": config.slope * np.arange(5.0, dtype=np.float32)}


def draw(arrays: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(3.0, 2.0), layout="constrained")
    figure.subplots().plot(arrays["x"], arrays["y"], label="line")
    return figure


def state(arrays: dict[str, np.ndarray]) -> list[Claim]:
    return [
        finding("end is far", "a guess", math.inf, arrays["y"][-1], 0.1, AT_LEAST),
        replication(
            "points", "a paper", 1000, arrays["x"].size, 0.0, EQUAL, "a count", budget=Budget("1000 points", met=False)
        ),
        theorem("slope", "by construction", 2.0, arrays["y"][1], 0.0),
    ]


def tabulate(arrays: dict[str, np.ndarray]) -> list[dict[str, object]]:
    return [{"x": x, "y": y} for x, y in zip(arrays["x"], arrays["y"], strict=True)]


@pytest.fixture(autouse=True)
def fresh_record(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The record of times is a file of the test's own: how slow tests are is nobody's expectation."""
    file = tmp_path_factory.mktemp("times") / "times.json"
    monkeypatch.setattr(times, "file", lambda: file)
    return file


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """An experiment ``stub``, alone in the table of contents; JAX stays as the tests configured it."""
    module = types.SimpleNamespace(
        __doc__="Stand-in.",
        Config=Config,
        SMOKE=Config(slope=1.0),
        run=compute,
        plot=draw,
        claims=state,
        table=tabulate,
    )
    entries = (experiments.Entry("stub", full=3.0, smoke=1.0),)
    monkeypatch.setattr(command_line, "EXPERIMENTS", entries)
    monkeypatch.setattr(times, "EXPERIMENTS", entries)
    monkeypatch.setattr(harness, "load", lambda name: module)
    monkeypatch.setattr(devices, "configure_jax", lambda: None)
    return module
