"""Moved to ``gan_jax.estimators.variational``."""

from __future__ import annotations

from gan_jax.moved import moved

__getattr__ = moved(__name__, {"*": "gan_jax.estimators.variational"})
