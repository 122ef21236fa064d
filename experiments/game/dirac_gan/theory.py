"""DiracGAN: the closed forms of its Jacobians.

The data are a point at 0, the generator a point at θ, the discriminator the line ``D(x) = ψ x`` (Mescheder, Geiger & Nowozin 2018,
definition 2.1). ``(θ, ψ) = (0, 0)`` is an equilibrium for every objective: a line without a bias is zero there on both sides.

What the losses are near it. Let ``d(r, f)`` be the discriminator's loss of a real and a fake logit, ``g(f, r)`` the generator's, and let
the discriminator see ``σ ε`` and ``θ + σ ε'`` with independent ε, ε' of mean 0 and mean square 1 (instance noise; σ = 0 without). With a
penalty ``w · pen``, to second order in (θ, ψ),

    L_D = const + d_f ψ θ + ½ (κ_D σ² + w pen'') ψ²,      κ_D = d_rr + d_ff,
    L_G = const + g_f ψ θ + ½ κ_G σ² ψ²,                  κ_G = g_ff + g_rr,

all derivatives at (0, 0); the mixed ones drop out since ε and ε' are independent. Only second moments of the noise are left, so that two
nodes ±1 on each side, every real meeting every fake, give the Jacobian of Gaussian noise exactly. With ``β = -g_f``, ``δ = d_f`` and
``c = κ_D σ² + w pen''`` the descent field and its Jacobian are

    v = -(∂_θ L_G, ∂_ψ L_D),      J = [[0, β], [-δ, -c]],      λ = -c/2 ± √(c²/4 - βδ).

Every function of a rule below gives its Jacobian ``F'`` over (θ, ψ) from β, δ, c and the step h, and the eigenvalues of it as a formula of
trace and determinant (never by a numerical eigenvalue routine).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Derivatives(NamedTuple):
    """Of an objective's losses at zero logits: ``d_f``, ``-g_f``, ``d_rr + d_ff``, ``g_ff + g_rr``."""

    delta: float
    beta: float
    curvature: float
    generator_curvature: float


_CLASSIFIER = Derivatives(0.5, 0.5, 0.5, -0.25)

DERIVATIVES: Mapping[str, Derivatives] = {
    # d = s(-r) + s(f), s softplus, s' = ½ and s'' = ¼ at 0; g = -s(f), or s(-f).
    "minimax": _CLASSIFIER,
    "non_saturating": Derivatives(0.5, 0.5, 0.5, 0.25),
    # d = f - r, g = -f.
    "wasserstein": Derivatives(1.0, 1.0, 0.0, 0.0),
    # d = ½ (r - b)² + ½ (f - a)², g = ½ (f - c)²: d_f = -a and -g_f = c. Labels (a, b, c) = (0, 1, 1), (-1, 1, 0), (-1, 1, 1).
    "least_squares": Derivatives(0.0, 1.0, 2.0, 1.0),
    "least_squares −1 1 0": Derivatives(1.0, 0.0, 2.0, 1.0),
    "least_squares −1 1 1": Derivatives(1.0, 1.0, 2.0, 1.0),
    # d = max(0, 1 - r) + max(0, 1 + f), g = -f: linear at 0.
    "hinge": Derivatives(1.0, 1.0, 0.0, 0.0),
    # d = s(f - r), g = s(r - f).
    "relativistic": Derivatives(0.5, 0.5, 0.5, 0.5),
    # d = s(f̄ - r) + s(f - r̄), means over the other side: the two slopes add up, and the means of the noise are 0.
    "relativistic_average": Derivatives(1.0, 1.0, 0.5, 0.5),
    # f-GAN, d = f*(a(f)) - a(r), g = -f*(a(f)): δ = β = (f* ∘ a)', κ_D = (f* ∘ a)'' - a'', κ_G = -(f* ∘ a)'' at 0.
    # a = v, f*(a) = e^{v-1}: the threshold of KL is v = 1, so that at 0 both slopes are 1/e; the trick's g = -v has slope 1.
    "f_kl": Derivatives(np.exp(-1.0), np.exp(-1.0), np.exp(-1.0), -np.exp(-1.0)),
    "f_kl trick": Derivatives(np.exp(-1.0), 1.0, np.exp(-1.0), 0.0),
    # a = -e^{-v}, f*(a) = v - 1.
    "f_reverse_kl": Derivatives(1.0, 1.0, 1.0, 0.0),
    # a = v, f*(a) = v²/4 + v.
    "f_pearson": Derivatives(1.0, 1.0, 0.5, -0.5),
    # a = 1 - e^{-v}, f*(a) = 2 - 2 e^{-v/2}.
    "f_neyman": Derivatives(1.0, 1.0, 0.5, 0.5),
    # a = 1 - e^{-v}, f*(a) = e^v - 1.
    "f_squared_hellinger": Derivatives(1.0, 1.0, 2.0, -1.0),
    # a = v; f*' = u with f'(u) = v, u = 1 at 0; f*'' = 1 / f''(1), f'' = 1/u + 1/u².
    "f_jeffreys": Derivatives(1.0, 1.0, 0.5, -0.5),
    # a = log 2 - s(-v), f*(a) = s(v) - log 2.
    "f_jensen_shannon": _CLASSIFIER,
    # a = f*(a) = ½ tanh v.
    "f_total_variation": Derivatives(0.5, 0.5, 0.0, 0.0),
    # a = -s(-v), f*(a) = s(v).
    "f_gan": _CLASSIFIER,
}
"""Of all objectives, by hand."""

