"""What ``critic_surfaces`` finds: its claims and its table."""

from __future__ import annotations

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, over_seeds, theorem
from experiments.framework.tables import long_rows, per_seed
from experiments.game.critic_surfaces.experiment import DATA
from gan_jax.metrics.statistics import mean_and_error
from gan_jax.plots.style import GREEN, ORANGE, PURPLE, SKY, VERMILION, Look

SOURCE = "Gulrajani et al. 2017, figure 1b"


def decades(logs: np.ndarray) -> np.ndarray:
    """How many decades the norm changes by from the last hidden layer down to the first one, ``[…, seeds]``."""
    return logs[..., 1] - logs[..., -1]


def claims_at_depth(arrays: Arrays) -> list[Claim]:
    """Clipping explodes or vanishes, exponentially; the penalty does neither."""
    last = arrays["depth/clipping"].shape[-1] - 1
    between, result = f"(decades from layer {last} to 1)", []
    for bound, logs in zip(arrays["depth/bounds"], arrays["depth/clipping"], strict=True):
        grows, basis = bound >= 0.1, "a decade at least; s.e."
        verb, size, relation = ("explodes", 1.0, AT_LEAST) if grows else ("vanishes", -1.0, AT_MOST)
        what = f"clipping, c = {bound:g}: gradient {verb} {between}"
        result.append(finding(what, SOURCE, size, *over_seeds(decades(logs), 1.0), relation, basis))
        correlation = np.mean([abs(_correlation(seed)) for seed in logs])
        what = f"clipping, c = {bound:g}: exponentially (correlation of log norm and layer)"
        result.append(finding(what, SOURCE, 0.95, correlation, 0.0, AT_LEAST, "0.95 asked for"))
    kept = over_seeds(decades(arrays["depth/penalty"]), 1.0, slack=1.0)
    what = f"GP: gradient keeps its size {between}"
    return [*result, finding(what, SOURCE, 0.0, *kept, EQUAL, "a decade at most; s.e.")]


def _correlation(logs: np.ndarray) -> float:
    """Of the log norm with the layer, over hidden layers."""
    if not np.isfinite(logs).all() or np.ptp(logs[1:]) == 0.0:
        return float("nan")
    return float(np.corrcoef(np.arange(1, logs.size), logs[1:])[0, 1])


def table_at_depth(arrays: Arrays) -> list[TableRow]:
    """The log10 norm at every layer, for every seed."""
    families = [
        *((f"clipping {c:g}", logs) for c, logs in zip(arrays["depth/bounds"], arrays["depth/clipping"], strict=True)),
        ("GP", arrays["depth/penalty"]),
    ]
    layers = [f"log10 gradient norm, layer {layer}" for layer in range(arrays["depth/penalty"].shape[-1])]
    rows: list[TableRow] = []
    for name, logs in families:
        rows += long_rows(logs, {"seed": range(len(logs)), "quantity": layers}, data="swiss roll", critic=name)
    return rows


CRITICS = {
    "clipping": ("weight clipping", Look(ORANGE, marker="D")),
    "penalty_weak": ("GP, weak", Look(SKY, marker="v")),
    "penalty_strong": ("GP, strong", Look(GREEN, marker="^")),
    "spectral": ("spectral norm", Look(PURPLE, marker="s")),
    "orthonormal": ("orthonormal", Look(VERMILION, marker="o")),
}
"""Critics by the name of their arrays: how the figure calls and draws them."""


def at_bounds(weights: np.ndarray) -> np.ndarray:
    """The share of weights within one per cent of the end of their range, ``[seeds]``; for uniform ones it is one per cent."""
    sizes = np.abs(weights)
    return (sizes >= 0.99 * sizes.max(axis=-1, keepdims=True)).mean(axis=-1)


def _efficiency(arrays: Arrays, name: str) -> np.ndarray:
    """The value over the largest slope that was seen, ``[data, seeds]``: what the critic's shape is worth as a 1-Lipschitz function."""
    return arrays[f"{name}/value"] / arrays[f"{name}/lipschitz"]


def claims(arrays: Arrays) -> list[Claim]:
    """Who reaches W1, who does not, where weights end, and what depth does to gradients."""
    result = []
    for data, title in enumerate(DATA):
        result += _of_value(arrays, data, title) + _of_penalty(arrays, data, title)
    certified = arrays["orthonormal/certified"].max()
    result.append(theorem("orthonormal: certified Lipschitz constant", ANIL, 1.0, certified, 1e-5, EQUAL, "float32"))
    clipped, free = (at_bounds(arrays[f"{name}/weights"]).mean() for name in ("clipping", "penalty_strong"))
    what = "clipping: share of weights within 1 % of ±c, from 1 % at the start"
    result.append(finding(what, SOURCE, 0.5, clipped, 0.0, AT_LEAST, "most"))
    what = "gradient penalty: share of weights within 1 % of the end of their range"
    result.append(finding(what, SOURCE, 0.01, free, 0.0, AT_MOST, "as uniform weights"))
    return result + claims_at_depth(arrays)


