"""``python -m gan_jax COMMAND``: trains on images, and uses what was trained."""

from __future__ import annotations

from gan_jax.cli.main import ended, main

if __name__ == "__main__":
    ended(main)
