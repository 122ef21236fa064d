"""Holds ``gan_jax.divergences.exact`` against ``assay.json``.

    python -m tests.divergences.assay.checking              every pair, every quantity, every derivative: a list of failures

A value *holds* when it is right, is *refused* when it is NaN in a traced call (an eager one raises), and *fails* otherwise.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.divergences import accuracy, exact
from gan_jax.typing import Array
from tests.divergences.assay import built

Row = dict[str, Any]

FUNCTIONS: dict[str, tuple[Callable[..., Array], dict[str, float]]] = {
    "kl": (exact.kl, {}),
    "jensen_shannon": (exact.jensen_shannon, {}),
    "total_variation": (exact.total_variation, {}),
    "squared_hellinger": (exact.squared_hellinger, {}),
    "chi_squared": (exact.chi_squared, {}),
    "wasserstein_1": (exact.wasserstein, {"order": 1}),
    "wasserstein_2": (exact.wasserstein, {"order": 2}),
}
ORDER = (
    "kl",
    "kl_reversed",
    "jensen_shannon",
    "squared_hellinger",
    "chi_squared",
    "chi_squared_reversed",
    "total_variation",
    "wasserstein_1",
    "wasserstein_2",
)
"""Of the quantities in ``assay.json``."""
QUANTITIES = (*FUNCTIONS, "kl_reversed", "chi_squared_reversed")

VALUE = {"float64": 1e-6, "float32": 1e-4}
"""Relative: what ``exact`` promises."""
ROUNDING = {"float64": 1e-9, "float32": 1e-5}
"""Relative: roundings of parameters, nodes and log-densities, which no estimate of an error contains."""
SLOPE = {"float64": 1e-5, "float32": 1e-3}
"""Of a derivative, relative to the largest component of the gradient, each in units of its parameter's size."""


@lru_cache
def rows() -> list[Row]:
    return [_row(*packed) for packed in json.loads(Path(__file__).with_name("assay.json").read_text())]


def _row(
    name: str, p: built.Spec, q: built.Spec, values: list[str | None], gradients: list[list[str | None] | None]
) -> Row:
    """As ``generate`` packed it."""
    named = [f"{side}.{path}" for side, spec in (("p", p), ("q", q)) for path in built.names(spec)]
    return {
        "name": name,
        "p": p,
        "q": q,
        "values": {quantity: value for quantity, value in zip(ORDER, values, strict=True) if value is not None},
        "gradients": {
            path: {quantity: of[k] for quantity, of in zip(ORDER, gradients, strict=True) if of is not None}
            for k, path in enumerate(named)
        },
    }


@dataclasses.dataclass
class Outcome:
    """What became of one value, gradient or estimate of an error: ``right``, ``refused`` or ``wrong``, and what was found.

    ``ratio`` is how often an estimate, with the rounding that is stated beside it, goes into the error that there is.
    """

    row: Row
    quantity: str
    what: str
    kind: str
    line: str = ""
    ratio: float = 0.0


class Found(NamedTuple):
    """What ``exact`` says: the value that a caller sees, NaN where it is refused; the one before that, and its error."""

    value: float
    gradient: list[float] | None
    before: float
    error: float


# What `make test` compiles with: each program runs a few times.
QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
}


@lru_cache
def _program(p: str, q: str, quantity: str, slopes: bool) -> Any:
    function, options = FUNCTIONS[quantity]

    def value(of_p: Array, of_q: Array) -> tuple[Array, accuracy.ExactValue]:
        laws = built.build(json.loads(p), of_p), built.build(json.loads(q), of_q)
        # What ``function`` itself does, with what it looks at on the way.
        result = exact.with_error(function, *laws, **options)
        scale = 0.0 if function is exact.wasserstein else 1.0
        return accuracy.accepted(quantity, result, *laws, scale=scale), result

    def without(of_p: Array, of_q: Array) -> Any:
        return value(of_p, of_q), None

    return jax.jit(jax.value_and_grad(value, (0, 1), has_aux=True) if slopes else without, compiler_options=QUICK)


def _named(spec: built.Spec) -> str:
    """The shape of a spec with its parameters' names, as a key; its numbers are given apart."""
    return json.dumps([spec[0], dict.fromkeys(spec[1], 0), [json.loads(_named(part)) for part in spec[2]]])


def structure(row: Row) -> str:
    return _named(row["p"]) + _named(row["q"])


def found(row: Row, quantity: str, dtype: str, slopes: bool) -> Found:
    """The value, its error and the derivatives, those in p's parameters first."""
    p, q, name = row["p"], row["q"], quantity.removesuffix("_reversed")
    if name != quantity:
        p, q = q, p
    arrays = [np.asarray(built.parameters(spec), dtype) for spec in (p, q)]
    (value, result), gradient = _program(_named(p), _named(q), name, slopes)(*map(jnp.asarray, arrays))
    if value.dtype != dtype:
        raise AssertionError(f"{quantity} of {dtype} parameters is {value.dtype}")
    derivatives = None
    if gradient is not None:
        sides = gradient[::-1] if name != quantity else gradient
        derivatives = [float(g) for side in sides for g in side]
    return Found(float(value), derivatives, float(result.value), float(result.error))


def eager(row: Row, quantity: str) -> float:
    """The value, from a call that is not traced; raises where it is refused."""
    p, q, name = row["p"], row["q"], quantity.removesuffix("_reversed")
    if name != quantity:
        p, q = q, p
    first, second = (built.build(spec, jnp.asarray(built.parameters(spec))) for spec in (p, q))
    function, options = FUNCTIONS[name]
    return float(function(first, second, **options))


