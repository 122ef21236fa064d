"""Why games cycle: DiracGAN, two numbers against each other, and the eigenvalues of every objective, penalty and update rule.

Figure: the data are a point at 0, the generator a point θ, the discriminator D(x) = ψx. First two rows: the descent field (arrows) and a
path of the game (ring: start, disc: end) by different rules and regularisers. Third row: eigenvalues λ of the field's Jacobian as the
regulariser grows; eigenvalues z of one step's Jacobian as the step h grows; distance to the equilibrium against the closed form |z|ⁿ.
Marks: measured, by automatic differentiation through the step of the game; lines: closed forms.

Mescheder, Geiger & Nowozin 2018, "Which training methods for GANs do actually converge?", sections 2 and 3: eigenvalues of the GAN ±i/2, of
the WGAN ±i, with instance noise −σ²/4 ± √(σ⁴/16 − ¼), with R1 −γ/2 ± √(γ²/4 − ¼), with consensus optimisation −γ/4 ± i/2; WGAN-GP has no
smooth equilibrium. The closed forms of all other combinations are derived in ``experiments/dirac.py``.

Command: ``python -m experiments dirac_gan``; 35 s on two cores.

Expected: eigenvalues agree with the closed forms to 1e-5 (in double precision to 1e-8); simultaneous descent leaves the equilibrium by
√(1 + h²/4) a step, alternating descent orbits, R1, noise, consensus, extragradient and optimism converge at the rate of their spectral
radius; the WGAN-GP crosses ψ = 0 no nearer to the equilibrium than |θ| = 2λ, again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from itertools import permutations

import numpy as np
from matplotlib.figure import Figure

from experiments.artifacts import Arrays, Row
from experiments.claims import AT_LEAST, EQUAL, Claim
from experiments.dirac import DERIVATIVES, RULES, Point, play
from experiments.dirac_plot import PANELS, SPAN, figure
from experiments.progress import Progress
from gan_jax.ranges import Count, NonNegative, Positive

CLOSE = 1e-5
"""How near an eigenvalue has to be to its closed form, as section 7 of the reference results asks."""

NEAR = 1e-8
"""How far from the equilibrium the paths begin whose linear law is checked: their quadratic terms are relative errors of this size."""

PAPER = "Mescheder, Geiger & Nowozin 2018"


@dataclass(frozen=True)
class Config:
    """The strengths of all regularisers, and how long the game is played."""

    objectives: tuple[str, ...] = tuple(DERIVATIVES)
    """Objectives that meet every regulariser and every rule; names of ``dirac.DERIVATIVES``."""

    regularisers: tuple[str, ...] = ("none", "R1", "R2", "R1 + R2", "GP0", "LP", "instance noise", "GP", "DRAGAN")
    """Regularisers that they meet."""

    step: Positive = 0.2
    """h: learning rate of both players."""

    steps: Count = 400
    """Steps of every path."""

    gamma: NonNegative = 0.6
    """γ of R1; every penalty has the weight γ/2, so that R1 is the paper's γ/2 ||∇D||²."""

    noise: NonNegative = 1.0
    """σ of instance noise."""

    consensus: NonNegative = 0.4
    """γ of consensus optimisation."""

    unrolling: Count = 3
    """K: discriminator steps that an unrolled generator looks ahead."""

    clip: Positive = 1.0
    """Bound of |ψ| for the clipped WGAN."""

    marks: Count = 9
    """Values of every regulariser and of the step along which eigenvalues are followed; odd."""

    grid: Count = 15
    """Arrows of a field along each axis."""


SMOKE = Config(
    objectives=("minimax", "wasserstein"), regularisers=("none", "R1", "GP"), steps=100, unrolling=2, marks=5, grid=7
)

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
    from gan_jax.training.stability import eigenvalues

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


def _error(measured: np.ndarray, exact: np.ndarray) -> float:
    """The largest distance of two sets of eigenvalues under their best matching; NaN where there is no closed form."""
    orders = [list(order) for order in permutations(range(len(exact)))]
    return float(min(np.abs(measured[order] - exact).max() for order in orders))


def _errors(arrays: Arrays, rule: str, group: str) -> np.ndarray:
    measured, exact = (arrays[f"{rule}/{group}/{part}"] for part in ("measured", "exact"))
    return np.asarray([_error(m, e) for m, e in zip(measured, exact, strict=True)])


