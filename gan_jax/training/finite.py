"""Whether a state is finite: what a step looked like says so of the state before its last update alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.training.mesh import fetch
from gan_jax.typing import PyTree


def not_finite(state: PyTree) -> list[str]:
    """The paths of the leaves of a state that hold NaN or infinity."""
    host = fetch(plain(state))
    return [
        jax.tree_util.keystr(path, simple=True, separator=".")
        for path, leaf in jax.tree_util.tree_leaves_with_path(host)
        if jnp.issubdtype(leaf.dtype, jnp.inexact) and not np.isfinite(leaf).all()
    ]


def refuse_not_finite(state: PyTree, when: str) -> None:
    """Raises ``FloatingPointError`` where a state holds NaN or infinity; names the first such leaf, and ``when`` that is."""
    bad = not_finite(state)
    if bad:
        raise FloatingPointError(
            f"{listed(bad)} not finite {when}; expected finite numbers: lower the learning rates, or look at the hyperparameters"
        )


def listed(names: Sequence[str]) -> str:
    """``"a is"``, or ``"a and 3 more leaves of the state are"``."""
    return f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more leaves of the state are"


def plain(state: PyTree) -> PyTree:
    """``state`` with the numbers of its keys."""

    def numbers(leaf: Any) -> Any:
        return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf

    return jax.tree.map(numbers, state)
