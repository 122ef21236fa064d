"""Programs compiled side by side are those that jit makes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.training.compiling import compile_together
from gan_jax.training.ensemble import ensemble


def test_programs_come_back_in_order_and_compute_what_they_should() -> None:
    x, keys = jnp.arange(4.0), jax.random.split(jax.random.key(0), 4)
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    square, normal = compile_together([(jnp.square, (shape,)), (ensemble(jax.random.normal), (keys,))])
    np.testing.assert_array_equal(square(x), x**2)
    np.testing.assert_array_equal(normal(keys), jax.vmap(jax.random.normal)(jax.random.split(jax.random.key(0), 4)))
    with pytest.raises(TypeError):
        square(jnp.arange(5.0))


def test_no_thread_is_an_error() -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        compile_together([], threads=0)
