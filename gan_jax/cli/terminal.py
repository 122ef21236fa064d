"""Words for a terminal: durations, what a stranger's text may do to it, and characters that it can show."""

from __future__ import annotations

import codecs
import math
from typing import TextIO


def printable(text: str) -> str:
    """``text`` in one line, with escapes for what a terminal obeys and for what no encoding has.

    Names of files, of classes and of sets, and what a configuration or an error repeats of them, may be a stranger's.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def say(text: str, *, file: TextIO | None = None) -> None:
    """Prints one line for a person, ``printable``, at once: on standard output where no other stream is given."""
    print(printable(text), file=file, flush=True)


_PLAIN = str.maketrans({
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "−": "-", "–": "-", "—": "-", "±": "+-", "×": "x", "·": "|", "…": "...", "›": ">", "→": "->",
    "½": "1/2", "²": "^2", "³": "^3", "∞": "inf", "ε": "epsilon", "λ": "lambda", "σ": "sigma", "θ": "theta", "γ": "gamma", "ψ": "psi",
    "‖": "||", "é": "e", "ö": "o", "ü": "u", "ä": "a", "ó": "o", "á": "a", "í": "i",
})  # fmt: skip


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(c if c.isascii() else "?" for c in characters), error.end


def speak_plainly(*streams: TextIO) -> None:
    """Makes streams that cannot encode a character write a plainer one: no result is lost to the terminal it is printed on."""
    codecs.register_error("gan_jax.plain", _plain)
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (getattr(stream, "encoding", None) or "").replace("-", "").lower() != "utf8":
            reconfigure(errors="gan_jax.plain")


def duration(seconds: float | None) -> str:
    """``"45 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``; ``"unknown"`` for None."""
    if seconds is None:
        return "unknown"
    whole = max(0, math.ceil(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
