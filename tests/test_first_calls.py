"""First calls of a stranger: they work, or they end in one sentence of this library. And no message names what is not there."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest
from flax import linen as nn

import gan_jax
from gan_jax.distributions import gaussian_ring
from gan_jax.divergences import empirical, exact, kernels
from gan_jax.estimators import variational
from gan_jax.estimators.variational import neural_estimator
from gan_jax.metrics import conditioning, kernel, modes
from gan_jax.models import conditional as conditional_models
from gan_jax.models import players, text
from gan_jax.models.generators import mlp_generator
from gan_jax.models.mlp import from_module, mlp
from gan_jax.objectives import choice, costs, losses, oracle, pairs, penalties
from gan_jax.training import conditional, critic, frozen, game, packing, passage, runs, sampling, updates
from gan_jax.training.ensemble import sweep
from gan_jax.typing import Array
from tests.cases import cases

RING, NORMAL = gaussian_ring(), dist.Normal(0.0, 1.0)
GENERATOR, NETWORK, MINIMAX = mlp_generator((8,)), mlp((8,)), losses.minimax()
POINTS = np.random.default_rng(0).normal(size=(64, 2))
SHORT = dict(steps=2, batch_size=8, held_out=16)


def draw(key: Array, batch: int) -> Array:
    return RING.sample(key, (batch,))


def played(
    objective: Any = MINIMAX, generator: Any = GENERATOR, data: Any = draw, update: Any = None, **options: Any
) -> game.Game:
    rule = updates.alternating() if update is None else update
    return game.gan(objective, generator, NETWORK, data, rule, batch_size=8, **options)


def estimate(p: Any, q: Any, key: Any = 0) -> variational.Estimate:
    return neural_estimator(MINIMAX, NETWORK, **SHORT)(key, p, q)


def fed(key: Array, batch: int, *, feed: Array) -> Array:
    return feed[jax.random.randint(key, (batch,), 0, len(feed))]


# ---------------------------------------------------------------------------------------------------------- what works


@pytest.mark.slow
def test_an_integer_is_the_seed_of_a_key() -> None:
    made = played()
    jax.tree.map(
        np.testing.assert_array_equal, made.init(3)._replace(key=0), made.init(jax.random.key(3))._replace(key=0)
    )
    np.testing.assert_array_equal(GENERATOR.noise(3, 4), GENERATOR.noise(jax.random.key(3), 4))
    table = sweep(lambda key: {"x": jax.random.normal(key)}, 3, seeds=2)
    np.testing.assert_array_equal(
        table["x"], sweep(lambda key: {"x": jax.random.normal(key)}, jax.random.key(3), seeds=2)["x"]
    )


def test_an_integer_is_the_seed_of_projections_and_subsets() -> None:
    for draws in (
        lambda key: empirical.sliced_wasserstein(key, POINTS, POINTS + 1.0, projections=4),
        lambda key: kernel.kid_of_subsets(key, POINTS, POINTS + 1.0, subsets=2, size=8),
    ):
        np.testing.assert_array_equal(draws(7), draws(jax.random.key(7)))


@pytest.mark.slow
@cases("data", [RING, RING.sample, POINTS, POINTS.tolist(), jnp.asarray(POINTS)], ids=lambda d: type(d).__name__)
def test_a_game_draws_from_a_distribution_or_from_examples(data: Any) -> None:
    drawn = np.asarray(game.drawer(data)(jax.random.key(1), 32))
    assert drawn.shape == (32, 2)
    if data is RING or callable(data):
        np.testing.assert_array_equal(drawn, draw(jax.random.key(1), 32))
    else:
        known = {tuple(row) for row in np.asarray(POINTS, np.float32)}
        assert {tuple(row) for row in drawn} <= known
    played(data=data).init(0)


@pytest.mark.slow
def test_numbers_on_the_line_are_samples_of_one_number() -> None:
    x, y = POINTS.T
    plain = estimate(x[:, None], y[:, None])
    for p, q in ((x, y), (x.tolist(), y[:, None])):
        np.testing.assert_array_equal(estimate(p, q).value, plain.value)
    samplers = (lambda key, n: jax.random.normal(key, (n,))), NORMAL
    assert estimate(*samplers).critic.shift.shape == (1,)
    assert game.drawer(x)(jax.random.key(0), 3).shape == (3, 1)


@pytest.mark.slow
def test_a_ring_is_modes_enough_for_an_assay() -> None:
    x = draw(jax.random.key(0), 512)
    found, expected = modes.assay(x, RING), modes.assay(x, modes.modes_of(RING))
    np.testing.assert_array_equal(found.masses, expected.masses)
    assert found.covered == expected.covered == 8


@pytest.mark.slow
def test_an_estimate_is_a_trained_critic_and_places_are_particles() -> None:
    found = estimate(POINTS, POINTS + 1.0)
    np.testing.assert_array_equal(
        variational.logits(NETWORK, found, jnp.asarray(POINTS)),
        variational.logits(NETWORK, found.critic, jnp.asarray(POINTS)),
    )
    start = players.particles(POINTS).init(jax.random.key(0))["params"]["x"]
    np.testing.assert_array_equal(start, np.asarray(POINTS, np.float32))


@pytest.mark.slow
def test_a_function_that_gives_a_feed_is_a_feed() -> None:
    made, examples = played(data=fed), jnp.asarray(POINTS, float)
    plain, _, _ = game.play(made, made.init(0, feed=examples), steps=2, feed=examples)
    given, _, _ = game.play(
        made, made.init(0, feed=lambda step, steps: examples), steps=2, feed=lambda step, steps: examples
    )
    chex.assert_trees_all_equal(plain._replace(key=0), given._replace(key=0))


def test_a_history_is_as_long_as_divides_the_steps() -> None:
    def length(steps: int) -> int:
        made = neural_estimator(MINIMAX, NETWORK, steps=steps, batch_size=4, held_out=4)
        return jax.eval_shape(lambda key: made(key, NORMAL, NORMAL), jax.random.key(0)).history.step.shape[0]

    # The largest divisors up to 50: of a thousand 50, of 120 40, of a prime 1.
    assert [length(steps) for steps in (1000, 120, 101, 7)] == [50, 40, 1, 7]


# --------------------------------------------------------------------------------------------- what is one sentence


TRAINING = critic.CriticTraining(MINIMAX, optax.sgd(0.1), None, 0.0, 8)


def fit(real: Any = draw, fake: Any = draw, **settings: Any) -> object:
    return critic.fit(0, NETWORK, TRAINING._replace(**settings), real, fake, steps=1, records=1)


def arrival(reached: Any) -> object:
    return passage.first_passage(played(), played().init(0), reached, at_most=2)


SENTENCES: dict[str, tuple[Callable[[], object], str]] = {
    "objective without brackets": (lambda: played(losses.minimax), r"minimax; did you mean minimax\(\)\?"),
    "objective without brackets, estimator": (
        lambda: neural_estimator(losses.minimax, NETWORK),
        r"objective is the function minimax; did you mean minimax\(\)\?",
    ),
    "objective by name": (
        lambda: neural_estimator("minimax", NETWORK),
        r"objective is 'minimax'; .* losses.minimax\(\)",
    ),
    "objective with a typo": (lambda: played("wasserstien"), r"such as losses.wasserstein\(\)"),
    "objective of an oracle": (lambda: oracle.discriminator("hinge", NORMAL, NORMAL), r"such as losses.hinge\(\)"),
    "objective of all pairs": (lambda: pairs.over_all_pairs(losses.hinge), r"did you mean hinge\(\)\?"),
    "objective of a gradient": (
        lambda: variational.generator_gradient(losses.hinge, lambda x: x[:, 0], lambda t: t + POINTS, jnp.zeros(())),
        "objective is the function hinge",
    ),
    "one objective for several": (lambda: choice.switch_objective(MINIMAX, 0), "expected several"),
    "critic without brackets": (lambda: neural_estimator(MINIMAX, mlp), r"did you mean mlp\(\)\?"),
    "rule without brackets": (lambda: played(update=updates.alternating), r"did you mean alternating\(\)\?"),
    "rule by name": (lambda: played(update="alternating"), "update is 'alternating'; expected an Update"),
    "penalty without brackets": (lambda: played(penalty=penalties.r1), r"did you mean r1\(\)\?"),
    "penalty by name": (lambda: played(penalty="gp"), "penalty is 'gp'; expected a function of"),
    "one penalty of two": (lambda: penalties.both(penalties.r1, penalties.r2()), r"did you mean r1\(\)\?"),
    "cost without brackets": (lambda: game.direct(costs.energy, GENERATOR, draw), r"did you mean energy\(\)\?"),
    "objective for a cost": (lambda: game.direct(MINIMAX, GENERATOR, draw), "cost is of type Objective"),
    "kernel by name": (lambda: costs.mmd("gaussian"), "kernel is 'gaussian'"),
    "players exchanged": (lambda: played(generator=NETWORK), "generator is of type Critic; expected a Generator"),
    "player of another game": (
        lambda: conditional.conditional_gan(MINIMAX, GENERATOR, NETWORK, draw),
        "generator is of type Generator; expected a ConditionalGenerator",
    ),
    "encoder without brackets": (
        lambda: conditional_models.conditional_mlp_generator(text.label_encoder),
        "encoder is the function label_encoder",
    ),
    "optimiser with its rate": (
        lambda: played(generator_optimizer=optax.adam(1e-3)),
        r"generator_optimizer is .*; expected a function of \(rate\)",
    ),
    "optimiser without brackets": (lambda: played(generator_optimizer=game.adam), r"did you mean adam\(\)\?"),
    "optimiser without its rate": (
        lambda: neural_estimator(MINIMAX, NETWORK, optimizer=optax.adam),
        "optimizer is the function adam",
    ),
    "class for a law": (lambda: estimate(dist.Normal, NORMAL), "p is the class Normal"),
    "class for data": (lambda: played(data=dist.Normal), "data is the class Normal"),
    "data without brackets": (
        lambda: played(data=gaussian_ring),
        r"data is gaussian_ring\(.*did you mean gaussian_ring\(\)\?",
    ),
    "complex data": (lambda: played(data=POINTS + 1j), "data has the type complex128; expected real numbers"),
    "complex samples": (lambda: estimate(POINTS + 1j, POINTS), "p has the type complex128; expected real numbers"),
    "a parameter of data called batch": (
        lambda: played(data_parameters={"batch": 1.0}),
        "data_parameters has batch, which the game itself uses",
    ),
    "generator for a law": (lambda: estimate(GENERATOR, NORMAL), "p is of type Generator"),
    "laws before the key": (lambda: estimate(NORMAL, 0, NORMAL), "key is .*; expected a key, such as jax.random.key"),
    "several keys": (
        lambda: played().init(jax.random.split(jax.random.key(0))),
        r"key has shape \(2,\); expected one key",
    ),
    "words for data": (lambda: played(data="ring"), "data is 'ring'; expected a function of"),
    "key for a state": (lambda: game.play(played(), jax.random.key(0), steps=2), "state is an array of shape"),
    "states of several games": (
        lambda: game.play(played(), jax.vmap(played().init)(jax.random.split(jax.random.key(0), 2)), steps=2),
        "state holds 2 games; expected one",
    ),
    "a state of other widths": (
        lambda: game.play(played(), played(generator=mlp_generator((3,))).init(0), steps=2),
        r"state is one of another game: generator\.variables\.params\.Dense_0\.bias has shape \(3,\); expected",
    ),
    "a state with other parts": (
        lambda: game.play(played(), game.direct(costs.energy(), GENERATOR, draw, batch_size=8).init(0), steps=2),
        "state is one of another game, with other parts; expected one of Game.init",
    ),
    "a word that is observed": (
        lambda: game.play(played(), played().init(0), steps=2, observe=lambda state: "step"),
        "observe returns 'step'; expected arrays",
    ),
    "activation by name": (lambda: mlp((8,), activation="relu"), r"activation is 'relu'; .* jax.nn.tanh"),
    "function for a module": (
        lambda: from_module(lambda x: x, jnp.zeros((1, 2))),
        "module is the function .* expected a Module",
    ),
    "state for a game": (lambda: game.play(played().init(0), played(), steps=2), "game is of type GameState"),
    "no feed": (lambda: played(data=fed).init(0), "feed is None and data draws from one"),
    "a feed too many": (lambda: played().init(0, feed=jnp.zeros((4, 2))), "feed is given and data takes none"),
    "variables for a trained critic": (
        lambda: variational.logits(NETWORK, NETWORK.init(0, POINTS), POINTS),
        "trained is of type dict",
    ),
    "modes before samples": (lambda: modes.assay(RING, POINTS), "modes is of type ndarray"),
    "a number of modes": (lambda: modes.assay(POINTS, 8), "modes is of type int"),
    "modes of one Gaussian": (lambda: modes.modes_of(NORMAL), "modes is of type Normal"),
    "no dictionary of columns": (
        lambda: sweep(jax.random.normal, 0, seeds=2),
        "member returns .*; expected a dictionary",
    ),
    "steps for a schedule": (lambda: runs.train(played(), 0, "nowhere", 100, config={}), "schedule is 100"),
    "game for a generator": (lambda: sampling.sampler(played()), "generator is of type Game"),
    "a number for a state": (
        lambda: sampling.sampler(GENERATOR)(0, played().init(0), 5),
        "state is 0; expected a GameState",
    ),
    "no training": (
        lambda: frozen.watch(0, NETWORK, None, draw, draw, at=[1], observe=lambda state: state.step),
        "training is None; expected a CriticTraining",
    ),
    "no training, fit": (lambda: critic.fit(0, NETWORK, None, draw, draw, steps=1), "training is None"),
    "samples for a sampler": (lambda: fit(real=POINTS), "real is an array of shape .*; expected a function of"),
    "sampler of a key alone": (lambda: fit(fake=lambda key: key), r"fake is <lambda>\(key\); expected a function of"),
    "laws of two dimensions and of one": (
        lambda: fit(fake=lambda key, batch: draw(key, batch)[:, :1]),
        r"real has shape \(8, 2\) and fake has shape \(8, 1\); expected the same shape of one sample",
    ),
    "no optimiser": (lambda: fit(optimizer=None), "optimizer is None; expected a GradientTransformation"),
    "penalty of a fit without brackets": (lambda: fit(penalty=penalties.r1), r"did you mean r1\(\)\?"),
    "one number of updates": (
        lambda: frozen.watch(0, NETWORK, TRAINING, draw, draw, at=3, observe=lambda state: state.step),
        r"at is 3; expected several numbers of updates, such as \(0, 3\)",
    ),
    "nothing to observe": (
        lambda: frozen.watch(0, NETWORK, TRAINING, draw, draw, at=[1], observe=None),
        r"observe is None; expected a function of \(state\)",
    ),
    "a number to reach": (lambda: arrival(3), r"reached is 3; expected a function of \(state\)"),
    "several things to reach": (lambda: arrival(lambda state: jnp.zeros(2) > 1), r"reached returned shape \(2,\)"),
    "half precision for an exact value": (
        lambda: exact.kl(dist.Normal(jnp.float16(0), jnp.float16(1)), NORMAL),
        "p has a parameter of type float16; expected float32 or float64",
    ),
    "another machine's numbers for an exact value": (
        lambda: exact.wasserstein(NORMAL, dist.Normal(np.array(0.0, ">f8"), 1.0)),
        "q has a parameter of type >f8; expected float32 or float64, in this machine's order of bytes",
    ),
    "masked examples": (
        lambda: estimate(np.ma.masked_array(POINTS, mask=POINTS > 1), draw),
        "p has .* masked entries; expected numbers alone",
    ),
    "samples before the key": (lambda: empirical.sliced_wasserstein(POINTS, POINTS, 0), "key is an array of shape"),
    "a word for a key, KID": (
        lambda: kernel.kid_of_subsets("0", POINTS, POINTS, subsets=2, size=8),
        "key is '0'; expected a key",
    ),
    "bandwidth forgotten": (
        lambda: empirical.mmd2(POINTS, POINTS, kernel=kernels.gaussian),
        r"kernel is gaussian\(.*; expected a function of \(x, y\), such as kernels.gaussian",
    ),
    "one kernel for several": (lambda: kernels.sum_of(kernels.cubic), "kernels is one kernel; expected a list"),
    "several regularisations": (
        lambda: empirical.sinkhorn_divergence(POINTS, POINTS, epsilon=jnp.ones(1)),
        r"epsilon has shape \(1,\); expected one number",
    ),
    "probabilities for labels": (
        lambda: conditioning.mutual_information(POINTS[:, 0], POINTS[:, 1]),
        "conditions has the type float64; expected whole numbers",
    ),
    "packs of another kind": (lambda: packing.packed(NETWORK, draw, 2), "generator is of type Critic"),
}


@cases("name", SENTENCES)
def test_what_does_not_work_is_one_sentence(name: str) -> None:
    call, words = SENTENCES[name]
    with pytest.raises((TypeError, ValueError), match=words) as found:
        call()
    # Of this library, and not of what it calls.
    assert "gan_jax" in str(found.traceback[-1].path)


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    with pytest.raises(ValueError, match="did you mean 'kl'"):
        losses.f_gan("KL")


@pytest.mark.slow
def test_a_run_with_a_feed_is_restored_with_what_it_was_trained_with(tmp_path: Path) -> None:
    made, examples = played(data=fed), jnp.asarray(POINTS, float)
    schedule = runs.Schedule(2, log_every=2, save_every=2)
    done = runs.train(made, 0, tmp_path, schedule, config={}, feed=lambda step, steps: examples)
    step, state = runs.restored(made, 0, tmp_path, feed=lambda step, steps: examples)
    assert step == done.step == 2
    chex.assert_trees_all_equal(state.generator, done.state.generator)
    with pytest.raises(ValueError, match=r"feed is None and data draws from one; expected feed=source.feed"):
        runs.restored(made, 0, tmp_path)


# --------------------------------------------------------------------------------------------------- names in messages


def modules() -> dict[str, ModuleType]:
    """All modules of the library by their last name and by their name in a room."""
    found: dict[str, ModuleType] = {"jax": jax, "optax": optax, "jnp": jnp, "dist": dist, "nn": nn}
    for room in pkgutil.walk_packages(gan_jax.__path__, "gan_jax."):
        # A file of the models' room and one of the training's may have one name: both are looked into.
        module = importlib.import_module(room.name)
        for name in (room.name, room.name.removeprefix("gan_jax."), room.name.rpartition(".")[2]):
            found.setdefault(name, module)
    return found


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """The words of all exceptions and warnings of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        raised = isinstance(node, ast.Raise)
        called = isinstance(node, ast.Call) and ast.unparse(node.func).startswith(
            ("warnings.warn", "checks.made", "checks.takes")
        )
        if raised or called:
            words = [
                part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
            ]
            yield node.lineno, " ".join(words)


