"""The optimal discriminator saturates, the optimal critic is a line: two Gaussians and what six networks make of them.

Figure: N(0, 1) (data) and N(m, 1) (generator) over x. Left: densities, and the discriminator σ(D(x)), exact and trained. Middle: the
critics f(x) of W1, trained with a gradient penalty (GP), a one-sided penalty (LP), weight clipping, spectral normalisation and
orthonormal layers, beside the exact one, a line of slope −1 (shifted to meet at the midpoint: a critic is known up to a constant).
Right: the slope each network gives the generator at its samples. Bands: the range over seeds.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", figure 2; Goodfellow et al. 2014, proposition 1: D*(x) = p(x) / (p(x) + q(x)), here
σ(m²/2 − m x). Gulrajani et al. 2017, equation 3 (GP) and Petzka, Fischer & Lukovnikov 2018, equation 8 (LP): with penalty weight λ the
best linear critic has slope 1 + W1 / (2 λ), so that its value is (1 + W1 / (2 λ)) W1, above W1: a penalty is no constraint.

Command: ``python -m experiments optimal_discriminator``; 29 s on two cores.

Expected: the mean of |dσ(D)/dx| at the generator's samples is below 2 % of its largest value; the critics that are constrained to be
1-Lipschitz have slope −1 there, those with a penalty −1.3 at m = 6, λ = 10; the clipped critic has a slope of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, per_seed, theorem
from gan_jax.metrics.statistics import extent
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import BLUE, EXACT, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.ranges import AtLeastTwo, Count, Even, Fifties, NonNegative, Positive, Seed


@dataclass(frozen=True)
class Config:
    """Two Gaussians and the networks between them."""

    separation: NonNegative = 6.0  # m: the data is N(0, 1), the generator N(m, 1).
    seeds: Count = 8  # Independent trainings of every network.
    width: Even = 32  # Width of both hidden layers; even.
    steps: Fifties = 1500  # Updates of each network; a multiple of 50.
    batch_size: Count = 256  # Samples of each law at an update.
    learning_rate: Positive = 3e-3  # Learning rate of Adam at the start; it falls to zero as a cosine.
    penalty_weight: Positive = 10.0  # λ of GP and LP.
    clip: Positive = 0.1  # Largest absolute weight of the clipped critic.
    held_out: AtLeastTwo = 16384  # Fresh samples of each law that score a trained network.
    seed: Seed = 0  # Seed of everything random.


SMOKE = Config(seeds=2, width=8, steps=50, held_out=1024)


CRITICS = {
    "orthonormal": Look(VERMILION, "--", "o"),
    "spectral norm": Look(PURPLE, "--", "s"),
    "GP": Look(GREEN, "--", "^"),
    "LP": Look(BLUE, "--", "v"),
    "clipping": Look(ORANGE, "--", "D"),
}
"""The critics of W1 and how each is drawn."""

DUALITY = "Kantorovich–Rubinstein duality"


def claims(arrays: Arrays) -> list[Claim]:
    """The discriminator is flat where the generator is; the critics are not."""
    return _of_the_discriminator(arrays) + _of_slopes(arrays) + _of_the_orthonormal_critic(arrays)


def _of_the_discriminator(arrays: Arrays) -> list[Claim]:
    m = float(arrays["separation"])
    ratio_error = np.abs(arrays["oracle"] - (m * m / 2 - m * arrays["x"])).max()
    trained = _probability_slope(arrays["discriminator/output"], arrays["discriminator/slope"])
    flat = (np.abs(trained) @ _generator_weights(arrays)).mean() / np.abs(trained).max(axis=1).mean()
    gap = arrays["discriminator/value"].mean() - arrays["js"]
    goodfellow, figure = "Goodfellow et al. 2014", "Arjovsky, Chintala & Bottou 2017, figure 2"
    logit = "exact D is σ(m²/2 − m x) (largest logit error)"
    slope = "mean slope of trained σ(D) at the generator's samples over its largest"
    return [
        theorem(logit, f"{goodfellow}, proposition 1", 0.0, ratio_error, 2e-5 * (1 + m * m), EQUAL, "float32"),
        finding("trained JS − exact JS (nats)", f"{goodfellow}, theorem 1", 0.0, gap, 0.02, EQUAL, "0.02 asked for"),
        finding(slope, figure, 0.02, flat, 0.0, AT_MOST, "saturated"),
    ]


def _of_slopes(arrays: Arrays) -> list[Claim]:
    # A linear critic of slope a ≥ 1 maximises a W1 − λ (a − 1)², with the two-sided and the one-sided penalty alike.
    steep = 1 + float(arrays["w1"]) / (2 * float(arrays["penalty_weight"]))
    penalised, linear = "mean slope at the generator's samples is −(1 + W1 / 2λ)", ", for a linear critic"
    expected = {
        "orthonormal": (1.0, "mean slope at the generator's samples", DUALITY),
        "spectral norm": (1.0, "mean slope at the generator's samples", DUALITY),
        "GP": (steep, penalised, f"Gulrajani et al. 2017, equation 3{linear}"),
        "LP": (steep, penalised, f"Petzka, Fischer & Lukovnikov 2018, equation 8{linear}"),
    }
    slopes = {name: (arrays[f"{name}/slope"] @ _generator_weights(arrays)).mean() for name in expected}
    return [
        finding(f"{name}: {what}", source, -size, slopes[name], 0.03 * size, EQUAL, "3 % asked for")
        for name, (size, what, source) in expected.items()
    ]


def _of_the_orthonormal_critic(arrays: Arrays) -> list[Claim]:
    errors = arrays["orthonormal/standard_error"]
    slack = 4 * float(np.sqrt(np.square(errors).mean() / errors.size))
    value, certified = arrays["orthonormal/value"].mean(), arrays["orthonormal/lipschitz_certified"].max()
    constant = "orthonormal: certified Lipschitz constant"
    return [
        theorem("orthonormal: value ≤ W1", DUALITY, arrays["w1"], value, slack, AT_MOST, "4 standard errors"),
        theorem(constant, "Anil, Lucas & Grosse 2019", 1.0, certified, 1e-5, EQUAL, "float32"),
    ]


def _generator_weights(arrays: Arrays) -> np.ndarray:
    """Weights of the grid points that average over the generator's law."""
    weights = np.exp(arrays["log_q"])
    return weights / weights.sum()


