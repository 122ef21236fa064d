"""``jax.jit`` for steps that are made by the thousand: how a CPU forms their matrix products is measured once, and kept.

On a CPU XLA has two libraries for products. The one that it takes by itself (YNNPACK, jax 0.10) forms a product of 10 MFLOP on one core,
where the other one (Eigen) shares it among all; of larger products it is the faster one, by up to a third. Which one a program is better
off with depends on its shapes, on layouts and on the processor. So its largest products are timed with both, the first time that any
program on this machine has them, and the times are kept in the folder of JAX's compilation cache. Without such a folder nothing is
measured and XLA's choice stays: what is measured anew could come out otherwise, and the last bits of a run with it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
from jax import lax
from jax.extend import core

from gan_jax import caching, checks, files
from gan_jax.typing import Array, PyTree

OTHER: dict[str, str | bool] = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}
"""Options of XLA's compiler that leave products to Eigen."""

SMALLEST = 4e6
"""Operations [FLOP] below which a product is done before a second core could take part: nothing is measured for such."""

GAIN = 0.95
"""XLA's own choice is left where the other takes at most so much of its time."""

SHARE, PRODUCTS = 0.9, 6
"""The largest products are timed that together do so much of the work, and at most so many."""

OPERATIONS, ROUNDS = 5e8, 7
"""Of one timed call [FLOP], and how often each is timed, in turn: the fastest call counts."""

UNKNOWN = (1.0, 1.0)
"""Where nothing could be measured or kept: both libraries alike, so that XLA's own choice stays."""


class Product(NamedTuple):
    """A matrix product as a program states it.

    Attributes:
      left, right: shapes.
      contracted, batched: axes of left and of right.
      dtype: of both.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    contracted: tuple[tuple[int, ...], tuple[int, ...]]
    batched: tuple[tuple[int, ...], tuple[int, ...]]
    dtype: str

    @property
    def operations(self) -> float:
        """FLOP: two for each number of the left times each column of the right."""
        free = set(range(len(self.right))) - set(self.contracted[1]) - set(self.batched[1])
        return 2.0 * math.prod(self.left) * math.prod(self.right[axis] for axis in free)


def jit(function: Callable[..., PyTree], **keywords: Any) -> Callable[..., PyTree]:
    """``jax.jit``, and on a CPU with its matrix products formed as was measured to be faster; the options are chosen at the first call.

    Args:
      function: pure.
      **keywords: as ``jax.jit`` takes them.

    Returns:
      The compiled function. A part of another program, or a program over several devices, is as ``jax.jit`` has it.
    """
    plain = jax.jit(function, **keywords)
    chosen: list[Callable[..., PyTree]] = []

    def program(*arguments: PyTree) -> PyTree:
        # Options are of whole programs.
        if not caching.outside_of_traces(arguments):
            return plain(*arguments)
        if not chosen:
            found = options(plain, *arguments)
            chosen.append(jax.jit(function, compiler_options=dict(found), **keywords) if found else plain)
        return chosen[0](*arguments)

    return caching.named(program, function)


def options(program: Any, *arguments: PyTree) -> Mapping[str, str | bool]:
    """Options of XLA's compiler that a program is faster with on this machine; none where it is no matter, or not known.

    Args:
      program: a function after ``jax.jit``.
      *arguments: of a call.
    """
    folder: str | None = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]  # JAX makes it as it starts.
    if jax.default_backend() != "cpu" or folder is None or OTHER.keys() <= _asked():
        return {}
    leaves = jax.tree.leaves(arguments)
    if any(isinstance(leaf, jax.Array) and len(leaf.sharding.device_set) > 1 for leaf in leaves):
        return {}
    counted = Counter[Product]()
    for product, times in _products(program.trace(*arguments).jaxpr.jaxpr):
        counted[product] += times
    largest = _largest(counted)
    if not largest:
        return {}
    seconds = [_kept(product, Path(folder)) for product in largest]
    own, other = (sum(counted[p] * s[i] for p, s in zip(largest, seconds, strict=True)) for i in range(2))
    return OTHER if other < GAIN * own else {}


def _asked() -> set[str]:
    """Names of options that the user set for all programs."""
    return {flag.lstrip("-").partition("=")[0] for flag in os.environ.get("XLA_FLAGS", "").split()}


def _products(jaxpr: core.Jaxpr, times: int = 1) -> Iterator[tuple[Product, int]]:
    """Every product of a program, and how often it is formed; of loops of unknown length once, of programs over several devices none."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            contracted, batched = equation.params["dimension_numbers"]
            left, right = (cast(jax.ShapeDtypeStruct, operand.aval) for operand in equation.invars)
            if left.dtype == right.dtype:
                yield Product(left.shape, right.shape, contracted, batched, left.dtype.name), times
        elif equation.primitive.name != "shard_map" or equation.params["mesh"].size == 1:
            inner = times * equation.params.get("length", 1) if equation.primitive.name == "scan" else times
            for part in jax.tree.leaves(equation.params, is_leaf=lambda p: isinstance(p, _PROGRAM)):
                if isinstance(part, _PROGRAM):
                    yield from _products(part.jaxpr if isinstance(part, core.ClosedJaxpr) else part, inner)


