"""Which cases of a long table are met at every change, and which before a release."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

_PARAMETERS = type(pytest.param())


def some(table: Iterable[Any], every: int) -> list[Any]:
    """The cases of a table for ``parametrize``: one of ``every`` as it is, the first among them, and the others marked ``exhaustive``."""
    return [case if number % every == 0 else _exhaustive(case) for number, case in enumerate(table)]


def those(names: Iterable[str], table: Iterable[str]) -> list[Any]:
    """The cases of a table of names: those of ``names`` as they are, and the others marked ``exhaustive``."""
    kept, there = set(names), list(table)
    assert kept <= set(there), f"{sorted(kept - set(there))} is in no table"
    return [case if case in kept else _exhaustive(case) for case in there]


def _exhaustive(case: Any) -> Any:
    if isinstance(case, _PARAMETERS):
        return pytest.param(*case.values, id=case.id, marks=[*case.marks, pytest.mark.exhaustive])
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.exhaustive)
