"""What the devices of one game send each other: sums of gradients and of statistics, read off the compiled steps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiers import some

WORKER = Path(__file__).with_name("exchanged_worker.py")
SIZES = {"pred": 1, "u8": 1, "bf16": 2, "f32": 4, "s32": 4, "u32": 4}
EXCHANGE = re.compile(
    r"= (?P<shape>.*?) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute|collective-broadcast|ragged-all-to-all)"
    r"(-start)?\("
)


def exchanges(program: str) -> Iterator[tuple[str, int]]:
    """Every exchange of a compiled program, and the bytes of what it gives on one device."""
    for found in EXCHANGE.finditer(program):
        bytes_there = 0
        for kind, lengths in re.findall(r"(\w+)\[([\d,]*)\]", found["shape"]):
            count = 1
            for length in filter(None, lengths.split(",")):
                count *= int(length)
            bytes_there += SIZES[kind] * count
        yield found["kind"], bytes_there


@pytest.fixture(scope="module", params=some([8, 2], 2))
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The compiled text of one step of each game of ``exchanged_worker``, and how large its parameters and its batch are."""
    folder = tmp_path_factory.mktemp("exchanged")
    environment = {**os.environ, "PYTHONPATH": os.fspath(WORKER.parents[2]), "JAX_NUM_CPU_DEVICES": str(request.param)}
    subprocess.run([sys.executable, WORKER, str(request.param), folder], check=True, env=environment)
    return {path.stem: path.read_text() for path in folder.glob("*.txt")}


@pytest.mark.slow
@pytest.mark.parametrize("game", ["dcgan", "penalised", "conditional", "cyclegan", "pooled"])
def test_devices_exchange_gradients_and_no_pictures(programs: dict[str, str], game: str) -> None:
    sizes, program = programs[game].split("\n", 1)
    parameters, pictures, labels = map(int, sizes.split())
    sums = sum(count for kind, count in exchanges(program) if kind == "all-reduce")
    others = [(kind, count) for kind, count in exchanges(program) if kind != "all-reduce"]
    # Every gradient is in them, and no more than one of each use of a network: a translator is used in three places of a loss.
    assert parameters <= sums <= 5 * parameters, (sums, parameters)
    if game == "pooled":
        # What was translated into either domain, which any device may be shown later.
        assert others == [("all-gather", pictures)] * 2
    else:
        # At most the labels of a batch: whose condition is wrong is settled among all of them.
        assert sum(count for _, count in others) <= labels, others
