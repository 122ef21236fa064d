"""Every number of every command has a range, and what is out of it is known before anything is loaded."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from experiments import EXPERIMENTS
from experiments import __main__ as command_line
from experiments.framework import harness
from gan_jax import ranges
from gan_jax.cli import devices, image_config, translation_runs
from gan_jax.cli import main as cli
from gan_jax.cli.options import check, from_json
from tests.cases import cases


def called(words: list[str]) -> int:
    """The status of an experiment, or of a command of the library."""
    return cli.main(words) if words[0] in cli.COMMANDS else command_line.main(words)


def options_of_commands() -> dict[str, Any]:
    modules = {name: importlib.import_module(f"gan_jax.cli.{name}") for name in command_line.COMMANDS}
    return {name: getattr(module, "Options", None) or module.Config for name, module in modules.items()}


def numbers_without_range(hint: Any, name: str) -> Iterator[str]:
    kind, found = ranges.split(hint)
    if kind in (int, float) and found is None:
        yield name
    if dataclasses.is_dataclass(kind):
        for field, inner in get_type_hints(kind, include_extras=True).items():
            yield from numbers_without_range(inner, f"{name}.{field}")
    else:
        for inner in get_args(kind):
            yield from numbers_without_range(inner, name)


def test_every_number_of_every_command_has_its_range_in_its_type() -> None:
    commands = {entry.name: harness.load(entry.name).Config for entry in EXPERIMENTS} | options_of_commands()
    assert [found for name, kind in commands.items() for found in numbers_without_range(kind, name)] == []


def test_the_walk_finds_a_number_without_a_range() -> None:
    @dataclasses.dataclass
    class Bare:
        rate: float = 1.0
        sizes: tuple[int, ...] | None = None
        seed: ranges.Seed = 0

    # A class inside a function has no module to look its types up in.
    Bare.__annotations__ = {"rate": float, "sizes": tuple[int, ...] | None, "seed": ranges.Seed}
    assert list(numbers_without_range(Bare, "bare")) == ["bare.rate", "bare.sizes"]


@pytest.mark.slow
@cases("name", [entry.name for entry in EXPERIMENTS])
def test_presets_are_within_the_ranges(name: str) -> None:
    for config in harness.presets(harness.load(name)).values():
        check(config)


@cases(
    ("words", "sentence"),
    [
        (["train", "--generator.rate", "-1"], "--generator.rate is -1.0; expected a finite number of at least 0"),
        (["train", "--discriminator.rate", "nan"], "--discriminator.rate is nan; expected a finite number of at"),
        (["train", "--generator.b1", "2"], "--generator.b1 is 2.0; expected a finite number of at least 0 and below 1"),
        (["train", "--rule.ema-decay", "2"], "--rule.ema-decay is 2.0; expected a finite number of at least 0 and below"),
        (["train", "--rule.penalty-weight", "-1"], "--rule.penalty-weight is -1.0; expected a finite number of at"),
        (["train", "--stop-below", "nan"], "--stop-below is nan; expected a finite number of at least 0 and at most 1"),
        (["train", "--schedule.best", "FOO"], "schedule.best is 'FOO'; expected one of 'KID'"),
        (["train", "--devices.processes", "2"], "coordinator is None, processes is 2 and process is None; expected all"),
        (["train", "--devices.process", "0"], "coordinator is None, processes is None and process is 0; expected all"),
        (["train", "--seed", str(10**20)], f"--seed is {10**20}; expected an integer of at least 0 and at most 4294967295"),
        (["train_translation", "--rule.cycle-weight", "inf"], "--rule.cycle-weight is inf; expected a finite number"),
        (["train_translation", "--schedule.best", "KID"], "schedule.best is 'KID'; expected one of 'cycle_x', 'cycle_y'"),
        (["sample", "x", "--n", "0"], "--n is 0; expected an integer of at least 1"),
        (["draw", "x", "words", "--guidance", "nan"], "--guidance is nan; expected a finite number"),
        (["draw", "x", "words", "--truncation", "0"], "--truncation is 0.0; expected a finite number above 0, or None"),
        (["evaluate", "x", "--k", "0"], "--k is 0; expected an integer of at least 1"),
        (["translate", "x", "y", "--batch", "-3"], "--batch is -3; expected an integer of at least 1"),
        (["saturation_2d", "--seed", str(10**20)], f"--seed is {10**20}; expected an integer of at least 0 and at most"),
        (["f_gan", "--learning-rate", "nan"], "--learning-rate is nan; expected a finite number above 0"),
        # Groups of options have no name on the command line of an experiment.
        (["saturation_1d", "--sample-sizes", "3", "0"], "--sample-sizes[1] is 0; expected an integer of at least 1"),
        (["cycle_2d", "--ema-decay", "1"], "--ema-decay is 1.0; expected a finite number of at least 0 and"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)  # fmt: skip
def test_a_number_out_of_its_range_is_answered_in_one_sentence(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "configure_jax", lambda cpu_devices=None: None)
    assert called(words) == 2
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------------- config.json


def of_images() -> dict[str, Any]:
    return image_config.plain(image_config.Config())


@cases(
    ("field", "value", "sentence"),
    [
        ("seed", None, "seed is null; expected an integer of at least 0 and at most 4294967295"),
        ("seed", "7", 'seed is "7"; expected an integer'),
        ("sede", 7, "sede is no option; did you mean 'seed'?"),
        ("rule", None, "rule is null; expected a group of options"),
        ("rule", [1], "rule is [1]; expected a group of options"),
        ("out", 3, "out is 3; expected a path"),
        ("rule.batch_size", 6.5, "rule.batch_size is 6.5; expected an integer of at least 1"),
        ("rule.update", "at once", "rule.update is \"at once\"; expected one of 'alternating'"),
        ("rule.qqq", 1, "rule.qqq is no option; is the run of another version of gan_jax?"),
        ("model.latent", {"a": 1}, 'model.latent is {"a": 1}; expected an integer of at least 1'),
        ("generator.rate", -1.0, "generator.rate is -1.0; expected a finite number of at least 0"),
        ("schedule.save_every", 150, "schedule.save_every is 150 and log_every is 100; expected save_every to be"),
    ],
)
def test_a_configuration_edited_by_hand_is_answered_by_file_and_field(
    field: str, value: object, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = of_images()
    inner, *names = tree, *field.split(".")
    for name in names[:-1]:
        inner = inner[name]
    inner[names[-1]] = value
    (tmp_path / "config.json").write_text(json.dumps(tree))
    assert called(["sample", str(tmp_path)]) == 2
    said = capsys.readouterr().err.strip()
    assert f"{tmp_path / 'config.json'}: {sentence}" in said
    assert len(said.splitlines()) == 1


@cases("text", ["", "{", "[]", "null", "3", '{"schedule": {}}'])
def test_a_file_that_is_no_configuration_is_named(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(text)
    for command in (["sample", str(tmp_path)], ["translate", str(tmp_path), "."]):
        assert called(command) == 2
        said = capsys.readouterr().err.strip()
        assert len(said.splitlines()) == 1
        assert str(tmp_path) in said or "the run translates nothing" in said


def test_a_configuration_comes_back_as_it_was() -> None:
    config = image_config.Config(evaluation=image_config.Evaluation(inception=Path("weights")), seed=3)
    assert image_config.from_plain(image_config.plain(config)) == config
    # A run of before there was an option has its default.
    tree = {name: value for name, value in of_images().items() if name != "devices"}
    assert image_config.from_plain(tree) == image_config.Config()
    again = translation_runs.Config(x=image_config.Data(data_dir=Path("sets")))
    assert translation_runs.from_plain(translation_runs.plain(again)) == again
    assert from_json(image_config.Data, {"size": 16}, "file") == image_config.Data(size=16)


def test_every_field_of_an_experiment_has_a_line_of_help() -> None:
    """A docstring below it or a comment behind it: both are what --help prints."""
    bare = [
        f"{path.parent.name}/{path.name}: {ast.unparse(field.target)}"
        for path in sorted(Path("experiments").rglob("*.py"))
        for lines in [path.read_text(encoding="utf-8").splitlines()]
        for made in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(made, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in made.decorator_list)
        if made.name.endswith(("Config", "Recipe"))
        for field, after in zip(made.body, [*made.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign)
        and not isinstance(after, ast.Expr)
        and "  # " not in lines[field.lineno - 1]
    ]
    assert bare == []
