"""The exact part of ``forward_or_reverse``: every stationary Gaussian against two, followed over their separation, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from scipy.optimize import brentq

from experiments.diversity.forward_or_reverse.experiment import NAMES
from gan_jax.divergences import exact

Jet: TypeAlias = tuple[float, np.ndarray, np.ndarray]
"""Value, gradient ``[3]`` and Hessian ``[3, 3]`` of a divergence in (μ, log σ, separation)."""

Field: TypeAlias = Callable[[np.ndarray], Jet]

CLOSE = 1e-12
"""Newton's method ends where no derivative of the divergence is larger."""


class Branch(NamedTuple):
    """Stationary points of one divergence.

    Attributes:
      points: (μ, log σ, separation), ``[n, 3]``.
      values: of the divergence, ``[n]``.
      curvatures: eigenvalues of its Hessian in (μ, log σ), rising, ``[n, 2]``: a minimum where both are positive.
      along_mean: its second derivative in μ, ``[n]``.
      gradients: largest derivative that is left, ``[n]``.
    """

    points: np.ndarray
    values: np.ndarray
    curvatures: np.ndarray
    along_mean: np.ndarray
    gradients: np.ndarray


def fields() -> dict[str, Field]:
    """Returns D(½ N(−d/2, 1) + ½ N(d/2, 1) ‖ N(μ, σ²)) and its derivatives for every divergence; called where double precision is on."""

    def laws(point: jax.Array) -> tuple[dist.Distribution, dist.Distribution]:
        half = 0.5 * point[2]
        sides = dist.Normal(jnp.stack([-half, half]), jnp.ones(2))
        p = dist.MixtureSameFamily(dist.Categorical(probs=jnp.full(2, 0.5)), sides)
        return p, dist.Normal(point[0], jnp.exp(point[1]))

    def value(point: jax.Array, row: jax.Array) -> jax.Array:
        p, q = laws(point)
        values = {
            "kl": lambda: exact.kl(p, q),
            "jensen_shannon": lambda: exact.jensen_shannon(p, q),
            "jeffreys": lambda: exact.kl(p, q) + exact.kl(q, p),
            "reverse_kl": lambda: exact.kl(q, p),
        }
        return jax.lax.switch(row, [values[name] for name in NAMES])

    @jax.jit
    def jet(point: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def with_gradient(point: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            result, gradient = jax.value_and_grad(value)(point, row)
            return gradient, (result, gradient)

        hessian, (result, gradient) = jax.jacfwd(with_gradient, has_aux=True)(point)
        return result, gradient, hessian

    def at(row: int, point: np.ndarray) -> Jet:
        result, gradient, hessian = jax.device_get(jet(point, row))
        return float(result), gradient, hessian

    return {name: partial(at, row) for row, name in enumerate(NAMES)}


def minimum(field: Field, mean: float, log_scale: float, separation: float, *, iterations: int = 100) -> np.ndarray:
    """The minimum downhill of a start, ``[3]``, by Newton's method: steps of at most 0.3, and down where the divergence is concave."""
    point = np.array([mean, log_scale, separation])
    for _ in range(iterations):
        _, gradient, hessian = field(point)
        if np.abs(gradient[:2]).max() < CLOSE:
            break
        curvatures, axes = np.linalg.eigh(hessian[:2, :2])
        move = axes @ ((axes.T @ gradient[:2]) / np.maximum(np.abs(curvatures), 1e-3))
        point[:2] -= move / max(1.0, np.abs(move).max() / 0.3)
    return point


def described(field: Field, points: Sequence[np.ndarray]) -> Branch:
    """What there is to say of stationary points."""
    jets = [field(point) for point in points]
    return Branch(
        np.stack(points),
        np.array([value for value, _, _ in jets]),
        np.stack([np.linalg.eigvalsh(hessian[:2, :2]) for _, _, hessian in jets]),
        np.array([hessian[0, 0] for _, _, hessian in jets]),
        np.array([np.abs(gradient[:2]).max() for _, gradient, _ in jets]),
    )


def middle(field: Field, separations: np.ndarray) -> Branch:
    """The symmetric fit, μ = 0, at every separation, each from the one before."""
    points: list[np.ndarray] = []
    log_scale = 0.0
    for separation in separations:
        points.append(minimum(field, 0.0, log_scale, float(separation)))
        log_scale = points[-1][1]
    return described(field, points)


def corrected(field: Field, guess: np.ndarray, tangent: np.ndarray) -> np.ndarray:
    """The stationary point in the plane through ``guess`` across ``tangent``: Newton's method in all three numbers."""
    point = guess.copy()
    for _ in range(12):
        _, gradient, hessian = field(point)
        if np.abs(gradient[:2]).max() < CLOSE:
            break
        matrix = np.vstack([hessian[:2], tangent])
        point = point - np.linalg.solve(matrix, np.append(gradient[:2], tangent @ (point - guess)))
    return point


def tangent_at(field: Field, point: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """The direction in which stationary points go on from one, the one of two that does not turn back."""
    _, _, hessian = field(point)
    direction = np.cross(hessian[0], hessian[1])
    direction /= np.linalg.norm(direction)
    return direction if direction @ towards > 0 else -direction


class Aside(NamedTuple):
    """The fits to one side.

    Attributes:
      branch: from the minimum on one mode at the largest separation, down to the fold, and up again as saddle points.
      fold: (μ, log σ, separation) where minimum and saddle meet: below that separation the middle is all there is, ``[3]``.
      turn: the first point of ``branch`` beyond the fold.
    """

    branch: Branch
    fold: np.ndarray
    turn: int


def aside(field: Field, largest: float, *, longest: float = 0.25, most: int = 1000) -> Aside:
    """Follows the fit on one mode by its arc length from the largest separation, through its fold and back to that separation.

    A step is halved where the branch turns by more than 18 degrees, or Newton's method does not end near by.

    Source: Keller 1977, "Numerical solution of bifurcation and nonlinear eigenvalue problems" (pseudo-arclength continuation).
    """
    here = minimum(field, 0.5 * largest, 0.0, largest)
    tangent = tangent_at(field, here, np.array([0.0, 0.0, -1.0]))
    points, step, fold, turn = [here], longest, None, 0
    for _ in range(most):
        there = corrected(field, here + step * tangent, tangent)
        ahead = tangent_at(field, there, tangent)
        left = np.abs(field(there)[1][:2]).max()
        if left > 1e3 * CLOSE or np.linalg.norm(there - here) > 1.5 * step or ahead @ tangent < 0.95:
            step *= 0.5
            continue
        if fold is None and ahead[2] > 0.0:
            fold, turn = _fold(field, here, tangent, step), len(points)
        points.append(there)
        here, tangent, step = there, ahead, min(1.4 * step, longest)
        if here[2] > largest:
            break
    if fold is None:
        raise RuntimeError(f"the fit on one mode was followed for {most} steps and has no fold; expected one")
    return Aside(described(field, points), fold, turn)


def _fold(field: Field, here: np.ndarray, tangent: np.ndarray, step: float) -> np.ndarray:
    """Where the separation is smallest, at most ``step`` from ``here``."""

    def beside(length: float) -> np.ndarray:
        return corrected(field, here + length * tangent, tangent)

    return beside(brentq(lambda length: tangent_at(field, beside(length), tangent)[2], 0.0, step, xtol=1e-12))


def switch(field: Field, off: Aside, largest: float) -> float:
    """The separation from which on one mode is a better fit than the middle; NaN where that is beyond the largest."""
    minima = off.branch.points[: off.turn][::-1]

    def gain(separation: float) -> float:
        mean, log_scale = (np.interp(separation, minima[:, 2], minima[:, column]) for column in (0, 1))
        one = minimum(field, mean, log_scale, separation)
        both = minimum(field, 0.0, np.log(0.5 * separation), separation)
        return field(both)[0] - field(one)[0]

    first = float(minima[0, 2])
    return float(brentq(gain, first, largest, xtol=1e-10)) if gain(largest) > 0.0 > gain(first) else float("nan")
