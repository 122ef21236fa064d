"""What ``dirac_gan`` finds: its claims and its table."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from experiments.framework import AT_LEAST, EQUAL, Arrays, Claim, TableRow, theorem
from experiments.game.dirac_gan.experiment import NEAR, PANELS
from experiments.game.dirac_gan.theory import RULES

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
    return [*_section_7(arrays), *_every_combination(arrays), *_paths(arrays)]


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
    what, source = (
        "WGAN-GP: the field jumps by 4λ where ψ = 0, so that no Jacobian exists",
        "∂ψ λ(|ψ| − 1)² = 2λ(ψ − sign ψ)",
    )
    return [*result, theorem(what, source, 4 * weight, sides[1] - sides[0], CLOSE, EQUAL, "1e-5 asked for")]


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
        result.append(theorem(what, source, 0.0, path, CLOSE, EQUAL, "1e-5: quadratic terms over all steps"))
    return result


def _distance(arrays: Arrays, rule: str, group: str) -> np.ndarray:
    """Of a path to the equilibrium, at every step."""
    found: np.ndarray = np.linalg.norm(arrays[f"{rule}/{group}/path"][0], axis=1)
    return found


def _paths(arrays: Arrays) -> list[Claim]:
    return _without_a_penalty(arrays) + _contractions(arrays) + [_round_the_equilibrium(arrays)]


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


def _round_the_equilibrium(arrays: Arrays) -> Claim:
    theta, psi = arrays["simultaneous/WGAN-GP/path"][0].T
    crossing = np.flatnonzero(psi[1:] * psi[:-1] <= 0)
    weight = 0.5 * float(arrays["config/gamma"])
    # From ψ > 0 a step crosses where ψ + h (−θ − 2λ(ψ − 1)) ≤ 0: θ ≥ 2λ + ψ (1/h − 2λ). The path begins on ψ = 0, hence from the second.
    nearest = float(np.abs(theta[crossing][1:]).min()) if len(crossing) > 1 else np.nan
    what = f"WGAN-GP: it goes round the equilibrium, |θ| ≥ 2λ at each of {len(crossing) - 1} crossings of ψ = 0"
    return theorem(what, "sign of the field where ψ = 0, for 2λh < 1", 2 * weight, nearest, 1e-9, AT_LEAST, "rounding")


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
