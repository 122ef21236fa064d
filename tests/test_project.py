"""Facts about the tree that have to stay true."""

from __future__ import annotations

import ast
import configparser
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import numpy as np

import gan_jax

ROOT = Path(__file__).parents[1]
PACKAGES = ("gan_jax", "experiments", "benchmarks", "tests")


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(syntax(path)))


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def normalised(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements: str) -> set[str]:
    found = (re.match(r"[\w.-]+", line.strip()) for line in requirements.splitlines())
    return {normalised(match.group()) for match in found if match}


def constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def text_files() -> Iterator[tuple[Path, str]]:
    """Every text file that git tracks or would track; all of them but caches where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        paths = [ROOT / line for line in listed.stdout.splitlines()]
    else:
        paths = [
            path for path in ROOT.rglob("*") if not relative(path).startswith((".venv", ".cache", ".git", "results"))
        ]
    for path in paths:
        if path.is_file():
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


# -------------------------------------------------------------------------------------------------------- dependencies


def test_constraints_give_each_direct_dependency_one_exact_version() -> None:
    config = setup_cfg()
    wanted = names_of(config["options"]["install_requires"])
    for extra in config["options.extras_require"].values():
        wanted |= names_of(extra)
    exact = [match.group(1) for line in constraints() if (match := re.match(r"([\w.-]+)==[\w.]+( ; .+)?$", line))]
    assert len(exact) == len(constraints()), "a line of constraints.txt is not of the form name==version [; marker]"
    assert wanted - {normalised(name) for name in exact} == set()


def test_contributing_explains_each_direct_dependency() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    config = setup_cfg()
    wanted = names_of(config["options"]["install_requires"])
    for extra in ("prepare", "wandb", "test", "lint", "notebooks", "bench"):
        wanted |= names_of(config["options.extras_require"][extra])
    explained = {
        normalised(name) for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(.*?)`", row)
    }
    assert wanted - explained == set()


IMPORT_NAMES = {
    "orbax-checkpoint": "orbax",
    "pillow": "PIL",
    "pot": "ot",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
    "tensorflow-datasets": "tensorflow_datasets",
}
OPTIONAL = ("prepare", "wandb")
"""Extras of which the installed code imports a part, and says which extra to install where it is missing."""


def imported() -> set[str]:
    """The packages that the installed code imports, anywhere in a file, other than Python's own and ours."""
    names = set()
    for path in modules("gan_jax", "experiments"):
        for node in nodes_of(path):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - set(PACKAGES)


def test_what_is_imported_is_required_and_what_is_required_is_imported() -> None:
    required = {IMPORT_NAMES.get(name, name) for name in names_of(setup_cfg()["options"]["install_requires"])}
    # TFDS imports two when it prepares and reads array_record files, JAX the third when it exports a program; neither declares them.
    unseen = {"array-record", "importlib-resources", "flatbuffers"}
    optional = {name for extra in OPTIONAL for name in names_of(setup_cfg()["options.extras_require"][extra])}
    assert imported() - optional == required - unseen


# ---------------------------------------------------------------------------------------------------- text in the tree


def test_no_file_names_a_machine_or_a_package_index() -> None:
    # Assembled from pieces, so that this file does not find itself.
    folders = "|".join(("root", "home", "Users", "work", "opt", "mnt", "tmp"))
    machine = re.compile(rf"(?<![\w./}})*~$])/(?:{folders})/\w")
    index = re.compile(
        "|".join("--" + option for option in ("index-url", "extra-index-url", "find-links", "trusted-host"))
    )
    found = [
        f"{relative(path)}:{number}: {line.strip()[:100]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if machine.search(line) or index.search(line)
    ]
    assert found == []


def test_constraints_hold_no_address() -> None:
    assert [line for line in constraints() if "/" in line or "@" in line] == []


def test_citation_gives_the_version_of_the_package() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.M) == [gan_jax.__version__]


def test_changelog_opens_with_the_version_of_the_package_or_unreleased() -> None:
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert heading is not None
    assert heading.group(1) in (gan_jax.__version__, "Unreleased")


