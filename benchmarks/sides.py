"""What a comparison of two sides needs besides the clock: whether they compute the same, and what each is by itself."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import numpy as np


def distance(a: Sequence[np.ndarray], b: Sequence[np.ndarray], origin: Sequence[np.ndarray]) -> float:
    """``||a - b|| / ||a - origin||`` over all arrays together."""

    def norm(u: Sequence[np.ndarray], v: Sequence[np.ndarray]) -> float:
        return math.sqrt(sum(float(np.sum(np.square(x - y))) for x, y in zip(u, v, strict=True)))

    return norm(a, b) / norm(a, origin)


def alone(arguments: Sequence[object], environment: Mapping[str, str]) -> dict[str, float]:
    """What a side prints that runs by itself in a fresh process."""
    command = [sys.executable, "-m", *(str(argument) for argument in arguments)]
    done = subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def all_at_once(arguments: Sequence[object], processes: int) -> list[dict[str, float]]:
    """What a side prints in each of several fresh processes that run at the same time.

    Each prints a line when it is ready (imports and compilation are behind it), waits for one, works, and prints its numbers.
    """
    command = [sys.executable, "-m", *(str(argument) for argument in arguments)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return [dict(json.loads(worker.communicate()[0])) for worker in workers]
