"""What README, CONTRIBUTING and the pages of docs/ say is so: links, commands, options and every block of Python."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

import pytest
import tyro

import experiments
from benchmarks.__main__ import MODULES
from experiments import __main__ as command_line
from experiments.framework import harness, new
from gan_jax.cli import main as cli
from gan_jax.cli import options
from tests.pages import MARK, PAGES, ROOT, SNIPPETS, Snippet, anchors, code, commands, links

# --------------------------------------------------------------------------------------------------------------- pages


def test_the_readme_is_one_page() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 120


def test_no_measured_number_stands_in_the_readme() -> None:
    """Each has one place, on a page of docs/: what is measured has a unit or a per cent behind it."""
    assert re.findall(r"\d\s*(?:%|ms|s|min|h|nats|MB|GB)\b", PAGES["README.md"]) == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    lost = []
    for link in links(PAGES[page]):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        name = os.path.relpath(target, ROOT)
        if not target.exists() or (anchor and anchor not in anchors(PAGES.get(name, ""))):
            lost.append(link)
    assert lost == []


def test_every_page_and_picture_can_be_reached_from_the_readme() -> None:
    seen: set[str] = set()
    waiting = ["README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            here = (ROOT / page).parent
            paths = (here / link.partition("#")[0] for link in links(PAGES.get(page, "")))
            waiting += [os.path.relpath(path, ROOT) for path in paths]
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*") if path.is_file()}
    assert there - seen == set()


def test_files_that_pages_name_exist() -> None:
    named = {
        (page, span)
        for page, text in PAGES.items()
        for span in code(text)
        if re.fullmatch(r"(gan_jax|experiments|tests|docs|notebooks)/[\w./-]*", span)
    }
    assert named
    assert sorted((page, name) for page, name in named if not (ROOT / name).exists()) == []


def test_words_of_the_glossary_are_in_order_and_stand_once() -> None:
    words = [word.lower() for word in re.findall(r"^- \*\*(.+?)\*\*: ", PAGES["docs/glossary.md"], re.M)]
    assert len(words) == PAGES["docs/glossary.md"].count("\n- ")
    assert words == sorted(set(words))


# ------------------------------------------------------------------------------------------------------------ commands


class Understood(Exception):
    """A command line was read to its end, and would begin to work now."""


def would_work(*_: object, **__: object) -> NoReturn:
    raise Understood


@pytest.fixture
def nothing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Command lines are read, with what each value must be, and nothing else happens."""
    parse = options.parsed

    def parsed(*arguments: Any, **named: Any) -> NoReturn:
        parse(*arguments, **named)
        raise Understood

    for name in cli.COMMANDS:
        module = importlib.import_module(f"gan_jax.cli.{name}")
        if hasattr(module, "parsed"):
            monkeypatch.setattr(module, "parsed", parsed)
    monkeypatch.setattr(options, "parsed", parsed)
    for name in ("run", "run_all", "redraw"):
        monkeypatch.setattr(harness, name, would_work)
    monkeypatch.setattr(new, "write", would_work)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def variables() -> set[str]:
    return set(re.findall(r"^([A-Z]+) \?=", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def made(words: list[str]) -> list[list[str]]:
    """The commands of ours that a call of make would run."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = re.findall(r"^\S+ (-m (?:experiments|gan_jax|benchmarks).*)$", done.stdout, re.M)
    return [["python", *shlex.split(line)] for line in runs]


def read(words: list[str]) -> None:
    """Fails unless the command exists and has these options, with such values."""
    if words[0] == "make":
        named = [word.partition("=")[0] for word in words[1:] if "=" in word]
        assert set(named) <= variables(), words
        assert {word for word in words[1:] if "=" not in word} <= targets(), words
        for command in made(words[1:]):
            read(command)
        return
    package, arguments = ("gan_jax", words[1:]) if words[0] == "gan-jax" else (words[2], words[3:])
    if package == "benchmarks":
        assert set(arguments) <= set(MODULES), words
        return
    if arguments[:1] == ["new"]:
        # Whoever has followed the page has that experiment.
        arguments = ["new", "a_name_that_is_free", *arguments[2:]]
    assert status(cli.main if package == "gan_jax" else command_line.main, arguments) == 0, words


def status(main: Callable[[list[str]], int], arguments: list[str]) -> object:
    """What the command ends with; 0 where it would begin to work."""
    try:
        return main(arguments)
    except Understood:
        return 0
    except SystemExit as ended:
        return ended.code


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_works")
@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if commands(text)])
def test_commands_are_understood(page: str) -> None:
    for words in commands(PAGES[page]):
        # A page may call a command by its name, without what it needs.
        if words[-1] != "…":
            read(words)


@pytest.mark.usefixtures("nothing_works")
@pytest.mark.parametrize(
    "line",
    [
        "python -m experiments saturation_3d",
        "python -m experiments saturation_1d --preset hour",
        "python -m experiments saturation_1d --slope 3",
        "python -m gan_jax paint",
        "python -m gan_jax train --data.names digits",
        "python -m gan_jax train --generator.rate -1",
        "gan-jax sample",
        "python -m benchmarks speed",
        "make figure",
        "make figures SPEED=2",
        "make figures ARGS='--preset hour'",
    ],
)
def test_a_wrong_command_would_be_seen(line: str) -> None:
    with pytest.raises(AssertionError):
        read(shlex.split(line))


@pytest.mark.parametrize("name", [".ci/run"])
def test_what_make_is_asked_for_exists(name: str) -> None:
    found = set(re.findall(r"^\s*make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"), re.M))
    assert found
    assert found - targets() == set()


def names_of(kind: type, prefix: str = "", *, flat: bool = False) -> Iterator[str]:
    """The options that a dataclass is on a command line."""
    plain, annotated = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    for name, hint in plain.items():
        yield f"--{prefix}{name.replace('_', '-')}"
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            alone = flat or tyro.conf.OmitArgPrefixes in get_args(annotated[name])
            yield from names_of(hint, "" if alone else f"{prefix}{name.replace('_', '-')}.")


def known_options() -> set[str]:
    modules = [importlib.import_module(f"gan_jax.cli.{name}") for name in cli.COMMANDS]
    kinds = [getattr(module, "Options", None) or module.Config for module in modules]
    found = {option for kind in [*kinds, command_line.Options, new.Options] for option in names_of(kind)}
    for entry in experiments.EXPERIMENTS:
        found |= set(names_of(harness.load(entry.name).Config, flat=True))
    return found | {"--help"}


def test_options_that_pages_name_exist() -> None:
    others = ("uv pip", "--extra", "--no-emit")  # How constraints.txt is renewed.
    named = {
        (page, option)
        for page, text in PAGES.items()
        for span in code(text)
        if not span.startswith(others)
        for option in re.findall(r"(?<!\S)--[a-z][\w.-]*", span)
    }
    assert named
    known = known_options()
    assert sorted((page, option) for page, option in named if option not in known) == []


# ------------------------------------------------------------------------------------------------------ code of pages


def test_every_block_of_python_is_tested() -> None:
    for page, text in PAGES.items():
        blocks = [snippet for snippet in SNIPPETS if snippet.page == page]
        assert len(blocks) == text.count("```python") == len(MARK.findall(text)), page


def title(snippet: Snippet) -> str:
    return snippet.title


@pytest.mark.parametrize("snippet", SNIPPETS, ids=title)
def test_code_of_a_page_passes_lint_as_a_file_of_the_tree(snippet: Snippet) -> None:
    file = ROOT / "experiments" / "block_of_a_page.py"
    # The empty lines above it are there for tracebacks.
    for words in (["check"], ["format", "--diff"]):
        command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", str(file), "-"]
        done = subprocess.run(
            command, cwd=ROOT, input=snippet.code.lstrip(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_code_of_pages_passes_types_as_files_of_the_tree(tmp_path: Path) -> None:
    files = [tmp_path / f"block_{number}.py" for number in range(len(SNIPPETS))]
    for file, snippet in zip(files, SNIPPETS, strict=True):
        file.write_text(snippet.code, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "setup.cfg"), *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


RUNS = [
    pytest.param(snippet, marks=[pytest.mark.slow] if snippet.slow else [], id=snippet.title) for snippet in SNIPPETS
]


@pytest.mark.slow
@pytest.mark.parametrize("snippet", RUNS)
def test_code_of_a_page_runs_as_written(snippet: Snippet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a block writes stays in the temporary folder.
    monkeypatch.chdir(tmp_path)
    # A module of its own: dataclasses and their type hints look up the module that they were made in.
    module = types.ModuleType("block_of_a_page")
    monkeypatch.setitem(sys.modules, "block_of_a_page", module)
    exec(compile(snippet.code, snippet.page, "exec"), module.__dict__)
