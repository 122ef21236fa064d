"""What is answered to the person at the terminal."""

from __future__ import annotations


class UserError(Exception):
    """One sentence for the person at the terminal; no traceback is wanted."""


KEPT = "what was computed is"
"""How a note on an error begins that says what became of work where the rest could not be done."""
