"""Portraits to cartoons, unpaired: whose hair and eyes keep their colours, with the way back and without.

Figure: held-out portraits x, what the full game's G draws of them, what its F makes of that, the cartoon of the same avatar, which no game
has seen, and what G draws in the other games; the share of pictures whose hair and eyes have kept their colour, over training (bands: from
the least to the largest); the same for all five attributes at the end, and KID to the cartoons with the line that counts as near.

Data: ``data.avatars``, drawn by code in two styles: portraits of some avatars and cartoons of others, so that there is no pair to be found.
The cartoon of a portrait exists all the same, and evaluation uses it: attributes are read off what G draws by inverting the drawing of
cartoons (``data.avatar_reading``), which is right on 100 % of real ones, and held against those of the portrait.

The five games of table 4 of Zhu et al. 2017, and the full one without its identity terms (section 5.2). Hair and eyes have every colour
equally often, so that a G that exchanges colours, with an F that changes them back, closes every cycle and deceives every discriminator:
only the identity terms, which weigh half as much as the cycles and go with them, say that a colour stays what it is.

Residual translators with instance norm and resize-convolutions, patch discriminators, a pool of 50, rates that fall over the second half
(appendix 7.2); what is not the paper's: translators are U-Nets with residual blocks at full size too and kernels of 3, the objective is
relativistic pairing with R1 + R2, cycles weigh 3, parameters are averaged.

KID (Bińkowski et al. 2018) is on features of a classifier that learned to tell hair of cartoons, colour and style, and compares with real
cartoons of people whom neither it nor a game has seen; its floor is that of other such. Near is at most twice the floor plus .02, on the
features as they are, and in units of their root mean square: the kernel has a scale, and a classifier's features have none.

Command: ``python -m experiments cycle_avatars``: 31 min on two cores, 191 s on one H100 (with ``--xla_gpu_enable_triton_gemm=false`` in
``XLA_FLAGS``, which tries fewer kernels); ``--preset quick``: 320 s; ``--preset long`` (the full game alone, 60 000 steps): 88 min on two
cores that were not idle; ``--preset large`` (32 pixels, wider) wants an accelerator and has not been run.

Expected: after 6000 steps, on 1000 portraits that no game has seen and at worst of two seeds, 100 % of the hair and 99.8 % of the eyes keep
their colour in the full game, hair styles on 98 %, glasses on 98.5 %, face shapes on 80 %. Without cycles G draws one picture whatever it
is given: 8.4 % of hair and 9.7 % of eyes, which is chance. With cycles and no identity terms one game keeps 28 and the other 65 % of hair,
19 and 39 % of eyes, and closes its cycles all the same (mean |F(G(x)) - x| .045, against .039). KID to the cartoons is .085 and .069 on
features as they are, above .022, and .0075 and .0062 at unit scale, below .020; real cartoons have .0008 and .0001, adversarial games 10
and more, cycles alone, which leave a portrait, 5. It falls about as the square root of the steps: after 20 000 the full game has .040 and
.038, after 60 000 .019 and .018 (s.e. .0045; .0016 and .0015 at unit scale), which is near, and 99.6 and 99.9 % of the eyes.

An H100 rounds otherwise, so that its games are others: eyes 99.3 % in the full game, hair 23 and 36 % without cycles, 58 and 100 % without
identity terms, KID .069 and .052.
"""

from __future__ import annotations

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.translation.cycle_avatars.analysis import claims, table
from experiments.translation.cycle_avatars.config import PRESETS, SMOKE, Config
from experiments.translation.cycle_avatars.figure import plot

__all__ = ["PRESETS", "SMOKE", "Config", "claims", "plot", "run", "table"]


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, and reads what they draw of portraits that they have not seen."""
    from experiments.translation.cycle_avatars import compute

    return compute.run(config, progress)