def claims(arrays: Arrays) -> list[Claim]:
    """Eigenvalues against closed forms, then paths against eigenvalues."""
    return [*_section_7(arrays), *_every_combination(arrays), *_paths(arrays)]


def _eigenvalue_claim(what: str, source: str, error: float) -> Claim:
    return Claim(what, source, 0.0, error, CLOSE, EQUAL, "1e-5 asked for")


def _section_7(arrays: Arrays) -> list[Claim]:
    h = float(arrays["config/step"])

    def of_field(rule: str, group: str) -> np.ndarray:
        # z = 1 + h λ.
        found: np.ndarray = (arrays[f"{rule}/{group}/measured"] - 1.0) / h
        return found

    plain = of_field("simultaneous", "section 7")
    result = [
        _eigenvalue_claim(
            f"{name}: eigenvalues {text} (largest error)", f"{PAPER}, {where}", _error(found, np.asarray([w, -w]))
        )
        for name, text, found, w, where in (
            ("minimax", "±i/2", plain[0], 0.5j, "section 2"),
            ("non-saturating", "±i/2", plain[1], 0.5j, "section 2"),
            ("WGAN", "±i", plain[2], 1j, "section 3"),
            ("clipped WGAN", "±i inside the box", of_field("clipped", "section 7")[0], 1j, "section 3"),
        )
    ]
    marks = int(arrays["config/marks"])
    gamma, variance = np.linspace(0, 2, marks), np.linspace(0, 4, marks)
    forms = {
        ("simultaneous", "R1"): ("γ/2, critical γ = 1", -gamma / 2, np.sqrt(gamma**2 / 4 - 0.25 + 0j), "section 3"),
        ("simultaneous", "instance noise"): (
            "σ²/4, critical σ² = 2",
            -variance / 4,
            np.sqrt(variance**2 / 16 - 0.25 + 0j),
            "section 3",
        ),
        ("consensus", "consensus"): ("γ/4", -gamma / 4, np.full(marks, 0.5j), "section 3"),
    }
    for (rule, group), (text, middle, half, where) in forms.items():
        found = of_field(rule, group)
        exact = np.stack([middle + half, middle - half], axis=1)
        worst = max(_error(m, e) for m, e in zip(found, exact, strict=True))
        result.append(
            _eigenvalue_claim(f"{group}: eigenvalues around −{text} (largest error)", f"{PAPER}, {where}", worst)
        )
    # The field's second component on both sides of ψ = 0, from one step each.
    path = arrays["simultaneous/kink/path"]
    sides = (path[:, 1, 1] - path[:, 0, 1]) / h
    weight = 0.5 * float(arrays["config/gamma"])
    result.append(
        Claim(
            "WGAN-GP: the field jumps by 4λ where ψ = 0, so that no Jacobian exists",
            "∂ψ λ(|ψ| − 1)² = 2λ(ψ − sign ψ)",
            4 * weight,
            float(sides[1] - sides[0]),
            CLOSE,
            EQUAL,
            "1e-5 asked for",
        )
    )
    return result


def _every_combination(arrays: Arrays) -> list[Claim]:
    result = []
    for rule in RULES:
        errors, along = _errors(arrays, rule, "matrix"), _errors(arrays, rule, "steps")
        smooth = np.isfinite(errors)
        combinations = f"{smooth.sum()} objectives × regularisers, {along.size} steps h"
        worst = float(max(errors[smooth].max(), along.max()))
        source = f"closed form of dirac.{rule}"
        result.append(_eigenvalue_claim(f"{rule}: largest error of an eigenvalue ({combinations})", source, worst))
        path = float(arrays[f"{rule}/matrix/path_error"][smooth].max())
        what = f"{rule}: paths that begin {NEAR:g} away follow the linear law (largest relative error)"
        result.append(Claim(what, source, 0.0, path, CLOSE, EQUAL, "1e-5: quadratic terms over all steps"))
    return result


