"""Runs of unpaired translation from the command line: train, go on, translate a folder, and what cannot be done."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np
import PIL.Image
import pytest

from gan_jax.cli import devices, image_config, image_data, translate, translation_runs
from gan_jax.cli import main as command_line
from gan_jax.training import run_folder
from gan_jax.training.mesh import data_mesh

SMALL = ("--model.width", "4", "--model.blocks", "1", "--model.discriminator-width", "4", "--rule.batch-size", "2")
SHORT = ("--schedule.log-every", "2", "--schedule.save-every", "2", "--no-tensorboard", "--devices.count", "1")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def configured() -> object:
    """JAX stays as the tests configured it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "configure_jax", lambda cpu_devices=None: None)
        yield


def write_images(folder: Path, count: int, *, size: int = 16, mode: str = "RGB", seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    channels = () if mode == "L" else (3,)
    rng = np.random.default_rng(seed)
    for index in range(count):
        pixels = rng.integers(256, size=(size, size, *channels), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{index:02d}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders of unequal sizes: colour, and grey."""
    root = tmp_path_factory.mktemp("images")
    return write_images(root / "x", 5), write_images(root / "y", 7, mode="L", seed=1)


def test_a_game_without_its_sets_has_the_state_of_the_one_with_them(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """So that checkpoints are read with what ``data.json`` keeps, one domain in colour and one in grey; nothing is compiled or played."""
    x, y = (image_config.Data(name=f"folder:{folder}", size=16) for folder in folders)
    model = translation_runs.Model(width=4, blocks=1, discriminator_width=4)
    config = translation_runs.Config(x=x, y=y, model=model, out=tmp_path)
    mesh = data_mesh(1)
    real = translation_runs.assemble(config, mesh)
    for name, facts in zip(("x", "y"), real.facts, strict=True):
        image_data.write_facts(tmp_path, facts, name=name)
    kept = [image_data.read_facts(tmp_path, name=name) for name in ("x", "y")]
    blank = translation_runs.assemble(config, mesh, (kept[0], kept[1]))
    assert [facts.shape for facts in blank.facts] == [(16, 16, 3), (16, 16, 1)]
    states = [
        jax.eval_shape(partial(made.game.init, feed=made.source.feed(0, 1)), jax.random.key(0))
        for made in (real, blank)
    ]
    assert jax.tree.structure(states[0]) == jax.tree.structure(states[1])
    assert jax.tree.leaves(states[0]) == jax.tree.leaves(states[1])
    assert blank.facts == real.facts


def train(out: Path, folders: tuple[Path, Path], *words: str, steps: int = 4) -> int:
    x, y = folders
    names = ("--x.name", f"folder:{x}", "--y.name", f"folder:{y}")
    return command_line.main(
        ["train_translation", "--out", str(out), *names, "--schedule.steps", str(steps), *SMALL, *SHORT, *words]
    )


@pytest.fixture(scope="module")
def run(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert train(folder, folders) == 0
    return folder


def test_a_run_shows_both_ways_and_measures_the_cycles(run: Path) -> None:
    rows = run_folder.read_rows(run)
    assert [row["step"] for row in rows] == [2, 4]
    assert all(rows[-1][name] > 0.0 for name in ("cycle_x", "cycle_y"))
    for name in ("forward", "backward"):
        assert len(list((run / "samples" / name).glob("*.png"))) == 3


@pytest.mark.exhaustive
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    folders: tuple[Path, Path], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four steps at once and two, a stop, and two: rates follow the number of steps, so the stop is one from outside."""
    from gan_jax.training import runs

    once = runs.train

    def stopped(*arguments: object, **settings: object) -> object:
        return once(*arguments, **{**settings, "stop": lambda info: True})  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "train", stopped)
    assert train(tmp_path / "run", folders) == 0
    assert [row["step"] for row in run_folder.read_rows(tmp_path / "run")] == [2]
    monkeypatch.setattr(runs, "train", once)
    assert train(tmp_path / "run", folders) == 0
    assert run_folder.read_rows(tmp_path / "run") == run_folder.read_rows(run)


def test_a_folder_is_translated_file_by_file(run: Path, folders: tuple[Path, Path], tmp_path: Path) -> None:
    given = write_images(tmp_path / "given", 3)
    write_images(given / "more", 2, seed=2)
    assert command_line.main(["translate", str(run), str(given), "--out", str(tmp_path / "out"), "--batch", "2"]) == 0
    made = sorted(file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.png"))
    assert made == ["00.png", "01.png", "02.png", "more/00.png", "more/01.png"]
    assert (tmp_path / "out.png").is_file()
    with PIL.Image.open(tmp_path / "out" / "00.png") as picture:
        assert picture.size == (16, 16)
    # An image does not depend on those that are translated beside it.
    assert command_line.main(["translate", str(run), str(given), "--out", str(tmp_path / "one"), "--batch", "1"]) == 0
    pixels = [np.asarray(PIL.Image.open(tmp_path / out / "02.png")).astype(int) for out in ("out", "one")]
    assert np.abs(pixels[0] - pixels[1]).max() <= 1


def test_no_image_takes_the_place_of_another(
    run: Path, folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a.jpg", "a.png", "b.jpg", "c/a.png"]
    assert translate._files(names) == ["a.jpg.png", "a.png.png", "b.png", "c/a.png"]
    before = (folders[0] / "00.png").read_bytes()
    assert command_line.main(["translate", str(run), str(folders[0]), "--out", str(folders[0])]) == 2
    assert "its images would be lost" in capsys.readouterr().err
    assert (folders[0] / "00.png").read_bytes() == before


def test_the_way_back_takes_the_other_kind(run: Path, folders: tuple[Path, Path], tmp_path: Path) -> None:
    assert command_line.main(["translate", str(run), str(folders[1]), "--back", "--out", str(tmp_path / "back")]) == 0
    assert len(list((tmp_path / "back").glob("*.png"))) == 7
    # Grey images can be given for coloured ones.
    assert command_line.main(["translate", str(run), str(folders[1]), "--out", str(tmp_path / "grey")]) == 0


def test_coloured_images_are_none_of_a_grey_domain(
    run: Path, folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["translate", str(run), str(folders[0]), "--back"]) == 2
    assert "have 3 channels; expected 1, as the run's" in capsys.readouterr().err


@pytest.mark.filterwarnings("default:1 of 3 files")
def test_an_empty_folder_and_a_corrupt_image(
    run: Path, folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert command_line.main(["translate", str(run), str(tmp_path / "empty")]) == 2
    assert "holds no image" in capsys.readouterr().err
    assert train(tmp_path / "run", (tmp_path / "empty", folders[1])) == 2
    assert "holds no image" in capsys.readouterr().err
    broken = write_images(tmp_path / "broken", 2)
    (broken / "03.png").write_bytes(b"no image")
    assert command_line.main(["translate", str(run), str(broken)]) == 2
    assert "03.png cannot be read" in capsys.readouterr().err
    words = ["translate", str(run), str(broken), "--skip-corrupt", "--out", str(tmp_path / "out")]
    assert command_line.main(words) == 0
    assert "1 of 3 files" in capsys.readouterr().err


def test_domains_of_different_sizes(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = write_images(tmp_path / "large", 2, size=32)
    assert train(tmp_path / "run", (folders[0], large)) == 2
    said = capsys.readouterr().err
    assert "are 16 × 16 and those of y" in said
    assert "give --x.size or --y.size" in said


@pytest.mark.exhaustive
def test_a_domain_is_resized_to_the_other(folders: tuple[Path, Path], tmp_path: Path) -> None:
    large = write_images(tmp_path / "large", 2, size=32)
    assert train(tmp_path / "run", (folders[0], large), "--y.size", "16", steps=2) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rule.ablation", "ful"], "did you mean 'full'"),
        (["--rule.objective", "least_square"], "did you mean 'least_squares'"),
        (["--rule.pool-size", "-1"], "--rule.pool-size is -1; expected an integer of at least 0"),
        (["--x.size", "24", "--y.size", "24"], "size is 24; expected one of 16, 32, 64, 128, 256"),
    ],
)
def test_a_wrong_request_is_answered_in_one_sentence(
    words: Sequence[str], message: str, folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path / "run", folders, *words) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1


def test_other_commands_say_what_the_run_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["sample", str(run)]) == 2
    assert "translate RUN FOLDER" in capsys.readouterr().err


def test_another_kind_of_run_translates_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder.settle_config(tmp_path, {"data": {}})
    assert command_line.main(["translate", str(tmp_path), str(tmp_path)]) == 2
    assert "the run translates nothing" in capsys.readouterr().err


def test_options_come_back_as_they_were() -> None:
    config = translation_runs.Config(rule=translation_runs.Rule(ablation="cycle only"))
    assert translation_runs.from_plain(translation_runs.plain(config)) == config
