"""The pages that people read, and what stands in them: one reader for all tests of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md")))
}
"""Their text, by their path in the tree."""

MARK = re.compile(r"^<!-- (slow )?test -->$", re.M)
"""Before each block of Python: it runs, in this tier or the slow one, and passes lint and types, as it stands."""


class Snippet(NamedTuple):
    """A block of Python on a page.

    Attributes:
      page: where it stands.
      slow: whether it runs in the slow tier.
      code: after as many empty lines as there are above it, so that a traceback shows the line of the page.
    """

    page: str
    slow: bool
    code: str

    @property
    def title(self) -> str:
        """Its first line."""
        return self.code.lstrip().partition("\n")[0].strip('"')


_SNIPPET = re.compile(rf"{MARK.pattern}\n+```python\n(.*?)^```$", re.M | re.S)

SNIPPETS = [
    Snippet(page, bool(found.group(1)), "\n" * text.count("\n", 0, found.start(2)) + found.group(2))
    for page, text in PAGES.items()
    for found in _SNIPPET.finditer(text)
]


def code(text: str) -> list[str]:
    """What a page sets as code, but for blocks of Python: every line of indented blocks (lines that go on joined), and words between `s."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S).replace("\\\n", " ")
    lines = [line.strip() for line in prose.splitlines() if line.startswith("    ")]
    rest = "\n".join(line for line in prose.splitlines() if not line.startswith("    "))
    return lines + [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest)]


def commands(text: str) -> list[list[str]]:
    """The commands of ours on a page, as words: what begins with ``make``, ``gan-jax`` or a Python's ``-m`` and one of our packages."""
    ours = re.compile(r"(\S*python -m (experiments|gan_jax|benchmarks)\b|make [a-z]|gan-jax\b)")
    return [shlex.split(line, comments=True) for line in code(text) if ours.match(line)]


def links(text: str) -> list[str]:
    """Where a page points to within the tree, pictures included."""
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"<img src=\"([^\"]+)\"", text)
    return [link for link in found if not link.startswith(("http://", "https://"))]


def anchors(text: str) -> set[str]:
    """What links may name behind ``#``: the headings, as GitHub spells them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
