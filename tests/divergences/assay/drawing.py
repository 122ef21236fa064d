"""Some three hundred pairs of laws, drawn by a seed.

Every parameter has 11 significant bits, so that it is the same number in single precision, in double and as a decimal.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import Decimal

from tests.divergences.assay.laws import Spec

Draw = Callable[["Dice"], Spec]


def decimal(x: float) -> str:
    """A number rounded to 11 bits, in full."""
    if x == 0:
        return "0"
    mantissa, exponent = math.frexp(x)
    return f"{Decimal(math.ldexp(round(mantissa * 2048) / 2048, exponent)).normalize():f}"


class Dice:
    """Random numbers for one pair, with a common place and scale, so that its laws meet."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.scale = self.between(1e-3, 1e3)
        self.loc = self.scale * self.random.uniform(-4, 4)

    def between(self, low: float, high: float) -> float:
        """Uniform in the logarithm."""
        return low * (high / low) ** self.random.random()

    def size(self) -> float:
        return self.scale * self.between(0.2, 5.0)

    def place(self) -> float:
        return self.loc + self.scale * self.random.gauss(0, 1)

    def sure(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)


def law(family: str, **parameters: float) -> Spec:
    return [family, {name: decimal(value) for name, value in parameters.items()}, []]


FAMILIES: dict[str, Callable[[Dice], dict[str, float]]] = {
    "Normal": lambda d: {"loc": d.place(), "scale": d.size()},
    "Laplace": lambda d: {"loc": d.place(), "scale": d.size()},
    "Cauchy": lambda d: {"loc": d.place(), "scale": d.size()},
    "Logistic": lambda d: {"loc": d.place(), "scale": d.size()},
    "Gumbel": lambda d: {"loc": d.place(), "scale": d.size()},
    "SoftLaplace": lambda d: {"loc": d.place(), "scale": d.size()},
    "StudentT": lambda d: {"df": d.between(0.3, 50), "loc": d.place(), "scale": d.size()},
    "AsymmetricLaplace": lambda d: {"loc": d.place(), "scale": d.size(), "asymmetry": d.between(0.2, 5)},
    "AsymmetricLaplaceQuantile": lambda d: {"loc": d.place(), "scale": d.size(), "quantile": d.sure(0.05, 0.95)},
    "Exponential": lambda d: {"rate": 1 / d.size()},
    "Gamma": lambda d: {"concentration": d.between(0.02, 100), "rate": 1 / d.size()},
    "Chi2": lambda d: {"df": d.between(0.1, 50)},
    "InverseGamma": lambda d: {"concentration": d.between(0.2, 20), "rate": d.size()},
    "HalfNormal": lambda d: {"scale": d.size()},
    "HalfCauchy": lambda d: {"scale": d.size()},
    "Weibull": lambda d: {"scale": d.size(), "concentration": d.between(0.1, 10)},
    "LogNormal": lambda d: {"loc": math.log(d.size()), "scale": d.between(0.1, 8)},
    "Gompertz": lambda d: {"concentration": d.between(0.05, 20), "rate": 1 / d.size()},
    "Dagum": lambda d: {"concentration": d.between(0.2, 5), "sharpness": d.between(0.4, 10), "scale": d.size()},
    "Pareto": lambda d: {"scale": d.size(), "alpha": d.between(0.3, 10)},
    "LowerTruncatedPowerLaw": lambda d: {"alpha": -1 - d.between(0.3, 8), "low": d.size()},
    "DoublyTruncatedPowerLaw": lambda d: {"alpha": d.sure(-4, 3), **_interval(d)},
    "LogUniform": lambda d: _interval(d),
    "Levy": lambda d: {"loc": d.place(), "scale": d.size()},
    "Uniform": lambda d: (lambda low: {"low": low, "high": low + d.size()})(d.place()),
    "Beta": lambda d: {"concentration1": d.between(0.05, 50), "concentration0": d.between(0.05, 50)},
    "BetaProportion": lambda d: {"mean": d.sure(0.05, 0.95), "concentration": d.between(0.1, 100)},
    "Kumaraswamy": lambda d: {"concentration1": d.between(0.1, 20), "concentration0": d.between(0.1, 20)},
    "RelaxedBernoulliLogits": lambda d: {"temperature": d.between(0.1, 5), "logits": d.random.gauss(0, 2)},
    "VonMises": lambda d: {"loc": d.sure(-3, 3), "concentration": d.between(0.05, 100)},
}


def _interval(d: Dice) -> dict[str, float]:
    low = d.size()
    return {"low": low, "high": low * d.between(1.5, 1000)}


def of(family: str) -> Draw:
    return lambda d: law(family, **FAMILIES[family](d))


def fixed(spec: Spec) -> Draw:
    return lambda _: spec


UNIT = law("Uniform", low=0, high=1)


def made(family: str, base: Draw, **parameters: Callable[[Dice], float]) -> Draw:
    return lambda d: [family, {name: decimal(value(d)) for name, value in parameters.items()}, [base(d)]]


