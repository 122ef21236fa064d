"""One game over many devices and processes makes the steps that one device makes."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec

from gan_jax.models.conditional import conditional_mlp_generator
from gan_jax.models.conditional_critics import conditional_mlp_critic
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import mlp
from gan_jax.models.text import label_encoder
from gan_jax.models.translators import mlp_translator
from gan_jax.objectives.losses import non_saturating
from gan_jax.objectives.penalties import gradient_penalty
from gan_jax.training import checkpoint, updates
from gan_jax.training import mesh as meshes
from gan_jax.training.conditional import ConditionedBatch, conditional_gan
from gan_jax.training.game import Game, gan
from gan_jax.training.state import Info
from gan_jax.training.translation import Domains, cyclegan
from tests.tiers import some

WORKER = Path(__file__).with_name("mesh_worker.py")
PATIENCE = 240.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return int(listener.getsockname()[1])


def played(folder: Path, devices: int, processes: int = 1) -> dict[str, np.ndarray]:
    """What ``mesh_worker`` saves; every process ends, or is ended, within the time allowed."""
    file, port = folder / f"{devices}x{processes}.npz", free_port()
    environment = {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}
    environment["PYTHONPATH"] = os.fspath(WORKER.parents[2])
    started = [
        subprocess.Popen(
            [sys.executable, WORKER, str(devices), str(process), str(processes), str(port), file],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in range(processes)
    ]
    try:
        said = [process.communicate(timeout=PATIENCE)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * processes, "\n".join(said)
    with np.load(file) as saved:
        return dict(saved)


@pytest.fixture(scope="module")
def one_device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    return played(tmp_path_factory.mktemp("one"), 1)


@pytest.mark.slow
@pytest.mark.parametrize(("devices", "processes"), some([(2, 2), (8, 1)], 2))
def test_any_number_of_devices_and_processes_gives_the_same_losses(
    one_device: dict[str, np.ndarray], tmp_path: Path, devices: int, processes: int
) -> None:
    found = played(tmp_path, devices, processes)
    assert found.keys() == one_device.keys()
    np.testing.assert_array_equal(found.pop("ensemble"), one_device["ensemble"])
    for name in found:
        expected = one_device[name]
        assert expected.shape == (len(Info._fields), 20)
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-5, err_msg=name)


def small_game(mesh: jax.sharding.Mesh, batch_size: int = 8) -> Game:
    return gan(
        non_saturating(),
        mlp_generator((16,), batch_norm=True),
        mlp((16,)),
        lambda key, batch: jax.random.normal(key, (batch, 2)),
        updates.alternating(),
        batch_size=batch_size,
        ema_decay=0.9,
        place=meshes.placement(mesh),
    )


def several_steps_game(mesh: jax.sharding.Mesh) -> Game:
    return gan(
        non_saturating(),
        mlp_generator((16,), batch_norm=True),
        mlp((16,), activation=nn.softplus),
        lambda key, batch: jax.random.normal(key, (batch, 2)),
        updates.alternating(),
        batch_size=8,
        discriminator_steps=3,
        penalty=gradient_penalty(),
        place=meshes.placement(mesh),
    )


def conditional_game(mesh: jax.sharding.Mesh) -> Game:
    encoder = label_encoder(4, width=8)

    def pairs(key: jax.Array, batch: int) -> ConditionedBatch:
        label = jax.random.randint(key, (batch,), 0, 4)
        x = jnp.stack([jnp.cos(label), jnp.sin(label)], axis=1).astype(float)
        return ConditionedBatch(x, label, label[:, None], label[:, None])

    return conditional_gan(
        non_saturating(),
        conditional_mlp_generator(encoder, (16,)),
        conditional_mlp_critic(encoder, (16,)),
        pairs,
        batch_size=8,
        place=meshes.placement(mesh),
    )


def translation_game(mesh: jax.sharding.Mesh) -> Game:
    def domains(key: jax.Array, batch: int) -> Domains:
        x, y = jax.random.normal(key, (2, batch, 2))
        return Domains(x, y + 2.0)

    translator, critic = mlp_translator((16,)), mlp((16,))
    return cyclegan(
        non_saturating(), translator, translator, critic, critic, domains, batch_size=8, pool_size=10,
        place=meshes.placement(mesh),
    )  # fmt: skip


def in_float64(leaf: jax.Array) -> jax.Array:
    return leaf.astype(jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


@pytest.mark.slow
@pytest.mark.parametrize("made", [small_game, several_steps_game, conditional_game, translation_game])
def test_two_devices_make_the_step_of_one(made: Callable[[jax.sharding.Mesh], Game]) -> None:
    """In float64, since the bias before a batch norm has a gradient of zero: in float32 Adam makes steps of its rounding errors."""
    states = []
    with jax.enable_x64(True):
        for count in (1, 2):
            mesh = meshes.data_mesh(count)
            game = made(mesh)
            state = jax.tree.map(in_float64, meshes.begin(game, jax.random.key(2), mesh))
            play = jax.jit(lambda state, game=game: jax.lax.scan(lambda s, _: game.step(s), state, length=5))
            states.append(meshes.fetch(play(state)[0]._replace(key=None)))
    one, two = map(jax.tree.leaves, states)
    for expected, found in zip(one, two, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_the_batch_is_divided_and_the_parameters_are_whole() -> None:
    mesh = meshes.data_mesh(2)
    game = small_game(mesh)
    state = meshes.begin(game, jax.random.key(2), mesh)
    assert all(leaf.sharding.is_fully_replicated and len(leaf.devices()) == 2 for leaf in jax.tree.leaves(state))
    program = jax.jit(game.step).lower(state).compile().as_text()
    # Sums over the batch are exchanged, and no activation is gathered: half of the batch of 8 meets the hidden layer of 16.
    assert "all-reduce" in program
    assert "f32[4,16]" in program
    placed = jax.jit(lambda x: meshes.placement(mesh)(x, 1))(jnp.zeros((3, 8, 2)))
    assert placed.sharding.spec == PartitionSpec(None, "batch")


@pytest.mark.slow
def test_begin_is_init_and_takes_nothing_of_the_feed() -> None:
    mesh = meshes.data_mesh(2)
    game = small_game(mesh)
    began, made = meshes.begin(game, jax.random.key(2), mesh), jax.jit(game.init)(jax.random.key(2))
    assert checkpoint.digest(began) == checkpoint.digest(made)
    hyper = meshes.begin(game, jax.random.key(2), mesh, generator_rate=0.5).hyper
    assert float(hyper["generator_rate"]) == 0.5


@pytest.mark.slow
def test_a_checkpoint_goes_on_with_another_number_of_devices(tmp_path: Path) -> None:
    two, one = meshes.data_mesh(2), meshes.data_mesh(1)
    state = meshes.begin(small_game(two), jax.random.key(2), two)
    manager = checkpoint.manager(tmp_path / "checkpoints")
    checkpoint.save(manager, 7, state)
    step, found = checkpoint.restore(manager, meshes.begin(small_game(one), jax.random.key(3), one))
    manager.close()
    assert step == 7
    assert checkpoint.digest(found) == checkpoint.digest(state)
    assert all(len(leaf.devices()) == 1 for leaf in jax.tree.leaves(found))


def test_a_game_that_no_memory_holds_is_refused_before_it_is_compiled() -> None:
    """XLA's compiler ends the process with a page of C++ for some of them."""
    mesh = meshes.data_mesh(1)
    huge = gan(
        non_saturating(), mlp_generator((10**9, 10**9)), mlp((8,)), lambda key, n: jax.random.normal(key, (n, 2)),
        updates.alternating(), batch_size=8,
    )  # fmt: skip
    # A square of 10^9 in float32, and Adam's two moments of it.
    with pytest.raises(MemoryError, match=r"networks, optimisers and averages take 1\.2e\+10 GB, and cpu has \d"):
        meshes.begin(huge, jax.random.key(0), mesh)


