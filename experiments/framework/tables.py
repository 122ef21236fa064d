"""Tables in long format: one row for each number, with the names of where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.framework.artifacts import TableRow


def long_rows(values: np.ndarray, axes: Mapping[str, Sequence[object]], **named: object) -> list[TableRow]:
    """One row for each entry of an array.

    Args:
      values: numbers, ``[len(labels) for labels in axes.values()]``.
      axes: a column for each axis of ``values``, in their order: its name, and what it has at every index.
      named: the columns before those, the same in all rows.

    Returns:
      Rows of ``named``, of ``axes``, and of ``value``.

    Raises:
      ValueError: an axis has another number of labels than ``values`` has indices there.
    """
    _check("values", values, axes)
    return wide_rows({"value": np.asarray(values, float)}, axes, **named)


def wide_rows(
    columns: Mapping[str, np.ndarray], axes: Mapping[str, Sequence[object]], **named: object
) -> list[TableRow]:
    """As ``long_rows``, with a column for each quantity: of arrays of one shape, by name, in the place of ``value``."""
    for name, values in columns.items():
        _check(f"columns[{name!r}]", values, axes)
    return [
        {
            **named,
            **{name: labels[i] for (name, labels), i in zip(axes.items(), index, strict=True)},
            **{name: values[index].item() for name, values in columns.items()},
        }
        for index in np.ndindex(*(len(labels) for labels in axes.values()))
    ]


def _check(name: str, values: np.ndarray, axes: Mapping[str, Sequence[object]]) -> None:
    sizes = tuple(len(labels) for labels in axes.values())
    if np.shape(values) != sizes:
        raise ValueError(f"{name} has shape {np.shape(values)}; expected {sizes}, the labels of {', '.join(axes)}")


def per_seed(values: np.ndarray, **named: object) -> list[TableRow]:
    """One row for each seed: ``long_rows`` of ``values [seeds]``, with the column ``seed``."""
    return long_rows(values, {"seed": range(len(values))}, **named)
