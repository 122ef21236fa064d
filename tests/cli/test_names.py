"""An entry of a table is an option at once: its help, its check and what was probably meant are read from the table."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from gan_jax import checks, ranges
from gan_jax.cli import image_config, translation_runs
from gan_jax.cli import main as cli
from gan_jax.cli.errors import UserError
from gan_jax.cli.options import check, parsed
from gan_jax.data import sets
from gan_jax.models import image_pairs, text
from gan_jax.objectives import losses, penalties

TABLES = [
    (losses, "OBJECTIVES", image_config.Config, "rule.objective"),
    (penalties, "PENALTIES", image_config.Config, "rule.penalty"),
    (image_pairs, "PAIRS", image_config.Config, "model.pair"),
    (text, "ENCODERS", image_config.Config, "condition.encoder"),
    (sets, "SETS", image_config.Config, "data.name"),
    (losses, "OBJECTIVES", translation_runs.Config, "rule.objective"),
    (penalties, "PENALTIES", translation_runs.Config, "rule.penalty"),
    (sets, "SETS", translation_runs.Config, "x.name"),
]


@pytest.mark.parametrize(("module", "table", "kind", "option"), TABLES)
def test_an_entry_that_is_added_is_an_option(
    module: Any,
    table: str,
    kind: Any,
    option: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = getattr(module, table)
    added = {**known, "zzz_mine": next(iter(known.values()))}
    monkeypatch.setattr(module, table, checks.Named("entry", added))
    with pytest.raises(SystemExit):
        parsed(kind, "train", ["--help"])
    # tyro breaks lines anywhere.
    assert "zzz_mine" in "".join(capsys.readouterr().out.replace("│", "").split())
    taken = parsed(kind, "train", [f"--{option}", "zzz_mine"])
    assert "zzz_mine" in str(taken)
    if option.endswith(".name"):
        # Folders and TFDS's sets have names that no table knows: what opens a set refuses others.
        with pytest.raises(ValueError, match="did you mean 'zzz_mine'"):
            sets.open_images("zzz_mien")
        return
    with pytest.raises(
        UserError, match=rf"--{option} is 'zzz_mien'; did you mean 'zzz_mine'\? expected one of .*zzz_mine"
    ):
        parsed(kind, "train", [f"--{option}", "zzz_mien"])


def test_other_words_of_the_field_are_known() -> None:
    with pytest.raises(
        UserError, match=r"--rule.objective is 'wgan'; did you mean 'wasserstein'\? expected one of 'minimax'"
    ):
        parsed(image_config.Config, "train", ["--rule.objective", "wgan"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "--model.pair", "dc_gan"], "--model.pair is 'dc_gan'; did you mean 'dcgan'? expected one of 'mlp'"),
        (["train", "--condition.encoder", "gri"], "--condition.encoder is 'gri'; did you mean 'gru'?"),
        (["train_translation", "--model.skip", "joind"], "--model.skip is 'joind'; did you mean 'joined'?"),
        (["train_translation", "--rule.ablation", "fuull"], "--rule.ablation is 'fuull'; did you mean 'full'?"),
    ],
)
def test_commands_name_the_near_one(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err


def test_names_of_a_literal_type_are_suggested_too() -> None:
    (fault,) = ranges.faults_of("update", "alternate", get_type_hints(image_config.Rule, include_extras=True)["update"])
    assert str(fault) == (
        "update is 'alternate'; did you mean 'alternating'? expected one of 'alternating', 'simultaneous', 'extragradient'"
    )
    check(image_config.Config())
