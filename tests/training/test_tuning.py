"""How products are formed is chosen by what was measured, once for every shape; whatever is chosen, the numbers are the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import files
from gan_jax.training import mesh as meshes
from gan_jax.training import tuning
from gan_jax.training.tuning import Product

PLAIN = Product((256, 128), (128, 128), ((1,), (0,)), ((), ()), "float32")


OTHER_AXIS = (((1,), (1,)), ((), ()))


def step(x: jax.Array, w: jax.Array) -> jax.Array:
    """Three products in a loop, and one with the other axis of ``w`` in a branch."""
    x = jax.lax.scan(lambda x, _: (jnp.tanh(x @ w), None), x, length=3)[0]
    return jax.lax.cond(x[0, 0] > 0.0, lambda x: jax.lax.dot_general(x, w, OTHER_AXIS), lambda x: x, x)


ARGUMENTS = (jnp.full((256, 128), 0.1), jnp.eye(128))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of its own, on a machine where nothing else computes."""
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setattr(tuning, "_busy", lambda: False)
    monkeypatch.setenv("XLA_FLAGS", "")
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Product]:
    """Which products are measured; the other library takes half of the time."""
    found: list[Product] = []

    def measured(product: Product) -> tuple[float, float]:
        found.append(product)
        return 2e-4, 1e-4

    monkeypatch.setattr(tuning, "measured", measured)
    return found


def test_products_are_counted_as_the_program_forms_them() -> None:
    counted = Counter[Product]()
    for product, times in tuning._products(jax.jit(step).trace(*ARGUMENTS).jaxpr.jaxpr):
        counted[product] += times
    assert counted[PLAIN] == 3
    assert sum(counted.values()) == 4
    assert PLAIN.operations == 2.0 * 256 * 128 * 128
    batched = Product((5, 7, 3), (5, 3, 2), ((2,), (1,)), ((0,), (0,)), "float32")
    assert batched.operations == 2.0 * 5 * 7 * 3 * 2


def test_what_was_measured_is_kept_and_decides(folder: Path, asked: list[Product]) -> None:
    program = jax.jit(step)
    assert tuning.options(program, *ARGUMENTS) == tuning.OTHER
    assert set(asked) == {PLAIN, Product((256, 128), (128, 128), ((1,), (1,)), ((), ()), "float32")}
    assert tuning.options(program, *ARGUMENTS) == tuning.OTHER
    assert len(asked) == 2
    files_there = sorted(folder.glob("gan_jax_product-*.json"))
    assert [files.read_json(file)["seconds"] for file in files_there] == [[2e-4, 1e-4]] * 2
    # A damaged file is measured again; where the other library hardly gains, XLA's own choice stays.
    files_there[0].write_text("{")
    assert tuning.options(program, *ARGUMENTS) == tuning.OTHER
    assert len(asked) == 3
    for file in files_there:
        file.write_text(file.read_text().replace("0.0001", "0.000199"))
    assert tuning.options(program, *ARGUMENTS) == {}


def test_where_nothing_can_be_kept_nothing_is_chosen(
    folder: Path, asked: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = jax.jit(step)
    small = (jnp.zeros((16, 16)), jnp.eye(16))
    divided = jax.device_put(ARGUMENTS[0], meshes.replicated(meshes.data_mesh(2)))
    assert tuning.options(program, *small) == {}
    assert tuning.options(program, divided, jax.device_put(ARGUMENTS[1], divided.sharding)) == {}
    with monkeypatch.context() as one:
        one.setattr(tuning, "_busy", lambda: True)
        assert tuning.options(program, *ARGUMENTS) == {}
    with monkeypatch.context() as one:
        one.setenv("XLA_FLAGS", f"--{next(iter(tuning.OTHER))}=")
        assert tuning.options(program, *ARGUMENTS) == {}
    jax.config.update("jax_compilation_cache_dir", str(folder / "file"))
    (folder / "file").write_text("no folder")
    assert tuning.options(program, *ARGUMENTS) == {}
    asked.clear()
    jax.config.update("jax_compilation_cache_dir", None)
    assert tuning.options(program, *ARGUMENTS) == {}
    assert not asked


def test_a_program_is_the_same_whatever_is_chosen(folder: Path, asked: list[Product]) -> None:
    program = tuning.jit(step)
    np.testing.assert_allclose(program(*ARGUMENTS), jax.jit(step)(*ARGUMENTS), rtol=1e-5)
    assert asked
    # A part of another program is compiled with that one.
    np.testing.assert_allclose(jax.jit(program)(*ARGUMENTS), program(*ARGUMENTS), rtol=1e-5)
    text = jax.jit(step, compiler_options=tuning.OTHER).lower(*ARGUMENTS).compile().as_text()
    assert "ynn" not in text


def test_a_measurement_is_two_times() -> None:
    own, other = tuning.measured(PLAIN)
    # At most 1 TFLOP/s a core, and at least 10 MFLOP/s.
    for seconds in (own, other):
        assert PLAIN.operations / 1e14 < seconds < PLAIN.operations / 1e7
        assert math.isfinite(seconds)
    assert tuning._busy() in (True, False)
