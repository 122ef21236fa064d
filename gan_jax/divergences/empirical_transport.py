"""Exact optimal transport between weighted points: in JAX on the line, by POT on the host in more dimensions."""

from __future__ import annotations

import itertools
import warnings
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

from gan_jax import checks, numerics
from gan_jax.divergences import empirical_1d
from gan_jax.typing import Array

MAX_ITERATIONS = 10**7
"""Of the network simplex. POT's own limit, 10⁵, stops short of the optimum at a few thousand points."""


class Plan(NamedTuple):
    """An optimal plan and its dual, for the cost ``(‖x − y‖ / scale)^p``.

    Attributes:
      rows: ``[n + m − 1]``, which x; a plan at a vertex of the transport polytope has no more entries.
      columns: ``[n + m − 1]``, which y.
      mass: ``[n + m − 1]``, 0 for entries not needed.
      f: ``[n]``, potential of x: the derivative of the optimal cost with respect to the weights of x, centred.
      g: ``[m]``, potential of y.
      scale: ``[]``, the largest distance between an x and a y.
    """

    rows: Int[Array, " entries"]
    columns: Int[Array, " entries"]
    mass: Float[Array, " entries"]
    f: Float[Array, " n"]
    g: Float[Array, " m"]
    scale: Float[Array, ""]


@partial(jax.jit, static_argnames=("order",))
def wasserstein_on_line(
    x: Float[Array, " n"],
    y: Float[Array, " m"],
    weights: tuple[Float[Array, " n"] | None, Float[Array, " m"] | None],
    *,
    order: float,
) -> Float[Array, ""]:
    """``W_p`` between ``x [n]`` and ``y [m]``; ``weights`` as ``([n], [m])``, None for equal ones."""
    x_weights, y_weights = weights
    if x_weights is None and y_weights is None:
        coupling = empirical_1d.equal(x, y) if x.shape == y.shape else empirical_1d.uniform(x, y)
    else:
        coupling = empirical_1d.weighted(x, y, _uniform_unless(x_weights, x), _uniform_unless(y_weights, y))
    distances = empirical_1d.absolute(coupling.x - coupling.y)
    if order == 1:
        return _weighted_mean(distances, coupling.mass)
    scale = jax.lax.stop_gradient(jnp.max(distances))
    return rooted(_weighted_mean(relative_power(distances, scale, order), coupling.mass), scale, order)


def wasserstein_by_simplex(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    weights: tuple[Float[Array, " n"] | None, Float[Array, " m"] | None],
    *,
    order: float,
) -> Float[Array, ""]:
    r"""``W_p`` between ``x [n, d]`` and ``y [m, d]`` with its gradient.

    By the envelope theorem the optimal plan π and the potentials f, g may be held constant while the cost is
    differentiated:

    .. math:: \mathrm{OT} = \sum_{ij} \pi_{ij} c(x_i, y_j)
        + \langle f, a - \bar a\rangle + \langle g, b - \bar b\rangle,

    with the bars, like π, f and g, constants equal to the weights a and b. No rule of differentiation is needed,
    both modes work, and so do second derivatives with respect to points (the plan is locally constant).
    """
    a, b = (normalised(w, z) for w, z in zip(weights, (x, y), strict=True))
    plan = optimal_plan(*jax.lax.stop_gradient((x, y, a, b)), order=order)
    distances = numerics.norm(x[plan.rows] - y[plan.columns])
    total = jnp.sum(plan.mass * relative_power(distances, plan.scale, order))
    total += jnp.vdot(plan.f, a - jax.lax.stop_gradient(a)) + jnp.vdot(plan.g, b - jax.lax.stop_gradient(b))
    return rooted(total, plan.scale, order)


def optimal_plan(
    x: Float[Array, "n d"], y: Float[Array, "m d"], a: Float[Array, " n"], b: Float[Array, " m"], *, order: float
) -> Plan:
    """The optimal plan between two weighted samples by POT's network simplex on the host, also inside ``jit``; not differentiable.

    Args:
      x: ``[n, d]``.
      y: ``[m, d]``.
      a: weights of ``x``, ``[n]``, of sum 1.
      b: weights of ``y``, ``[m]``, of sum 1.
      order: p of the cost ``|x - y|^p``.

    Returns:
      The plan and its dual potentials.

    Raises:
      ValueError: samples or weights that are not finite.
      RuntimeError: the network simplex did not converge.
    """
    # Imported here, not in the callback: POT sets up its JAX backend, and JAX inside a callback may wait for itself.
    solve = partial(_solve_on_host, import_pot(), order=order)
    if checks.is_concrete((x, y, a, b)):
        # Straight to the host: an error keeps its type and its sentence.
        return Plan(*map(jnp.asarray, solve(x, y, a, b)))
    n, m = x.shape[0], y.shape[0]
    index, real = partial(jax.ShapeDtypeStruct, dtype=jnp.int32), partial(jax.ShapeDtypeStruct, dtype=x.dtype)
    shapes = (index((n + m - 1,)), index((n + m - 1,)), real((n + m - 1,)), real((n,)), real((m,)), real(()))
    return Plan(*jax.pure_callback(solve, shapes, x, y, a, b, vmap_method="sequential"))


