"""Two processes draw from one source what one process draws, and each reads its own half."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from gan_jax.data import stream

PROCESS = """
import hashlib, json, sys
import jax, numpy as np
jax.config.update("jax_num_cpu_devices", 1)
port, processes, process = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if processes > 1:
    jax.distributed.initialize(f"localhost:{port}", processes, process)
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from gan_jax.data import images, sources

class Recording(list):
    def __getitem__(self, index):
        read.append(index)
        return super().__getitem__(index)

read = []
mesh = Mesh(np.asarray(jax.devices()), ("batch",), axis_types=(AxisType.Auto,))
pictures = np.random.default_rng(0).integers(0, 256, (1000, 8, 8, 3), dtype=np.uint8)
streamed = sources.streamed(Recording(pictures), examples_per_step=16, seed=1, pool=64, flip=True, mesh=mesh)
read.clear()
resident = sources.resident(images.ImageSet("noise-8", pictures, np.zeros(1000, np.int32), 0), flip=True, mesh=mesh)
everywhere = NamedSharding(mesh, PartitionSpec())
digests = []
for source in (streamed, resident):
    draw = jax.jit(lambda key, feed: source.draw(key, 32, feed=feed), out_shardings=everywhere)
    for step in (0, 4):
        batch = draw(jax.random.key(step), source.feed(step, 4))
        digests.append(hashlib.sha256(np.asarray(batch.addressable_data(0)).tobytes()).hexdigest())
streamed.close()
print(json.dumps({"digests": digests, "read": sorted(set(read))}))
"""


@pytest.mark.slow
def test_two_processes_draw_what_one_draws_and_read_half_of_it_each() -> None:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = str(probe.getsockname()[1])

    def start(processes: int, process: int) -> subprocess.Popen:
        command = [sys.executable, "-c", PROCESS, port, str(processes), str(process)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def report(process: subprocess.Popen) -> dict:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        return json.loads(output.splitlines()[-1])  # Gloo announces itself above.

    together = [start(2, 0), start(2, 1)]
    try:
        reports = [report(process) for process in together]
    finally:
        for process in together:
            process.kill()
    alone = report(start(1, 0))
    assert reports[0]["digests"] == reports[1]["digests"] == alone["digests"]
    assert len(set(alone["digests"])) == 4
    # Two pools were drawn from and a third may have been begun; all of them are in the first epoch.
    order = stream.places(0, 192, examples=1000, seed=1).reshape(3, 2, 32)
    for process, one in enumerate(reports):
        assert set(order[:2, process].ravel()) <= set(one["read"]) <= set(order[:, process].ravel())
