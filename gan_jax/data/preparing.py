"""How the built-in sets are prepared with TFDS: once, whole or not at all, whoever asks first."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gan_jax.files import user_cache


def default_data_dir() -> Path:
    """The folder where data sets are prepared for this user: ``$XDG_CACHE_HOME/gan_jax/tfds``."""
    return user_cache() / "tfds"


def prepare_once(root: Path, folder: Path, builder: Callable[[Path], Any]) -> None:
    """Prepares a set into a private folder beside ``root``'s data sets and renames the result to ``folder``.

    Args:
      root: TFDS's folder of prepared sets.
      folder: where the set belongs, inside ``root``.
      builder: makes the TFDS builder that prepares into a root.

    Raises:
      OSError: ``root`` cannot be written; the message names it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        private = Path(tempfile.mkdtemp(prefix=".preparing-", dir=root))
    except OSError as error:
        raise OSError(error.errno, f"data_dir {root} cannot be written ({error.strerror}); name another one") from error
    try:
        made = builder(private)
        # TFDS announces on standard output and with bars what takes seconds here.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            made.download_and_prepare()
        try:
            Path(made.data_path).rename(folder)
        except OSError:
            # Another process was faster; what it put there is the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(private, ignore_errors=True)
