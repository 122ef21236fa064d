"""What ``critic_surfaces`` measures of deep critics: the loss's gradient at every layer, with clipped weights and with a penalty.

Arrays are ``depth/clipping [bounds, seeds, layers]`` and, for the gradient penalty, ``depth/penalty [seeds, layers]``: log10 of the norm
over the norm at the last layer. Layer 0 is the input, layer l the activations of hidden layer l.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_LEAST, AT_MOST, EQUAL, Claim
from experiments.progress import Progress
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, VERMILION, Look
from gan_jax.ranges import Count, Fifties, Positive

SOURCE = "Gulrajani et al. 2017, figure 1b"
LOOKS = (Look(BLUE, "--", "v"), Look(ORANGE, "--", "D"), Look(VERMILION, "--", "^"))
PENALTY_LOOK = Look(GREEN, "-", "o")


@dataclass(frozen=True)
class Deep:
    """Deep critics on the Swiss roll."""

    deep_layers: Count = 12
    """Hidden layers."""

    deep_width: Count = 64
    """Of every hidden layer."""

    deep_bounds: tuple[Positive, ...] = (0.001, 0.01, 0.1)
    """c of weight clipping."""

    deep_steps: Fifties = 400
    """Updates of each; a multiple of 50."""

    deep_rate: Positive = 1e-3
    """Of Adam at the start; it decays to zero along a cosine."""

    deep_examples: Count = 1024
    """Fresh examples of each law that the gradients are taken on."""


def compute(
    deep: Deep,
    samplers: Callable[[], tuple[Any, Any]],
    *,
    batch_size: int,
    penalty_weight: float,
    seeds: int,
    key: Any,
    progress: Progress,
    share: float,
) -> Arrays:
    """Trains the clipped critics as one program (c is data) and those with a penalty as another.

    Args:
      deep: the networks.
      samplers: gives the samplers of the data and of the generator.
      batch_size: samples of each law at an update.
      penalty_weight: λ.
      seeds: trainings of each.
      key: of everything random.
      progress: where progress is shown.
      share: what part of the whole experiment it takes.

    Returns:
      The arrays.
    """
    import jax
    import jax.numpy as jnp

    from gan_jax.divergences import variational
    from gan_jax.models.activations import activation_gradients
    from gan_jax.models.mlp import clipped_mlp, mlp
    from gan_jax.objectives import losses, penalties
    from gan_jax.training.ensemble import sweep

    features = (deep.deep_width,) * deep.deep_layers

    def member(key: Any, make: Callable[..., Any], settings: dict[str, Any], **hyper: Any) -> dict[str, Any]:
        critic, (real, fake) = make(**hyper), samplers()
        train_key, real_key, fake_key = jax.random.split(key, 3)
        estimator = variational.neural_estimator(
            losses.wasserstein(),
            critic,
            steps=deep.deep_steps,
            batch_size=batch_size,
            learning_rate=deep.deep_rate,
            held_out=deep.deep_examples,
            **settings,
        )
        trained = estimator(train_key, real, fake).critic
        x = jnp.concatenate([real(real_key, deep.deep_examples), fake(fake_key, deep.deep_examples)])
        signs = jnp.repeat(jnp.asarray([-1.0, 1.0]), deep.deep_examples)
        # The loss times the number of examples: gradients of 1e-27 an example are common here, and float32 ends at 1e-38.
        gradients = activation_gradients(lambda: signs @ variational.logits(critic, trained, x))
        return {"log10": jnp.stack([_log10_norm(g) for g in gradients.values()])}

    together = jax.device_count() if jax.default_backend() == "cpu" else None
    play = partial(sweep, seeds=seeds, together=together)
    clip_key, penalty_key = jax.random.split(key)
    count = len(deep.deep_bounds)
    # The penalty is a second derivative: about three times the time of a clipped member.
    with progress.task("depth", total=(count + 3.0) * seeds, share=share) as task:
        clipped = play(
            partial(member, make=lambda clip: clipped_mlp(features, bound=clip), settings={}),
            clip_key,
            clip=deep.deep_bounds,
            on_part=lambda done, _: task.advance(done - task.done),
        )
        penalised = play(
            partial(
                member,
                make=lambda: mlp(features),
                settings={"penalty": penalties.gradient_penalty(), "penalty_weight": penalty_weight},
            ),
            penalty_key,
            on_part=lambda done, _: task.advance(count * seeds + 3.0 * done - task.done),
        )
    logs = clipped["log10"].reshape(count, seeds, -1)
    return {
        "depth/bounds": np.asarray(deep.deep_bounds),
        "depth/clipping": logs - logs[..., -1:],
        "depth/penalty": penalised["log10"] - penalised["log10"][..., -1:],
    }


def _log10_norm(a: Any) -> Any:
    """``log10 ||a||`` where the squares of small entries underflow; minus infinity for zeros."""
    import jax.numpy as jnp

    largest = jnp.max(jnp.abs(a))
    safe = jnp.where(largest > 0, largest, 1.0)
    return jnp.log10(largest) + jnp.where(largest > 0, 0.5 * jnp.log10(jnp.sum(jnp.square(a / safe))), 0.0)


# ------------------------------------------------------------------------------------------------- from the arrays alone


def decades(logs: np.ndarray) -> np.ndarray:
    """How many decades the norm changes by from the last hidden layer down to the first one, ``[…, seeds]``."""
    return logs[..., 1] - logs[..., -1]


def claims(arrays: Arrays) -> list[Claim]:
    """Clipping explodes or vanishes, exponentially; the penalty does neither."""
    result = []
    last = arrays["depth/clipping"].shape[-1] - 1
    for bound, logs in zip(arrays["depth/bounds"], arrays["depth/clipping"], strict=True):
        change = decades(logs)
        grows = bound >= 0.1
        what = "explodes" if grows else "vanishes"
        result.append(
            Claim(
                f"clipping, c = {bound:g}: gradient {what} (decades from layer {last} to 1)",
                SOURCE,
                1.0 if grows else -1.0,
                float(change.mean()),
                _error(change),
                AT_LEAST if grows else AT_MOST,
                "a decade at least; s.e.",
            )
        )
        result.append(
            Claim(
                f"clipping, c = {bound:g}: exponentially (correlation of log norm and layer)",
                SOURCE,
                0.95,
                float(np.mean([abs(_correlation(seed)) for seed in logs])),
                0.0,
                AT_LEAST,
                "0.95 asked for",
            )
        )
    change = decades(arrays["depth/penalty"])
    result.append(
        Claim(
            f"GP: gradient keeps its size (decades from layer {last} to 1)",
            SOURCE,
            0.0,
            float(change.mean()),
            1.0 + _error(change),
            EQUAL,
            "a decade at most; s.e.",
        )
    )
    return result


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size))


def _correlation(logs: np.ndarray) -> float:
    """Of the log norm with the layer, over hidden layers."""
    if not np.isfinite(logs).all() or np.ptp(logs[1:]) == 0.0:
        return float("nan")
    return float(np.corrcoef(np.arange(1, logs.size), logs[1:])[0, 1])


def table(arrays: Arrays) -> list[Row]:
    """The log10 norm at every layer, for every seed."""
    families = [
        *((f"clipping {c:g}", logs) for c, logs in zip(arrays["depth/bounds"], arrays["depth/clipping"], strict=True)),
        ("GP", arrays["depth/penalty"]),
    ]
    return [
        {
            "data": "swiss roll",
            "critic": name,
            "quantity": f"log10 gradient norm, layer {layer}",
            "seed": seed,
            "value": float(value),
        }
        for name, logs in families
        for seed, layers in enumerate(logs)
        for layer, value in enumerate(layers)
    ]


def draw(ax: Axes, arrays: Arrays) -> None:
    """Norms over the layers, from the last to the input, as the gradient travels."""
    layers = np.arange(arrays["depth/penalty"].shape[-1])
    names = [f"c = {c:g}" for c in arrays["depth/bounds"]]
    for name, look, logs in (
        *zip(names, LOOKS, arrays["depth/clipping"], strict=False),
        ("GP", PENALTY_LOOK, arrays["depth/penalty"]),
    ):
        curve_with_band(ax, layers, logs.mean(axis=0), logs.min(axis=0), logs.max(axis=0), label=name, look=look)
    ax.axhline(0.0, color=GREY, linestyle=":", linewidth=1.8, zorder=1)
    ax.set_xlim(layers[-1] + 0.3, -0.3)
    ax.set_xticks([layer for layer in layers if layer % 3 == 0])
    ax.set_xlabel("layer (0: the input)")
    ax.set_ylabel("log10 ‖∂L/∂h‖, relative")
    ax.legend(loc="lower left", handlelength=1.6, fontsize=10, labelspacing=0.3)