def _paths(arrays: Arrays) -> list[Claim]:
    h = float(arrays["config/step"])
    result = []

    def distance(rule: str, group: str) -> np.ndarray:
        found: np.ndarray = np.linalg.norm(arrays[f"{rule}/{group}/path"][0], axis=1)
        return found

    far = distance("simultaneous", "WGAN")
    last = len(far) - 1
    result.append(
        Claim(
            "WGAN, simultaneous: logarithm of the growth of the distance",
            "modulus √(1 + h²), the game is linear",
            0.5 * last * np.log1p(h * h),
            float(np.log(far[-1] / far[0])),
            1e-9,
            EQUAL,
            "rounding over all steps",
        )
    )
    # θ² + ψ² − hθψ is invariant under ψ ← ψ − hθ, θ ← θ + hψ.
    theta, psi = arrays["alternating/WGAN/path"][0].T
    invariant = theta**2 + psi**2 - h * theta * psi
    drift = float(np.abs(invariant / invariant[0] - 1).max())
    what = "WGAN, alternating: largest drift of θ² + ψ² − hθψ, an orbit"
    result.append(
        Claim(what, "both eigenvalues on the unit circle", 0.0, drift, 1e-9, EQUAL, "rounding over all steps")
    )
    start = distance("simultaneous", "GAN, simultaneous")
    what = "GAN, simultaneous: distance at the end over distance at the start"
    result.append(
        Claim(what, "modulus √(1 + h²/4)", 1.0, float(start[-1] / start[0]), 0.0, AT_LEAST, "leaves the equilibrium")
    )
    for title, rule, _, _, _ in PANELS[4:]:
        path, jacobian = distance(rule, title), arrays[f"{rule}/{title}/jacobian"][0]
        late = 3 * last // 4
        rate = float(np.log(path[-1] / path[late]) / (last - late))
        values, vectors = np.linalg.eig(jacobian)
        expected = float(np.log(np.abs(values).max()))
        # In the basis of the eigenvectors a linear step shrinks exactly by |z|; the basis distorts distances by its condition at most. The
        # slope f'(ψθ) of the losses is off f'(0) by a share |ψθ|/2 ≤ distance²/4, and the rate, a square of it, by twice that at most.
        slack = float(np.log(np.linalg.cond(vectors)) / (last - late) + abs(expected) * 0.5 * path[late] ** 2)
        result.append(
            Claim(
                f"{title}: logarithm of the contraction of one step, late, from afar",
                "log |z| of the closed form",
                expected,
                rate,
                slack + CLOSE,
                EQUAL,
                "condition of the eigenvectors, quadratic terms",
            )
        )
    theta, psi = arrays["simultaneous/WGAN-GP/path"][0].T
    crossing = np.flatnonzero(psi[1:] * psi[:-1] <= 0)
    weight = 0.5 * float(arrays["config/gamma"])
    # From ψ > 0 a step crosses where ψ + h (−θ − 2λ(ψ − 1)) ≤ 0: θ ≥ 2λ + ψ (1/h − 2λ). The path begins on ψ = 0, hence from the second.
    nearest = float(np.abs(theta[crossing][1:]).min()) if len(crossing) > 1 else np.nan
    what = f"WGAN-GP: it goes round the equilibrium, |θ| ≥ 2λ at each of {len(crossing) - 1} crossings of ψ = 0"
    result.append(
        Claim(what, "sign of the field where ψ = 0, for 2λh < 1", 2 * weight, nearest, 1e-9, AT_LEAST, "rounding")
    )
    return result


def table(arrays: Arrays) -> list[Row]:
    """Spectral radius and verdict of every objective × regulariser × rule; NaN where there is no smooth equilibrium."""
    rows: list[Row] = []
    pairs = [(str(o), str(r)) for o in arrays["config/objectives"] for r in arrays["config/regularisers"]]
    for rule in RULES:
        measured, exact = (arrays[f"{rule}/matrix/{part}"] for part in ("measured", "exact"))
        errors = _errors(arrays, rule, "matrix")
        for index, (objective, regulariser) in enumerate(pairs):
            radius = float(np.abs(exact[index]).max())
            smooth = np.isfinite(radius)
            rows.append(
                {
                    "objective": objective,
                    "regulariser": regulariser,
                    "rule": rule,
                    "spectral_radius": float(np.abs(measured[index]).max()) if smooth else np.nan,
                    "closed_form": radius,
                    "error": float(errors[index]),
                    "verdict": _verdict(radius),
                }
            )
    return rows


def _verdict(radius: float) -> str:
    if not np.isfinite(radius):
        return "no smooth equilibrium"
    if abs(radius - 1.0) < 1e-12:
        return "not linearly"
    return "converges" if radius < 1.0 else "diverges"


def plot(arrays: Arrays) -> Figure:
    """Eight portraits, two complex planes, and distances over steps."""
    return figure(arrays)