def outcomes(row: Row, quantity: str, dtype: str = "float64", slopes: bool = True) -> Iterator[Outcome]:
    """What became of the value of a quantity and, where the value holds, of its gradient."""
    if quantity not in row["values"]:
        return
    of = partial(Outcome, row, quantity)
    told = float(row["values"][quantity])
    slopes = slopes and math.isfinite(told)
    try:
        value, gradient, before, error = found(row, quantity, dtype, slopes)
    except ValueError as refusal:
        yield of("value", "refused", f"ValueError {str(refusal)[:200]}")
        return
    except Exception as failure:
        yield of("value", "wrong", f"{type(failure).__name__} {str(failure)[:200]}")
        return
    most = float(np.finfo(dtype).max)
    if not math.isnan(before):
        yield _of_error(of, before, error, told if told <= most else math.inf, dtype)
    if math.isnan(value):
        yield of("value", "refused", f"{before:.10g} with an error of {error:.2g}, truth {told:.10g}")
        return
    right = value == told if told > most else abs(value - told) <= VALUE[dtype] * told
    yield of("value", "right" if right else "wrong", f"found {value:.10g}, error {error:.2g}, truth {told:.10g}")
    if right and gradient is not None and told <= most:
        yield _of_gradient(of, row, quantity, gradient, dtype)


def _of_error(of: Any, value: float, error: float, told: float, dtype: str) -> Outcome:
    """Whether the estimate of an error, and the rounding that is stated beside it, cover the error that there is."""
    eps = float(np.finfo(dtype).eps)
    off = 0.0 if value == told else abs(value - told)
    ratio = off / (error + ROUNDING[dtype] * told + 16.0 * eps) if off else 0.0
    line = f"found {value:.10g}, error {error:.2g}, truth {told:.10g}: off by {off:.2g}"
    return of("estimate", "right" if ratio <= 1 else "wrong", line, ratio)


def _of_gradient(of: Any, row: Row, quantity: str, gradient: list[float], dtype: str) -> Outcome:
    values = [float(x) for spec in (row["p"], row["q"]) for x in built.parameters(spec)]
    told = [slopes.get(quantity) for slopes in row["gradients"].values()]
    known = [
        (name, g, float(t), abs(v) or 1.0)
        for name, g, t, v in zip(row["gradients"], gradient, told, values, strict=True)
        if t is not None
    ]
    if any(math.isnan(g) for _, g, _, _ in known):
        return of("gradient", "refused")
    largest = max((abs(t) * size for _, _, t, size in known), default=0.0)
    # What a parameter's whole size changes by less than the value's rounding is as good as nothing.
    rounding = 16 * float(np.finfo(dtype).eps) * float(row["values"][quantity])
    bad = [(n, g, t) for n, g, t, size in known if abs(g - t) * size > SLOPE[dtype] * largest + rounding]
    line = ", ".join(f"{name}: found {g:.8g}, truth {t:.8g}" for name, g, t in bad)
    return of("gradient", "wrong" if bad else "right", line)


def planned(quantities: Iterable[str], of: int) -> Iterator[tuple[Row, str]]:
    """One of every ``of`` combinations of a structure and a quantity, with all pairs of that structure.

    Compiling is what takes the time, and laws of one structure share their programs. Structures take turns, so that
    every structure and every quantity is met.
    """
    structures = sorted({structure(row) for row in rows()})
    for k, quantity in enumerate(quantities):
        for row in rows():
            if (structures.index(structure(row)) + k) % of == 0:
                yield row, quantity


def literal(spec: built.Spec) -> str:
    """A spec in a line."""
    family, own, parts = spec
    inside = [f"{name}={value}" for name, value in own.items()] + [literal(part) for part in parts]
    return f"{family}({', '.join(inside)})"


def said(outcome: Outcome) -> str:
    row = outcome.row
    return f"{outcome.quantity} {outcome.what} [{row['name']}]: {literal(row['p'])} | {literal(row['q'])}\n    {outcome.line}"


def share(found: Iterable[Outcome], kind: str) -> float:
    kinds = [outcome.kind for outcome in found]
    return kinds.count(kind) / max(len(kinds), 1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dtype", default="float64", choices=("float64", "float32"))
    options.add_argument("--names", default="", help="only pairs whose name has this in it")
    options.add_argument("--quantities", nargs="*", default=list(QUANTITIES))
    options.add_argument("--values-only", action="store_true")
    options.add_argument("--all", type=Path, help="write every outcome here")
    chosen = options.parse_args()
    jax.config.update("jax_enable_x64", chosen.dtype == "float64")
    taken = rows()
    everything = []
    for row in sorted((row for row in taken if chosen.names in row["name"]), key=structure):
        for quantity in chosen.quantities:
            for outcome in outcomes(row, quantity, chosen.dtype, not chosen.values_only):
                everything.append(outcome)
                if outcome.kind != "right":
                    print(outcome.kind, said(outcome), flush=True)  # noqa: T201
    if chosen.all:
        chosen.all.write_text(
            json.dumps([[o.row["name"], o.quantity, o.what, o.kind, o.line, o.ratio] for o in everything])
        )
    for what in ("value", "gradient", "estimate"):
        kinds = [outcome.kind for outcome in everything if outcome.what == what]
        print(what, {kind: kinds.count(kind) for kind in ("right", "refused", "wrong")})  # noqa: T201


if __name__ == "__main__":
    main()