def _probability_slope(output: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """``dσ(D)/dx = σ(D) σ(−D) D'`` for logits and their slopes."""
    return slope / (4 * np.square(np.cosh(np.clip(output, -80, 80) / 2)))


def table(arrays: Arrays) -> list[TableRow]:
    """Value, Lipschitz constant and slope at the generator's samples, for every network and seed."""
    dense = _generator_weights(arrays)
    rows: list[TableRow] = []
    for name in ("discriminator", *CRITICS):
        kept = ("value", "standard_error", "lipschitz_observed", "lipschitz_certified")
        fields = {field: arrays[f"{name}/{field}"] for field in kept}
        fields["slope_at_generator"] = arrays[f"{name}/slope"] @ dense
        for field, values in fields.items():
            rows += per_seed(values, network=name, quantity=field)
    return rows


def plot(arrays: Arrays) -> Figure:
    """Discriminator, critics, and their slopes."""
    x, m = arrays["x"], float(arrays["separation"])
    with style():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        for log_density, label, color in ((arrays["log_p"], "data", SKY), (arrays["log_q"], "generator", GREY)):
            left.fill_between(x, np.exp(log_density), color=color, alpha=0.5, linewidth=0, label=label)
        left.plot(x, _sigmoid(arrays["oracle"]), color=EXACT.color, linewidth=EXACT.linewidth, label="exact D")
        _range(left, x, _sigmoid(arrays["discriminator/output"]), "trained D", Look(VERMILION, "--"))
        left.set(title="discriminator saturates", ylabel="probability of real; density")
        middle.plot(x, m / 2 - x, color=EXACT.color, linewidth=EXACT.linewidth, label="exact critic")
        right.plot(x, np.full_like(x, -1.0), color=EXACT.color, linewidth=EXACT.linewidth, label="exact critic")
        centre = int(np.argmin(np.abs(x - m / 2)))
        for name, look in CRITICS.items():
            output = arrays[f"{name}/output"]
            thin = Look(look.color, look.linestyle)
            _range(middle, x, output - output[:, centre : centre + 1], name, thin)
            _range(right, x, arrays[f"{name}/slope"], name, thin)
        saturated = _probability_slope(arrays["discriminator/output"], arrays["discriminator/slope"])
        _range(right, x, saturated, "σ(D)", Look(GREY, ":"))
        reference_line(right, 0.0, "")
        middle.set(title="critics are lines", ylabel="f(x) − f(m/2)  (units of x)")
        right.set(title="slopes the generator feels", ylabel="df/dx")
        for ax in (left, middle, right):
            ax.set_xlabel("x")
        handles = [line for line in right.get_lines() if line.get_label() == "σ(D)"]
        right.legend(handles=handles, labels=["discriminator σ(D)"], loc="lower right", fontsize=10, handlelength=1.6)
        left.legend(loc="center left", bbox_to_anchor=(0.0, 0.65), handlelength=1.2)
        middle.legend(loc="lower left")
    return figure


def _range(ax: Axes, x: np.ndarray, values: np.ndarray, label: str, look: Look) -> None:
    """The mean over seeds and the range of seeds."""
    curve_with_band(ax, x, *extent(values), label=label, look=look)


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(logit / 2))
