"""The assay's data: what it covers, that its seed draws it, and that its truths are those of closed forms and of mpmath."""

from __future__ import annotations

from decimal import Decimal

import jax
import mpmath
import numpy as np
import pytest

from gan_jax.distributions import log_density
from tests.divergences.assay import arithmetic, built, checking, drawing, generate, laws, truth
from tests.tiers import some


def _rows(kind: str) -> list[checking.Row]:
    found = [row for row in checking.rows() if row["name"].startswith(f"{kind} ")]
    assert found
    return found


def _numbers(spec: laws.Spec) -> list[mpmath.mpf]:
    return [mpmath.mpf(value) for value in spec[1].values()]


def _close(told: str, value: mpmath.mpf, within: str = "1e-15") -> bool:
    return abs(mpmath.mpf(told) - value) <= mpmath.mpf(within) * abs(value)


def test_three_hundred_pairs_of_every_family() -> None:
    assert len(checking.rows()) >= 300
    assert {row["p"][0] for row in checking.rows()} >= set(drawing.FAMILIES) | {"Mixture", "Truncated", "Affine", "Exp"}


def test_the_seed_draws_them() -> None:
    draws = [{name: [p, q] for name, p, q in drawing.pairs(lambda _, k=k: k)} for k in range(generate.TRIES)]
    for row in checking.rows():
        assert [row["p"], row["q"]] in [draw[row["name"]] for draw in draws], row["name"]


def test_normals_have_their_closed_forms() -> None:
    with mpmath.workdps(30):
        for row in _rows("two of Normal"):
            (m, s), (n, t) = _numbers(row["p"]), _numbers(row["q"])
            assert _close(
                row["values"]["kl"], mpmath.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - mpmath.mpf(1) / 2
            )
            assert _close(row["values"]["wasserstein_2"], mpmath.sqrt((m - n) ** 2 + (s - t) ** 2))
            overlap = mpmath.sqrt(2 * s * t / (s**2 + t**2)) * mpmath.exp(-((m - n) ** 2) / (4 * (s**2 + t**2)))
            assert _close(row["values"]["squared_hellinger"], 1 - overlap)
            chi = t**2 / (s * mpmath.sqrt(2 * t**2 - s**2)) * mpmath.exp((m - n) ** 2 / (2 * t**2 - s**2)) - 1
            told = row["values"]["chi_squared"]
            assert told == "inf" if 2 * t**2 <= s**2 else _close(told, chi)


def test_exponentials_have_their_closed_forms() -> None:
    with mpmath.workdps(30):
        for row in _rows("two of Exponential"):
            (a,), (b,) = _numbers(row["p"]), _numbers(row["q"])
            assert _close(row["values"]["kl"], mpmath.log(a / b) + b / a - 1)
            assert _close(row["values"]["wasserstein_1"], abs(1 / a - 1 / b))
            assert _close(row["values"]["wasserstein_2"], mpmath.sqrt(2) * abs(1 / a - 1 / b))
            # Derivatives are stored with ten digits.
            assert _close(row["gradients"]["p.rate"]["kl"], 1 / a - b / a**2, "1e-9")


def _moves(spec: laws.Spec, scaled: bool) -> list[float] | None:
    """By how much a law's parameters change when its points are shifted, or scaled; None where that is not one of the family."""
    family, own, parts = spec
    numbers = {name: float(value) for name, value in own.items()}
    inside = [_moves(part, scaled) for part in parts]
    rest = [] if None in inside else [move for moves in inside for move in moves]
    if family in ("Mixture", "Truncated") and None not in inside:
        moving = ("low", "high")
    elif family == "Affine":
        moving, rest = (("loc", "scale") if scaled else ("loc",)), [0.0] * len(built.parameters(parts[0]))
    elif family in PLACED:
        moving = ("loc", "scale", "low", "high") if scaled else ("loc", "low", "high")
    elif family in ("Exponential", "Gamma", "Gompertz") and scaled:
        return [-value if name == "rate" else 0.0 for name, value in numbers.items()]
    elif (
        family in ("HalfNormal", "HalfCauchy", "Weibull", "Dagum", "Pareto", "DoublyTruncatedPowerLaw", "LogUniform")
        and scaled
    ):
        moving = ("scale", "low", "high")
    else:
        return None
    return [(numbers[name] if scaled else 1.0) if name in moving else 0.0 for name in own] + rest


PLACED = (
    "Normal", "Laplace", "Cauchy", "Logistic", "Gumbel", "SoftLaplace", "StudentT", "AsymmetricLaplace",
    "AsymmetricLaplaceQuantile", "Levy", "Uniform",
)  # fmt: skip


@pytest.mark.parametrize("scaled", [False, True])
def test_gradients_know_that_units_do_not_matter(scaled: bool) -> None:
    """Shifted or scaled together, two laws are as far apart as before; a distance is scaled with them (Euler)."""
    met = 0
    for row in checking.rows():
        of_p, of_q = (_moves(row[side], scaled) for side in ("p", "q"))
        if of_p is None or of_q is None:
            continue
        moves = [Decimal(move) for move in of_p + of_q]
        for quantity, value in row["values"].items():
            told = [slopes.get(quantity) for slopes in row["gradients"].values()]
            known = [slope is not None or not move for slope, move in zip(told, moves, strict=True)]
            if all(slope is None for slope in told) or not all(known):
                continue
            changes = [Decimal(slope or 0) * move for slope, move in zip(told, moves, strict=True)]
            whole = Decimal(value if scaled and quantity.startswith("wasserstein") else 0)
            size = max(abs(change) for change in [*changes, whole])
            # Ten digits are stored, of the largest component; what is left of two laws that do not overlap is rounding.
            assert abs(sum(changes) - whole) <= Decimal("1e-8") * size + Decimal("1e-15"), (row["name"], quantity)
            met += 1
    assert met > 500


@pytest.mark.exhaustive
def test_densities_are_those_of_numpyro() -> None:
    """Of every structure: the names of the parameters mean the same."""
    with jax.enable_x64(True):
        _agree_with_numpyro()


def _agree_with_numpyro() -> None:
    met = set()
    for row in checking.rows():
        for spec in (row["p"], row["q"]):
            if str(built.skeleton(spec)) in met:
                continue
            met.add(str(built.skeleton(spec)))
            law = laws.build(spec)
            theirs = built.build(spec, np.asarray(built.parameters(spec), np.float64))
            for mark in law.marks[:3]:
                for step in (-1.3, -0.4, 0.3, 1.7):
                    x = np.float64(float(mark.position) + step * float(law.width))
                    ours = law.log_density(laws.Point(arithmetic.number(float(x)), arithmetic.ZERO))
                    if ours is not None:
                        assert float(log_density(theirs, x)) == pytest.approx(float(ours), rel=1e-9, abs=1e-9), spec


@pytest.mark.slow
@pytest.mark.parametrize("name", some(["two of Uniform 1", "two of Exponential 1", "Beta, unit interval 1"], 3))
def test_truths_come_out_again(name: str) -> None:
    """With whatever arithmetic there is: the stored ones come from gmpy2, the tests' environment has mpmath alone."""
    row = next(row for row in checking.rows() if row["name"] == name)
    found = truth.truth(row["p"], row["q"], gradients=False)
    for quantity, told in row["values"].items():
        value = mpmath.mpf(arithmetic.text(found.values[quantity], 20))
        assert value == mpmath.mpf(told) or _close(told, value), quantity
