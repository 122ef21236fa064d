"""Why games cycle: DiracGAN, two numbers against each other, and the eigenvalues of every objective, penalty and update rule.

Figure: the data are a point at 0, the generator a point θ, the discriminator D(x) = ψx. First two rows: the descent field (arrows) and a
path of the game (ring: start, disc: end) by different rules and regularisers. Third row: eigenvalues λ of the field's Jacobian as the
regulariser grows; eigenvalues z of one step's Jacobian as the step h grows; distance to the equilibrium against the closed form |z|ⁿ.
Marks: measured, by automatic differentiation through the step of the game; lines: closed forms.

Mescheder, Geiger & Nowozin 2018, "Which training methods for GANs do actually converge?", sections 2 and 3: eigenvalues of the GAN ±i/2, of
the WGAN ±i, with instance noise −σ²/4 ± √(σ⁴/16 − ¼), with R1 −γ/2 ± √(γ²/4 − ¼), with consensus optimisation −γ/4 ± i/2; WGAN-GP has no
smooth equilibrium. The closed forms of all other combinations are derived in ``theory``.

Command: ``python -m experiments dirac_gan``; 35 s on two cores.

Expected: eigenvalues agree with the closed forms to 1e-5 (in double precision to 1e-8); simultaneous descent leaves the equilibrium by
√(1 + h²/4) a step, alternating descent orbits, R1, noise, consensus, extragradient and optimism converge at the rate of their spectral
radius; the WGAN-GP crosses ψ = 0 no nearer to the equilibrium than |θ| = 2λ, again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.framework import AT_LEAST, EQUAL, Arrays, Claim, TableRow, theorem
from experiments.game.dirac_gan.theory import DERIVATIVES, RULES, Point
from gan_jax.plots import phase
from gan_jax.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, Look, style
from gan_jax.ranges import AtLeastTwo, Count, NonNegative, Positive

NEAR = 1e-8
"""How far from the equilibrium the paths begin whose linear law is checked: their quadratic terms are relative errors of this size."""


@dataclass(frozen=True)
class Config:
    """The strengths of all regularisers, and how long the game is played."""

    objectives: tuple[str, ...] = tuple(DERIVATIVES)
    """Objectives that meet every regulariser and every rule; names of ``theory.DERIVATIVES``."""

    regularisers: tuple[str, ...] = ("none", "R1", "R2", "R1 + R2", "GP0", "LP", "instance noise", "GP", "DRAGAN")
    """Regularisers that they meet."""

    step: Positive = 0.2  # h: learning rate of both players.
    steps: Count = 400  # Steps of every path.
    gamma: NonNegative = 0.6  # γ of R1; every penalty has the weight γ/2, so that R1 is the paper's γ/2 ||∇D||².
    noise: NonNegative = 1.0  # σ of instance noise.
    consensus: NonNegative = 0.4  # γ of consensus optimisation.
    unrolling: Count = 3  # K: discriminator steps that an unrolled generator looks ahead.
    clip: Positive = 1.0  # Bound of |ψ| for the clipped WGAN.
    marks: Count = 9  # Values of every regulariser and of the step along which eigenvalues are followed; odd.
    grid: AtLeastTwo = 15  # Arrows of a field along each axis.

    def __post_init__(self) -> None:
        for name in ("objectives", "regularisers"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}; expected different names")


SMOKE = Config(
    objectives=("minimax", "wasserstein"), regularisers=("none", "R1", "GP"), steps=100, unrolling=2, marks=5, grid=7
)

SPAN = 2.6
"""Half the width of a portrait."""

PANELS = (
    ("GAN, simultaneous", "simultaneous", "minimax", "none", 0.5),
    ("GAN, alternating", "alternating", "minimax", "none", 1.5),
    ("clipped WGAN", "clipped", "wasserstein", "none", 0.5),
    ("WGAN-GP", "simultaneous", "wasserstein", "GP", 2.0),
    ("GAN + R1", "simultaneous", "minimax", "R1", 2.0),
    ("GAN + instance noise", "simultaneous", "minimax", "instance noise", 2.0),
    ("GAN, consensus", "consensus", "minimax", "none", 2.0),
    ("GAN, extragradient", "extragradient", "minimax", "none", 2.0),
)
"""Title, rule, objective, regulariser, and θ where the path begins (ψ = 0)."""


CLOSE = 1e-5
"""How near an eigenvalue has to be to its closed form, as section 7 of the reference results asks."""

PAPER = "Mescheder, Geiger & Nowozin 2018"


def _error(measured: np.ndarray, exact: np.ndarray) -> float:
    """The largest distance of two sets of eigenvalues under their best matching; NaN where there is no closed form."""
    orders = [list(order) for order in permutations(range(len(exact)))]
    return float(min(np.abs(measured[order] - exact).max() for order in orders))


def _errors(arrays: Arrays, rule: str, group: str) -> np.ndarray:
    measured, exact = (arrays[f"{rule}/{group}/{part}"] for part in ("measured", "exact"))
    return np.asarray([_error(m, e) for m, e in zip(measured, exact, strict=True)])


def claims(arrays: Arrays) -> list[Claim]:
    """Eigenvalues against closed forms, then paths against eigenvalues."""
    paths = [*_without_a_penalty(arrays), *_contractions(arrays), *_round_the_equilibrium(arrays)]
    return [*_section_7(arrays), *_every_combination(arrays), *paths]


def _eigenvalue_claim(what: str, source: str, error: float) -> Claim:
    return theorem(what, source, 0.0, error, CLOSE, EQUAL, "1e-5 asked for")


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
    with_r1, with_noise = (np.sqrt(square / 4 - 0.25 + 0j) for square in (gamma**2, variance**2 / 4))
    forms = {
        ("simultaneous", "R1"): ("γ/2, critical γ = 1", -gamma / 2, with_r1),
        ("simultaneous", "instance noise"): ("σ²/4, critical σ² = 2", -variance / 4, with_noise),
        ("consensus", "consensus"): ("γ/4", -gamma / 4, np.full(marks, 0.5j)),
    }
    for (rule, group), (text, middle, half) in forms.items():
        found = of_field(rule, group)
        exact = np.stack([middle + half, middle - half], axis=1)
        worst = max(_error(m, e) for m, e in zip(found, exact, strict=True))
        what = f"{group}: eigenvalues around −{text} (largest error)"
        result.append(_eigenvalue_claim(what, f"{PAPER}, section 3", worst))
    # The field's second component on both sides of ψ = 0, from one step each.
    path = arrays["simultaneous/kink/path"]
    sides = (path[:, 1, 1] - path[:, 0, 1]) / h
    weight = 0.5 * float(arrays["config/gamma"])
    what = "WGAN-GP: the field jumps by 4λ where ψ = 0, so that no Jacobian exists"
    source = "∂ψ λ(|ψ| − 1)² = 2λ(ψ − sign ψ)"
    return [*result, theorem(what, source, 4 * weight, sides[1] - sides[0], CLOSE, EQUAL, "1e-5 asked for")]


def _every_combination(arrays: Arrays) -> list[Claim]:
    result = []
    for rule in RULES:
        errors, along = _errors(arrays, rule, "matrix"), _errors(arrays, rule, "steps")
        smooth = np.isfinite(errors)
        if not smooth.any():
            continue
        combinations = f"{smooth.sum()} objectives × regularisers, {along.size} steps h"
        worst = float(max(errors[smooth].max(), along.max()))
        source = f"closed form of dirac.{rule}"
        result.append(_eigenvalue_claim(f"{rule}: largest error of an eigenvalue ({combinations})", source, worst))
        path = float(arrays[f"{rule}/matrix/path_error"][smooth].max())
        what = f"{rule}: paths that begin {NEAR:g} away follow the linear law (largest relative error)"
        result.append(theorem(what, source, 0.0, path, CLOSE, EQUAL, "1e-5: quadratic terms over all steps"))
    return result


def _distance(arrays: Arrays, rule: str, group: str) -> np.ndarray:
    """Of a path to the equilibrium, at every step."""
    found: np.ndarray = np.linalg.norm(arrays[f"{rule}/{group}/path"][0], axis=1)
    return found


def _without_a_penalty(arrays: Arrays) -> list[Claim]:
    h = float(arrays["config/step"])
    result = []
    far = _distance(arrays, "simultaneous", "WGAN")
    last, rounding = len(far) - 1, "rounding over all steps"
    grown, expected = np.log(far[-1] / far[0]), 0.5 * last * np.log1p(h * h)
    what = "WGAN, simultaneous: logarithm of the growth of the distance"
    result.append(theorem(what, "modulus √(1 + h²), the game is linear", expected, grown, 1e-9, EQUAL, rounding))
    # θ² + ψ² − hθψ is invariant under ψ ← ψ − hθ, θ ← θ + hψ.
    theta, psi = arrays["alternating/WGAN/path"][0].T
    invariant = theta**2 + psi**2 - h * theta * psi
    drift = np.abs(invariant / invariant[0] - 1).max()
    what = "WGAN, alternating: largest drift of θ² + ψ² − hθψ, an orbit"
    result.append(theorem(what, "both eigenvalues on the unit circle", 0.0, drift, 1e-9, EQUAL, rounding))
    # From anywhere: θ ∂θ and ψ ∂ψ cancel, so that every step multiplies θ² + ψ² by 1 + h² f'(θψ)².
    start = _distance(arrays, "simultaneous", "GAN, simultaneous")
    what, basis = "GAN, simultaneous: distance at the end over distance at the start", "leaves the equilibrium"
    return [*result, theorem(what, "modulus √(1 + h²/4)", 1.0, start[-1] / start[0], 0.0, AT_LEAST, basis)]


def _contractions(arrays: Arrays) -> list[Claim]:
    result = []
    for title, rule, _, _, _ in PANELS[4:]:
        path, jacobian = _distance(arrays, rule, title), arrays[f"{rule}/{title}/jacobian"][0]
        last = len(path) - 1
        late = 3 * last // 4
        rate = float(np.log(path[-1] / path[late]) / (last - late))
        values, vectors = np.linalg.eig(jacobian)
        expected = float(np.log(np.abs(values).max()))
        # In the basis of the eigenvectors a linear step shrinks exactly by |z|; the basis distorts distances by its condition at most. The
        # slope f'(ψθ) of the losses is off f'(0) by a share |ψθ|/2 ≤ distance²/4, and the rate, a square of it, by twice that at most.
        slack = float(np.log(np.linalg.cond(vectors)) / (last - late) + abs(expected) * 0.5 * path[late] ** 2)
        what = f"{title}: logarithm of the contraction of one step, late, from afar"
        basis = "condition of the eigenvectors, quadratic terms"
        result.append(theorem(what, "log |z| of the closed form", expected, rate, slack + CLOSE, EQUAL, basis))
    return result


def _round_the_equilibrium(arrays: Arrays) -> list[Claim]:
    theta, psi = arrays["simultaneous/WGAN-GP/path"][0].T
    crossing = np.flatnonzero(psi[1:] * psi[:-1] <= 0)
    weight = 0.5 * float(arrays["config/gamma"])
    # From ψ > 0 a step crosses where ψ + h (−θ − 2λ(ψ − 1)) ≤ 0: θ ≥ 2λ + ψ (1/h − 2λ). The path begins on ψ = 0, hence from the second.
    if len(crossing) < 2:
        return []
    nearest = float(np.abs(theta[crossing][1:]).min())
    what = f"WGAN-GP: it goes round the equilibrium, |θ| ≥ 2λ at each of {len(crossing) - 1} crossings of ψ = 0"
    return [
        theorem(what, "sign of the field where ψ = 0, for 2λh < 1", 2 * weight, nearest, 1e-9, AT_LEAST, "rounding")
    ]


def table(arrays: Arrays) -> list[TableRow]:
    """Spectral radius and verdict of every objective × regulariser × rule; NaN where there is no smooth equilibrium."""
    rows: list[TableRow] = []
    pairs = [(str(o), str(r)) for o in arrays["config/objectives"] for r in arrays["config/regularisers"]]
    for rule in RULES:
        measured, exact = (arrays[f"{rule}/matrix/{part}"] for part in ("measured", "exact"))
        errors = _errors(arrays, rule, "matrix")
        for index, (objective, regulariser) in enumerate(pairs):
            radius = float(np.abs(exact[index]).max())
            smooth = np.isfinite(radius)
            found = float(np.abs(measured[index]).max()) if smooth else np.nan
            names = {"objective": objective, "regulariser": regulariser, "rule": rule}
            numbers = {"spectral_radius": found, "closed_form": radius, "error": float(errors[index])}
            rows.append({**names, **numbers, "verdict": _verdict(radius)})
    return rows


def _verdict(radius: float) -> str:
    if not np.isfinite(radius):
        return "no smooth equilibrium"
    if abs(radius - 1.0) < 1e-12:
        return "not linearly"
    return "converges" if radius < 1.0 else "diverges"


LOOKS = {
    "simultaneous": Look(VERMILION, marker="o"),
    "alternating": Look(BLUE, marker="s"),
    "extragradient": Look(GREEN, marker="^"),
    "optimistic": Look(PURPLE, marker="v"),
    "consensus": Look(ORANGE, marker="D"),
    "unrolled": Look(SKY, marker="P"),
}

COLORS = {
    "GAN, simultaneous": VERMILION,
    "GAN, alternating": BLUE,
    "clipped WGAN": GREY,
    "WGAN-GP": PURPLE,
    "GAN + R1": GREEN,
    "GAN + instance noise": SKY,
    "GAN, consensus": ORANGE,
    "GAN, extragradient": BLACK,
}
"""Of paths, in portraits and over steps."""


def plot(arrays: Arrays) -> Figure:
    """Eight portraits, two complex planes, and distances over steps."""
    with style():
        drawn = Figure(figsize=(WIDTH, 9.6), layout="constrained")
        upper, lower = drawn.subfigures(2, 1, squeeze=False, height_ratios=(1.55, 1.0))[:, 0]
        portraits = upper.subplots(2, 4, sharex=True, sharey=True)
        for index, (ax, panel) in enumerate(zip(portraits.flat, PANELS, strict=True)):
            _portrait(ax, arrays, panel)
            ax.set(xlabel="θ" if index >= 4 else "", ylabel="ψ" if index % 4 == 0 else "")
        left, middle, right = lower.subplots(1, 3)
        _field_plane(left, arrays)
        _step_plane(middle, arrays)
        _distances(right, arrays)
    return drawn


def _portrait(ax: Axes, arrays: Arrays, panel: tuple[str, str, str, str, float]) -> None:
    title, rule, objective, regulariser, _ = panel
    field = f"simultaneous/field {objective} {regulariser}"
    phase.arrows(ax, arrays[f"{field}/points"], arrays[f"{field}/vectors"])
    phase.path(ax, arrays[f"{rule}/{title}/path"][0], Look(COLORS[title]))
    if rule == "clipped":
        for side in (-1.0, 1.0):
            ax.axhline(side * float(arrays["config/clip"]), color=GREY, linestyle=":", linewidth=1.6)
    phase.portrait(ax, SPAN, title=title)


def _field_plane(ax: Axes, arrays: Arrays) -> None:
    """Eigenvalues λ of the field's Jacobian, while a regulariser grows."""
    h = float(arrays["config/step"])
    phase.imaginary_axis(ax)
    strength = np.linspace(0.0, 1.0, 401)
    for (rule, group), label, look, middle in (
        (("simultaneous", "R1"), "R1, γ = 0 … 2", Look(GREEN, marker="o", order=4.0), -strength),
        (("simultaneous", "instance noise"), "noise, σ² = 0 … 4", Look(SKY, marker="s", order=3.0), -strength),
        (("consensus", "consensus"), "consensus, γ = 0 … 2", Look(ORANGE, marker="D"), -0.5 * strength),
    ):
        root = np.sqrt(middle**2 - 0.25 + 0j) if rule == "simultaneous" else np.full(len(strength), 0.5j)
        exact = np.stack([middle + root, middle - root], axis=1)
        size = 10.0 if group == "instance noise" else 6.0
        phase.eigenvalues(ax, (arrays[f"{rule}/{group}/measured"] - 1.0) / h, exact, look, label=label, size=size)
    ax.set(xlabel="Re λ", ylabel="Im λ", xlim=(-2.0, 0.2), ylim=(-1.0, 1.25), title="eigenvalues of the GAN's field")
    ax.legend(loc="upper left", fontsize=10, handlelength=1.0, borderaxespad=0.1)