# ------------------------------------------------------------------------------------------------------------- modules


def test_modules_say_what_they_are() -> None:
    assert [relative(path) for path in modules(*PACKAGES) if not ast.get_docstring(syntax(path))] == []


def test_shapes_in_signatures_can_be_read() -> None:
    """Nothing reads them at run time, so that a slip in one would be seen by nobody."""
    shapes = {
        (relative(path), node.value.id, node.slice.elts[1].value)
        for path in modules("gan_jax")
        for node in nodes_of(path)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in dir(jaxtyping)
        and isinstance(node.slice, ast.Tuple)
        and isinstance(node.slice.elts[1], ast.Constant)
    }
    assert shapes
    for _, kind, shape in sorted(shapes):
        getattr(jaxtyping, kind)[np.ndarray, shape]


def calls(path: Path) -> list[ast.Call]:
    return [node for node in nodes_of(path) if isinstance(node, ast.Call)]


def test_the_library_leaves_the_terminal_the_files_and_the_settings_alone() -> None:
    always = {"print", "jax.config.update", "argparse.ArgumentParser", "sys.exit", "matplotlib.use"}
    # data/ caches what it prepares, metrics/ what it trains and is given, a run lives in a folder, and what was measured of a machine lies
    # with the programs that JAX keeps; the rest of the library touches no file.
    files = {
        "training/checkpoint.py",
        "training/run_folder.py",
        "training/runs.py",
        "training/tuning.py",
        "metrics/classifier.py",
        "metrics/inception.py",
        "files.py",
    }

    def forbidden(path: Path) -> set[str]:
        if path.parent.name == "cli":
            return {"jax.config.update"} - ({"jax.config.update"} if path.stem == "devices" else set())
        may = path.parent.name == "data" or path.relative_to(ROOT / "gan_jax").as_posix() in files
        return always if may else always | {"open", "Path", "pathlib.Path"}

    found = [(relative(path), ast.unparse(call.func)) for path in modules("gan_jax") for call in calls(path)]
    assert [(path, name) for path, name in found if name in forbidden(ROOT / path)] == []


def test_commands_print_through_one_place() -> None:
    """What is printed may repeat a stranger's names: ``say`` prints them with escapes."""
    found = {
        relative(path)
        for path in [*modules("experiments"), *modules("gan_jax/cli")]
        for call in calls(path)
        if ast.unparse(call.func) == "print"
    }
    assert found == {"gan_jax/cli/terminal.py"}


def test_names_of_jax_that_are_not_public_are_in_one_place() -> None:
    found = {
        relative(path)
        for path in modules("gan_jax", "experiments", "benchmarks")
        for node in nodes_of(path)
        if isinstance(node, ast.Import | ast.ImportFrom) and "jax._src" in ast.unparse(node)
    }
    assert found == {"gan_jax/cli/profiling.py"}


def test_records_and_arrays_are_read_through_one_place() -> None:
    """Files may be a stranger's: ``files`` says of each in one way what is wrong with it. What JSON made of our own objects is no file."""
    readers = ("json.loads", "json.load", "np.load", "NpzFile", "pickle.load", "pickle.loads")
    found = [
        (relative(path), ast.unparse(call))
        for path in modules("gan_jax", "experiments")
        for call in calls(path)
        if ast.unparse(call.func).endswith(readers) and relative(path) != "gan_jax/files.py"
    ]
    ours = ("json.loads(json.dumps(", "json.loads(made.words.to_json())")
    assert [(where, text) for where, text in found if not text.startswith(ours)] == []


def writes(call: ast.Call) -> bool:
    """Whether a call opens a file by its path to write to it."""
    name = ast.unparse(call.func)
    if name.endswith((".write_text", ".write_bytes", ".touch", "mkstemp", "NamedTemporaryFile")):
        return not name.startswith("files.")
    if name.split(".")[-1] in ("savez", "savez_compressed", "savefig"):
        return not (call.args and ast.unparse(call.args[0]) in ("stream", "file"))
    if name == "archive.open":
        # A member of an archive that is a stream already.
        return False
    modes = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return name.split(".")[-1] == "open" and any(
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and set(mode.value) & set("wax+")
        and len(mode.value) < 4
        for mode in modes
    )


