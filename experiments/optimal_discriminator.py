"""The optimal discriminator saturates, the optimal critic is a line: two Gaussians and what six networks make of them.

Figure: N(0, 1) (data) and N(m, 1) (generator) over x. Left: densities, and the discriminator σ(D(x)), exact and trained. Middle: the
critics f(x) of W1, trained with a gradient penalty (GP), a one-sided penalty (LP), weight clipping, spectral normalisation and
orthonormal layers, beside the exact one, a line of slope −1 (shifted to meet at the midpoint: a critic is known up to a constant).
Right: the slope each network gives the generator at its samples. Bands: the range over seeds.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", figure 2; Goodfellow et al. 2014, proposition 1: D*(x) = p(x) / (p(x) + q(x)), here
σ(m²/2 − m x). Gulrajani et al. 2017, equation 3 (GP) and Petzka, Fischer & Lukovnikov 2018, equation 8 (LP): with penalty weight λ the
best linear critic has slope 1 + W1 / (2 λ), so that its value is (1 + W1 / (2 λ)) W1, above W1: a penalty is no constraint.

Command: ``python -m experiments optimal_discriminator``; 28 s on two cores.

Expected: the mean of |dσ(D)/dx| at the generator's samples is below 2 % of its largest value; the critics that are constrained to be
1-Lipschitz have slope −1 there, those with a penalty −1.3 at m = 6, λ = 10; the clipped critic has a slope of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_MOST, EQUAL, Claim
from experiments.progress import Progress
from gan_jax.plots.curves import curve_with_band, reference_line
from gan_jax.plots.style import BLUE, EXACT, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.ranges import Count, Even, Fifties, NonNegative, Positive, Seed

CRITICS = {
    "orthonormal": Look(VERMILION, "--", "o"),
    "spectral norm": Look(PURPLE, "--", "s"),
    "GP": Look(GREEN, "--", "^"),
    "LP": Look(BLUE, "--", "v"),
    "clipping": Look(ORANGE, "--", "D"),
}
"""The critics of W1 and how each is drawn."""


@dataclass(frozen=True)
class Config:
    """Two Gaussians and the networks between them."""

    separation: NonNegative = 6.0
    """m: the data is N(0, 1), the generator N(m, 1)."""

    seeds: Count = 8
    """Independent trainings of every network."""

    width: Even = 32
    """Width of both hidden layers; even."""

    steps: Fifties = 1500
    """Updates of each network; a multiple of 50."""

    batch_size: Count = 256
    """Samples of each law at an update."""

    learning_rate: Positive = 3e-3
    """Of Adam at the start; it decays to zero along a cosine."""

    penalty_weight: NonNegative = 10.0
    """λ of GP and LP."""

    clip: Positive = 0.1
    """Largest absolute weight of the clipped critic."""

    held_out: Count = 16384
    """Fresh samples of each law that score a trained network."""

    seed: Seed = 0
    """Seed of everything random."""


SMOKE = Config(seeds=2, width=8, steps=50, held_out=1024)


def run(config: Config, progress: Progress) -> Arrays:
    """Trains a discriminator and five critics for every seed as one program, and reads them on a grid."""
    import jax
    import jax.numpy as jnp

    from gan_jax.distributions import log_density, pair
    from gan_jax.divergences import exact, variational
    from gan_jax.objectives import losses, oracle
    from gan_jax.training.ensemble import ensemble

    p, q = pair("gaussians").make(config.separation)
    x = jnp.linspace(-4.0, config.separation + 4.0, 201)
    networks = _networks(config)

    def reads(key: Any) -> dict[str, Any]:
        result = {}
        for name, (objective, critic, settings) in networks.items():
            key, own = jax.random.split(key)
            estimator = variational.neural_estimator(
                objective,
                critic,
                steps=config.steps,
                batch_size=config.batch_size,
                learning_rate=config.learning_rate,
                held_out=config.held_out,
                **settings,
            )
            estimate = estimator(own, p, q)

            def read(point: Any, critic: Any = critic, trained: Any = estimate.critic) -> Any:
                return variational.logits(critic, trained, point[None, None])[0]

            values, slopes = jax.vmap(jax.value_and_grad(read))(x)
            result[name] = {
                "output": values,
                "slope": slopes,
                "value": estimate.value,
                "standard_error": estimate.standard_error,
                "lipschitz_observed": estimate.lipschitz.observed,
                "lipschitz_certified": estimate.lipschitz.certified,
            }
        return result

    program = jax.jit(ensemble(reads))
    keys = jax.random.split(jax.random.key(config.seed), config.seeds)
    # On two devices two seeds at a time: progress is seen and Ctrl-C answered between the calls of one compiled program.
    together = min(jax.device_count(), config.seeds) if jax.default_backend() == "cpu" else config.seeds
    parts = []
    for first in progress.track(range(0, config.seeds, together), "training"):
        index = jnp.minimum(jnp.arange(first, first + together), config.seeds - 1)
        kept = min(together, config.seeds - first)
        parts.append(jax.tree.map(lambda a, n=kept: np.asarray(a)[:n], jax.block_until_ready(program(keys[index]))))
    stacked = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    ratio = oracle.log_ratio(p, q)
    arrays = {f"{name}/{field}": value for name, fields in stacked.items() for field, value in fields.items()}
    return {
        **arrays,
        "x": np.asarray(x),
        "log_p": np.asarray(log_density(p, x)),
        "log_q": np.asarray(log_density(q, x)),
        "oracle": np.asarray(ratio(x)),
        "js": np.asarray(exact.jensen_shannon(p, q)),
        "w1": np.asarray(exact.wasserstein(p, q)),
        "separation": np.asarray(config.separation),
        "penalty_weight": np.asarray(config.penalty_weight),
        "objective": np.asarray(losses.minimax().name),
    }


def _networks(config: Config) -> Mapping[str, tuple[Any, Any, dict[str, Any]]]:
    """Objective, network and further settings of the discriminator and of every critic."""
    from gan_jax.models.lipschitz import orthonormal_mlp, spectral_norm_mlp
    from gan_jax.models.mlp import clipped_mlp, mlp
    from gan_jax.objectives import losses, penalties

    features = (config.width, config.width)
    weighted = {"penalty_weight": config.penalty_weight}
    w1 = losses.wasserstein()
    return {
        "discriminator": (losses.minimax(), mlp(features), {}),
        "orthonormal": (w1, orthonormal_mlp(features), {}),
        "spectral norm": (w1, spectral_norm_mlp(features), {}),
        "GP": (w1, mlp(features), {"penalty": penalties.gradient_penalty(), **weighted}),
        "LP": (w1, mlp(features), {"penalty": penalties.lipschitz_penalty(), **weighted}),
        "clipping": (w1, clipped_mlp(features, bound=config.clip), {}),
    }


def claims(arrays: Arrays) -> list[Claim]:
    """The discriminator is flat where the generator is; the critics are not."""
    m, w1 = float(arrays["separation"]), float(arrays["w1"])
    ratio_error = float(np.abs(arrays["oracle"] - (m * m / 2 - m * arrays["x"])).max())
    dense = _generator_weights(arrays)
    trained = _probability_slope(arrays["discriminator/output"], arrays["discriminator/slope"])
    flat = float((np.abs(trained) @ dense).mean() / np.abs(trained).max(axis=1).mean())
    result = [
        Claim(
            "exact D is σ(m²/2 − m x) (largest logit error)",
            "Goodfellow et al. 2014, proposition 1",
            0.0,
            ratio_error,
            2e-5 * (1 + m * m),
            EQUAL,
            "float32",
        ),
        Claim(
            "trained JS − exact JS (nats)",
            "Goodfellow et al. 2014, theorem 1",
            0.0,
            float(arrays["discriminator/value"].mean() - arrays["js"]),
            0.02,
            EQUAL,
            "0.02 asked for",
        ),
        Claim(
            "mean slope of trained σ(D) at the generator's samples over its largest",
            "Arjovsky, Chintala & Bottou 2017, figure 2",
            0.02,
            flat,
            0.0,
            AT_MOST,
            "saturated",
        ),
    ]
    for name in ("orthonormal", "spectral norm"):
        slope = float((arrays[f"{name}/slope"] @ dense).mean())
        result.append(
            Claim(
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
    steep = 1 + w1 / (2 * float(arrays["penalty_weight"]))
    for name, source in (
        ("GP", "Gulrajani et al. 2017, equation 3"),
        ("LP", "Petzka, Fischer & Lukovnikov 2018, equation 8"),
    ):
        slope = float((arrays[f"{name}/slope"] @ dense).mean())
        what = f"{name}: mean slope at the generator's samples is −(1 + W1 / 2λ)"
        result.append(
            Claim(what, f"{source}, for a linear critic", -steep, slope, 0.03 * steep, EQUAL, "3 % asked for")
        )
    errors = arrays["orthonormal/standard_error"]
    noise = float(np.sqrt(np.square(errors).mean() / errors.size))
    result.append(
        Claim(
            "orthonormal: value ≤ W1",
            "Kantorovich–Rubinstein duality",
            w1,
            float(arrays["orthonormal/value"].mean()),
            4 * noise,
            AT_MOST,
            "4 standard errors",
        )
    )
    result.append(
        Claim(
            "orthonormal: certified Lipschitz constant",
            "Anil, Lucas & Grosse 2019",
            1.0,
            float(arrays["orthonormal/lipschitz_certified"].max()),
            1e-5,
            EQUAL,
            "float32",
        )
    )
    return result


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


def plot(arrays: Arrays) -> Figure:
    """Discriminator, critics, and their slopes."""
    x, m = arrays["x"], float(arrays["separation"])
    with style():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        for log_density, label, color in (
            (arrays["log_p"], "data", SKY),
            (arrays["log_q"], "generator", GREY),
        ):
            left.fill_between(x, np.exp(log_density), color=color, alpha=0.5, linewidth=0, label=label)
        left.plot(x, _sigmoid(arrays["oracle"]), color=EXACT.color, linewidth=EXACT.linewidth, label="exact D")
        _range(left, x, _sigmoid(arrays["discriminator/output"]), "trained D", Look(VERMILION, "--"))
        left.set_title("discriminator saturates")
        left.set_ylabel("probability of real; density")
        middle.plot(x, m / 2 - x, color=EXACT.color, linewidth=EXACT.linewidth, label="exact critic")
        right.plot(x, np.full_like(x, -1.0), color=EXACT.color, linewidth=EXACT.linewidth, label="exact critic")
        centre = int(np.argmin(np.abs(x - m / 2)))
        for name, look in CRITICS.items():
            output = arrays[f"{name}/output"]
            thin = Look(look.color, look.linestyle)
            _range(middle, x, output - output[:, centre : centre + 1], name, thin)
            _range(right, x, arrays[f"{name}/slope"], name, thin)
        _range(
            right,
            x,
            _probability_slope(arrays["discriminator/output"], arrays["discriminator/slope"]),
            "σ(D)",
            Look(GREY, ":"),
        )
        reference_line(right, 0.0, "")
        middle.set_title("critics are lines")
        middle.set_ylabel("f(x) − f(m/2)  (units of x)")
        right.set_title("slopes the generator feels")
        right.set_ylabel("df/dx")
        for ax in (left, middle, right):
            ax.set_xlabel("x")
        handles = [line for line in right.get_lines() if line.get_label() == "σ(D)"]
        right.legend(handles=handles, labels=["discriminator σ(D)"], loc="lower right", fontsize=10, handlelength=1.6)
        left.legend(loc="center left", bbox_to_anchor=(0.0, 0.65), handlelength=1.2)
        middle.legend(loc="lower left")
    return figure


def _range(ax: Any, x: np.ndarray, values: np.ndarray, label: str, look: Look) -> None:
    """The mean over seeds and the range of seeds."""
    curve_with_band(ax, x, values.mean(axis=0), values.min(axis=0), values.max(axis=0), label=label, look=look)


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(logit / 2))
