"""What ``dirac_gan`` computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.framework import Arrays, Progress
from experiments.game.dirac_gan.experiment import NEAR, PANELS, SPAN, Config
from experiments.game.dirac_gan.theory import RULES, Point
from gan_jax.models import players
from gan_jax.objectives import choice, losses, pairs
from gan_jax.objectives import penalties as all_penalties
from gan_jax.training import game, stability, updates
from gan_jax.training.sides import Update
from gan_jax.training.stability import eigenvalues

PENALTY = {
    "R1": "r1",
    "R2": "r2",
    "R1 + R2": "r1_and_r2",
    "GP0": "zero_centred",
    "LP": "lp",
    "GP": "gp",
    "DRAGAN": "dragan",
}

Numbers: TypeAlias = dict[str, jax.Array]
"""What of a point is data to a program, by name, each ``[]``."""

FIELDS = (
    ("minimax", "none"),
    ("wasserstein", "none"),
    ("wasserstein", "GP"),
    ("minimax", "R1"),
    ("minimax", "instance noise"),
)


def _point(config: Config, objective: str, regulariser: str, *, theta: float = 0.0, psi: float = 0.0) -> Point:
    """A game with the configured strength of one regulariser."""
    base = Point(objective=objective, step=config.step, gamma=config.consensus)
    if regulariser in PENALTY:
        base = replace(base, penalty=PENALTY[regulariser], weight=0.5 * config.gamma)
    return replace(base, noise=config.noise if regulariser == "instance noise" else 0.0, theta=theta, psi=psi)


def _games(config: Config) -> dict[str, dict[str, list[Point]]]:
    """All games by rule and group."""
    steps = np.linspace(0.0, 2.0, config.marks + 1)[1:]
    games: dict[str, dict[str, list[Point]]] = {}
    for rule in RULES:
        matrix = [
            _point(config, objective, regulariser, theta=NEAR, psi=0.5 * NEAR)
            for objective in config.objectives
            for regulariser in config.regularisers
        ]
        along = [replace(_point(config, "minimax", "none"), step=float(h)) for h in steps]
        games[rule] = {"matrix": matrix, "steps": along}
    for title, rule, objective, regulariser, theta in PANELS:
        start = _point(config, objective, regulariser, theta=theta)
        games.setdefault(rule, {})[title] = [start]
    together = games["simultaneous"]
    together["section 7"] = [_point(config, name, "none") for name in ("minimax", "non_saturating", "wasserstein")]
    games["clipped"]["section 7"] = [_point(config, "wasserstein", "none", psi=0.5 * config.clip)]
    gan = _point(config, "minimax", "none")
    together["R1"] = [replace(gan, penalty="r1", weight=0.5 * g) for g in np.linspace(0, 2, config.marks)]
    together["instance noise"] = [replace(gan, noise=float(np.sqrt(s))) for s in np.linspace(0, 4, config.marks)]
    games["consensus"]["consensus"] = [replace(gan, gamma=float(g)) for g in np.linspace(0, 2, config.marks)]
    together["kink"] = [_point(config, "wasserstein", "GP", psi=side * NEAR) for side in (-1.0, 1.0)]
    together["WGAN"] = [_point(config, "wasserstein", "none", theta=0.5)]
    games["alternating"]["WGAN"] = [_point(config, "wasserstein", "none", theta=0.5)]
    games["optimistic"]["GAN, optimistic"] = [_point(config, "minimax", "none", theta=2.0)]
    axis = np.linspace(-SPAN, SPAN, config.grid + 2)[1:-1]
    for objective, regulariser in FIELDS:
        together[f"field {objective} {regulariser}"] = [
            _point(config, objective, regulariser, theta=float(t), psi=float(p)) for t in axis for p in axis
        ]
    return games


def run(config: Config, progress: Progress) -> Arrays:
    """Plays all games, one program for each rule, and holds them against the closed forms."""
    games = _games(config)

    def compute(rule: str) -> Arrays:
        # One after another in one array: what differs between groups is data.
        flat = [point for members in games[rule].values() for point in members]
        clip = config.clip if rule == "clipped" else None
        own = "simultaneous" if rule == "clipped" else rule
        found = play(own, flat, steps=config.steps, unrolling=config.unrolling, clip=clip)
        arrays: Arrays = {}
        first = 0
        for group, members in games[rule].items():
            part = {name: value[first : first + len(members)] for name, value in found.items()}
            first += len(members)
            arrays |= {
                f"{rule}/{group}/{k}": v for k, v in _compared(own, group, members, part, config.unrolling).items()
            }
        return arrays

    arrays: Arrays = {"config/" + name: np.asarray(value) for name, value in asdict(config).items()}
    # Tracing one program while another compiles; the programs that take longest first.
    with ThreadPoolExecutor(2) as pool:
        first = [rule for rule in ("unrolled", "consensus", "extragradient") if rule in games]
        jobs = [pool.submit(compute, rule) for rule in (*first, *(rule for rule in games if rule not in first))]
        for job in progress.track(as_completed(jobs), "rules", len(jobs)):
            arrays |= job.result()
    return arrays


def _compared(rule: str, group: str, members: Sequence[Point], found: Arrays, unrolling: int) -> Arrays:
    """What is kept of a group: eigenvalues and closed forms; of paths what the group is for."""
    if group.startswith("field"):
        path = found["path"]
        # A simultaneous step is h times the field.
        return {"points": path[:, 0], "vectors": (path[:, 1] - path[:, 0]) / members[0].step}
    exact = [point.closed_form(rule, unrolling) for point in members]
    kept: Arrays = {"measured": eigenvalues(found["jacobian"]), "exact": np.stack([e.eigenvalues for e in exact])}
    if group == "matrix":
        kept["path_error"] = np.asarray(
            [_path_error(path, update.jacobian) for path, update in zip(found["path"], exact, strict=True)]
        )
    elif len(members) <= 2:
        kept |= {"path": found["path"], "jacobian": np.stack([e.jacobian for e in exact])}
    return kept


def _path_error(path: np.ndarray, jacobian: np.ndarray) -> float:
    """Largest distance of a path from the linear law ``F'^n w``, over the law's largest distance from the equilibrium."""
    w, law = np.zeros(len(jacobian)), []
    w[:2] = path[0]
    for _ in path:
        law.append(w[:2])
        w = jacobian @ w
    return float(np.linalg.norm(path - law, axis=1).max() / np.linalg.norm(law, axis=1).max())


def play(
    rule: str, points: Sequence[Point], *, steps: int, unrolling: int, clip: float | None = None
) -> dict[str, np.ndarray]:
    """Plays every point by one rule, in double precision, as one compiled program.

    Which objective and which penalty are data: the program holds a branch for each of those that ``points`` name, and the step of the
    game is compiled once for all of them.

    Args:
      rule: of ``RULES``.
      points: the games.
      steps: of each.
      unrolling: K of the rule ``unrolled``.
      clip: bound of the discriminator's weights; None for none.

    Returns:
      ``"jacobian" [points, n, n]`` of one step at (0, 0), by automatic differentiation, and ``"path" [points, steps + 1, 2]``, (θ, ψ).
    """
    objectives = sorted({p.objective for p in points})
    penalties = sorted({p.penalty for p in points})

    def member(numbers: Numbers) -> tuple[jax.Array, jax.Array]:
        game = _game(rule, objectives, penalties, numbers, unrolling, clip)
        hyper = {"generator_rate": numbers["step"], "discriminator_rate": numbers["step"]}
        hyper |= {"penalty_weight": numbers["weight"], "noise": numbers["noise"]}
        hyper |= {"consensus_weight": numbers["gamma"]} if rule == "consensus" else {}
        state = game.init(jax.random.key(0), **hyper)
        # The equilibrium stays where it is; but only from the second step on optimism has a gradient to remember.
        flat = stability.flat(game, game.step(state)[0] if rule == "optimistic" else state)
        # Traced once for the path and for the Jacobian.
        move = jax.jit(flat.step)
        # θ leads what belongs to the generator, ψ what belongs to the discriminator.
        where = jnp.asarray([0, flat.point.size // 2])
        start = flat.point.at[where].set(jnp.stack([numbers["theta"], numbers["psi"]]))

        def one(w: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            w = move(w)
            return w, w[where]

        _, path = jax.lax.scan(one, start, length=steps)
        # JAX drops the rule that softplus has for its derivative where a scan is differentiated twice (here: unrolled steps), and what is
        # left has a kink at a logit of exactly 0. So the Jacobian is taken a rounding error beside it.
        beside = flat.point.at[where].add(1e-13)
        return jax.jacfwd(move)(beside), jnp.concatenate([start[where][None], path])

    with jax.enable_x64(True):
        columns = {f: jnp.asarray([getattr(p, f) for p in points], float) for f in _NUMBERS}
        columns["objective"] = jnp.asarray([objectives.index(p.objective) for p in points])
        columns["penalty"] = jnp.asarray([penalties.index(p.penalty) for p in points])
        found = jax.device_get(jax.jit(partial(jax.lax.map, member))(columns))
    return {"jacobian": np.asarray(found[0]), "path": np.asarray(found[1])}


_NUMBERS = ("weight", "noise", "step", "gamma", "theta", "psi")


def _game(
    rule: str, objectives: Sequence[str], penalties: Sequence[str], numbers: Numbers, unrolling: int, clip: float | None
) -> game.Game:
    """DiracGAN with the objective and the penalty that ``numbers`` choose."""
    makers: dict[str, Callable[[], losses.Objective]] = {
        **losses.OBJECTIVES,
        "least_squares −1 1 0": lambda: losses.least_squares(fake_label=-1.0, generator_label=0.0),
        "least_squares −1 1 1": lambda: losses.least_squares(fake_label=-1.0),
        "f_kl trick": lambda: losses.f_gan("kl", trick=True),
    }
    # Independent noise on both sides: every real meets every fake.
    objective = pairs.over_all_pairs(
        choice.switch_objective([makers[name]() for name in objectives], numbers["objective"])
    )

    kinds = [None if name == "none" else all_penalties.PENALTIES[name]() for name in penalties]

    # Two nodes of equal weight with mean 0 and mean square 1 in place of random draws: the second moments of the noise are exact.
    nodes = jnp.asarray([[-1.0], [1.0]])
    rules: dict[str, Callable[[], Update]] = {
        "consensus": updates.consensus,
        "unrolled": partial(updates.unrolled, unrolling),
    }
    rules |= {"alternating": updates.alternating, "extragradient": updates.extragradient}
    optimizer = optax.optimistic_gradient_descent if rule == "optimistic" else optax.sgd
    clipped = None if clip is None else all_penalties.weight_clipping(clip)
    return game.gan(
        objective,
        players.particles(lambda key: jnp.zeros((1, 1))),
        players.linear(),
        lambda key, batch, /, **_: jnp.zeros((batch, 1)),
        rules.get(rule, updates.simultaneous)(),
        batch_size=2,
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer if clipped is None else lambda rate: optax.chain(optimizer(rate), clipped),
        penalty=choice.switch_penalty(kinds, numbers["penalty"]),
        perturb=lambda key, x, scale: x + scale * nodes,
    )