def test_fetch_brings_everything_to_the_host() -> None:
    mesh = meshes.data_mesh(2)
    divided = jax.device_put(jnp.arange(8.0), jax.sharding.NamedSharding(mesh, PartitionSpec("batch")))
    np.testing.assert_array_equal(meshes.fetch({"a": divided, "b": 3})["a"], np.arange(8.0))
    assert meshes.any_process(True)
    assert not meshes.any_process(False)
    assert meshes.is_first()


def test_bad_requests_are_one_sentence() -> None:
    with pytest.raises(ValueError, match="devices is 9; expected a number from 1 to 2, which is what JAX has here"):
        meshes.data_mesh(9)
    with pytest.raises(ValueError, match="devices is 0; expected a number from 1"):
        meshes.data_mesh(0)
    message = "batch_size is 63, which 2 devices cannot share evenly; expected a multiple of 2, such as 62"
    with pytest.raises(ValueError, match=message):
        meshes.check_batch(63, meshes.data_mesh(2))
    with pytest.raises(ValueError, match="processes is None and process is None; expected all three, or none"):
        meshes.connect("localhost:1")
    with pytest.raises(ValueError, match="process is 2 of 2; expected a number from 0 to 1"):
        meshes.connect("localhost:1", 2, 2)
    for coordinator in ("localhost", "localhost:", ":1", "localhost:99999", "localhost:a"):
        with pytest.raises(ValueError, match=f"coordinator is '{coordinator}'; expected host:port of process 0"):
            meshes.connect(coordinator, 2, 0)