def _solve_on_host(ot: Any, x: Any, y: Any, a: Any, b: Any, *, order: float) -> tuple[np.ndarray, ...]:
    """POT's exact plan in float64: the fields of ``Plan``, as NumPy arrays of the type of ``x``."""
    dtype = np.asarray(x).dtype
    x, y, a, b = (np.asarray(value, dtype=np.float64) for value in (x, y, a, b))
    for name, value in (("x", x), ("y", y), ("x_weights", a), ("y_weights", b)):
        checks.finite(name, value)
    a, b = a / a.sum(), b / b.sum()
    distances = cdist(x, y)
    scale = distances.max()
    cost = (distances / scale if scale > 0 else distances) ** order
    with warnings.catch_warnings():
        # POT only warns when it gives up; that is an error here.
        warnings.simplefilter("ignore")
        plan, log = ot.emd(a, b, cost, numItermax=MAX_ITERATIONS, log=True)
    if log["warning"] is not None:
        raise RuntimeError(
            f"the exact transport between {len(x)} and {len(y)} points did not converge "
            f"in {MAX_ITERATIONS} iterations: {log['warning']}"
        )
    f, g = log["u"], log["v"]
    # Points without mass constrain nothing, and the solver leaves their potentials out: the smallest feasible cost
    # is the derivative.
    f = np.where(a > 0, f, np.min(cost[:, b > 0] - g[b > 0], axis=1))
    g = np.where(b > 0, g, np.min(cost[a > 0] - f[a > 0][:, None], axis=0))
    rows, columns = np.nonzero(plan)
    spare = len(x) + len(y) - 1 - len(rows)
    return (
        np.pad(rows, (0, spare)).astype(np.int32),
        np.pad(columns, (0, spare)).astype(np.int32),
        np.pad(plan[rows, columns], (0, spare)).astype(dtype),
        (f - a @ f).astype(dtype),
        (g - b @ g).astype(dtype),
        scale.astype(dtype),
    )


def import_pot() -> Any:
    """POT, which takes a while to import, without the warning that it gives."""
    with warnings.catch_warnings():
        # Python remarks on an escape sequence in one of POT's docstrings when it compiles it.
        warnings.filterwarnings("ignore", message="invalid escape sequence")
        import ot
    return ot


def plans_by_cost(distances: Float[Array, "n n"]) -> tuple[Int[Array, "plans n"], Float[Array, " plans"]]:
    """All permutations ``[n!, n]`` of ``distances [n, n]`` and their mean distance ``[n!]``, cheapest first."""
    n = distances.shape[0]
    permutations = jnp.asarray(np.array(list(itertools.permutations(range(n))), dtype=np.int32))
    costs = jnp.mean(distances[jnp.arange(n)[None, :], permutations], axis=1)
    order = jnp.argsort(costs, stable=True)
    return permutations[order], costs[order]


def _uniform_unless(weights: Array | None, points: Array) -> Array:
    n = points.shape[0]
    return jnp.full((n,), 1 / n, points.dtype) if weights is None else weights


def normalised(weights: Float[Array, " n"] | None, points: Float[Array, " n *event"]) -> Float[Array, " n"]:
    """Weights ``[n]`` divided by their sum; ``1/n`` each where None."""
    if weights is None:
        return _uniform_unless(None, points)
    return weights / jnp.sum(weights)


def _weighted_mean(values: Array, mass: Array | None) -> Array:
    return jnp.mean(values) if mass is None else jnp.sum(mass * values)


def relative_power(distances: Array, scale: Array, order: float) -> Array:
    """``(distance / scale)^p``, with gradient 0 where the distance is 0; no overflow, however large p is."""
    coincide = distances == 0
    relative = jnp.where(coincide, 1.0, distances) / jnp.where(scale > 0, scale, 1.0)
    return jnp.where(coincide, 0.0, relative**order)


def rooted(total: Float[Array, ""], scale: Float[Array, ""], order: float) -> Float[Array, ""]:
    """``scale · total^{1/p}``, with gradient 0 where the total is 0."""
    nothing = total <= 0
    return jnp.where(nothing, 0.0, scale * jnp.where(nothing, 1.0, total) ** (1 / order))
