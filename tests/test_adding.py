"""The recipes of CONTRIBUTING.md, 'Adding …': each block is the file that its line names, and does what its kind promises."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from gan_jax import checks, numerics
from gan_jax.data import sets
from gan_jax.divergences import exact
from gan_jax.models import image_pairs
from gan_jax.objectives import losses, oracle, penalties

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Adding …") : PAGE.index("## The pages")]
RECIPES = [part for part in re.split(r"^(?=\*\*An? )", SECTION, flags=re.M) if "```python" in part]
FILES = {"divergence": "gan_jax/divergences/renyi.py"}
TABLES: dict[str, tuple[Any, str]] = {
    "objective": (losses, "OBJECTIVES"),
    "penalty": (penalties, "PENALTIES"),
    "set": (sets, "SETS"),
    "pair": (image_pairs, "PAIRS"),
}


def recipe(kind: str) -> str:
    (found,) = (part for part in RECIPES if re.match(rf"\*\*An? {kind}\b", part))
    return found


def written(kind: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The block of a recipe as the module of the file that the text names."""
    text = recipe(kind)
    folder, name = re.findall(r"a file of `(\w+/\w+/)`, such as `(\w+)\.py`", " ".join(text.split()))[0]
    path = f"{folder}{name}".replace("/", ".")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    module = types.ModuleType(path)
    monkeypatch.setitem(sys.modules, path, module)
    exec(compile(block, f"{folder}{name}.py", "exec"), module.__dict__)
    return module


def listed(kind: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the table has once the file and the line of a recipe are there."""
    written(kind, monkeypatch)
    module, table = TABLES[kind]
    (line,) = re.findall(r'^    (".*),$', recipe(kind), re.M)
    entry = eval(f"{{{line}}}", {**vars(module), "checks": checks})
    monkeypatch.setattr(module, table, checks.Named(kind, {**getattr(module, table), **entry}))
    (name,) = entry
    return getattr(module, table)[name]


def test_there_is_a_recipe_for_each_kind() -> None:
    assert len(RECIPES) == 1 + len(TABLES)
    assert "python -m experiments new " in SECTION


@pytest.mark.slow
def test_a_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between Gaussians of one width it is ``a m² / 2`` (van Erven & Harremoës 2014, equation 10)."""
    renyi = written("divergence", monkeypatch).renyi
    with jax.enable_x64(True):
        found = renyi(dist.Normal(0.0, 1.0), dist.Normal(1.5, 1.0), 0.3)
        same = renyi(dist.Normal(0.0, 1.0), dist.Normal(0.0, 1.0), 0.3)
    assert float(found) == pytest.approx(0.3 * 1.5**2 / 2.0, rel=1e-9)
    assert float(same) == pytest.approx(0.0, abs=1e-14)
    # Where a small part of two uniforms overlaps it is -log of that part / (1 - a); where no digit is left, none is given.
    unit = dist.Uniform(0.0, 1.0)
    assert float(renyi(unit, dist.Uniform(0.75, 1.75))) == pytest.approx(2.0 * np.log(4.0), rel=1e-4)
    assert np.isnan(float(renyi(unit, dist.Uniform(2.0, 3.0))))
    with pytest.raises(ValueError, match=r"order is 2.0; expected a value between 0 and 1"):
        renyi(unit, unit, 2.0)


@pytest.mark.slow
def test_an_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the best discriminator its value is the squared Hellinger distance, of Gaussians ``1 - exp(-m² / 8)``."""
    made = listed("objective", monkeypatch)()
    assert made is losses.OBJECTIVES["exponential"]()
    p, q = dist.Normal(0.0, 1.0), dist.Normal(1.0, 1.0)
    # Equal shares of each law's mass: midpoints of quantiles.
    levels = (jnp.arange(20_000) + 0.5) / 20_000
    best = oracle.discriminator(made, p, q)
    found = made.divergence(best(p.icdf(levels)), best(q.icdf(levels)))
    assert float(found) == pytest.approx(1.0 - np.exp(-1.0 / 8.0), abs=1e-4)
    assert float(exact.squared_hellinger(p, q)) == pytest.approx(1.0 - np.exp(-1.0 / 8.0), rel=1e-5)
    slope = jax.grad(lambda f: jnp.sum(made.generator_loss(f, f)))(jnp.asarray([-1.0, 2.0]))
    assert jnp.all(slope < 0)


def test_a_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    made = listed("penalty", monkeypatch)()
    real, fake = jax.random.normal(jax.random.key(0), (2, 5, 3))
    found = made(lambda x: jnp.sum(x * x), real, fake, jax.random.key(1))
    slope = 2.0 * np.asarray(numerics.norm(real, axis=1))
    np.testing.assert_allclose(found, np.maximum(slope - 1.0, 0.0) ** 2, rtol=1e-5)


def test_a_set_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    listed("set", monkeypatch)
    own, small = sets.load("discs"), sets.load("discs", size=8)
    assert own.images.shape == (1000, 16, 16, 1)
    assert (small.name, small.images.shape) == ("discs-8", (1000, 8, 8, 1))
    assert sets.open_images("discs", size=(8, 16, 32)).shape == (16, 16, 1)
    with pytest.raises(ValueError, match="split of discs is 'test'; expected one of 'train'"):
        sets.load("discs", split="test")
    with pytest.raises(ValueError, match="name is 'disks'; did you mean 'discs'"):
        sets.load("disks")


def test_a_pair_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, discriminator = listed("pair", monkeypatch)(8, 1, width=4, latent=3)
    variables = jax.eval_shape(generator.init, jax.random.key(0))
    images = jax.eval_shape(generator.apply, variables, jax.ShapeDtypeStruct((2, 3), jnp.float32))
    assert images.shape == (2, 8, 8, 1)
    judged = jax.eval_shape(lambda x: discriminator.apply(discriminator.init(jax.random.key(0), x), x), images)
    assert judged.shape == (2,)