DOTTED = re.compile(r"(?<![\w.'/])([a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)+)")
FILES = [
    path
    for path in Path(gan_jax.__path__[0]).rglob("*.py")
    if path.parent.name in ("objectives", "models", "training", "metrics")
]


@pytest.mark.slow
def test_every_name_in_a_message_leads_somewhere() -> None:
    known, lost, seen = modules(), [], 0
    owners = {
        "Estimate": variational.Estimate,
        "Game": game.Game,
        "Distribution": dist.Distribution,
        "state": game.GameState,
        "critic": NETWORK,
        "source": None,
    }
    for path in [*FILES, Path(variational.__file__)]:
        for line, words in messages(path):
            for name in DOTTED.findall(words):
                head, *rest = name.split(".")
                if head == "source" or name == "e.g" or rest[-1] in ("json", "jsonl", "csv", "txt", "py"):
                    continue
                seen += 1
                owner: Any = owners.get(head) if head in owners and rest != ["CriticTraining"] else known.get(head)
                for part in rest:
                    deeper = known.get(f"{getattr(owner, '__name__', '')}.{part}")
                    owner = getattr(owner, part, deeper) if owner is not None else None
                if owner is None:
                    lost.append(f"{path.name}:{line}: {name}")
    assert seen > 40
    assert lost == []