def test_no_process_of_a_run_is_left_without_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """What such a one puts on its devices would lie nowhere, and the others would wait for it."""
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(
        ValueError, match="devices is 2, of which 1 of the 2 processes of the run have none; expected 2, all of"
    ):
        meshes.data_mesh()


def test_processes_that_do_not_come_are_waited_for_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    came, said = threading.Event(), []
    monkeypatch.setattr(meshes, "PATIENCE", 0.5)
    monkeypatch.setattr(jax.distributed, "initialize", lambda *_, **__: came.wait())
    with pytest.raises(
        TimeoutError, match=r"after 0\.5 s not all 2 of the run are at localhost:1; expected each to be started"
    ):
        meshes.connect("localhost:1", 2, 0, on_wait=lambda: said.append(None))
    assert said == [None]
    # JAX is still at it, until they do.
    assert meshes.is_joining()
    came.set()
    while meshes.is_joining():
        time.sleep(0.01)
    meshes._joining.clear()
    # They come: nothing is said; and where JAX fails, its failure is the caller's.
    meshes.connect("localhost:1", 2, 0, on_wait=lambda: said.append(None))
    assert said == [None]
    assert not meshes._joining

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("the port is taken")

    monkeypatch.setattr(jax.distributed, "initialize", refuse)
    with pytest.raises(RuntimeError, match="the port is taken"):
        meshes.connect("localhost:1", 2, 0)


@pytest.mark.parametrize(
    ("works", "others", "met"), [(True, "here", True), (False, "here", True), (False, "DEADLINE_EXCEEDED: x", False)]
)
def test_processes_meet_where_something_may_have_failed_in_one(
    monkeypatch: pytest.MonkeyPatch, works: bool, others: str, met: bool
) -> None:
    """Whoever failed waits until the others are through; where they do not come, they wait for what it left undone."""

    def arrive(*, key: str, timeout_ms: int) -> None:
        assert timeout_ms == 2000
        if others != "here":
            raise jax.errors.JaxRuntimeError(others)

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(importlib.import_module("orbax.checkpoint.multihost"), "get_barrier_sync_fn", lambda: arrive)
    monkeypatch.setattr(meshes, "largest", lambda *values: values)
    assert meshes.meet(works, seconds=2.0) is met


def test_what_ends_a_meeting_otherwise_is_not_taken_for_a_process_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(**keywords: object) -> None:
        raise jax.errors.JaxRuntimeError("UNAVAILABLE: the coordinator is gone")

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(importlib.import_module("orbax.checkpoint.multihost"), "get_barrier_sync_fn", lambda: gone)
    with pytest.raises(jax.errors.JaxRuntimeError, match="UNAVAILABLE"):
        meshes.meet(False, seconds=2.0)