def mixture(weight: Callable[[Dice], float], first: Draw, second: Draw) -> Draw:
    return lambda d: ["Mixture", {"weight": decimal(weight(d))}, [first(d), second(d)]]


def narrow(family: str = "Normal") -> Draw:
    """A component of 1e-4 scales, up to a thousand scales away."""

    def draw(d: Dice) -> Spec:
        loc = d.loc + d.scale * d.between(1, 1000) * d.random.choice((-1, 1))
        return law(family, loc=loc, scale=d.scale * d.between(1e-4, 1e-2))

    return draw


def rare(d: Dice) -> float:
    return d.between(1e-6, 0.5)


def near(family: str, size: float) -> Callable[[Dice], tuple[Spec, Spec]]:
    """A law and itself with every parameter moved a little."""

    def draw(d: Dice) -> tuple[Spec, Spec]:
        first = law(family, **FAMILIES[family](d))
        scale = float(first[1].get("scale", 1))
        second = {
            name: float(v) + (scale if name == "loc" else float(v)) * max(size, 2.0**-9) * d.random.choice((-1, 1))
            for name, v in first[1].items()
        }
        return first, law(family, **second)

    return draw


def tiny(family: str) -> Callable[[Dice], tuple[Spec, Spec]]:
    """A law of place 0 and itself moved by 1e-5 to 1e-4 of its scale: Jensen-Shannon is some 1e-10."""

    def draw(d: Dice) -> tuple[Spec, Spec]:
        first = {**FAMILIES[family](d), "loc": 0.0}
        return law(family, **first), law(family, **{**first, "loc": first["scale"] * d.between(1e-5, 1e-4)})

    return draw


def far(family: str) -> Callable[[Dice], tuple[Spec, Spec]]:
    """Two laws some tens of scales apart."""

    def draw(d: Dice) -> tuple[Spec, Spec]:
        first, second = FAMILIES[family](d), FAMILIES[family](d)
        second["loc"] = first["loc"] + d.between(8, 60) * (first["scale"] + second["scale"])
        return law(family, **first), law(family, **second)

    return draw


def both(first: Draw, second: Draw) -> Callable[[Dice], tuple[Spec, Spec]]:
    return lambda d: (first(d), second(d))


def _between(low: Draw) -> Draw:
    """A truncation of a law to an interval around its middle."""

    def draw(d: Dice) -> Spec:
        base = low(d)
        loc, scale = float(base[1]["loc"]), float(base[1]["scale"])
        ends = {"low": loc - scale * d.between(0.3, 6), "high": loc + scale * d.between(0.3, 6)}
        return ["Truncated", {name: decimal(x) for name, x in ends.items()}, [base]]

    return draw


def _one_sided(base: Draw, side: str) -> Draw:
    def draw(d: Dice) -> Spec:
        inner = base(d)
        end = float(inner[1]["loc"]) + float(inner[1]["scale"]) * d.random.gauss(0, 1)
        return ["Truncated", {side: decimal(end)}, [inner]]

    return draw


def _gamma_between(*sides: str) -> Draw:
    def draw(d: Dice) -> Spec:
        inner = law("Gamma", concentration=d.between(0.1, 20), rate=1 / d.size())
        mean = float(inner[1]["concentration"]) / float(inner[1]["rate"])
        ends = {"low": mean * d.sure(0.1, 0.8), "high": mean * d.sure(1.2, 4)}
        return ["Truncated", {side: decimal(ends[side]) for side in sides}, [inner]]

    return draw


