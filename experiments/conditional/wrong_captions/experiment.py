"""What the third kind of pair is worth: real pictures with captions that do not describe them.

Figure: accuracy of hair and eye colour over training, read off generated pictures, with wrong pairs (half of the negatives, as in Reed et
al. 2016, Algorithm 1), without any, and with wrong pairs drawn blindly, so that some of them are right; means over seeds with a band from
the least to the largest. On the right: how much swapping the caption changes a picture, over what other noise changes.

Without the third kind, the discriminator sees real pictures with right captions and generated ones with theirs. While generated pictures
are bad it can tell them apart without a caption, and the generator is told of captions late. Blind wrong pairs are a caption of another
picture, whatever it says: with captions that leave things out, a part of them does describe the picture, and the discriminator is taught
that a right pair is wrong.

Data, networks and measures are those of ``text_to_avatar``, at 16 × 16 and with a GRU. One program for all three: the weight of the third
kind, and how it is drawn, are data.

Command: ``python -m experiments wrong_captions``: 345 s on two cores.

Expected: with wrong pairs the hair has its colour sooner: half way on 80 % of the pictures, against 61 % without the third kind, and at
the end on 99.7 % against 93.5 %; the eyes, a few pixels, come as late either way (41 to 43 % after 3000 steps). The caption changes a
picture 1.5 times as much as the noise does, against 1.2 times. Blind pairs do as well as wrong ones: only .7 % of them are right ones, so
that the two claims which say otherwise do not hold.
"""

from __future__ import annotations

from experiments.conditional.wrong_captions.analysis import claims, table
from experiments.conditional.wrong_captions.config import SMOKE, Config
from experiments.conditional.wrong_captions.figure import plot
from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress

__all__ = ["SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all arms side by side, as cases of one program, with the same seeds."""
    from experiments.conditional.wrong_captions import compute

    return compute.run(config, progress)
