"""What ``optimal_discriminator`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework.artifacts import Arrays, Row
from experiments.framework.claims import AT_MOST, EQUAL, Claim, finding, theorem
from gan_jax.plots.style import BLUE, GREEN, ORANGE, PURPLE, VERMILION, Look

CRITICS = {
    "orthonormal": Look(VERMILION, "--", "o"),
    "spectral norm": Look(PURPLE, "--", "s"),
    "GP": Look(GREEN, "--", "^"),
    "LP": Look(BLUE, "--", "v"),
    "clipping": Look(ORANGE, "--", "D"),
}
"""The critics of W1 and how each is drawn."""


def claims(arrays: Arrays) -> list[Claim]:
    """The discriminator is flat where the generator is; the critics are not."""
    return _of_the_discriminator(arrays) + _of_slopes(arrays) + _of_the_orthonormal_critic(arrays)


def _of_the_discriminator(arrays: Arrays) -> list[Claim]:
    m = float(arrays["separation"])
    ratio_error = float(np.abs(arrays["oracle"] - (m * m / 2 - m * arrays["x"])).max())
    dense = _generator_weights(arrays)
    trained = _probability_slope(arrays["discriminator/output"], arrays["discriminator/slope"])
    flat = float((np.abs(trained) @ dense).mean() / np.abs(trained).max(axis=1).mean())
    return [
        theorem(
            "exact D is σ(m²/2 − m x) (largest logit error)",
            "Goodfellow et al. 2014, proposition 1",
            0.0,
            ratio_error,
            2e-5 * (1 + m * m),
            EQUAL,
            "float32",
        ),
        finding(
            "trained JS − exact JS (nats)",
            "Goodfellow et al. 2014, theorem 1",
            0.0,
            float(arrays["discriminator/value"].mean() - arrays["js"]),
            0.02,
            EQUAL,
            "0.02 asked for",
        ),
        finding(
            "mean slope of trained σ(D) at the generator's samples over its largest",
            "Arjovsky, Chintala & Bottou 2017, figure 2",
            0.02,
            flat,
            0.0,
            AT_MOST,
            "saturated",
        ),
    ]


def _of_slopes(arrays: Arrays) -> list[Claim]:
    dense, result = _generator_weights(arrays), []
    for name in ("orthonormal", "spectral norm"):
        slope = float((arrays[f"{name}/slope"] @ dense).mean())
        result.append(
            finding(
                f"{name}: mean slope at the generator's samples",
                "Kantorovich–Rubinstein duality",
                -1.0,
                slope,
                0.03,
                EQUAL,
                "3 % asked for",
            )
        )
    # A linear critic of slope a ≥ 1 maximises a W1 − λ (a − 1)², with the two-sided and the one-sided penalty alike.
    steep = 1 + float(arrays["w1"]) / (2 * float(arrays["penalty_weight"]))
    for name, source in (
        ("GP", "Gulrajani et al. 2017, equation 3"),
        ("LP", "Petzka, Fischer & Lukovnikov 2018, equation 8"),
    ):
        slope = float((arrays[f"{name}/slope"] @ dense).mean())
        what = f"{name}: mean slope at the generator's samples is −(1 + W1 / 2λ)"
        result.append(
            finding(what, f"{source}, for a linear critic", -steep, slope, 0.03 * steep, EQUAL, "3 % asked for")
        )
    return result


def _of_the_orthonormal_critic(arrays: Arrays) -> list[Claim]:
    errors = arrays["orthonormal/standard_error"]
    noise = float(np.sqrt(np.square(errors).mean() / errors.size))
    return [
        theorem(
            "orthonormal: value ≤ W1",
            "Kantorovich–Rubinstein duality",
            float(arrays["w1"]),
            float(arrays["orthonormal/value"].mean()),
            4 * noise,
            AT_MOST,
            "4 standard errors",
        ),
        theorem(
            "orthonormal: certified Lipschitz constant",
            "Anil, Lucas & Grosse 2019",
            1.0,
            float(arrays["orthonormal/lipschitz_certified"].max()),
            1e-5,
            EQUAL,
            "float32",
        ),
    ]


def _generator_weights(arrays: Arrays) -> np.ndarray:
    """Weights of the grid points that average over the generator's law."""
    weights = np.exp(arrays["log_q"])
    return weights / weights.sum()


def _probability_slope(output: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """``dσ(D)/dx = σ(D) σ(−D) D'`` for logits and their slopes."""
    return slope / (4 * np.square(np.cosh(np.clip(output, -80, 80) / 2)))


def table(arrays: Arrays) -> list[Row]:
    """Value, Lipschitz constant and slope at the generator's samples, for every network and seed."""
    dense = _generator_weights(arrays)
    rows: list[Row] = []
    for name in ("discriminator", *CRITICS):
        fields = {
            f: arrays[f"{name}/{f}"] for f in ("value", "standard_error", "lipschitz_observed", "lipschitz_certified")
        }
        fields["slope_at_generator"] = arrays[f"{name}/slope"] @ dense
        for field, values in fields.items():
            rows += [
                {"network": name, "quantity": field, "seed": seed, "value": float(v)} for seed, v in enumerate(values)
            ]
    return rows
