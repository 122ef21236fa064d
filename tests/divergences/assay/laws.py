"""Densities of laws that are written down as plain data, in 38 digits, from the textbook: nothing of gan_jax or NumPyro.

A *spec* is ``[family, {parameter: decimal string}, [specs that it is made of]]``, the parameters under NumPyro's names:

    ["Gamma", {"concentration": "0.5", "rate": "2"}, []]
    ["Mixture", {"weight": "0.25"}, [first, second]]          weight of the first
    ["Truncated", {"low": "-1"}, [base]]                      low, high or both
    ["Affine", {"loc": "3", "scale": "-2"}, [base]]
    ["Exp", {}, [base]], ["Sigmoid", {}, [base]], ["Folded", {}, [base]]

A point of the line is an anchor and an offset, ``Point(a, t)``, so that the distance from the end of a support is exact
however small it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import mpmath

from tests.divergences.assay.arithmetic import (
    HALF,
    LOG_2,
    LOG_2PI,
    ONE,
    PI,
    TWO,
    ZERO,
    Number,
    atan,
    by_mpmath,
    cos,
    erfc,
    exp,
    expm1,
    log,
    log1p,
    log_gamma,
    log_sum,
    number,
    softplus,
    sqrt,
)

Spec = list[Any]


class Point(NamedTuple):
    """``x = a + t``."""

    a: Number
    t: Number

    def minus(self, c: Number) -> Number:
        return self.t if self.a == c else (self.a - c) + self.t


class Mark(NamedTuple):
    """Where a density has a feature: an end or a jump (``edge``), a ``kink``, or the middle of something (``smooth``)."""

    position: Number
    kind: str


@dataclasses.dataclass(frozen=True)
class Law:
    """A density on the line.

    Attributes:
      log_density: of a point; None outside the support.
      marks: its features, ends of the support included.
      width: the scale of what is around its marks.
      low: where the support begins; None for minus infinity.
      high: where the support ends; None for infinity.
      weight_score: of a mixture, the derivative of the log-density in the weight of the first component.
      weight_slope: the same of the density.
    """

    log_density: Callable[[Point], Number | None]
    marks: tuple[Mark, ...]
    width: Number
    low: Number | None = None
    high: Number | None = None
    weight_score: Callable[[Point], Number] | None = None
    weight_slope: Callable[[Point], Number] | None = None


def _within(low: Number | None, high: Number | None, log_density: Callable[[Point], Number]) -> Any:
    def guarded(point: Point) -> Number | None:
        if low is not None and point.minus(low) <= 0:
            return None
        if high is not None and point.minus(high) >= 0:
            return None
        return log_density(point)

    return guarded


def _on(low: Number | None, high: Number | None, log_density: Any, width: Number, *marks: Mark) -> Law:
    ends = tuple(Mark(end, "edge") for end in (low, high) if end is not None)
    return Law(_within(low, high, log_density), ends + marks, width, low, high)


def _positive(log_density_of_x_and_log: Callable[[Number, Number], Number], middle: Number, width: Number) -> Law:
    """A law on ``x > 0`` from its log-density as a function of ``x`` and ``log x``."""

    def log_density(point: Point) -> Number:
        x = point.minus(ZERO)
        return log_density_of_x_and_log(x, log(x))

    return _on(ZERO, None, log_density, width, Mark(middle, "smooth"))


def _unit(log_density_of_logs: Callable[[Number, Number], Number], middle: Number) -> Law:
    """A law on ``0 < x < 1`` from its log-density as a function of ``log x`` and ``log(1 - x)``."""

    def log_density(point: Point) -> Number:
        return log_density_of_logs(log(point.minus(ZERO)), log(-point.minus(ONE)))

    return _on(ZERO, ONE, log_density, HALF, Mark(middle, "smooth"))


def _real(shape: Callable[[Number], Number], loc: Number, scale: Number, kind: str = "smooth") -> Law:
    constant = log(scale)
    return Law(lambda point: shape(point.minus(loc) / scale) - constant, (Mark(loc, kind),), scale)


# ------------------------------------------------------------------------------------------------------- the whole line


def _normal(loc: Number, scale: Number) -> Law:
    half_log = LOG_2PI / 2
    return _real(lambda z: -z * z / 2 - half_log, loc, scale)


def _laplace(loc: Number, scale: Number) -> Law:
    return _real(lambda z: -abs(z) - LOG_2, loc, scale, "kink")


def _cauchy(loc: Number, scale: Number) -> Law:
    constant = log(PI)
    return _real(lambda z: -log1p(z * z) - constant, loc, scale)


def _logistic(loc: Number, scale: Number) -> Law:
    return _real(lambda z: -abs(z) - 2 * log1p(exp(-abs(z))), loc, scale)


def _gumbel(loc: Number, scale: Number) -> Law:
    return _real(lambda z: -z - exp(-z), loc, scale)


def _soft_laplace(loc: Number, scale: Number) -> Law:
    constant = log(TWO / PI)
    return _real(lambda z: constant - abs(z) - log1p(exp(-2 * abs(z))), loc, scale)


def _student(df: Number, loc: Number, scale: Number) -> Law:
    constant = log_gamma((df + 1) / 2) - log_gamma(df / 2) - log(df * PI) / 2
    return _real(lambda z: constant - (df + 1) / 2 * log1p(z * z / df), loc, scale)


def _asymmetric_laplace(loc: Number, scale: Number, asymmetry: Number) -> Law:
    left, right = scale * asymmetry, scale / asymmetry
    constant = log(left + right)

    def log_density(point: Point) -> Number:
        z = point.minus(loc)
        return (z / left if z < 0 else -z / right) - constant

    return Law(log_density, (Mark(loc, "kink"),), scale)


def _asymmetric_laplace_quantile(loc: Number, scale: Number, quantile: Number) -> Law:
    asymmetry = sqrt(quantile / (1 - quantile))
    return _asymmetric_laplace(loc, scale * asymmetry / quantile, asymmetry)


# ---------------------------------------------------------------------------------------------------------- a half-line


def _exponential(rate: Number) -> Law:
    constant = log(rate)
    return _positive(lambda x, _: constant - rate * x, 1 / rate, 1 / rate)


def _gamma(concentration: Number, rate: Number) -> Law:
    constant = concentration * log(rate) - log_gamma(concentration)
    width = sqrt(concentration) / rate
    return _positive(
        lambda x, log_x: constant + (concentration - 1) * log_x - rate * x,
        concentration / rate if concentration > 1 else 1 / rate,
        width if concentration > 1 else 1 / rate,
    )


def _chi2(df: Number) -> Law:
    return _gamma(df / 2, HALF)


def _inverse_gamma(concentration: Number, rate: Number) -> Law:
    constant = concentration * log(rate) - log_gamma(concentration)
    middle = rate / (concentration + 1)
    return _positive(lambda x, log_x: constant - (concentration + 1) * log_x - rate / x, middle, middle)


def _half_normal(scale: Number) -> Law:
    constant = log(TWO / PI) / 2 - log(scale)
    return _positive(lambda x, _: constant - (x / scale) ** 2 / 2, scale, scale)


def _half_cauchy(scale: Number) -> Law:
    constant = log(TWO / PI) - log(scale)
    return _positive(lambda x, _: constant - log1p((x / scale) ** 2), scale, scale)


def _weibull(scale: Number, concentration: Number) -> Law:
    log_scale = log(scale)
    constant = log(concentration) - log_scale

    def log_density(_: Number, log_x: Number) -> Number:
        z = log_x - log_scale
        return constant + (concentration - 1) * z - exp(concentration * z)

    return _positive(log_density, scale, scale / max(concentration, ONE))


def _log_normal(loc: Number, scale: Number) -> Law:
    constant = LOG_2PI / 2 + log(scale)
    middle = exp(loc)
    return _positive(
        lambda _, log_x: -(((log_x - loc) / scale) ** 2) / 2 - log_x - constant, middle, middle * min(scale, ONE)
    )


def _gompertz(concentration: Number, rate: Number) -> Law:
    constant = log(concentration) + log(rate)
    middle = log1p(1 / concentration) / rate
    return _positive(lambda x, _: constant + rate * x - concentration * expm1(rate * x), middle, middle)


def _dagum(concentration: Number, sharpness: Number, scale: Number) -> Law:
    constant, log_scale = log(sharpness) + log(concentration), log(scale)

    def log_density(_: Number, log_x: Number) -> Number:
        z = sharpness * (log_x - log_scale)
        return constant - log_x + concentration * z - (concentration + 1) * softplus(z)

    return _positive(log_density, scale, scale)


def _power_above(low: Number, alpha: Number) -> Law:
    """Density proportional to ``x^alpha`` above ``low``."""
    constant, log_low = log(-1 - alpha) - log(low), log(low)
    return _on(low, None, lambda point: constant + alpha * (log(point.minus(ZERO)) - log_low), low)


def _pareto(scale: Number, alpha: Number) -> Law:
    return _power_above(scale, -1 - alpha)


def _lower_truncated_power_law(alpha: Number, low: Number) -> Law:
    return _power_above(low, alpha)


def _levy(loc: Number, scale: Number) -> Law:
    constant = (log(scale) - LOG_2PI) / 2

    def log_density(point: Point) -> Number:
        x = point.minus(loc)
        return constant - scale / (2 * x) - log(x) * 3 / 2

    return _on(loc, None, log_density, scale, Mark(loc + scale / 3, "smooth"))


# ----------------------------------------------------------------------------------------------------------- an interval


def _uniform(low: Number, high: Number) -> Law:
    constant = -log(high - low)
    return _on(low, high, lambda _: constant, high - low)


def _beta(concentration1: Number, concentration0: Number) -> Law:
    a, b = concentration1, concentration0
    constant = log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    return _unit(lambda log_x, log_y: constant + (a - 1) * log_x + (b - 1) * log_y, a / (a + b))


def _beta_proportion(mean: Number, concentration: Number) -> Law:
    return _beta(mean * concentration, (1 - mean) * concentration)


def _kumaraswamy(concentration1: Number, concentration0: Number) -> Law:
    a, b = concentration1, concentration0
    constant = log(a) + log(b)

    def log_density(point: Point) -> Number:
        gap = -point.minus(ONE)
        log_x = log1p(-gap) if gap < HALF else log(point.minus(ZERO))
        return constant + (a - 1) * log_x + (b - 1) * log(-expm1(a * log_x))

    return _on(ZERO, ONE, log_density, HALF, Mark(HALF, "smooth"))


def _relaxed_bernoulli(temperature: Number, logits: Number) -> Law:
    return _sigmoid(_logistic(logits / temperature, 1 / temperature))


def _power_between(alpha: Number, low: Number, high: Number) -> Law:
    """Density proportional to ``x^alpha`` between ``low`` and ``high``."""
    span = log(high / low)
    grown = (alpha + 1) * span
    constant = -log(low) - (log(span) if grown == 0 else log(span * expm1(grown) / grown))
    log_low = log(low)
    return _on(low, high, lambda point: constant + alpha * (log(point.minus(ZERO)) - log_low), high - low)


def _log_uniform(low: Number, high: Number) -> Law:
    return _power_between(-ONE, low, high)


def _von_mises(loc: Number, concentration: Number) -> Law:
    constant = LOG_2PI + by_mpmath(lambda k: mpmath.log(mpmath.besseli(0, k)), concentration)
    width = ONE if concentration < 1 else 1 / sqrt(concentration)
    return _on(-PI, PI, lambda point: concentration * cos(point.minus(loc)) - constant, width, Mark(loc, "smooth"))


# ------------------------------------------------------------------------------------------------- laws made out of laws


def _mixture(weight: Number, first: Law, second: Law) -> Law:
    parts = [(w, law) for w, law in ((weight, first), (1 - weight, second)) if w > 0]
    logs = [(log(w), law) for w, law in parts]

    def log_density(point: Point) -> Number | None:
        terms = [(w, law.log_density(point)) for w, law in logs]
        inside = [w + term for w, term in terms if term is not None]
        return log_sum(inside) if inside else None

    def weight_score(point: Point) -> Number:
        whole = log_density(point)
        sides = [law.log_density(point) for law in (first, second)]
        one, other = (ZERO if side is None else exp(side - whole) for side in sides)
        return one - other

    def weight_slope(point: Point) -> Number:
        one, other = (
            ZERO if side is None else exp(side) for side in (first.log_density(point), second.log_density(point))
        )
        return one - other

    lows, highs = [law.low for _, law in parts], [law.high for _, law in parts]
    return Law(
        log_density,
        tuple(mark for law in (first, second) for mark in law.marks),
        min(first.width, second.width),
        None if None in lows else min(lows),
        None if None in highs else max(highs),
        weight_score,
        weight_slope,
    )


_STANDARD_UPPER: dict[str, Callable[[Number], Number]] = {
    "Normal": lambda z: erfc(z / sqrt(TWO)) / 2,
    "Laplace": lambda z: exp(-z) / 2 if z > 0 else 1 - exp(z) / 2,
    "Cauchy": lambda z: atan(1 / z) / PI if z > 1 else HALF - atan(z) / PI,
    "Logistic": lambda z: exp(-softplus(z)),
    "SoftLaplace": lambda z: atan(exp(-z)) * 2 / PI,
}


def _mass_between(spec: Spec, values: list[Number], low: Number | None, high: Number | None) -> Number:
    """The probability of an interval under a law of one of the families that NumPyro truncates."""
    family = spec[0]
    if family == "Gamma":
        shape, rate = values
        ends = [ZERO if low is None else low * rate, number("1e9") if high is None else high * rate]
        return by_mpmath(
            lambda a, x, y: mpmath.gammainc(a, x, y if high is not None else mpmath.inf, True), shape, *ends
        )
    loc, scale = values[-2:]
    ends = [None if end is None else (end - loc) / scale for end in (low, high)]
    if ends[1] is not None and (ends[0] is None or ends[0] + ends[1] < 0):
        ends = [-ends[1], None if ends[0] is None else -ends[0]]  # All of these families are symmetric.
    if family == "StudentT":
        sides = [
            None
            if z is None
            else by_mpmath(
                lambda z, df: mpmath.quad(
                    lambda t: (
                        mpmath.gamma((df + 1) / 2)
                        / (mpmath.sqrt(df * mpmath.pi) * mpmath.gamma(df / 2))
                        * (1 + t * t / df) ** (-(df + 1) / 2)
                    ),
                    [z, max(z + 1, 1), max(z + 10, 10), mpmath.inf],
                ),
                z,
                values[0],
            )
            for z in ends
        ]
    else:
        sides = [None if z is None else _STANDARD_UPPER[family](z) for z in ends]
    return (ONE if sides[0] is None else sides[0]) - (ZERO if sides[1] is None else sides[1])


def _truncated(base: Law, mass: Number, low: Number | None, high: Number | None) -> Law:
    bottom = base.low if low is None else low
    top = base.high if high is None else high
    constant = log(mass)
    inside = [m for m in base.marks if (bottom is None or m.position > bottom) and (top is None or m.position < top)]
    width = base.width if bottom is None or top is None else min(base.width, top - bottom)
    return _on(bottom, top, lambda point: base.log_density(point) - constant, width, *inside)


def _affine(loc: Number, scale: Number, base: Law) -> Law:
    moved = {loc + scale * mark.position: mark.position for mark in base.marks}
    constant = log(abs(scale))

    def log_density(point: Point) -> Number | None:
        inner = moved.get(point.a)
        value = base.log_density(Point((point.a - loc) / scale if inner is None else inner, point.t / scale))
        return None if value is None else value - constant

    ends = [None if end is None else loc + scale * end for end in (base.low, base.high)]
    low, high = ends if scale > 0 else ends[::-1]
    marks = tuple(Mark(loc + scale * mark.position, mark.kind) for mark in base.marks)
    return Law(log_density, marks, abs(scale) * base.width, low, high)


def _exp(base: Law) -> Law:
    corners = {exp(mark.position): mark.position for mark in base.marks}

    def log_density(point: Point) -> Number | None:
        y = point.minus(ZERO)
        if y <= 0:
            return None
        inner = corners.get(point.a)
        log_y = log(y)
        value = base.log_density(Point(log_y, ZERO) if inner is None else Point(inner, log1p(point.t / point.a)))
        return None if value is None else value - log_y

    low, high = ZERO if base.low is None else exp(base.low), None if base.high is None else exp(base.high)
    marks = tuple(Mark(exp(mark.position), mark.kind) for mark in base.marks)
    width = min(mark.position for mark in marks) * min(base.width, ONE)
    return Law(log_density, marks + ((Mark(ZERO, "edge"),) if base.low is None else ()), width, low, high)


def _sigmoid(base: Law) -> Law:
    """Of a law on the whole line."""

    def log_density(point: Point) -> Number | None:
        x, y = point.minus(ZERO), -point.minus(ONE)
        if x <= 0 or y <= 0:
            return None
        log_x, log_y = log(x), log(y)
        return base.log_density(Point(log_x - log_y, ZERO)) - log_x - log_y

    marks = tuple(Mark(1 / (1 + exp(-mark.position)), mark.kind) for mark in base.marks)
    return Law(log_density, (Mark(ZERO, "edge"), Mark(ONE, "edge"), *marks), HALF, ZERO, ONE)


def _folded(base: Law) -> Law:
    """Of a law on the whole line."""

    def log_density(point: Point) -> Number | None:
        if point.minus(ZERO) <= 0:
            return None
        return log_sum([base.log_density(point), base.log_density(Point(-point.a, -point.t))])

    marks = tuple(Mark(abs(mark.position), mark.kind) for mark in base.marks)
    return Law(log_density, (Mark(ZERO, "edge"), *marks), base.width, ZERO, None)


# ------------------------------------------------------------------------------------------------------------- from data

FAMILIES: dict[str, Callable[..., Law]] = {
    "AsymmetricLaplace": _asymmetric_laplace,
    "AsymmetricLaplaceQuantile": _asymmetric_laplace_quantile,
    "Beta": _beta,
    "BetaProportion": _beta_proportion,
    "Cauchy": _cauchy,
    "Chi2": _chi2,
    "Dagum": _dagum,
    "DoublyTruncatedPowerLaw": _power_between,
    "Exponential": _exponential,
    "Gamma": _gamma,
    "Gompertz": _gompertz,
    "Gumbel": _gumbel,
    "HalfCauchy": _half_cauchy,
    "HalfNormal": _half_normal,
    "InverseGamma": _inverse_gamma,
    "Kumaraswamy": _kumaraswamy,
    "Laplace": _laplace,
    "Levy": _levy,
    "LogNormal": _log_normal,
    "LogUniform": _log_uniform,
    "Logistic": _logistic,
    "LowerTruncatedPowerLaw": _lower_truncated_power_law,
    "Normal": _normal,
    "Pareto": _pareto,
    "RelaxedBernoulliLogits": _relaxed_bernoulli,
    "SoftLaplace": _soft_laplace,
    "StudentT": _student,
    "Uniform": _uniform,
    "VonMises": _von_mises,
    "Weibull": _weibull,
}


def parameters(spec: Spec, path: str = "") -> list[tuple[str, Number]]:
    """Names and values of all parameters of a spec, the law's own before those of what it is made of."""
    _family, own, parts = spec
    found = [(f"{path}{name}", number(value)) for name, value in own.items()]
    for k, part in enumerate(parts):
        found += parameters(part, f"{path}{k}." if len(parts) > 1 else f"{path}base.")
    return found


def build(spec: Spec, values: list[Number] | None = None) -> Law:
    """The law of a spec, with other parameters (in the order of ``parameters``) where ``values`` are given."""
    return _build(spec, iter(values if values is not None else [value for _, value in parameters(spec)]))


def _build(spec: Spec, values: Iterator[Number]) -> Law:
    family, own, parts = spec
    given = {name: next(values) for name in own}
    if family in FAMILIES:
        return FAMILIES[family](**given)
    if family == "Truncated":
        inner = [next(values) for _ in parts[0][1]]
        low, high = given.get("low"), given.get("high")
        return _truncated(build(parts[0], inner), _mass_between(parts[0], inner, low, high), low, high)
    made = [_build(part, values) for part in parts]
    combine = {"Mixture": _mixture, "Affine": _affine, "Exp": _exp, "Sigmoid": _sigmoid, "Folded": _folded}[family]
    return combine(*given.values(), *made)
