"""What ``optimal_discriminator`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework import AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, per_seed, theorem
from gan_jax.plots.style import BLUE, GREEN, ORANGE, PURPLE, VERMILION, Look

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