def _step_plane(ax: Axes, arrays: Arrays) -> None:
    """Eigenvalues z of a step's Jacobian, while the step grows."""
    phase.unit_circle(ax)
    steps = np.linspace(1e-3, 2.0, 400)
    unrolling = int(arrays["config/unrolling"])
    gamma = float(arrays["config/consensus"])
    for rule, look in LOOKS.items():
        exact = np.stack([Point(step=h, gamma=gamma).closed_form(rule, unrolling).eigenvalues for h in steps])
        # Of each conjugate pair the upper one, of the optimiser's memory nothing: one curve a rule.
        measured = arrays[f"{rule}/steps/measured"]
        phase.eigenvalues(ax, _leading(measured), _leading(exact)[:, None], look, label=rule)
    ax.set(xlabel="Re z", ylabel="Im z", xlim=(-0.2, 2.3), ylim=(-0.1, 1.5), title="… of its step, h = 0 … 2")
    ax.legend(loc="upper right", fontsize=10, handlelength=1.0, borderaxespad=0.1)


def _leading(values: np.ndarray) -> np.ndarray:
    """Of each row the eigenvalue of largest modulus, with a non-negative imaginary part ``[rows]``."""
    lead = np.take_along_axis(values, np.abs(values).argmax(axis=1)[:, None], axis=1)[:, 0]
    upper: np.ndarray = lead.real + 1j * np.abs(lead.imag)
    return upper


def _distances(ax: Axes, arrays: Arrays) -> None:
    """Distance to the equilibrium over steps, with the slope of the closed form where the game converges."""
    for title, rule, _, _, _ in PANELS:
        distance = np.linalg.norm(arrays[f"{rule}/{title}/path"][0], axis=1)
        ax.plot(distance, color=COLORS[title], linewidth=1.6)
        if title in [panel[0] for panel in PANELS[4:]]:
            radius = np.abs(arrays[f"{rule}/{title}/exact"][0]).max()
            half = len(distance) // 2
            late = np.arange(half, len(distance))
            ax.plot(late, distance[half] * radius ** (late - half), color=BLACK, linestyle=":", linewidth=1.4, zorder=5)
    ax.set(yscale="log", xlabel="step n", ylabel="distance to (0, 0)", ylim=(1e-5, 10.0))
    ax.set_title("colours as above; dotted: |z|ⁿ")