def test_what_is_written_is_written_whole_and_through_no_link() -> None:
    """By ``gan_jax/files.py``; or into a folder, a file, that was made a moment before under a name that nobody can guess."""
    new = {"gan_jax/files.py", "gan_jax/metrics/classifier.py", "experiments/framework/artifacts.py"}
    paths = [path for path in modules("gan_jax", "experiments") if relative(path) not in new]
    assert [(relative(path), ast.unparse(call)) for path in paths for call in calls(path) if writes(call)] == []


def test_every_room_has_a_contract_about_what_it_imports() -> None:
    config = setup_cfg()
    sources = {
        line.strip()
        for section in config.sections()
        if section.startswith("importlinter:contract:")
        for line in config[section].get("source_modules", "").splitlines()
    }
    children = [
        path for path in (ROOT / "gan_jax").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    # The commands may import everything.
    rooms = {f"gan_jax.{path.stem}" for path in children if path.stem not in ("__init__", "__main__", "cli")}
    assert rooms - sources == set()


SCREEN = 60
"""Lines of a function, its docstring left out."""


def test_a_function_fits_a_screen() -> None:
    def lines(function: ast.FunctionDef) -> int:
        said = ast.get_docstring(function) is not None
        docstring = function.body[0].end_lineno - function.body[0].lineno + 1 if said else 0
        return function.end_lineno - function.lineno + 1 - docstring

    found = {
        f"{relative(path)}: {node.name}": lines(node)
        for path in [*modules("gan_jax"), *modules("experiments")]
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef) and lines(node) > SCREEN
    }
    assert found == {}


RETIRED = {
    "judge": "discriminator; what a conditional one does is score",
    "yardstick": "reference features",
    "unsaid": "UNSPECIFIED",
    "journey": "RunContext",
    "decaying": "linear_decay, cosine_decay",
    "deception": "generator_loss",
    "spread": "variance_ratio; standard_deviation; scale",
    "reverse_kl_floor": "reverse_kl_baseline",
    "sampling[_ ]floor": "sampling baseline",
    "what_is_said": "attributes_of",
}
"""Words with another meaning or another name now (docs/glossary.md)."""


RETIRED_FIELDS = {"said": "condition_attributes", "true": "attributes"}
"""Words that are no field of a class and no argument."""


def words_of(node: ast.AST) -> list[str]:
    """The names that a node gives or uses, and its docstring."""
    words = [getattr(node, field, None) for field in ("name", "id", "attr", "arg")]
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        words.append(ast.get_docstring(node))
    return [word for word in words if isinstance(word, str)]


def fields_of(node: ast.AST) -> set[str]:
    """The fields of a class, the arguments of a function."""
    if isinstance(node, ast.ClassDef):
        return {ast.unparse(field.target) for field in node.body if isinstance(field, ast.AnnAssign)}
    return {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}


def test_retired_words_are_no_names_and_in_no_docstring() -> None:
    """But for the old names that work for one more release."""
    still = {("gan_jax/cli/options.py", "judge")}
    found = set()
    for path in [*modules("gan_jax"), *modules("experiments")]:
        nodes = nodes_of(path)
        old = {
            id(keyword)
            for node in nodes
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("renamed_fields", "renamed_arguments")
            for keyword in node.keywords
        }
        text = "\n".join({word.lower() for node in nodes if id(node) not in old for word in words_of(node)})
        found |= {(relative(path), word) for word in RETIRED if re.search(rf"(?<![a-z]){word}s?(?![a-z])", text)}
        fields = {name for node in nodes if isinstance(node, ast.ClassDef | ast.arguments) for name in fields_of(node)}
        found |= {(relative(path), word) for word in RETIRED_FIELDS if word in fields}
    assert found <= still, {place: {**RETIRED, **RETIRED_FIELDS}[place[1]] for place in found - still}