PENALTY_CURVATURE: Mapping[str, float] = {
    # The gradient of ψ x is ψ at every point: ||∇D||² = ψ² whether at real, fake or mixed examples.
    "r1": 2.0,
    "r2": 2.0,
    "r1_and_r2": 4.0,
    "zero_centred": 2.0,
    # max(0, |ψ| - 1)² is flat around 0.
    "lp": 0.0,
    # (|ψ| - 1)² has a kink at 0: no equilibrium there, but a step of the field by 4 w from one side to the other.
    "gp": np.nan,
    "dragan": np.nan,
}
"""``pen''`` of each penalty at ψ = 0; NaN where there is no derivative."""


def curvature(objective: str, penalty: str, weight: float, noise: float) -> float:
    """``c = κ_D σ² + w pen''``; NaN where the penalty has no smooth equilibrium."""
    smooth = DERIVATIVES[objective].curvature * noise**2
    return smooth if penalty == "none" else smooth + weight * PENALTY_CURVATURE[penalty]


class Update(NamedTuple):
    """The Jacobian of one step over (θ, ψ) (and what the optimiser remembers), and its eigenvalues."""

    jacobian: np.ndarray
    eigenvalues: np.ndarray


def _of_trace(matrix: Sequence[Sequence[float]], trace: float, determinant: float) -> Update:
    root = np.sqrt(complex(0.25 * trace**2 - determinant))
    return Update(np.asarray(matrix, float), np.asarray([0.5 * trace + root, 0.5 * trace - root]))


def field(beta: float, delta: float, c: float) -> Update:
    """``J = [[0, β], [-δ, -c]]``, ``λ = -c/2 ± √(c²/4 - βδ)``: of the descent field."""
    return _of_trace([[0.0, beta], [-delta, -c]], -c, beta * delta)


def simultaneous(beta: float, delta: float, c: float, h: float, **_: float) -> Update:
    """``F' = I + h J``: ``z = 1 + h λ``, of modulus ``√(1 + h² βδ)`` without curvature."""
    j = field(beta, delta, c)
    return Update(np.eye(2) + h * j.jacobian, 1.0 + h * j.eigenvalues)


def alternating(beta: float, delta: float, c: float, h: float, **_: float) -> Update:
    """The discriminator's half step, then the generator's against it.

    ``F' = [[1, hβ], [0, 1]] [[1, 0], [-hδ, 1 - hc]]``: determinant ``1 - hc``, trace ``2 - hc - h² βδ``. Without curvature the determinant
    is 1 and, up to ``h² βδ = 4``, both eigenvalues lie on the unit circle: an orbit.
    """
    matrix = [[1.0 - h * h * beta * delta, h * beta * (1.0 - h * c)], [-h * delta, 1.0 - h * c]]
    return _of_trace(matrix, 2.0 - h * c - h * h * beta * delta, 1.0 - h * c)


def extragradient(beta: float, delta: float, c: float, h: float, **_: float) -> Update:
    """``F' = I + h J (I + h J)``: ``z = 1 + hλ + h²λ²``; for ``λ = iω``, ``|z|² = 1 - h²ω² + h⁴ω⁴ < 1`` up to ``hω = 1``."""
    j = field(beta, delta, c)
    own = h * j.eigenvalues
    return Update(np.eye(2) + h * j.jacobian + h * h * j.jacobian @ j.jacobian, 1.0 + own + own**2)