ANIL = "Anil, Lucas & Grosse 2019"

DUALITY = "Kantorovich–Rubinstein duality"


def _of_value(arrays: Arrays, data: int, title: str) -> list[Claim]:
    """The constrained critics beside the two bounds of W1."""
    (lower, lower_error), (upper, upper_error) = (
        mean_and_error(arrays[f"transport/{side}"][data]) for side in ("lower", "upper")
    )
    reached, error = mean_and_error(arrays["orthonormal/value"][data])
    noise, above = 4.0 * np.hypot(lower_error, upper_error), 4.0 * np.hypot(error, upper_error)
    below, errors = np.hypot(error, lower_error) + 0.03 * lower, "4 standard errors"
    fresh = f"{title}: value of transport's potentials on fresh samples ≤ W1 of the samples"
    bound, reaches = "orthonormal critic's value ≤ W1 of samples", "orthonormal critic reaches the lower bound of W1"
    result = [
        theorem(fresh, f"{DUALITY}; Weed & Bach 2019", upper, lower, noise, AT_MOST, errors),
        theorem(f"{title}: {bound}", DUALITY, upper, reached, above, AT_MOST, errors),
        finding(f"{title}: {reaches}", ANIL, lower, reached, below, AT_LEAST, "s.e. + 3 %"),
    ]
    spectral, clipped = arrays["spectral/value"][data], _efficiency(arrays, "clipping")[data]
    for what, source, values in (
        ("spectral norm: value ≤ the orthonormal critic's", f"{ANIL}, section 3", spectral),
        ("clipping: value / largest slope ≤ the orthonormal critic's", "Gulrajani et al. 2017, figure 1a", clipped),
    ):
        result.append(finding(f"{title}: {what}", source, reached, values.mean(), 0.0, AT_MOST, "below"))
    return result


def _of_penalty(arrays: Arrays, data: int, title: str) -> list[Claim]:
    """A penalty of weight λ is no constraint: a critic a f*, f* of slope one, is worth a W1 − λ (a − 1)², best at a = 1 + W1 / 2λ."""
    low, high = (float(arrays[f"transport/{side}"][data].mean()) for side in ("lower", "upper"))
    result = []
    for name, weight in zip(("penalty_weak", "penalty_strong"), arrays["penalty_weights"], strict=True):
        steep = 1.0 + (low + high) / (4.0 * float(weight))
        slope, value = arrays[f"{name}/slope"][data], arrays[f"{name}/value"][data]
        source = "Gulrajani et al. 2017, equation 3"
        what = f"{title}: GP, λ = {weight:g}: mean slope between data and generator is 1 + W1 / 2λ"
        result.append(finding(what, source, steep, slope.mean(), 0.1 * steep, EQUAL, "10 % asked for"))
        # What a converged critic's value less its penalty is at least; its value all the more.
        least = low + low * low / (4.0 * float(weight))
        what = f"{title}: GP, λ = {weight:g}: value is at least W1 + W1² / 4λ"
        reached = over_seeds(value, 1.0, slack=0.03 * least)
        result.append(finding(what, source, least, *reached, AT_LEAST, "s.e. + 3 %"))
    return result


def table(arrays: Arrays) -> list[TableRow]:
    """Bounds of W1, and value, slopes, Lipschitz constants and weights of every critic, for every seed."""
    rows: list[TableRow] = []

    def add(data: str, critic: str, quantity: str, values: np.ndarray) -> None:
        rows.extend(per_seed(values, data=data, critic=critic, quantity=quantity))

    for data, title in enumerate(DATA):
        for quantity in ("lower", "lower_error", "upper"):
            add(title, "exact transport", quantity, arrays[f"transport/{quantity}"][data])
        for name in CRITICS:
            for quantity in ("value", "error", "lipschitz", "certified", "slope"):
                add(title, name, quantity, arrays[f"{name}/{quantity}"][data])
    for name in ("clipping", "penalty_strong"):
        add(DATA[-1], name, "share of weights at the bounds", at_bounds(arrays[f"{name}/weights"]))
    return rows + table_at_depth(arrays)
