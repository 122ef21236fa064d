"""What the figures on unpaired translation share: looks of the ablations, curves by game, and rows of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from experiments.translation.ablations import ADVERSARIAL, BACKWARD, CYCLE, FORWARD, FULL, NO_IDENTITY
from gan_jax.metrics.statistics import extent
from gan_jax.plots.curves import curve_with_band
from gan_jax.plots.images import tile
from gan_jax.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, Look

LOOKS = {
    FULL: Look(BLUE, "-", order=4.0),
    NO_IDENTITY: Look(PURPLE, "--"),
    ADVERSARIAL: Look(VERMILION, "-"),
    FORWARD: Look(GREEN, "--"),
    BACKWARD: Look(ORANGE, "--"),
    CYCLE: Look(GREY, ":"),
}


def curves_by_game(ax: Axes, steps: np.ndarray, values: np.ndarray, games: Sequence[str]) -> None:
    """Means over seeds with bands from the least to the largest, of ``values [records + 1, games, seeds]``."""
    for number, game in enumerate(games):
        curve_with_band(ax, steps, *extent(values[:, number], 1), look=LOOKS[game], label=game)
    # Numbers of steps are long.
    ax.locator_params(axis="x", nbins=4)


def rows_of_pictures(ax: Axes, rows: Mapping[str, np.ndarray], *, enlarge: int = 2) -> None:
    """Rows of equally many pictures ``[n, size, size, 1 or 3]`` in bytes, each with its name on the left."""
    coloured = [np.broadcast_to(images, (*images.shape[:3], 3)) for images in rows.values()]
    columns, size = coloured[0].shape[:2]
    ax.imshow(tile(np.concatenate(coloured), columns=columns, enlarge=enlarge), interpolation="nearest")
    height = enlarge * (size + 1)
    ax.set_yticks([height * (i + 0.5) for i in range(len(rows))], list(rows), fontsize=11)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