_PROGRAM = core.Jaxpr | core.ClosedJaxpr


def _largest(counted: Counter[Product]) -> list[Product]:
    """The products that do most of the work, each large enough to be shared among cores."""
    work = {product: times * product.operations for product, times in counted.items()}
    wanted, found = SHARE * sum(work.values()), list[Product]()
    for product in sorted(work, key=lambda product: -work[product])[:PRODUCTS]:
        if wanted <= 0.0 or product.operations < SMALLEST:
            break
        found.append(product)
        wanted -= work[product]
    return found


def _kept(product: Product, folder: Path) -> tuple[float, float]:
    """Seconds of a product with XLA's own library and with the other, from the folder; measured where it has none."""
    what = {"product": product._asdict(), "processor": _processor(), "cores": os.cpu_count(), "jax": jax.__version__}
    text = json.dumps(what)
    file = folder / f"gan_jax_product-{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    try:
        own, other = files.read_json(file)["seconds"]
        return checks.real("own", own).item(), checks.real("other", other).item()
    # What cannot be read is measured again.
    except (OSError, ValueError, KeyError, TypeError):
        if _busy():
            return UNKNOWN
    found = measured(product)
    try:
        files.write_text(file, json.dumps({**what, "seconds": found}) + "\n")
    except OSError:
        return UNKNOWN
    return found


def _busy() -> bool:
    """Whether something else computes on this machine just now, beside which no time is worth keeping."""
    before = _idle()
    time.sleep(0.1)
    after = _idle()
    return before is not None and after is not None and after - before < 0.75 * 0.1 * (os.cpu_count() or 1)


def _idle() -> float | None:
    """Seconds that the machine's cores have been idle; None where the system does not say."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        return int(fields[4]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def measured(product: Product) -> tuple[float, float]:
    """Seconds of one product with XLA's own library and with the other: of both the fastest of calls in turn."""
    rounds = max(1, round(OPERATIONS / product.operations))
    keys = jax.random.split(jax.random.key(0))
    left, right = (
        jax.random.normal(key, shape).astype(product.dtype)
        for key, shape in zip(keys, (product.left, product.right), strict=True)
    )
    multiply = functools.partial(lax.dot_general, dimension_numbers=(product.contracted, product.batched))

    def again(left: Array, right: Array) -> Array:
        def one(_: int, left: Array) -> Array:
            # Each product waits for the one before, whose result cannot be dropped.
            result = lax.optimization_barrier(multiply(left, right))
            corner = 0.0 * lax.slice(result, (0,) * result.ndim, (1,) * result.ndim).reshape(())
            return lax.dynamic_update_slice(
                left, (left[(0,) * left.ndim] + corner).reshape((1,) * left.ndim), (0,) * left.ndim
            )

        return lax.fori_loop(0, rounds, one, left)

    lowered = jax.jit(again).lower(left, right)
    programs = [lowered.compile(), lowered.compile(compiler_options=OTHER)]
    fastest = [math.inf, math.inf]
    for program in programs:
        jax.block_until_ready(program(left, right))
    for _ in range(ROUNDS):
        for number, program in enumerate(programs):
            started = time.perf_counter()
            jax.block_until_ready(program(left, right))
            fastest[number] = min(fastest[number], (time.perf_counter() - started) / rounds)
    return fastest[0], fastest[1]
