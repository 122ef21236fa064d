"""How long experiments take: what was measured once, scaled by what this machine has been seen to do.

After each run the harness keeps how many times as long as expected it took, in one small file of the user's cache folder, by machine,
experiment and preset. An experiment that was run here is expected to take as long again; the others are scaled by the median of what was
seen. Where nothing was, times are those of ``PROCESSOR``.
"""

from __future__ import annotations

import contextlib
import json
import math
import platform
import statistics
from collections.abc import Mapping
from pathlib import Path

from experiments import EXPERIMENTS, Entry
from gan_jax import files

Ratios = Mapping[str, float]
"""``"experiment preset"`` to measured over expected seconds, of the last run of each on this machine."""


def file() -> Path:
    """Where the record is kept."""
    return files.user_cache() / "times.json"


def seen() -> Ratios:
    """What this machine has been seen to do; nothing where there is no record, or none that can be read."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        ratios = _all(file()).get(platform.node(), {})
        return {name: float(ratio) for name, ratio in ratios.items() if 0.0 < float(ratio) < math.inf}
    return {}


def keep(name: str, preset: str, seconds: float) -> None:
    """Records that an experiment took ``seconds`` here; a record that cannot be written is no reason to stop."""
    entry = _entry(name)
    if entry is None or preset not in ("full", "quick", "smoke") or not seconds > 0.0:
        return
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path, everywhere = file(), {}
        with contextlib.suppress(OSError, ValueError):
            everywhere = _all(path)
        here = {**everywhere.get(platform.node(), {}), f"{name} {preset}": round(seconds / entry.seconds(preset), 3)}
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, json.dumps({**everywhere, platform.node(): here}, indent=2) + "\n")


def factor(ratios: Ratios) -> float:
    """How many times as long as on ``PROCESSOR`` things take here: the median of what was seen, 1 where nothing was."""
    return statistics.median(ratios.values()) if ratios else 1.0


def expected(entry: Entry, preset: str, ratios: Ratios) -> float:
    """Seconds that a preset of an experiment will take here."""
    return entry.seconds(preset) * ratios.get(f"{entry.name} {preset}", factor(ratios))


def weight(name: str, preset: str) -> float:
    """``expected`` by an experiment's name, which is its share of the time of several; 1 for one that is not listed."""
    entry = _entry(name)
    return 1.0 if entry is None else expected(entry, preset, seen())


def _entry(name: str) -> Entry | None:
    return next((entry for entry in EXPERIMENTS if entry.name == name), None)


def _all(path: Path) -> dict[str, dict[str, float]]:
    tree = files.read_json(path)
    known = isinstance(tree, dict) and all(isinstance(ratios, dict) for ratios in tree.values())
    if not known or not all(type(ratio) in (int, float) for ratios in tree.values() for ratio in ratios.values()):
        raise ValueError(f"{path} is no record of times")
    return tree
