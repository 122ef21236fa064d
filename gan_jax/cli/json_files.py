"""Strict JSON, which knows no NaN, of configurations, manifests and results."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gan_jax import files


def write_json(path: Path, value: object) -> None:
    """Writes ``value`` as strict JSON: NaN and infinities become their names."""
    files.write_text(path, json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def _plain(value: object) -> object:
    """``value`` in the types that JSON has."""
    match value:
        case None | bool() | str():
            return value
        case enum.Enum():
            return value.name
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            return float(value) if math.isfinite(value) else str(float(value))
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return str(value)