def optimistic(beta: float, delta: float, c: float, h: float, **_: float) -> Update:
    """``w_{t+1} = w_t + h (2 v_t - v_{t-1})``: with the remembered gradient ``g_{t-1} = -v_{t-1}`` as part of the state,

    ``(w, g) -> (w + h (2 J w + g), -J w)``, and ``z² - (1 + 2hλ) z + hλ = 0`` for each λ: four eigenvalues.
    """
    j = field(beta, delta, c)
    own = h * j.eigenvalues
    root = np.sqrt(0.25 * (1.0 + 2.0 * own) ** 2 - own)
    matrix = np.block([[np.eye(2) + 2.0 * h * j.jacobian, h * np.eye(2)], [-j.jacobian, np.zeros((2, 2))]])
    return Update(matrix, np.concatenate([0.5 + own + root, 0.5 + own - root]))


def consensus(beta: float, delta: float, c: float, h: float, *, gamma: float, **_: float) -> Update:
    """``F' = I + h A``, ``A = J - γ JᵀJ``, since v vanishes at the equilibrium and with it the derivative of J.

    ``tr A = -c - γ (δ² + β² + c²)`` and ``det A = βδ (1 + γ²βδ + γc)``; for the GAN (β = δ = ½, c = 0) the eigenvalues of A are
    ``-γ/4 ± i/2``.
    """
    a = np.asarray([[-gamma * delta**2, beta - gamma * delta * c], [-delta * (1 + gamma * c), 0.0]])
    a[1, 1] = -c - gamma * (beta**2 + c**2)
    trace = -c - gamma * (delta**2 + beta**2 + c**2)
    determinant = beta * delta * (1 + gamma**2 * beta * delta + gamma * c)
    own = _of_trace(a.tolist(), trace, determinant)
    return Update(np.eye(2) + h * own.jacobian, 1.0 + h * own.eigenvalues)


def unrolled(
    beta: float, delta: float, c: float, h: float, *, generator_curvature: float, noise: float, steps: int, **_: float
) -> Update:
    """The discriminator's step, then the generator's down ``L_G(θ, ψ_K(θ))``, K discriminator steps ahead.

    With ``q = 1 - hc``, ``ψ_1 = qψ - hδθ`` and ``ψ_K = q^K ψ_1 - uθ``, ``u = hδ (1 + q + … + q^{K-1})``, the generator's gradient is
    ``∂_θ L_G + ψ_K'(θ) ∂_ψ L_G = -β ψ_K - u (-βθ + κ_G σ² ψ_K)``. With ``b = β + u κ_G σ²``

        θ' = θ - hu (β + b) θ + h b q^K ψ_1:      det F' = q (1 - hu (β + b)),      tr F' = 1 + q - hu (β + b) - h²δ b q^K.
    """
    q = 1.0 - h * c
    u = h * delta * sum(q**k for k in range(steps))
    b = beta + u * generator_curvature * noise**2
    own = 1.0 - h * u * (beta + b)
    kept = h * b * q**steps
    matrix = [[own - h * delta * kept, kept * q], [-h * delta, q]]
    return _of_trace(matrix, own + q - h * delta * kept, q * own)


RULES: Mapping[str, Callable[..., Update]] = {
    "simultaneous": simultaneous,
    "alternating": alternating,
    "extragradient": extragradient,
    "optimistic": optimistic,
    "consensus": consensus,
    "unrolled": unrolled,
}
"""Closed forms by rule."""


@dataclass(frozen=True)
class Point:
    """One game: what is played, by which numbers, and from where."""

    objective: str = "minimax"
    penalty: str = "none"
    weight: float = 0.0
    noise: float = 0.0
    step: float = 0.1
    gamma: float = 0.0
    theta: float = 0.0
    psi: float = 0.0

    def closed_form(self, rule: str, unrolling: int) -> Update:
        """The Jacobian at the equilibrium, by hand; all NaN where there is no smooth equilibrium."""
        d = DERIVATIVES[self.objective]
        c = curvature(self.objective, self.penalty, self.weight, self.noise)
        given = {"generator_curvature": d.generator_curvature, "noise": self.noise, "gamma": self.gamma}
        return RULES[rule](d.beta, d.delta, c, self.step, **given, steps=unrolling)
