"""Digits to inverted, turned and coloured digits, unpaired: which digit comes out, and where the way back hides what it must not forget.

Figure: for every task, held-out digits, what the full game's G makes of them and what its F makes of that, and what G makes of them in
the game without cycles; the share of held-out digits that are still read as their label once the true map is undone, over training, for
every ablation (bands: from the least to the largest; the line is that of real digits); the error of the cycle from Y, with noise of scale
s on F(y); and KID to Y.

Data: scikit-learn's 1797 digits, at 16 × 16. X has 700 of them, Y has 600 others, inverted (y = -x), turned by a quarter, or each in a
colour of its own (a hue drawn uniformly, in three channels); 497 are held out. Nothing tells which y is made of which digit, and none of
them is: the sets are disjoint. Translators are residual networks, discriminators score patches.

A coloured digit has a colour that a grey one has no place for. The cycle from Y wants it back all the same: either it does not close, or F
hides the colour where it is not seen, and then a little noise on F(y) costs more than where nothing has to be hidden, as in inverted digits
(Chu et al. 2017, section 4).

Accuracy is by the classifier of ``metrics.classifier``, on what comes out with the true map undone: the sign, the turn, or the largest
channel for grey. KID (Bińkowski et al. 2018) is on its features too, against the digits of Y with the map undone, with the floor of
held-out digits.

Command: ``python -m experiments cycle_digits``: 15 min on two cores; ``--preset quick``: 230 s. On one H100 some 5 min are
reckoned and were not run: ten games as one program at no more than the 7.4 ms a step of twelve of ``cycle_avatars``, and three programs to
compile, 78 s each.

Expected: after 2000 steps, of two games each, a cycle that closes still says little of which digit comes out. Inverted digits: in both full
games other digits (3 % are kept, on the way back each is what it was: mean |F(G(x)) - x| .10), while one cycle alone keeps 97 and 98 %, at
the KID of real digits for the backward one. Turned ones are turned digits of other classes (10 and 2 %, KID .06): a convolution turns
nothing, and other digits do as well. Coloured ones are the digits that they were in one full game (87 %), and others in the second (1 %).
Without cycles every digit becomes nearly the same picture, and a tenth are right, which is chance. The way from Y closes with hues as it
does without (.09 and .10, against .10 of inverted digits), and noise on F(y) adds no more there: nothing is seen to be hidden.

Of the quick preset, 800 steps and one seed: the cycle closes and says little of which digit comes out. Coloured digits are the
digits that they were on 84 % (without cycles, on 10 %). Inverted ones, of seed 0, are other digits (2 % kept), each of which comes back
as what it was: a wrong map at a low loss; a game of another seed kept 99 %. Turned ones are turned digits of another class (9 % kept, KID
.1): a convolution turns nothing, and other digits do as well. Without cycles every digit becomes nearly the same picture. The way from Y
closes less well with hues (.17 against .13), and noise on F(y) adds less there than to inverted digits: in games this short nothing is
hidden.
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.translation.cycle_digits.analysis import claims, table
from experiments.translation.cycle_digits.config import PRESETS, SMOKE, Config
from experiments.translation.cycle_digits.figure import plot

__all__ = ["PRESETS", "SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games on every task, and measures what G and F make of held-out digits."""
    from experiments.translation.cycle_digits import compute

    return compute.run(config, progress)
