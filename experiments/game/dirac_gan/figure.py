"""The figure of ``dirac_gan``: portraits of the game, complex planes, and distances over steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import Arrays
from experiments.game.dirac_gan.experiment import PANELS, SPAN
from experiments.game.dirac_gan.theory import Point
from gan_jax.plots import phase
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style

LOOKS = {
    "simultaneous": Look(VERMILION, marker="o"),
    "alternating": Look(BLUE, marker="s"),
    "extragradient": Look(GREEN, marker="^"),
    "optimistic": Look(PURPLE, marker="v"),
    "consensus": Look(ORANGE, marker="D"),
    "unrolled": Look(SKY, marker="P"),
}

COLORS = {
    "GAN, simultaneous": VERMILION,
    "GAN, alternating": BLUE,
    "clipped WGAN": GREY,
    "WGAN-GP": PURPLE,
    "GAN + R1": GREEN,
    "GAN + instance noise": SKY,
    "GAN, consensus": ORANGE,
    "GAN, extragradient": BLACK,
}
"""Of paths, in portraits and over steps."""


def plot(arrays: Arrays) -> Figure:
    """Eight portraits, two complex planes, and distances over steps."""
    with style():
        drawn = Figure(figsize=(WIDTH, 9.6), layout="constrained")
        rows: Any = drawn.subfigures(2, 1, height_ratios=(1.55, 1.0))
        upper, lower = rows
        portraits = upper.subplots(2, 4, sharex=True, sharey=True)
        for index, (ax, panel) in enumerate(zip(portraits.flat, PANELS, strict=True)):
            _portrait(ax, arrays, panel)
            ax.set(xlabel="θ" if index >= 4 else "", ylabel="ψ" if index % 4 == 0 else "")
        left, middle, right = lower.subplots(1, 3)
        _field_plane(left, arrays)
        _step_plane(middle, arrays)
        _distances(right, arrays)
    return drawn


def _portrait(ax: Axes, arrays: Arrays, panel: tuple[str, str, str, str, float]) -> None:
    title, rule, objective, regulariser, _ = panel
    field = f"simultaneous/field {objective} {regulariser}"
    phase.arrows(ax, arrays[f"{field}/points"], arrays[f"{field}/vectors"])
    phase.path(ax, arrays[f"{rule}/{title}/path"][0], Look(COLORS[title]))
    if rule == "clipped":
        for side in (-1.0, 1.0):
            ax.axhline(side * float(arrays["config/clip"]), color=GREY, linestyle=":", linewidth=1.6)
    phase.portrait(ax, SPAN, title=title)


def _field_plane(ax: Axes, arrays: Arrays) -> None:
    """Eigenvalues λ of the field's Jacobian, while a regulariser grows."""
    h = float(arrays["config/step"])
    phase.imaginary_axis(ax)
    strength = np.linspace(0.0, 1.0, 401)
    for (rule, group), label, look, middle in (
        (("simultaneous", "R1"), "R1, γ = 0 … 2", Look(GREEN, marker="o", order=4.0), -strength),
        (("simultaneous", "instance noise"), "noise, σ² = 0 … 4", Look(SKY, marker="s", order=3.0), -strength),
        (("consensus", "consensus"), "consensus, γ = 0 … 2", Look(ORANGE, marker="D"), -0.5 * strength),
    ):
        root = np.sqrt(middle**2 - 0.25 + 0j) if rule == "simultaneous" else np.full(len(strength), 0.5j)
        exact = np.stack([middle + root, middle - root], axis=1)
        size = 10.0 if group == "instance noise" else 6.0
        phase.eigenvalues(ax, (arrays[f"{rule}/{group}/measured"] - 1.0) / h, exact, look, label=label, size=size)
    ax.set(xlabel="Re λ", ylabel="Im λ", xlim=(-2.0, 0.2), ylim=(-1.0, 1.25))
    ax.set_title("eigenvalues of the GAN's field")
    ax.legend(loc="upper left", fontsize=10, handlelength=1.0, borderaxespad=0.1)


def _step_plane(ax: Axes, arrays: Arrays) -> None:
    """Eigenvalues z of a step's Jacobian, while the step grows."""
    phase.unit_circle(ax)
    steps = np.linspace(1e-3, 2.0, 400)
    unrolling = int(arrays["config/unrolling"])
    gamma = float(arrays["config/consensus"])
    for rule, look in LOOKS.items():
        exact = np.stack([Point(step=h, gamma=gamma).closed_form(rule, unrolling).eigenvalues for h in steps])
        # Of each conjugate pair the upper one, of the optimiser's memory nothing: one curve a rule.
        measured = arrays[f"{rule}/steps/measured"]
        phase.eigenvalues(ax, _leading(measured), _leading(exact)[:, None], look, label=rule)
    ax.set(xlabel="Re z", ylabel="Im z", xlim=(-0.2, 2.3), ylim=(-0.1, 1.5))
    ax.set_title("… of its step, h = 0 … 2")
    ax.legend(loc="upper right", fontsize=10, handlelength=1.0, borderaxespad=0.1)


def _leading(values: np.ndarray) -> np.ndarray:
    """Of each row the eigenvalue of largest modulus, with a non-negative imaginary part ``[rows]``."""
    lead = np.take_along_axis(values, np.abs(values).argmax(axis=1)[:, None], axis=1)[:, 0]
    upper: np.ndarray = lead.real + 1j * np.abs(lead.imag)
    return upper


def _distances(ax: Axes, arrays: Arrays) -> None:
    """Distance to the equilibrium over steps, with the slope of the closed form where the game converges."""
    for title, rule, _, _, _ in PANELS:
        distance = np.linalg.norm(arrays[f"{rule}/{title}/path"][0], axis=1)
        ax.plot(distance, color=COLORS[title], linewidth=1.6)
        if title in [panel[0] for panel in PANELS[4:]]:
            radius = np.abs(arrays[f"{rule}/{title}/exact"][0]).max()
            half = len(distance) // 2
            late = np.arange(half, len(distance))
            ax.plot(late, distance[half] * radius ** (late - half), color=BLACK, linestyle=":", linewidth=1.4, zorder=5)
    ax.set_yscale("log")
    ax.set(xlabel="step n", ylabel="distance to (0, 0)", ylim=(1e-5, 10.0))
    ax.set_title("colours as above; dotted: |z|ⁿ")
