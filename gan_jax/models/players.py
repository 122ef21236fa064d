"""Players that are no networks: the theory of the game does not ask for one.

Generators that are particles, an affine map or a quantile table; discriminators that are a logistic regression, a kernel witness or a
histogram. They meet training through the same ``Generator`` and ``Critic`` as networks do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.caching import remembered
from gan_jax.typing import Array, Critic, Generator, PRNGKey, PyTree, Variables, trains_as_it_samples

# ------------------------------------------------------------------------------------------------------------ generators


def _generator(
    init: Callable[[PRNGKey], Variables],
    noise: Callable[[PRNGKey, int], PyTree],
    apply: Callable[[Variables, PyTree], Array],
) -> Generator:
    return Generator(init, noise, apply, trains_as_it_samples(apply))


def particles(start: Callable[[PRNGKey], Array] | Array) -> Generator:
    """A generator that *is* its particles: ``P_G = 1/n Σ δ_{x_i}``, and every ``x_i`` is a parameter.

    A batch no larger than the number of particles is drawn without replacement, so that a batch of all of them is all of them; a larger
    one walks through them again.

    Args:
      start: ``start(key) -> [particles, *event]``: where they begin; or these places themselves.

    Returns:
      The generator; its only parameter is ``"x"`` ``[particles, *event]``.

    Raises:
      TypeError: no function of a key.
      ValueError: places that are not finite.
    """
    if isinstance(start, np.ndarray | jax.Array | list):
        places = jnp.asarray(checks.real("start", start), jnp.result_type(float))
        checks.finite("start", places)
        return particles(lambda key: places)
    checks.takes("start", start, ("key",), "an array [particles, *event]")
    count = jax.eval_shape(start, jax.random.key(0)).shape[0]

    def noise(key: PRNGKey, n: int) -> Array:
        return jnp.resize(jax.random.permutation(key, count), (n,))

    return _generator(
        lambda key: {"params": {"x": start(key)}}, noise, lambda variables, z: variables["params"]["x"][z]
    )


@remembered
def affine(event_shape: tuple[int, ...] = (), *, scale: float = 1.0, shift: float = 0.0) -> Generator:
    """An affine map of noise: ``G(z) = A z + b``, ``z ~ N(0, I)``: every Gaussian, and nothing else.

    Args:
      event_shape: of one sample; ``()`` gives samples ``[n, 1]``, as everywhere on the line.
      scale: A begins as ``scale · I``.
      shift: every coordinate of b at the beginning.

    Returns:
      The generator, with parameters ``"matrix" [d, d]`` and ``"shift" [d]``.

    Raises:
      ValueError: ``scale`` zero: A would begin singular.
    """
    checks.number("scale", scale)
    checks.number("shift", shift)
    if scale == 0:
        raise ValueError(f"scale is {scale}; expected a number other than zero")
    shape = checks.sizes("event_shape", event_shape) or (1,)
    size = math.prod(shape)

    def init(key: PRNGKey) -> Variables:
        return {"params": {"matrix": scale * jnp.eye(size), "shift": jnp.full((size,), float(shift))}}

    def apply(variables: Variables, z: PyTree) -> Array:
        checks.variables(variables)
        params = variables["params"]
        return (z @ params["matrix"].T + params["shift"][None]).reshape(-1, *shape)

    return _generator(init, lambda key, n: jax.random.normal(key, (n, size)), apply)


@remembered
def quantile_table(knots: int = 64, *, low: float = -1.0, high: float = 1.0) -> Generator:
    """A monotone table of quantiles on the line: ``G(u) = F^{-1}(u)``, ``u ~ U[0, 1]``, linear between knots.

    The first knot is free and the increments are ``softplus`` of free numbers, so that every law with a bounded interval for support is
    near, and quantiles never cross.

    Args:
      knots: at levels 0, 1/(knots - 1), …, 1.
      low, high: the table begins as the uniform law on ``[low, high]``.

    Returns:
      The generator of samples ``[n, 1]``, with parameters ``"first" []`` and ``"increments" [knots - 1]``.

    Raises:
      ValueError: fewer than two knots, or ``high`` not above ``low``.
    """
    checks.integer("knots", knots, 2)
    checks.number("low", low)
    checks.number("high", high)
    if not high > low:
        raise ValueError(f"low is {low} and high is {high}; expected high above low")
    step = (high - low) / (knots - 1)
    # softplus^{-1}(s) = log(e^s - 1).
    free = math.log(math.expm1(step))

    def init(key: PRNGKey) -> Variables:
        return {"params": {"first": jnp.full((), float(low)), "increments": jnp.full((knots - 1,), free)}}

    def apply(variables: Variables, u: PyTree) -> Array:
        checks.variables(variables)
        params = variables["params"]
        rises = jax.nn.softplus(params["increments"])
        table = params["first"] + jnp.concatenate([jnp.zeros(1), jnp.cumsum(rises)])
        position = jnp.clip(u * (knots - 1), 0.0, knots - 1.0)
        index = jnp.minimum(position.astype(jnp.int32), knots - 2)
        return (table[index] + (position - index) * rises[index])[:, None]

    return _generator(init, lambda key, n: jax.random.uniform(key, (n,)), apply)


# -------------------------------------------------------------------------------------------------------- discriminators


def _flat(x: Array) -> Array:
    return x.reshape(x.shape[0], -1)


@remembered
def fourier_logistic(features: int = 256, *, bandwidth: float = 1.0) -> Critic:
    """Logistic regression on random Fourier features: ``D(x) = wᵀφ(x) + c``, ``φ_i(x) = √(2/m) cos(ω_iᵀx + β_i)``.

    ``ω ~ N(0, I / bandwidth²)`` and ``β ~ U[0, 2π]`` are drawn once: the features of a Gaussian kernel of that bandwidth. The game is
    concave in the discriminator.

    Args:
      features: m.
      bandwidth: of the kernel, in units of the data.

    Returns:
      A discriminator with frequencies in the collection ``"features"``, which is not trained.

    Raises:
      ValueError: ``features`` below one, ``bandwidth`` not positive.

    Source: Rahimi & Recht 2007, Algorithm 1.
    """
    checks.integer("features", features, 1)
    checks.within("bandwidth", bandwidth, 0.0, math.inf, low_open=True, high_open=True)

    def init(key: PRNGKey, x: Array) -> Variables:
        frequency_key, phase_key = jax.random.split(key)
        dimension = math.prod(x.shape[1:])
        return {
            "params": {"weights": jnp.zeros(features), "bias": jnp.zeros(())},
            "features": {
                "frequencies": jax.random.normal(frequency_key, (dimension, features)) / bandwidth,
                "phases": jax.random.uniform(phase_key, (features,), maxval=2.0 * np.pi),
            },
        }

    def apply(variables: Variables, x: Array) -> Array:
        params, fixed = variables["params"], variables["features"]
        waves = jnp.cos(_flat(x) @ fixed["frequencies"] + fixed["phases"][None])
        return math.sqrt(2.0 / features) * (waves @ params["weights"]) + params["bias"]

    def lipschitz_bound(variables: Variables) -> Array:
        # |∇(w cos ωx)| <= |w| |ω|, summed over the features.
        speeds = numerics.norm(variables["features"]["frequencies"], axis=0)
        return math.sqrt(2.0 / features) * jnp.sum(jnp.abs(variables["params"]["weights"]) * speeds)

    return Critic(init, apply, lambda variables: variables, lipschitz_bound)


def kernel_witness(landmarks: Float[Array, " m *event"], *, bandwidth: float = 1.0) -> Critic:
    """A witness in the unit ball of a Gaussian kernel's space: ``f(x) = Σ_j α_j k(x, c_j)``, ``||f||_H <= 1``.

    Under ``losses.wasserstein()`` its best value is the MMD of that kernel, restricted to the span of the landmarks: ``max_{||f||_H <= 1}
    E_p f - E_q f``. The ball also bounds the slope: ``|f(x) - f(y)| <= ||f||_H |x - y| / bandwidth``.

    Args:
      landmarks: c, ``[m, *event]``: where the function can bend; a grid over the data, or samples of both laws.
      bandwidth: g of ``k(x, y) = exp(-|x - y|² / 2g²)``, in units of the data.

    Returns:
      A critic whose ``constrain`` scales f back into the ball.

    Raises:
      ValueError: bad landmarks, ``bandwidth`` not positive.

    Source: Gretton et al. 2012, section 2.3 (the witness function); Li et al. 2017 for the game.
    """
    checks.within("bandwidth", bandwidth, 0.0, math.inf, low_open=True, high_open=True)
    points = jnp.asarray(landmarks)
    if points.ndim == 0 or 0 in points.shape:
        raise ValueError(f"landmarks has shape {points.shape}; expected at least one, [m, *event]")
    centres = checks.samples("landmarks", points.reshape(len(points), -1))

    # A power of two near the bandwidth, which changes no digit: squares of 1e-20 and of 1e20 are not in float32.
    unit = 2.0 ** math.frexp(bandwidth)[1]

    def gram(x: Array) -> Array:
        differences = (x[:, None, :] - centres[None, :, :]) / unit
        return jnp.exp(-jnp.sum(jnp.square(differences), axis=-1) / (2.0 * (bandwidth / unit) ** 2))

    between = gram(centres)

    def squared_norm(variables: Variables) -> Array:
        alpha = variables["params"]["alpha"]
        return jnp.maximum(alpha @ between @ alpha, 0.0)

    def constrain(variables: Variables) -> Variables:
        squares = squared_norm(variables)
        return {"params": {"alpha": variables["params"]["alpha"] / jnp.sqrt(jnp.maximum(squares, 1.0))}}

    def apply(variables: Variables, x: Array) -> Array:
        # On the sphere f is f / ||f||, so that its gradient is tangent to the sphere and vanishes at the MMD's witness. Without that, an
        # optimiser comes to rest where its step is parallel to alpha: scaling back is no projection in the kernel's geometry.
        squares = squared_norm(variables)
        size = jnp.sqrt(jnp.where(squares > 1.0 - 1e-4, squares, 1.0))
        return gram(_flat(x)) @ (variables["params"]["alpha"] / size)

    return Critic(
        lambda key, x: {"params": {"alpha": jnp.zeros(len(centres))}},
        apply,
        constrain,
        lambda variables: jnp.sqrt(jnp.minimum(squared_norm(variables), 1.0)) / bandwidth,
        bounded=True,
    )


@remembered
def histogram_table(
    bins: int = 64, *, low: Sequence[float] | float = -4.0, high: Sequence[float] | float = 4.0
) -> Critic:
    """A table of logits, one for every node of a grid, linear between nodes; beyond the grid the nearest node's.

    A histogram with constant cells would give the generator no gradient at all; linear interpolation is the least that does.

    Args:
      bins: nodes along each axis.
      low, high: ends of the grid: one number for all axes or one for each (one or two axes; memory is ``bins^d``).

    Returns:
      A discriminator with parameter ``"table" [bins, …]``.

    Raises:
      ValueError: fewer than two bins, ``high`` not above ``low``; (at ``init``) events of more than two dimensions.
    """
    checks.integer("bins", bins, 2)
    checks.number("low", low)
    checks.number("high", high)
    # NumPy's, so that the table can be made inside a trace too.
    start, stop = np.atleast_1d(np.asarray(low, np.float32)), np.atleast_1d(np.asarray(high, np.float32))
    if not np.all(stop > start):
        raise ValueError(f"low is {low} and high is {high}; expected high above low along every axis")

    def init(key: PRNGKey, x: Array) -> Variables:
        dimension = math.prod(x.shape[1:])
        if dimension > 2:
            raise ValueError(f"x has {dimension} dimensions; expected one or two, since the table has bins^d entries")
        return {"params": {"table": jnp.zeros((bins,) * dimension)}}

    def apply(variables: Variables, x: Array) -> Array:
        table = variables["params"]["table"]
        flat = _flat(x)
        origin, width = (jnp.broadcast_to(edge, (1, table.ndim)) for edge in (start, (stop - start) / (bins - 1)))
        position = jnp.clip((flat - origin) / width, 0.0, bins - 1.0)
        index = jnp.minimum(position.astype(jnp.int32), bins - 2)
        part = position - index
        first = index[:, 0]
        if table.ndim == 1:
            return (1.0 - part[:, 0]) * table[first] + part[:, 0] * table[first + 1]
        second, (u, v) = index[:, 1], (part[:, 0], part[:, 1])
        below = (1.0 - v) * table[first, second] + v * table[first, second + 1]
        above = (1.0 - v) * table[first + 1, second] + v * table[first + 1, second + 1]
        return (1.0 - u) * below + u * above

    def lipschitz_bound(variables: Variables) -> Array:
        table = variables["params"]["table"]
        width = jnp.broadcast_to((stop - start) / (bins - 1), (table.ndim,))
        # Within a cell the slope along an axis is a mixture of the differences along its edges.
        steepest = [jnp.max(jnp.abs(jnp.diff(table, axis=axis))) / width[axis] for axis in range(table.ndim)]
        return numerics.norm(jnp.stack(steepest))

    return Critic(init, apply, lambda variables: variables, lipschitz_bound)


@remembered
def linear(*, slope: float = 0.0) -> Critic:
    """``D(x) = ψᵀx``, without a bias: the discriminator of DiracGAN.

    Args:
      slope: every entry of ψ at the beginning.

    Returns:
      A discriminator with parameter ``"psi" [d]``.

    Source: Mescheder, Geiger & Nowozin 2018, definition 2.1.
    """
    checks.number("slope", slope)
    return Critic(
        lambda key, x: {"params": {"psi": jnp.full((math.prod(x.shape[1:]),), float(slope))}},
        lambda variables, x: _flat(x) @ variables["params"]["psi"],
        lambda variables: variables,
        lambda variables: numerics.norm(variables["params"]["psi"]),
    )
