"""Objectives: what the discriminator and the generator minimise, and the divergence that the discriminator's value estimates."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from gan_jax import checks, numerics
from gan_jax.caching import remembered
from gan_jax.divergences.f_divergence import F_DIVERGENCES, f_divergence
from gan_jax.typing import Array


class Objective(NamedTuple):
    """A game's two losses and the divergence behind them, as pure functions of logits, per example and un-averaged.

    Attributes:
      name: the field's name.
      discriminator_loss: ``(real_logits [batch], fake_logits [batch]) -> [batch]``; its mean is minimised by the discriminator.
      generator_loss: ``(fake_logits [batch], real_logits [batch]) -> [batch]``; its mean is minimised by the generator.
      divergence: ``(real_logits [n], fake_logits [m]) -> []``; what the discriminator's value says of the distance. Where
        ``separable``, it is affine in means over examples, so that the mean of single-example values is the value.
      unit: what the divergence is measured in.
      scales_with_data: whether the divergence of c·X and c·Y is c times that of X and Y (a distance), or the same (in nats).
      estimates: which divergence the best discriminator's value is, in words.
      saturation: its value on disjoint supports, however far apart: the constant at which the divergence stops telling distances.
      optimal_logits: the best discriminator's logit as a function of the log-ratio ``log p(x) - log q(x)``, elementwise; None where it is
        no such function (``oracle.discriminator`` finds it from both laws).
      separable: whether every loss and the divergence treat real and fake examples apart; relativistic ones compare them.
    """

    name: str
    discriminator_loss: Callable[[Float[Array, " batch"], Float[Array, " batch"]], Float[Array, " batch"]]
    generator_loss: Callable[[Float[Array, " batch"], Float[Array, " batch"]], Float[Array, " batch"]]
    divergence: Callable[[Float[Array, " n"], Float[Array, " m"]], Float[Array, ""]]
    unit: str
    scales_with_data: bool
    estimates: str = ""
    saturation: float = math.inf
    optimal_logits: Callable[[Float[Array, " *points"]], Float[Array, " *points"]] | None = None
    separable: bool = True


def _pair(real_logits: Array, fake_logits: Array) -> tuple[Array, Array]:
    """Raises ``ValueError`` unless both are ``[batch]`` of the same batch: ``[B]`` against ``[B, 1]`` would broadcast to ``[B, B]``."""
    if jnp.ndim(real_logits) != 1 or jnp.shape(real_logits) != jnp.shape(fake_logits):
        raise ValueError(
            f"real_logits has shape {jnp.shape(real_logits)} and fake_logits has shape {jnp.shape(fake_logits)}; expected one shape [batch]"
        )
    return real_logits, fake_logits


def _logits(name: str, logits: Array) -> Array:
    """Raises ``ValueError`` unless ``logits`` is ``[batch]``."""
    if jnp.ndim(logits) != 1:
        raise ValueError(f"{name} has shape {jnp.shape(logits)}; expected one logit an example, [batch]")
    return logits


def _of_both(divergence: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """Returns a divergence of logits ``[n]`` and ``[m]``, which refuses other shapes."""
    return lambda real_logits, fake_logits: divergence(
        _logits("real_logits", real_logits), _logits("fake_logits", fake_logits)
    )


def separable(
    real: Callable[[Array], Array],
    fake: Callable[[Array], Array],
    generator: Callable[[Array], Array],
    *,
    name: str,
    divergence: Callable[[Array], Array] = operator.neg,
    unit: str = "1",
    scales_with_data: bool = False,
    estimates: str = "",
    saturation: float = math.inf,
    optimal_logits: Callable[[Array], Array] | None = None,
) -> Objective:
    """An objective whose losses look at real and at generated examples apart.

    ``L_D = E real(D(x)) + E fake(D(G(z)))`` and ``L_G = E generator(D(G(z)))``.

    Args:
      real: the discriminator's loss of a real example's logit, elementwise.
      fake: the discriminator's loss of a generated example's logit, elementwise.
      generator: the generator's loss of a generated example's logit, elementwise.
      name: the field's name.
      divergence: what the discriminator's loss ``L_D`` is worth, an affine and falling function; ``-L_D`` where not given.
      unit, scales_with_data, estimates, saturation, optimal_logits: as of ``Objective``.

    Returns:
      The objective; what is not of shape ``[batch]`` is refused by all its parts.

    Raises:
      TypeError: ``real``, ``fake``, ``generator`` or ``divergence`` is no function of one argument.
      ValueError: ``saturation`` is no number of at least 0.
    """
    checks.within("saturation", saturation, 0.0, math.inf)
    checks.flag("scales_with_data", scales_with_data)
    parts = {"real": real, "fake": fake, "generator": generator, "divergence": divergence}
    for part, function in parts.items():
        checks.takes(part, function, ("logits",), "jax.nn.softplus")

    def discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
        one, other = _pair(real_logits, fake_logits)
        return real(one) + fake(other)

    return Objective(
        name=name,
        discriminator_loss=discriminator_loss,
        generator_loss=lambda fake_logits, real_logits: generator(_logits("fake_logits", fake_logits)),
        divergence=_of_both(lambda one, other: divergence(jnp.mean(real(one)) + jnp.mean(fake(other)))),
        unit=unit,
        scales_with_data=scales_with_data,
        estimates=estimates,
        saturation=saturation,
        optimal_logits=optimal_logits,
    )


# ------------------------------------------------------------------------------------------------------ Jensen–Shannon


def _minus_log_sigmoid(logits: Array) -> Array:
    """``-log σ(v)``."""
    return jax.nn.softplus(-logits)


def _jensen_shannon(loss: Array) -> Array:
    """``JS >= log 2 + V / 2`` with ``V = E log σ(D(x)) + E log(1 - σ(D(G(z)))) = -L``, un-halved."""
    return numerics.LOG_2 - 0.5 * loss


def _identity(log_ratio: Array) -> Array:
    return log_ratio


@remembered
def minimax() -> Objective:
    """The original game: ``min_G max_D E log σ(D(x)) + E log(1 - σ(D(G(z))))``; the generator's loss saturates.

    At the optimal discriminator ``D* = log p - log q`` the value is ``2 JS - 2 log 2``; ``divergence`` is ``log 2 + V / 2``, a lower bound
    of JS in nats.

    Returns:
      The objective.

    Source: Goodfellow et al. 2014, equation 1 and theorem 1.
    """
    return separable(
        real=_minus_log_sigmoid,
        fake=jax.nn.softplus,
        generator=lambda fake: -jax.nn.softplus(fake),
        name="minimax",
        divergence=_jensen_shannon,
        unit="nats",
        estimates="Jensen–Shannon divergence",
        saturation=numerics.LOG_2,
        optimal_logits=_identity,
    )


@remembered
def non_saturating() -> Objective:
    """The discriminator of ``minimax`` with the generator's loss ``-log σ(D(G(z)))``, whose gradient does not vanish.

    At the optimal discriminator the generator descends ``KL(P_G || P_data) - 2 JS``, which is no divergence.

    Returns:
      The objective.

    Source: Goodfellow et al. 2014, section 3; Arjovsky & Bottou 2017, theorem 2.5.
    """
    return separable(
        real=_minus_log_sigmoid,
        fake=jax.nn.softplus,
        generator=_minus_log_sigmoid,
        name="non_saturating",
        divergence=_jensen_shannon,
        unit="nats",
        estimates="Jensen–Shannon divergence",
        saturation=numerics.LOG_2,
        optimal_logits=_identity,
    )


# ------------------------------------------------------------------------------------ distances and other classifiers


@remembered
def wasserstein() -> Objective:
    """The critic's game: ``min_G max_{||f||_L <= 1} E f(x) - E f(G(z))``.

    For a 1-Lipschitz critic, ``divergence`` is a lower bound of W1 in units of the data (Kantorovich–Rubinstein). For a critic of the
    unit ball of a kernel's space (``models.players.kernel_witness``) the same value is a lower bound of the kernel's MMD.

    Returns:
      The objective.

    Source: Arjovsky, Chintala & Bottou 2017, equation 2.
    """
    return separable(
        real=operator.neg,
        fake=_identity,
        generator=operator.neg,
        name="wasserstein",
        unit="units of the data",
        scales_with_data=True,
        estimates="Wasserstein-1 distance",
    )


@remembered
def least_squares(*, fake_label: float = 0.0, real_label: float = 1.0, generator_label: float = 1.0) -> Objective:
    """Least squares: ``½ E (D(x) - b)² + ½ E (D(G(z)) - a)²``, the generator ``½ E (D(G(z)) - c)²``.

    The best discriminator is ``D* = (b p + a q) / (p + q)``, and with the loss L at it, ``1 - 4 L / (b - a)²`` is the triangular
    discrimination (Vincze–Le Cam) ``½ ∫ (p - q)² / (p + q)``, in [0, 1]: ``divergence``, a lower bound of it. With ``b - c = 1`` and ``b
    - a = 2``, ``E_p (D* - c)² + E_q (D* - c)²`` is Pearson's χ² between ``p + q`` and ``2 q``. The generator's gradient through a D* that
    does not move is not the gradient of that: D* maximises another value than the generator minimises, so that no envelope theorem holds.

    Args:
      fake_label: a.
      real_label: b.
      generator_label: c.

    Returns:
      The objective.

    Raises:
      ValueError: ``fake_label`` equal to ``real_label``, a label that is not finite.

    Source: Mao et al. 2017, equations 2 and 5 (the labels 0, 1, 1 of equation 9 are the default); Topsøe 2000 for the divergence.
    """
    for name, label in (("fake_label", fake_label), ("real_label", real_label), ("generator_label", generator_label)):
        checks.number(name, label)
    if fake_label == real_label:
        raise ValueError(f"fake_label and real_label are both {real_label}; expected two labels that can be told apart")

    return separable(
        real=lambda real: 0.5 * jnp.square(real - real_label),
        fake=lambda fake: 0.5 * jnp.square(fake - fake_label),
        generator=lambda fake: 0.5 * jnp.square(fake - generator_label),
        name="least_squares",
        divergence=lambda loss: 1.0 - 4.0 * loss / (real_label - fake_label) ** 2,
        estimates="triangular discrimination",
        saturation=1.0,
        optimal_logits=lambda log_ratio: fake_label + (real_label - fake_label) * jax.nn.sigmoid(log_ratio),
    )


@remembered
def hinge() -> Objective:
    """Hinge: ``E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))``, the generator ``-E D(G(z))``.

    The best discriminator is ``sign(p - q)``, where the loss is ``2 ∫ min(p, q) = 2 (1 - TV)``: ``divergence`` is ``1 - L / 2``, a lower
    bound of the total variation. Through that discriminator, which is flat, the generator's gradient is zero almost everywhere.

    Returns:
      The objective.

    Source: Lim & Ye 2017, equations 3 and 4; Nguyen, Wainwright & Jordan 2009 for the total variation.
    """
    return separable(
        real=lambda real: jax.nn.relu(1.0 - real),
        fake=lambda fake: jax.nn.relu(1.0 + fake),
        generator=operator.neg,
        name="hinge",
        divergence=lambda loss: 1.0 - 0.5 * loss,
        estimates="total variation",
        saturation=1.0,
        optimal_logits=jnp.sign,
    )


# ---------------------------------------------------------------------------------------------------------- relativistic


@remembered
def relativistic() -> Objective:
    """Relativistic pairing: ``-E log σ(D(x) - D(G(z)))`` over pairs, the generator the same with the roles exchanged.

    The discriminator tells P × Q from Q × P: its best logit is ``log p - log q`` (up to a constant), and ``log 2 - L`` is the
    Jensen–Shannon divergence of the two products: ``divergence``, a lower bound of it in nats. Example i of one batch meets example i of
    the other.

    Returns:
      The objective.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 3 (RSGAN); Huang et al. 2024 (R3GAN), equation 2.
    """

    def discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
        real, fake = _pair(real_logits, fake_logits)
        return jax.nn.softplus(fake - real)

    def generator_loss(fake_logits: Array, real_logits: Array) -> Array:
        real, fake = _pair(real_logits, fake_logits)
        return jax.nn.softplus(real - fake)

    return Objective(
        name="relativistic",
        discriminator_loss=discriminator_loss,
        generator_loss=generator_loss,
        divergence=lambda real_logits, fake_logits: (
            numerics.LOG_2 - jnp.mean(discriminator_loss(real_logits, fake_logits))
        ),
        unit="nats",
        scales_with_data=False,
        estimates="Jensen–Shannon divergence of P × Q and Q × P",
        saturation=numerics.LOG_2,
        optimal_logits=_identity,
        separable=False,
    )


@remembered
def relativistic_average() -> Objective:
    """Relativistic average: each logit against the mean logit of the other side, ``D(x) - E D(G(z))`` and ``D(G(z)) - E D(x)``.

    ``L = E softplus(-(D(x) - E D(G(z)))) + E softplus(D(G(z)) - E D(x))``, and the generator's loss exchanges the roles. ``divergence``
    is ``log 2 - L / 2``, in [0, log 2]: zero only where the laws agree.

    Warning:
      The supremum over all functions D is log 2 as soon as both ``p / q`` and ``q / p`` are unbounded, as for any two Gaussians of one
      width: a logit that is huge on a far tail moves a mean at no cost. Where the ratios are bounded, ``oracle.discriminator`` finds the
      best D. A mean is part of the loss, so that a small batch changes its value.

    Returns:
      The objective.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 4.1 (RaSGAN); 2020, "On relativistic f-divergences".
    """

    def losses(above: Array, below: Array) -> Array:
        return jax.nn.softplus(-(above - jnp.mean(below))) + jax.nn.softplus(below - jnp.mean(above))

    def discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
        real, fake = _pair(real_logits, fake_logits)
        return losses(real, fake)

    def generator_loss(fake_logits: Array, real_logits: Array) -> Array:
        real, fake = _pair(real_logits, fake_logits)
        return losses(fake, real)

    def divergence(real_logits: Array, fake_logits: Array) -> Array:
        above, below = real_logits - jnp.mean(fake_logits), fake_logits - jnp.mean(real_logits)
        return _jensen_shannon(jnp.mean(jax.nn.softplus(-above)) + jnp.mean(jax.nn.softplus(below)))

    return Objective(
        name="relativistic_average",
        discriminator_loss=discriminator_loss,
        generator_loss=generator_loss,
        divergence=_of_both(divergence),
        unit="nats",
        scales_with_data=False,
        estimates="relativistic average Jensen–Shannon divergence",
        saturation=numerics.LOG_2,
        separable=False,
    )


# ---------------------------------------------------------------------------------------------------------- f-divergences


@remembered
def f_gan(name: str, *, trick: bool = False) -> Objective:
    """The f-GAN of one row of the table: ``min_G max_v E g_f(v(x)) - E f*(g_f(v(G(z))))``.

    ``divergence`` is that value in the textbook's units (``f_divergence.standard``), a lower bound of the f-divergence; the best logit is
    ``v* = g_f⁻¹(f'(p / q))``, where the generator descends the f-divergence itself.

    Args:
      name: of a row of ``f_divergence.F_DIVERGENCES``.
      trick: whether the generator minimises ``-E g_f(v(G(z)))`` instead, which does not saturate.

    Returns:
      The objective, named ``f_<name>``.

    Raises:
      ValueError: an unknown name.
      TypeError: a ``trick`` that is neither True nor False.

    Source: Nowozin, Cseke & Tomioka 2016, equations 4 to 6, tables 2 and 6; section 3.2 for the trick.
    """
    row = f_divergence(name)
    checks.flag("trick", trick)

    return separable(
        real=lambda real: -row.activation(real),
        fake=row.conjugate_of_activation,
        generator=lambda fake: -row.activation(fake) if trick else -row.conjugate_of_activation(fake),
        name=f"f_{name}",
        divergence=lambda loss: row.standard(-loss),
        unit=row.unit,
        estimates=row.standard_name,
        saturation=row.disjoint,
        optimal_logits=row.link,
    )


def check_objective(objective: object) -> None:
    """Raises ``TypeError`` unless it is an ``Objective``: the name of one, or a constructor without its brackets, is told apart."""
    checks.made("objective", objective, Objective, "losses.minimax()", known=OBJECTIVES)


OBJECTIVES: checks.Named[Callable[[], Objective]] = checks.Named(
    "objective",
    {
        "minimax": minimax,
        "non_saturating": non_saturating,
        "wasserstein": wasserstein,
        "least_squares": least_squares,
        "hinge": hinge,
        "relativistic": relativistic,
        "relativistic_average": relativistic_average,
        **{f"f_{name}": partial(f_gan, name) for name in F_DIVERGENCES},
    },
    also={
        "gan": "minimax",
        "vanilla": "minimax",
        "nsgan": "non_saturating",
        "wgan": "wasserstein",
        "wgan-gp": "wasserstein",
        "lsgan": "least_squares",
        "rsgan": "relativistic",
        "rpgan": "relativistic",
        "r3gan": "relativistic",
        "ragan": "relativistic_average",
        "rasgan": "relativistic_average",
    },
)
"""Constructors of all objectives by name, each with its paper's defaults."""
