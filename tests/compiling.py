"""How tests compile programs whose zeros are exact."""

from __future__ import annotations

AS_USERS_DO = {"xla_cpu_use_fusion_emitters": True}
"""Options of ``jax.jit``. ``make test`` leaves XLA's emitters of fusions out, to compile in half of the time; without them a number that
two places of a program compute may differ by a rounding, and what is zero to the last bit is not."""
