"""Where something is computed, and with what."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

PACKAGES = ("gan_jax", "jax", "jaxlib", "flax", "optax", "numpy", "numpyro", "scipy", "POT", "matplotlib")


def surroundings() -> dict[str, Any]:
    """Where something is computed and with what: the commit, Python, the system, versions, devices, precision."""
    import jax

    devices = jax.devices()
    return {
        "git": git_state(Path(__file__).parent),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {package: _version(package) for package in PACKAGES},
        "device": {"platform": devices[0].platform, "kind": devices[0].device_kind, "count": len(devices)},
        "x64": bool(jax.config.read("jax_enable_x64")),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_state(folder: Path) -> dict[str, object]:
    """``{"commit", "dirty"}`` of the checkout that ``folder`` lies in; None for what git cannot say."""

    def ask(*words: str) -> str | None:
        try:
            answer = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return answer.stdout.strip()

    changes = ask("status", "--porcelain")
    return {"commit": ask("rev-parse", "--verify", "HEAD"), "dirty": None if changes is None else bool(changes)}
