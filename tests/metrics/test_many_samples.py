"""Numbers of pairs beyond what 32 bits hold: 46 342² is the first square above 2³¹."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import distributions
from gan_jax.divergences import empirical, histogram
from gan_jax.metrics import conditioning, kernel, modes, neighbours, support
from tests.cases import cases


def _wide(function: Callable[..., object], *shapes: tuple[int, ...]) -> object:
    """The shapes that ``function`` gives for float64 arguments."""
    with jax.enable_x64(True):
        return jax.eval_shape(function, *(jax.ShapeDtypeStruct(shape, jnp.float64) for shape in shapes))


def _single(function: Callable[..., object], *shapes: tuple[int, ...]) -> object:
    return jax.eval_shape(function, *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes))


PROGRAMS: dict[str, Callable[[int], object]] = {
    "kid": lambda n: _single(kernel.kid, (n, 2), (n, 2)),
    "kid of few against many": lambda n: _single(kernel.kid, (4, 2), (n, 2)),
    "kid_of_subsets": lambda n: _single(
        lambda x, y: kernel.kid_of_subsets(jax.random.key(0), x, y, subsets=2, size=n), (n, 2), (n, 2)
    ),
    "diversity_within": lambda n: _single(conditioning._mean_distance, (n, 2)),
    "neighbours: radii": lambda n: _wide(partial(neighbours._radii, k=3), (n, 2)),
    "neighbours: counts": lambda n: _wide(neighbours._counts, (n, 2), (n, 2), (n,), (n,)),
    "support_size": lambda n: _wide(support._counts, (n, 2), ()),
    "tally": lambda n: _single(lambda x: modes.tally(x, modes.modes_of(distributions.gaussian_ring())), (n, 2)),
    "mmd2": lambda n: _single(partial(empirical.mmd2, kernel=empirical.cubic), (n, 2), (n, 2)),
    "energy_distance": lambda n: _single(empirical.energy_distance, (n, 2), (n, 2)),
    "sliced_wasserstein": lambda n: _single(partial(empirical.sliced_wasserstein, jax.random.key(0)), (n, 2), (n, 2)),
    "wasserstein on the line": lambda n: _single(empirical.wasserstein, (n, 1), (n + 1, 1)),
    "wasserstein": lambda n: _single(empirical.wasserstein, (n, 2), (n + 1, 2)),
    "histogram": lambda n: _single(partial(histogram.jensen_shannon, bins=9), (n, 2), (n, 2)),
}


@cases("n", [46_342, 60_000])
@cases("program", PROGRAMS)
def test_no_program_holds_a_number_of_pairs_in_32_bits(program: str, n: int) -> None:
    assert all(leaf.size < 10**7 for leaf in jax.tree.leaves(PROGRAMS[program](n)))


def test_the_kernel_distance_of_sixty_thousand_from_its_row_sums() -> None:
    # Row sums of kernel matrices that never exist, with the mean that they have by hand.
    n, m = 60_000, 50_000
    ones = jnp.ones(n + m)
    sums = kernel._Sums(ones * (n - 1) * 2.0, ones * (m - 1) * 5.0, ones, ones)
    # The mean of k is 2 in real pairs, 5 in fake ones, 5 (m - 1) / m in mixed ones.
    np.testing.assert_allclose(kernel._value(sums, n, m), 2.0 + 5.0 - 2 * 5.0 * (m - 1) / m, rtol=1e-5)


def test_the_variance_of_sixty_thousand_from_its_row_sums() -> None:
    # A zero diagonal and c elsewhere is a constant kernel, of variance 0; its squares larger by a, all is variance.
    n, c, a = 60_000, 0.5, 3.0
    found = kernel._u_centred_square(jnp.full(n, c * (n - 1)), jnp.float32((c**2 + a) * n * (n - 1)))
    rows, squares = c * (n - 1), (c**2 + a) * n * (n - 1)
    exact = (squares - 2 * n * rows**2 / (n - 2) + (n * rows) ** 2 / ((n - 1) * (n - 2))) / (n * (n - 3))
    # The definition in integers, which Python has of any size; float32 sums lose 1e-6 of terms of the size of c² + a.
    np.testing.assert_allclose(found, exact, rtol=1e-4)
    np.testing.assert_allclose(exact, a, rtol=1e-4)