def _kinds() -> list[tuple[str, int, Callable[[Dice], tuple[Spec, Spec]]]]:
    """Names, numbers of pairs and how they are drawn."""
    normal = of("Normal")
    on_one = lambda d: 1.0  # noqa: E731
    kinds = [(f"two of {family}", 3, both(of(family), of(family))) for family in FAMILIES]
    kinds += [
        (f"{a}, {b}", n, both(of(a), of(b)))
        for a, b, n in (
            ("Normal", "StudentT", 4), ("Laplace", "Gumbel", 4), ("Cauchy", "Logistic", 4), ("AsymmetricLaplace", "Normal", 4),
            ("SoftLaplace", "Normal", 4), ("Gamma", "Exponential", 6), ("Gamma", "LogNormal", 4), ("Weibull", "Gamma", 4),
            ("InverseGamma", "LogNormal", 4), ("HalfNormal", "Gompertz", 4), ("HalfCauchy", "Dagum", 4),
            ("Weibull", "HalfCauchy", 4), ("Beta", "Kumaraswamy", 4), ("RelaxedBernoulliLogits", "Beta", 4),
            ("Uniform", "Normal", 4), ("Gamma", "Normal", 4), ("Pareto", "Exponential", 4), ("LogUniform", "Gamma", 4),
            ("Levy", "Normal", 3), ("Uniform", "Exponential", 4),
        )
    ]  # fmt: skip
    kinds += [
        ("Beta, unit interval", 6, both(of("Beta"), fixed(UNIT))),
        ("sigmoid of a Normal", 5, both(_of_normal("Sigmoid", lambda d: d.random.gauss(0, 2), 5), of("Beta"))),
        ("exp of a Normal", 4, both(_of_normal("Exp", lambda d: math.log(d.size()), 4), of("Gamma"))),
        ("exp of a Laplace", 3, both(_exp_of_laplace, of("LogNormal"))),
        ("affine Gamma", 4, both(_affine_gamma, normal)),
        ("affine Student", 3, both(_affine_student, normal)),
        ("affine Beta", 3, both(made("Affine", of("Beta"), loc=Dice.place, scale=lambda d: -d.size()), of("Uniform"))),
        ("folded Normal", 4, both(made("Folded", normal), of("HalfNormal"))),
        ("truncated Normal", 5, both(_between(normal), of("Uniform"))),
        ("truncated Cauchy, narrow", 6, both(_narrow_cauchy, of("Uniform"))),
        ("Normal above", 4, both(_one_sided(normal, "low"), normal)),
        ("Laplace below", 4, both(_one_sided(of("Laplace"), "high"), normal)),
        ("truncated Students", 3, both(_between(of("StudentT")), _between(of("StudentT")))),
        ("truncated Logistic", 3, both(_between(of("Logistic")), normal)),
        ("SoftLaplace above", 3, both(_one_sided(of("SoftLaplace"), "low"), of("Laplace"))),
        ("truncated Gamma", 4, both(_gamma_between("low", "high"), of("Gamma"))),
        ("Gamma above", 3, both(_gamma_between("low"), of("Gamma"))),
        ("Gamma below", 3, both(_gamma_between("high"), of("Exponential"))),
        ("narrow and far", 16, both(mixture(rare, narrow(), normal), normal)),
        ("two mixtures", 8, both(mixture(rare, normal, normal), mixture(rare, narrow(), normal))),
        ("a mixture and a Cauchy", 4, both(mixture(rare, narrow(), normal), of("Cauchy"))),
        ("mixed Gammas", 4, both(mixture(rare, of("Gamma"), of("Gamma")), of("LogNormal"))),
        ("mixed intervals", 4, both(mixture(rare, of("Uniform"), of("Uniform")), normal)),
        ("mixed kinds", 4, both(mixture(rare, narrow("Laplace"), normal), of("Logistic"))),
        ("weight 0", 4, both(mixture(lambda d: 0.0, normal, normal), _wide)),
        ("weight 1", 4, both(mixture(on_one, normal, normal), _wide)),
    ]  # fmt: skip
    kinds += [(f"near: {family}", 3, near(family, 1e-3)) for family in ("Gamma", "Beta", "LogNormal", "Weibull")]
    kinds += [(f"very near: {family}", 3, tiny(family)) for family in ("Normal", "Cauchy", "StudentT", "Laplace")]
    kinds += [(f"far: {family}", 3, far(family)) for family in ("Normal", "Laplace", "Logistic", "StudentT")]
    return kinds


def _of_normal(family: str, loc: Callable[[Dice], float], widest: float) -> Draw:
    return lambda d: [family, {}, [law("Normal", loc=loc(d), scale=d.between(0.1, widest))]]


def _exp_of_laplace(d: Dice) -> Spec:
    return ["Exp", {}, [law("Laplace", loc=math.log(d.size()), scale=d.between(0.05, 1.5))]]


def _affine_gamma(d: Dice) -> Spec:
    own = {"loc": decimal(d.place()), "scale": decimal(d.random.choice((-1, 1)) * d.size())}
    return ["Affine", own, [law("Gamma", concentration=d.between(0.1, 20), rate=1.0)]]


def _affine_student(d: Dice) -> Spec:
    own = {"loc": decimal(d.place()), "scale": decimal(d.size())}
    return ["Affine", own, [law("StudentT", df=d.between(1, 20), loc=0.0, scale=1.0)]]


def _narrow_cauchy(d: Dice) -> Spec:
    scale = d.scale * d.between(1e-6, 1e-2)
    ends = {"low": decimal(d.loc - d.size()), "high": decimal(d.loc + d.size())}
    return ["Truncated", ends, [law("Cauchy", loc=d.loc, scale=scale)]]


def _wide(d: Dice) -> Spec:
    return law("Normal", loc=d.place(), scale=6 * d.scale)


def pairs(attempt: Callable[[str], int]) -> list[tuple[str, Spec, Spec]]:
    """Names and specs of all pairs; ``attempt`` says how many draws for a name are to be passed over."""
    drawn = []
    for kind, count, draw in _kinds():
        for k in range(count):
            name = f"{kind} {k + 1}"
            drawn.append((name, *draw(Dice(f"{name} {attempt(name)}"))))
    return drawn
