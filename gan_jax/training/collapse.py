"""When to stop a run whose generator has collapsed."""

from __future__ import annotations

from collections.abc import Callable

from gan_jax import checks
from gan_jax.training.state import Info


def collapsed(*, below: float = 0.05) -> Callable[[Info], bool]:
    """Whether a generator's samples hardly vary any more: what ``loop.run`` and ``runs.train`` take as ``stop``.

    Looks at ``Info.variance_ratio``, the total variance of a generated batch over that of a real one: near 1 where the laws agree, and
    near the share of the variance inside the modes where all samples are in one mode. Dropping some of many modes hardly lowers it: that
    takes ``metrics.modes``. A generator that has not begun to widen yet looks collapsed too: let it run for a while first.

    Args:
      below: of the mean ratio of a chunk of steps.

    Returns:
      ``(info, in means over a chunk) -> whether to stop``.

    Raises:
      ValueError: ``below`` not above 0.
    """
    checks.at_least("below", below, 0.0, strict=True)
    return lambda info: float(info.variance_ratio) < below
