"""An option that nothing reads, since another one was not given, is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_jax.cli.image_config import Condition, Config, Data, Evaluation, Rule
from gan_jax.cli.unused import without_effect
from tests.cases import cases

FOLDER = Data(name="folder:pictures", crop=True, skip_corrupt=True, most_pixels=100)
WEIGHTS = Path("weights.npz")


@cases(
    ("changes", "options"),
    [
        ({}, []),
        ({"data": FOLDER}, []),
        ({"data": replace(FOLDER, name="digits")}, ["--data.crop", "--data.skip-corrupt", "--data.most-pixels"]),
        ({"data": Data(data_dir=WEIGHTS)}, ["--data.data-dir"]),
        ({"data": Data(name="cifar10", data_dir=WEIGHTS)}, []),
        ({"condition": Condition(head="projection", width=8)}, ["--condition.width", "--condition.head"]),
        ({"condition": Condition("label", encoder="lstm")}, ["--condition.encoder"]),
        ({"condition": Condition("label", head="auxiliary", wrong_weight=0.2)}, ["--condition.wrong-weight"]),
        ({"condition": Condition("caption", encoder="lstm", wrong_weight=0.2)}, []),
        ({"rule": Rule(penalty="none", penalty_every=4)}, ["--rule.penalty-every"]),
        ({"rule": Rule(penalty="gp", penalty_every=4)}, []),
        ({"evaluation": Evaluation(sha256="1f")}, ["--evaluation.sha256"]),
        (
            {"condition": Condition("caption"), "evaluation": Evaluation(inception=WEIGHTS)},
            ["--evaluation.inception"],
        ),
        ({"evaluation": Evaluation(0, WEIGHTS, "1f")}, ["--evaluation.inception", "--evaluation.sha256"]),
    ],
)
def test_options_that_nothing_reads(changes: dict[str, Any], options: list[str]) -> None:
    sentences = without_effect(replace(Config(), **changes))
    assert [sentence.split(" is ")[0] for sentence in sentences] == options
    assert all(", and has no effect " in sentence for sentence in sentences)
