"""What ``dirac_gan`` computes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace

import numpy as np

from experiments.framework.artifacts import Arrays
from experiments.framework.progress import Progress
from experiments.game.dirac_gan.config import NEAR, PANELS, SPAN, Config
from experiments.game.dirac_gan.theory import RULES, Point, play
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
