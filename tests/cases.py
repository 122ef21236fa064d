"""Many small cases in one item of the test run."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest


def _label(
    value: object, place: int, names: tuple[str, ...], ids: Callable[[Any], object] | Sequence[str] | None
) -> str:
    if ids is not None:
        return str(ids(value) if callable(ids) else ids[place])
    parts = value if len(names) > 1 else (value,)
    plain = (str, bytes, int, float, complex, type(None))
    return "-".join(str(v) if isinstance(v, plain) else f"{n}{place}" for n, v in zip(names, parts, strict=True))


def cases(
    names: str | Sequence[str],
    values: Iterable[Any],
    *,
    ids: Callable[[Any], object] | Sequence[str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """In the place of ``pytest.mark.parametrize``: one item for all cases, of which each passes or fails by itself, under its own name.

    For cases that take milliseconds, of which there are many: an item each would cost more than the check. Several of these decorators
    cross, as those of pytest do. All cases of a test are given the same fixtures, ``tmp_path`` and ``monkeypatch`` among them.
    """
    split = tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else tuple(names)
    labelled = [(value, _label(value, place, split, ids)) for place, value in enumerate(values)]
    assert labelled, f"no case of {names}"
    assert not any(isinstance(value, type(pytest.param())) for value, _ in labelled), (
        "pytest.param has marks: use parametrize"
    )

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        plain = getattr(test, "plain", test)
        axes = [(split, labelled), *getattr(test, "axes", ())]
        taken = {name for names, _ in axes for name in names}
        parameters = inspect.signature(plain).parameters

        def every_case(*args: Any, subtests: pytest.Subtests, **fixtures: Any) -> None:
            for chosen in itertools.product(*(values for _, values in axes)):
                given: dict[str, Any] = {}
                for (names, _), (value, _) in zip(axes, chosen, strict=True):
                    given.update(zip(names, value if len(names) > 1 else (value,), strict=True))
                with subtests.test("-".join(label for _, label in chosen)):
                    plain(*args, **fixtures, **given)

        kept = [parameter for name, parameter in parameters.items() if name not in taken]
        subtests = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
        every_case.__signature__ = inspect.Signature([*kept, subtests])  # type: ignore[attr-defined]
        every_case.__name__, every_case.__doc__, every_case.__module__ = plain.__name__, plain.__doc__, plain.__module__
        every_case.__qualname__ = plain.__qualname__
        every_case.plain, every_case.axes = plain, axes  # type: ignore[attr-defined]
        return every_case

    return decorate
