"""One module for each figure or table; ``python -m experiments`` lists them.

The tuple ``EXPERIMENTS`` is the table of contents, in the order of the story. A chapter is a folder; an experiment is a module of
its chapter, or a folder there, whose module ``compute`` has ``run`` with all that needs JAX, and ``experiment`` all else. It has

* a docstring: the title on the first line, then the figure, the paper and its equation, the command, the time, the
  numbers expected;
* ``Config``, a frozen dataclass whose every field has a docstring below it and whose every number has its range in its type
  (``gan_jax.ranges``), and ``SMOKE``, a ``Config`` that takes
  seconds; optionally ``PRESETS``, further ones by name: ``"quick"``, minutes on two cores, where ``Config()`` itself
  wants an accelerator;
* ``run(config, progress) -> {name: array}``, the only function that computes, and the only one that imports JAX;
* ``plot(arrays) -> Figure``, ``claims(arrays) -> [Claim]``, ``table(arrays) -> [row]``: all three from the saved arrays
  alone;
* optionally ``animation(arrays) -> matplotlib.animation.Animation``, also from the saved arrays alone, saved as ``animation.gif``
  beside the figure and drawn again by ``--redraw``.
"""

from __future__ import annotations

from typing import NamedTuple

PROCESSOR = "two cores of an AMD EPYC (Zen 5)"
"""What "two cores" are in ``EXPERIMENTS``, in the docstrings of experiments and in docs/experiments.md: the times are of these, with
nothing compiled before. ``experiments.framework.times`` scales them by what the machine at hand has been seen to do."""

NEWEST = "two cores of an AMD EPYC (Zen 4)"
"""Where the chapter of divergences was measured."""

DIVERGENCES = (200.0, 132.0)
"""Seconds of that chapter on ``NEWEST``: with nothing compiled before, and with all of it in the cache."""

OTHER_PROCESSOR = "two cores of an AMD EPYC (Zen 3)"
"""Where some of the times were measured again."""

ELSEWHERE = {"cycle_2d": 1118.0, "conditional_digits": 900.0}
"""Seconds of default presets on ``OTHER_PROCESSOR``, with nothing compiled before."""


class Entry(NamedTuple):
    """One line of the table of contents.

    Attributes:
      name: the module's name in its chapter, and the name of its folder of results.
      full: seconds that the default preset takes on ``PROCESSOR``.
      smoke: seconds that the smoke preset takes there.
      chapter: the part of the story that it belongs to; ``python -m experiments CHAPTER`` runs all of it.
      quick: seconds that the quick preset takes there; None where it is the full one.
      measured: whether these were measured; where not they are guesses, which no page of the documentation gives.
    """

    name: str
    full: float
    smoke: float
    chapter: str = "divergences"
    quick: float | None = None
    measured: bool = True

    def seconds(self, preset: str) -> float:
        """What a preset takes on ``PROCESSOR``; the full one's time where nothing is known of it."""
        known = {"smoke": self.smoke, "quick": self.full if self.quick is None else self.quick}
        return known.get(preset, self.full)

    @property
    def preset(self) -> str:
        """The one for two cores: quick where there is one, else the default."""
        return "full" if self.quick is None else "quick"

    @property
    def command(self) -> str:
        """The whole command of that preset, as it is typed in a checkout."""
        return f".venv/bin/python -m experiments {self.name}{'' if self.quick is None else ' --preset quick'}"


EXPERIMENTS: tuple[Entry, ...] = (
    Entry("moving_plans", full=5.0, smoke=6.0),
    Entry("saturation_1d", full=45.0, smoke=20.0),
    Entry("saturation_2d", full=85.0, smoke=45.0),
    Entry("optimal_discriminator", full=29.0, smoke=25.0),
    Entry("saturation_images", full=36.0, smoke=45.0),
    Entry("arms_race", full=78.0, smoke=25.0, chapter="game"),
    Entry("generator_gradients", full=71.0, smoke=25.0, chapter="game"),
    Entry("time_to_reach", full=66.0, smoke=25.0, chapter="game"),
    Entry("dirac_gan", full=35.0, smoke=15.0, chapter="game"),
    Entry("f_gan", full=54.0, smoke=25.0, chapter="game"),
    Entry("critic_surfaces", full=64.0, smoke=35.0, chapter="game"),
    Entry("players", full=74.0, smoke=25.0, chapter="game"),
    Entry("loss_tracks_quality", full=127.0, smoke=25.0, chapter="images"),
    Entry("image_zoo", full=265.0, smoke=15.0, chapter="images"),
    # Full presets of this chapter want an accelerator: the seconds for two cores are reckoned from those of quick ones.
    Entry("forward_or_reverse", full=200.0, smoke=25.0, chapter="diversity", quick=35.0),
    Entry("collapse_or_drop", full=480.0, smoke=35.0, chapter="diversity", quick=60.0),
    Entry("mode_table", full=190_000.0, smoke=30.0, chapter="diversity", quick=360.0),
    Entry("mode_weights", full=1900.0, smoke=25.0, chapter="diversity", quick=150.0),
    Entry("stacked_digits", full=8000.0, smoke=35.0, chapter="diversity", quick=200.0),
    Entry("conditional_ring", full=355.0, smoke=25.0, chapter="conditional"),
    Entry("conditional_digits", full=225.0, smoke=30.0, chapter="conditional"),
    Entry("text_to_avatar", full=1040.0, smoke=60.0, chapter="conditional"),
    Entry("wrong_captions", full=345.0, smoke=45.0, chapter="conditional"),
    Entry("cycle_2d", full=300.0, smoke=25.0, chapter="translation"),
    Entry("cycle_digits", full=1000.0, smoke=40.0, chapter="translation", quick=230.0),
    Entry("cycle_avatars", full=1850.0, smoke=60.0, chapter="translation", quick=320.0),
)

TEMPLATE = Entry("forkme", full=10.0, smoke=10.0, chapter="")
"""What ``python -m experiments new`` copies; it runs by its name, and is in no chapter and in no list."""
