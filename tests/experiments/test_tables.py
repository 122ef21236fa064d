"""Every number of an array is one row, beside the labels of its indices."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.framework.tables import long_rows, per_seed, wide_rows


def test_every_entry_has_a_row_with_the_labels_of_its_indices() -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    rows = long_rows(values, {"step": [10, 20], "seed": range(3)}, game="plain", quantity="loss")
    assert [list(row) for row in rows] == [["game", "quantity", "step", "seed", "value"]] * 6
    assert [(row["step"], row["seed"], row["value"]) for row in rows] == [
        (10, 0, 1.0), (10, 1, 2.0), (10, 2, 3.0), (20, 0, 4.0), (20, 1, 5.0), (20, 2, 6.0)
    ]  # fmt: skip
    assert {(row["game"], row["quantity"], type(row["value"])) for row in rows} == {("plain", "loss", float)}


def test_seeds_are_numbered() -> None:
    assert per_seed(np.array([0.5, 0.25]), game="plain") == [
        {"game": "plain", "seed": 0, "value": 0.5},
        {"game": "plain", "seed": 1, "value": 0.25},
    ]


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"values has shape \(2, 3\); expected \(2, 2\), the labels of step, seed"):
        long_rows(np.zeros((2, 3)), {"step": [1, 2], "seed": [0, 1]})


def test_quantities_of_one_place_share_a_row() -> None:
    columns = {
        "steps": np.array([[3, 4]]),
        "reached": np.array([[True, False]]),
        "w1": np.array([[0.5, 0.25]], np.float32),
    }
    assert wide_rows(columns, {"m": [2.0], "seed": [-1, 0]}, game="plain") == [
        {"game": "plain", "m": 2.0, "seed": -1, "steps": 3, "reached": True, "w1": 0.5},
        {"game": "plain", "m": 2.0, "seed": 0, "steps": 4, "reached": False, "w1": 0.25},
    ]
    with pytest.raises(
        ValueError, match=r"columns\['w1'\] has shape \(1, 2\); expected \(1, 3\), the labels of m, seed"
    ):
        wide_rows({"w1": columns["w1"]}, {"m": [2.0], "seed": range(3)})
