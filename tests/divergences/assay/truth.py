"""What two laws on the line are apart, and its derivative in every parameter, in arithmetic of 38 digits.

Every end of a support, kink and centre of either law is an *anchor*. Around an anchor the line is cut into panels of the
logarithm of the distance from it, in which powers, exponentials and Gaussians are all tame, with a Gauss-Legendre rule on
each. A panel is halved until the last Legendre coefficients of every integrand vanish; the rule's own error is about their
square. Distribution functions are integrals of the same series, so that no special function is trusted.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from tests.divergences.assay import laws
from tests.divergences.assay.arithmetic import (
    HALF,
    INFINITY,
    LOG_2,
    ONE,
    TWO,
    ZERO,
    Number,
    exp,
    expm1,
    log,
    log1p,
    number,
    sqrt,
)
from tests.divergences.assay.laws import Law, Point, Spec

DIVERGENCES = ("kl", "kl_reversed", "jensen_shannon", "squared_hellinger", "chi_squared", "chi_squared_reversed")
QUANTITIES = (*DIVERGENCES, "total_variation", "wasserstein_1", "wasserstein_2")

RESOLVED = number("1e-13")
"""The last coefficients of an integrand, relative to its integral, whose own error is of their square."""
NEGLIGIBLE = number("1e-24")
STEP = number("1e-12")
"""Of central differences, relative to a parameter's scale: their error is of its square."""


class Unresolved(ArithmeticError):
    """A value that could not be verified."""


# -------------------------------------------------------------------------------------------------------------- the rule


@dataclasses.dataclass(frozen=True)
class Rule:
    """Gauss-Legendre on ``[-1, 1]``, with the transform to Legendre coefficients and the integral from -1 to each node."""

    nodes: list[Number]
    weights: list[Number]
    transform: list[list[Number]]
    cumulate: list[list[Number]]

    def coefficients(self, values: list[Number]) -> list[Number]:
        return [_dot(row, values) for row in self.transform]

    def last(self, values: list[Number]) -> Number:
        """The size of the last three coefficients."""
        return max(abs(_dot(row, values)) for row in self.transform[-3:])


def _dot(row: list[Number], values: list[Number]) -> Number:
    return sum(map(operator.mul, row, values), ZERO)


@lru_cache
def rule(degree: int) -> Rule:
    nodes = [_legendre_root(k, degree) for k in range(degree, 0, -1)]
    table = [_polynomials(z, degree) for z in nodes]
    weights = []
    for z, p in zip(nodes, table, strict=True):
        slope = degree * (z * p[degree] - p[degree - 1]) / (z * z - 1)
        weights.append(2 / ((1 - z * z) * slope * slope))
    transform = [[(2 * k + 1) * w * p[k] / 2 for w, p in zip(weights, table, strict=True)] for k in range(degree)]
    cumulate = [
        [
            sum((transform[k][j] * risen for k, risen in enumerate(_antiderivatives(z, degree))), ZERO)
            for j in range(degree)
        ]
        for z in nodes
    ]
    return Rule(nodes, weights, transform, cumulate)


def _legendre_root(k: int, degree: int) -> Number:
    """The k-th root of ``P_degree`` from above, by Newton's method from its asymptotic place."""
    z = number(math.cos(math.pi * (k - 0.25) / (degree + 0.5)))
    for _ in range(8):
        p = _polynomials(z, degree)
        z -= p[degree] * (z * z - 1) / (degree * (z * p[degree] - p[degree - 1]))
    return z


def _polynomials(z: Number, degree: int) -> list[Number]:
    p = [ONE, z]
    for k in range(1, degree):
        p.append(((2 * k + 1) * z * p[k] - k * p[k - 1]) / (k + 1))
    return p


def _antiderivatives(z: Number, degree: int) -> list[Number]:
    """``integral of P_k from -1 to z``."""
    p = _polynomials(z, degree + 1)
    return [z + 1] + [(p[k + 1] - p[k - 1]) / (2 * k + 1) for k in range(1, degree)]


def _series(coefficients: list[Number], z: Number) -> Number:
    return _dot(coefficients, _polynomials(z, len(coefficients))[: len(coefficients)])


def _integral_to(coefficients: list[Number], z: Number) -> Number:
    return _dot(coefficients, _antiderivatives(z, len(coefficients)))


# ------------------------------------------------------------------------------------------------------------ the panels


class Segment(NamedTuple):
    """One side of an anchor: ``x = anchor + side t``, ``t = reach e^-s`` (inward, ``s >= 0``) or ``reach e^s``.

    ``reach`` is half the distance to the next anchor, or a fixed ``scale`` where there is none.
    """

    anchor: int
    neighbour: int | None
    side: int
    outward: bool
    scale: Number

    @property
    def ascending(self) -> bool:
        """Whether ``x`` grows with ``s``."""
        return (self.side == 1) == self.outward

    def reach(self, anchors: list[Number]) -> Number:
        if self.neighbour is None:
            return self.scale
        return abs(anchors[self.neighbour] - anchors[self.anchor]) / 2

    def offset(self, s: Number, anchors: list[Number]) -> Number:
        return self.reach(anchors) * exp(s if self.outward else -s)

    def point(self, s: Number, anchors: list[Number]) -> Point:
        return Point(anchors[self.anchor], self.side * self.offset(s, anchors))


@dataclasses.dataclass
class Panel:
    """A range of ``s`` on a segment: nodes in the order of ascending ``x``."""

    segment: Segment
    start: Number
    end: Number
    s: list[Number]
    points: list[Point]
    log_p: list[Number | None]
    log_q: list[Number | None]
    jacobian: list[Number]

    def local(self, s: Number) -> Number:
        z = (2 * s - self.start - self.end) / (self.end - self.start)
        return z if self.segment.ascending else -z

    def s_of(self, z: Number) -> Number:
        z = z if self.segment.ascending else -z
        return (self.start + self.end + z * (self.end - self.start)) / 2


def _exp(value: Number | None) -> Number:
    return ZERO if value is None else exp(value)


def _log(law: Law, point: Point) -> Number | None:
    """The log-density; None where it is minus infinity, outside the support or since even its exponent overflows."""
    value = law.log_density(point)
    return None if value is None or value == -INFINITY else value


def _x(point: Point) -> Number:
    return point.a + point.t


def _integrands(
    name: str, log_p: Number | None, log_q: Number | None, p: Number, q: Number
) -> tuple[Number, Number, Number]:
    """An integrand ``>= 0`` and its derivatives in ``log p`` and in ``log q``, at a point where one density is not 0."""
    if name.endswith("_reversed"):
        value, in_q, in_p = _integrands(name.removesuffix("_reversed"), log_q, log_p, q, p)
        return value, in_p, in_q
    if log_p is None or log_q is None:
        if name == "jensen_shannon":
            return (p + q) * LOG_2 / 2, p * LOG_2 / 2, q * LOG_2 / 2
        if name == "squared_hellinger":
            return (p + q) / 2, p / 2, q / 2
        return q, ZERO, q
    ratio = log_q - log_p
    if name == "kl":
        return q - p - p * ratio if ratio > 1 else p * (expm1(ratio) - ratio), -p * ratio, q - p
    if name == "chi_squared":
        square = exp(2 * log_p - log_q)
        return q * expm1(-ratio) ** 2 if ratio > -1 else square - 2 * p + q, 2 * (square - p), q - square
    if name == "jensen_shannon":
        of_p, of_q = (p * -log1p(expm1(ratio) / 2), q * -log1p(expm1(-ratio) / 2)) if abs(ratio) < 1 else (
            p * (LOG_2 - _log_one_plus(ratio)), q * (LOG_2 - _log_one_plus(-ratio)))  # fmt: skip
        return (of_p + of_q) / 2, of_p / 2, of_q / 2
    root = exp((log_p + log_q) / 2)
    return (sqrt(p) - sqrt(q)) ** 2 / 2, (p - root) / 2, (q - root) / 2


def _log_one_plus(ratio: Number) -> Number:
    """``log(1 + e^r)``."""
    return ratio + log1p(exp(-ratio)) if ratio > 0 else log1p(exp(ratio))


# --------------------------------------------------------------------------------------------------- what is infinite


def _slope(height: Callable[[Number], Number | None], outward: bool) -> Number | None:
    """The rate at which the logarithm of an integrand in ``s`` grows towards an end; None where it vanishes there."""
    for far in (number(2000), number(36), number(16)):
        ends = [height(far), height(far / 2)]
        if any(end is None for end in ends):
            return None
        if not all(end == end and abs(end) < INFINITY for end in ends):
            if ends[0] == -INFINITY and ends[1] < INFINITY:
                return -ONE
            continue
        slope = (ends[0] - ends[1]) * 2 / far
        if abs(slope) < number("1e-30"):
            return ONE  # An integrand that goes like 1 / x: its integral grows like a logarithm.
        if abs(slope) < number("0.004") or (far < 100 and abs(slope) < number("0.06")):
            raise Unresolved(f"an exponent of {float(slope):.2g} at an end")
        return slope
    raise Unresolved("an end that overflows")


def _height(name: str, order: int, log_p: Number | None, log_q: Number | None) -> Number | None:
    """The logarithm of an integrand's size where it may diverge; None where it is 0 or infinite for another reason."""
    if name.endswith("_reversed"):
        return _height(name.removesuffix("_reversed"), order, log_q, log_p)
    if log_p is None:
        return None
    if log_q is None:
        return None
    ratio = log_q - log_p
    if name == "kl":
        return None if ratio == 0 else log_p + log(abs(ratio))
    return log_p - min(ratio, ZERO)


def _infinite(name: str, p: Law, q: Law, ends: list[Segment], anchors: list[Number]) -> bool:
    for segment in ends:

        def height(s: Number, segment: Segment = segment) -> Number | None:
            point = segment.point(s, anchors)
            size = _height(name, 0, p.log_density(point), q.log_density(point))
            return None if size is None else size + (s if segment.outward else -s)

        slope = _slope(height, segment.outward)
        if slope is not None and slope > 0:
            return True
    return False


def _moment_is_infinite(order: int, law: Law, ends: list[Segment], anchors: list[Number]) -> bool:
    for segment in ends:
        if segment.outward:

            def height(s: Number, segment: Segment = segment) -> Number | None:
                value = law.log_density(segment.point(s, anchors))
                return None if value is None else value + (1 + order) * s

            slope = _slope(height, True)
            if slope is not None and slope > 0:
                return True
    return False


# -------------------------------------------------------------------------------------------------------------- inversion


class _Table(NamedTuple):
    """A density on a panel as a Legendre series, also in double precision and scaled, and its integral to each node."""

    coefficients: list[Number]
    integrated: list[Number]
    cumulated: list[Number]
    size: Number
    doubles: tuple[list[float], list[float]]


def _table_of(of: Rule, values: list[Number]) -> _Table:
    series = of.coefficients(values)
    size = max(abs(c) for c in series)
    size = size if size > 0 else ONE
    integrated = _integrated(series)
    doubles = [float(c / size) for c in series], [float(c / size) for c in integrated]
    return _Table(series, integrated, [_dot(row, values) for row in of.cumulate], size, doubles)


def _integrated(series: list[Number]) -> list[Number]:
    """The Legendre coefficients of the integral from -1."""
    found = [series[0], series[0], *([ZERO] * (len(series) - 1))]
    for k in range(1, len(series)):
        found[k + 1] += series[k] / (2 * k + 1)
        found[k - 1] -= series[k] / (2 * k + 1)
    return found


def _inverse(table: _Table, z: Number, low: Number, high: Number, goal: Number) -> Number:
    """Where the integral of a density from -1 reaches ``goal``, known to lie between ``low`` and ``high``."""
    a, b, x, target = float(low), float(high), float(z), float(goal / table.size)
    for _ in range(12):
        integral, density = _both(*table.doubles, x)
        moved = x - (integral - target) / density if density > 0 else a - 1.0
        if not a <= moved <= b:
            break
        done = abs(moved - x) < 1e-13
        x = moved
        if done:
            break
    z = min(max(number(x), low), high)
    for _ in range(80):
        integral, density = _both(table.coefficients, table.integrated, z)
        low, high = (low, z) if integral > goal else (z, high)
        moved = z - (integral - goal) / density if density > 0 else low - 1
        if not low <= moved <= high:
            moved = (low + high) / 2
        done = abs(moved - z) < number("1e-16")
        z = moved
        if done:
            return z
    return z


def _both(coefficients: list[Any], integrated: list[Any], z: Any) -> tuple[Any, Any]:
    """The integral from -1 to ``z`` of a Legendre series, and its value there."""
    kinds = _RECURRENCE_OF_FLOATS if isinstance(z, float) else _RECURRENCE
    before, here = 1, z
    density, integral = coefficients[0], integrated[0]
    for (a, b), c, d in zip(kinds, coefficients[1:], integrated[1:], strict=False):
        density += c * here
        integral += d * here
        before, here = here, a * z * here - b * before
    return integral + integrated[-1] * here, density


_RECURRENCE = [((2 * k + 1) / number(k + 1), k / number(k + 1)) for k in range(1, 40)]
_RECURRENCE_OF_FLOATS = [((2 * k + 1) / (k + 1), k / (k + 1)) for k in range(1, 40)]


# -------------------------------------------------------------------------------------------------------------- a pair


@dataclasses.dataclass
class Pair:
    """Two laws, the anchors that they share, and the panels of their line.

    Attributes:
      sources: of each anchor, the laws (0 or 1) and marks that lie there; none for an anchor that stays where it is.
    """

    specs: tuple[Spec, Spec]
    degree: int = 22
    stretch: Number = ONE
    extra: tuple[Number, ...] = ()
    resolved: Number = RESOLVED

    def __post_init__(self) -> None:
        self.laws = tuple(laws.build(spec) for spec in self.specs)
        self.rule = rule(self.degree)
        found: dict[Number, list[tuple[int, int]]] = {}
        for k, law in enumerate(self.laws):
            for j, mark in enumerate(law.marks):
                found.setdefault(mark.position, []).append((k, j))
        for position in self.extra:
            found.setdefault(position, [])
        self.anchors = sorted(found)
        self.sources = [found[position] for position in self.anchors]
        self.segments = self._segments()
        self.infinite = self._infinities()
        self.names = [name for name in DIVERGENCES if name not in self.infinite]
        self.order = max([n for n in (1, 2) if f"wasserstein_{n}" not in self.infinite], default=0)
        self.totals: dict[str, Number] = {}
        self._known: dict[tuple[int, int], tuple[Panel, list[Number], Number, Number]] = {}
        self.sizes = self._sizes()
        self.panels = [panel for segment in self.segments for panel in self._integrate(segment)]
        self.panels.sort(key=lambda panel: panel.points[0].a + panel.points[len(panel.points) // 2].t)
        self._cumulate()

    def _segments(self) -> list[Segment]:
        last = len(self.anchors) - 1
        made = []
        for k in range(last + 1):
            for side in (-1, 1):
                neighbour = k + side if 0 <= k + side <= last else None
                nearest = [law.width for law in self.laws]
                scale = max(nearest) * self.stretch
                open_end = any((law.low if side < 0 else law.high) is None for law in self.laws)
                if neighbour is None and not open_end:
                    continue
                made.append(Segment(k, neighbour, side, False, scale))
                if neighbour is None:
                    made.append(Segment(k, None, side, True, scale))
        return made

    def _sizes(self) -> dict[str, Number]:
        """A tenth of what the trapezoidal rule gives for each integral: what is small beside it need not be resolved."""
        sizes: dict[str, Number] = {}
        for segment in self.segments:
            last = 8 if segment.outward else max(8, int(self._least(segment)) + 6)
            for s in [number(k) / 2 for k in range(2 * last)]:
                point = segment.point(s, self.anchors)
                logs = [_log(law, point) for law in self.laws]
                if logs == [None, None]:
                    continue
                p, q = (_exp(v) for v in logs)
                found = {"p": p, "q": q, "moment": (p + q) * abs(point.t) ** self.order if segment.outward else ZERO}
                found |= {name: _integrands(name, *logs, p, q)[0] for name in self.names}
                for name, value in found.items():
                    sizes[name] = sizes.get(name, ZERO) + value * abs(point.t) / 20
        return sizes

    def _least(self, segment: Segment) -> Number:
        """Where the distance from the anchor falls below the narrowest scale."""
        narrow = min(law.width for law in self.laws)
        return ZERO if segment.outward else log(segment.reach(self.anchors) / narrow) + 1

    def _infinities(self) -> set[str]:
        p, q = self.laws
        infinite = set()
        for first, second, suffix in ((p, q, ""), (q, p, "_reversed")):
            if self._sticks_out(first, second):
                infinite |= {f"kl{suffix}", f"chi_squared{suffix}"}
        for name in ("kl", "kl_reversed", "chi_squared", "chi_squared_reversed"):
            if name not in infinite and _infinite(name, p, q, self.segments, self.anchors):
                infinite.add(name)
        for order in (1, 2):
            heavy = [_moment_is_infinite(order, law, self.segments, self.anchors) for law in self.laws]
            if all(heavy):
                infinite.add(f"wasserstein_{order}")
                self.undecided = getattr(self, "undecided", set()) | {f"wasserstein_{order}"}
            elif any(heavy):
                infinite.add(f"wasserstein_{order}")
        self.undecided = getattr(self, "undecided", set())
        return infinite

    def _sticks_out(self, first: Law, second: Law) -> bool:
        """Whether the first law has mass where the second has none."""
        for segment in self.segments:
            point = segment.point(number("0.37"), self.anchors)
            if first.log_density(point) is not None and second.log_density(point) is None:
                return True
        return False

    # ------------------------------------------------------------------------------------------------------- the mesh

    def panel(self, segment: Segment, start: Number, end: Number) -> Panel:
        half = (end - start) / 2
        nodes = self.rule.nodes if segment.ascending else self.rule.nodes[::-1]
        s = [start + half * (1 + z) for z in nodes]
        points = [segment.point(v, self.anchors) for v in s]
        jacobian = [abs(point.t) * half for point in points]
        p, q = self.laws
        return Panel(
            segment, start, end, s, points, [_log(p, x) for x in points], [_log(q, x) for x in points], jacobian
        )

    def _measures(self, panel: Panel) -> dict[str, list[Number]]:
        """What has to be resolved on a panel, times the Jacobian."""
        p, q = [_exp(v) for v in panel.log_p], [_exp(v) for v in panel.log_q]
        found = {
            "p": [a * j for a, j in zip(p, panel.jacobian, strict=True)],
            "q": [a * j for a, j in zip(q, panel.jacobian, strict=True)],
        }
        for name in self.names:
            found[name] = [
                ZERO if a is None and b is None else _integrands(name, a, b, u, v)[0] * j
                for a, b, u, v, j in zip(panel.log_p, panel.log_q, p, q, panel.jacobian, strict=True)
            ]
        if self.order and panel.segment.outward:
            found["moment"] = [
                (a + b) * abs(x.t) ** self.order for a, b, x in zip(found["p"], found["q"], panel.points, strict=True)
            ]
        return found

    def _integrate(self, segment: Segment) -> list[Panel]:
        accepted: list[Panel] = []
        best: dict[str, Number] = {}
        start, width, quiet = ZERO, TWO * self.stretch, 0
        # Nor while the hole that is left at the anchor is wide enough for F - G to matter in it.
        least = ZERO if segment.outward else self._least(segment) + 35
        while quiet < 2 or start < least:
            if start > 2e5:
                raise Unresolved("a tail without an end")
            parts: dict[str, Number] = {}
            for panel, sums in self._resolve(segment, start, start + width, 0):
                accepted.append(panel)
                for name, value in sums.items():
                    parts[name] = parts.get(name, ZERO) + value
            for name, value in parts.items():
                self.totals[name] = self.totals.get(name, ZERO) + value
                best[name] = max(best.get(name, ZERO), value)
            small = all(
                value <= NEGLIGIBLE * max(best[name], self.sizes.get(name, ZERO)) for name, value in parts.items()
            )
            quiet = quiet + 1 if small else 0
            start, width = start + width, width if start == 0 else 2 * width
        return accepted

    def _resolve(
        self, segment: Segment, start: Number, end: Number, depth: int
    ) -> list[tuple[Panel, dict[str, Number]]]:
        panel = self.panel(segment, start, end)
        found = self._measures(panel)
        sums = {name: _dot(self.rule.weights, values) for name, values in found.items()}
        fine = all(
            self.rule.last(values) <= self.resolved * max(sums[name], self.sizes.get(name, ZERO))
            for name, values in found.items()
        )
        if fine:
            return [(panel, sums)]
        if depth > 40:
            raise Unresolved(f"panels of {float(end - start):.1e} at {float(_x(panel.points[0])):.8g}")
        middle = (start + end) / 2
        return self._resolve(segment, start, middle, depth + 1) + self._resolve(segment, middle, end, depth + 1)

    def _cumulate(self) -> None:
        """Both distribution functions from both sides at all nodes and panel ends."""
        self.mass = [[_dot(self.rule.weights, self._weighted(panel, k)) for panel in self.panels] for k in (0, 1)]
        self.before, self.after = [[], []], [[], []]
        for k in (0, 1):
            total = ZERO
            for mass in self.mass[k]:
                self.before[k].append(total)
                total += mass
            if abs(total - 1) > number("1e-16"):
                raise Unresolved(f"law {k} integrates to 1 {float(total - 1):+.1e}")
            total = ZERO
            after = []
            for mass in reversed(self.mass[k]):
                after.append(total)
                total += mass
            self.after[k] = after[::-1]

    def _weighted(self, panel: Panel, k: int) -> list[Number]:
        logs = (panel.log_p, panel.log_q)[k]
        return [_exp(v) * j for v, j in zip(logs, panel.jacobian, strict=True)]

    def _gaps(self, index: int) -> tuple[list[Number], Number]:
        """``F - G`` at the nodes of a panel, from the side that is the smaller, and at its right end."""
        panel = self.panels[index]
        change = [a - b for a, b in zip(self._weighted(panel, 0), self._weighted(panel, 1), strict=True)]
        left = self.before[0][index] + self.before[1][index] < self.after[0][index] + self.after[1][index]
        within = [_dot(row, change) for row in self.rule.cumulate]
        whole = self.mass[0][index] - self.mass[1][index]
        start = (
            self.before[0][index] - self.before[1][index]
            if left
            else self.after[1][index] - self.after[0][index] - whole
        )
        return [start + w for w in within], start + whole

    # ------------------------------------------------------------------------------------------------------ the values

    def divergence(self, name: str) -> Number:
        return self.totals[name]

    def total_variation(self) -> Number:
        self.crossings = [self._crossings_of_densities(panel) for panel in self.panels]
        total = ZERO
        for panel, roots in zip(self.panels, self.crossings, strict=True):
            change = [a - b for a, b in zip(self._weighted(panel, 0), self._weighted(panel, 1), strict=True)]
            total += _absolute(self.rule, change, roots)
        return total / 2

    def _crossings_of_densities(self, panel: Panel) -> list[Number]:
        p, q = self.laws
        ratios = [None if a is None or b is None else a - b for a, b in zip(panel.log_p, panel.log_q, strict=True)]
        if any(r is None for r in ratios):
            return []

        def ratio(z: Number) -> Number:
            point = panel.segment.point(panel.s_of(z), self.anchors)
            a, b = p.log_density(point), q.log_density(point)
            return a - b

        return _roots(ratio, self.rule.nodes, ratios)

    def wasserstein_1(self) -> Number:
        self.turns = []
        total = ZERO
        for k, panel in enumerate(self.panels):
            gaps, _ = self._gaps(k)
            series = self.rule.coefficients(gaps)
            self.turns.append(_roots(lambda z, series=series: _series(series, z), self.rule.nodes, gaps))
            heights = [g * j for g, j in zip(gaps, panel.jacobian, strict=True)]
            total += _absolute(self.rule, heights, self.turns[-1])
        return total

    # --------------------------------------------------------------------------------------------------- Wasserstein 2

    def image(self, k: int, lower: Number, upper: Number) -> Number:
        """The quantile of law ``k`` at probability ``lower = 1 - upper``."""
        left = lower < upper
        goal = lower if left else upper
        if left:
            index = min(max(bisect.bisect_right(self.before[k], goal) - 1, 0), len(self.panels) - 1)
        else:
            falling = self._falling[k]
            index = len(self.panels) - 1 - min(max(bisect.bisect_right(falling, goal) - 1, 0), len(self.panels) - 1)
        panel = self.panels[index]
        within = goal - self.before[k][index] if left else self.mass[k][index] - (goal - self.after[k][index])
        table = self._table(k, index)
        at = bisect.bisect_left(table.cumulated, within)
        low = -ONE if at == 0 else self.rule.nodes[at - 1]
        high = ONE if at == len(table.cumulated) else self.rule.nodes[at]
        below = ZERO if at == 0 else table.cumulated[at - 1]
        above = self.mass[k][index] if at == len(table.cumulated) else table.cumulated[at]
        z = low + (high - low) * ((within - below) / (above - below) if above > below else HALF)
        return _x(panel.segment.point(panel.s_of(_inverse(table, z, low, high, within)), self.anchors))

    def _table(self, k: int, index: int) -> _Table:
        key = (k, index)
        if key not in self._tables:
            values = self._weighted(self.panels[index], k)
            self._tables[key] = _table_of(self.rule, values)
        return self._tables[key]

    def wasserstein_2(self) -> tuple[Number, Number]:
        """``W_2^2`` from the map of the first law to the second, and from the map back."""
        self._tables: dict[tuple[int, int], _Table] = {}
        self._falling = [after[::-1] for after in self.after]
        self.moves: list[list[list[Number] | None]] = [[], []]
        self.rough: list[int] = []
        totals, last = [ZERO, ZERO], [[], []]
        spread = max(law.width for law in self.laws)
        for k in (0, 1):
            for index, panel in enumerate(self.panels):
                far = 1 + (max(abs(_x(point)) for point in panel.points) / spread) ** 2
                if self.mass[k][index] * far < NEGLIGIBLE:
                    self.moves[k].append(None)
                    last[k].append(ZERO)
                    continue
                known = self._known.get((k, id(panel)))
                if known is not None:
                    self.moves[k].append(known[1])
                    totals[k] += known[2]
                    last[k].append(known[3])
                    continue
                table = self._table(k, index)
                moves = []
                for point, c in zip(panel.points, table.cumulated, strict=True):
                    lower = self.before[k][index] + c
                    upper = self.after[k][index] + (self.mass[k][index] - c)
                    moves.append(_x(point) - self.image(1 - k, lower, upper))
                self.moves[k].append(moves)
                heights = [m * m * w for m, w in zip(moves, self._weighted(panel, k), strict=True)]
                totals[k] += _dot(self.rule.weights, heights)
                last[k].append(self.rule.last(heights))
                # With the panel itself, so that its id stays its own.
                self._known[k, id(panel)] = (panel, moves, _dot(self.rule.weights, heights), last[k][-1])
        self.rough = sorted({i for k in (0, 1) for i, size in enumerate(last[k]) if size > number("1e-12") * totals[k]})
        return totals[0], totals[1]

    def spread(self, k: int) -> Number:
        """The second moment of law ``k`` around the first anchor."""
        total = ZERO
        for panel in self.panels:
            heights = [
                w * (_x(x) - self.anchors[0]) ** 2 for w, x in zip(self._weighted(panel, k), panel.points, strict=True)
            ]
            total += _dot(self.rule.weights, heights)
        return total

    def partings(self) -> tuple[Number, ...]:
        """Where a map of one law to the other is not smooth: the images of kinks, of inner edges and of gaps."""
        self._tables, self._falling = {}, [after[::-1] for after in self.after]
        found: list[Number] = []
        for k, law in enumerate(self.laws):
            marks = sorted({mark.position for mark in law.marks})
            inner = {
                mark.position
                for mark in law.marks
                if mark.kind != "smooth" and mark.position not in (law.low, law.high)
            }
            if law.weight_score is not None:
                inner |= set(marks[1:-1]) | {(a + b) / 2 for a, b in itertools.pairwise(marks)}
            for position in inner:
                lower, upper = self._sides(k, position)
                if lower > NEGLIGIBLE and upper > NEGLIGIBLE:
                    found += [self.image(1 - k, lower, upper), position]
        # An edge that moves by a step of the derivatives must not pass one of these.
        room = number("1e-10") * min(law.width for law in self.laws)
        apart = [x for x in found if all(abs(x - a) > room + number("1e-22") * abs(a) for a in self.anchors)]
        return tuple(
            x for i, x in enumerate(apart) if all(abs(x - y) > number("1e-22") * (abs(x) + 1) for y in apart[:i])
        )

    def _sides(self, k: int, position: Number) -> tuple[Number, Number]:
        """``F`` and ``1 - F`` of law ``k`` at a point where a panel begins or ends."""
        index = bisect.bisect_left([_x(panel.points[len(panel.points) // 2]) for panel in self.panels], position)
        if index == len(self.panels):
            return ONE, ZERO
        return self.before[k][index], self.after[k][index] + self.mass[k][index]

    def refine(self, rough: list[int]) -> None:
        """Halves panels."""
        made = []
        for index, panel in enumerate(self.panels):
            if index not in rough:
                made.append(panel)
                continue
            middle = (panel.start + panel.end) / 2
            halves = [self.panel(panel.segment, panel.start, middle), self.panel(panel.segment, middle, panel.end)]
            made += halves if panel.segment.ascending else halves[::-1]
        self.panels = made
        self._cumulate()


def _absolute(weights: Rule, values: list[Number], roots: list[Number]) -> Number:
    """The integral of ``|f|`` over a panel from the values of ``f`` at its nodes and its sign changes."""
    if not roots:
        return abs(_dot(weights.weights, values))
    return sum(abs(part) for part in _parts(weights, values, roots))


def _parts(weights: Rule, values: list[Number], roots: list[Number]) -> list[Number]:
    if not roots:
        return [_dot(weights.weights, values)]
    series = weights.coefficients(values)
    sums = [ZERO, *(_integral_to(series, z) for z in roots), _dot(weights.weights, values)]
    return [b - a for a, b in itertools.pairwise(sums)]


def _roots(function: Callable[[Number], Number], nodes: list[Number], values: list[Number]) -> list[Number]:
    """The sign changes of a function on ``[-1, 1]``, from its values at the nodes and at both ends."""
    z = [-ONE, *nodes, ONE]
    f = [function(-ONE), *values, function(ONE)]
    roots = []
    for a, b, left, right in zip(z, z[1:], f, f[1:], strict=False):
        if (left > 0 and right < 0) or (left < 0 and right > 0):
            roots.append(_root(function, a, b, left, right))
        elif right == 0 and b < 1 and left != 0:
            roots.append(b)
    return roots


def _root(function: Callable[[Number], Number], a: Number, b: Number, left: Number, right: Number) -> Number:
    """By the Illinois method."""
    side = 0
    for _ in range(200):
        middle = (a * right - b * left) / (right - left)
        if not a < middle < b:
            middle = (a + b) / 2
        value = function(middle)
        if value == 0 or b - a < number("1e-28"):
            return middle
        if (value > 0) == (left > 0):
            a, left = middle, value
            right = right / 2 if side == -1 else right
            side = -1
        else:
            b, right = middle, value
            left = left / 2 if side == 1 else left
            side = 1
        if abs(value) < number("1e-33"):
            return middle
    return middle


# ------------------------------------------------------------------------------------------------------------ gradients


@dataclasses.dataclass
class Change:
    """How a panel changes with a parameter: both log-densities and the Jacobian at its moving nodes, and the nodes.

    Of a weight also the density itself, since where a component of weight 0 has its mass the logarithm is of little use.
    """

    log_p: list[Number] | None
    log_q: list[Number] | None
    log_jacobian: list[Number] | None
    x: list[Number] | None
    density: list[Number] | None = None


class Gradient:
    """Derivatives of what a ``Pair`` has found, its panels and sign changes held."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.rows = [
            {name: self._rows(panel, name) for name in (*pair.names, "total_variation")} for panel in pair.panels
        ]

    def _rows(self, panel: Panel, name: str) -> list[tuple[Number, Number, Number]]:
        rows = []
        for a, b, j in zip(panel.log_p, panel.log_q, panel.jacobian, strict=True):
            p, q = _exp(a), _exp(b)
            if name == "total_variation":
                value, in_p, in_q = p - q, p, -q
            elif a is None and b is None:
                value = in_p = in_q = ZERO
            else:
                value, in_p, in_q = _integrands(name, a, b, p, q)
            rows.append((value * j, in_p * j, in_q * j))
        return rows

    def in_parameter(self, k: int, index: int) -> dict[str, Number | None] | None:
        """The derivative of everything in one parameter of law ``k``; None where an edge would part from another."""
        changes = self._changes(k, index)
        if changes is None:
            return None
        pair, found = self.pair, {}
        for name in (*pair.names, "total_variation"):
            total = size = last = ZERO
            for panel_index, (rows, change) in enumerate(zip(self.rows, changes, strict=True)):
                heights = _combined(rows[name], change)
                if name == "total_variation":
                    parts = _parts(pair.rule, heights, pair.crossings[panel_index])
                    signs = _signs(pair.rule, [row[0] for row in rows[name]], pair.crossings[panel_index])
                    part = sum(s * v for s, v in zip(signs, parts, strict=True)) / 2
                else:
                    part = _dot(pair.rule.weights, heights)
                total += part
                size = max(size, abs(part))
                last += pair.rule.last(heights)
            found[name] = total if last <= number("1e-10") * size or size == 0 else None
        found |= self._of_transport(k, changes)
        return found

    def _changes(self, k: int, index: int) -> list[Change] | None:
        pair = self.pair
        spec = pair.specs[k]
        named = laws.parameters(spec)
        name, value = named[index]
        if name == "weight":
            return [self._by_weight(k, panel) for panel in pair.panels]
        leaf = name.rsplit(".")[-1]
        step = STEP * (_width_near(spec, name) if leaf in ("loc", "low", "high") else abs(value) if value != 0 else ONE)
        step = step if leaf != "logits" else STEP
        moved = []
        for sign in (1, -1):
            values = [v for _, v in named]
            values[index] += sign * step
            moved.append(laws.build(spec, values))
        anchors = [self._anchors(k, law) for law in moved]
        if any(a is None for a in anchors):
            return None
        still = anchors[0] == pair.anchors
        changes = []
        for panel in pair.panels:
            if still:
                change = self._difference(panel, [law.log_density for law in moved], [panel.points] * 2, step, k)
                changes.append(Change(change, None, None, None) if k == 0 else Change(None, change, None, None))
                continue
            points = [[panel.segment.point(s, a) for s in panel.s] for a in anchors]
            both = [
                self._difference(
                    panel, [m.log_density for m in moved] if k == j else [pair.laws[j].log_density] * 2, points, step, j
                )
                for j in (0, 1)
            ]
            x = [(_x(a) - _x(b)) / (2 * step) for a, b in zip(*points, strict=True)]
            reach = [panel.segment.reach(a) for a in anchors]
            log_j = [(log(reach[0]) - log(reach[1])) / (2 * step)] * len(x)
            changes.append(Change(both[0], both[1], log_j, x))
        return changes

    def _difference(
        self, panel: Panel, densities: list[Any], points: list[list[Point]], step: Number, j: int
    ) -> list[Number]:
        inside = (panel.log_p, panel.log_q)[j]
        return [
            ZERO if base is None else (densities[0](a) - densities[1](b)) / (2 * step)
            for base, a, b in zip(inside, *points, strict=True)
        ]

    def _by_weight(self, k: int, panel: Panel) -> Change:
        logs = (panel.log_p, panel.log_q)[k]
        law = self.pair.laws[k]
        change = [ZERO if v is None else law.weight_score(x) for v, x in zip(logs, panel.points, strict=True)]
        density = [law.weight_slope(x) for x in panel.points]
        return Change(*((change, None) if k == 0 else (None, change)), None, None, density)

    def _anchors(self, k: int, law: Law) -> list[Number] | None:
        """The anchors with one law's edges and kinks moved; None where one that moves lies on an edge of the other's."""
        pair = self.pair
        anchors = list(pair.anchors)
        for i, sources in enumerate(pair.sources):
            for owner, j in sources:
                if owner != k or pair.laws[k].marks[j].kind == "smooth" or law.marks[j].position == anchors[i]:
                    continue
                others = [pair.laws[o].marks[m].kind for o, m in sources if (o, m) != (owner, j)]
                if "edge" in others:
                    return None
                anchors[i] = law.marks[j].position
        return anchors

    def _of_transport(self, k: int, changes: list[Change]) -> dict[str, Number | None]:
        pair, sign = self.pair, 1 if k == 0 else -1
        orders = [
            n for n in (1, 2) if f"wasserstein_{n}" not in pair.infinite and hasattr(pair, ("turns", "moves")[n - 1])
        ]
        if not orders:
            return {}
        heights = []
        for index, change in enumerate(changes):
            weighted = pair._weighted(pair.panels[index], k)
            own = change.log_p if k == 0 else change.log_q
            moved = change.log_jacobian or [ZERO] * len(own)
            if change.density is not None:
                heights.append([d * j for d, j in zip(change.density, pair.panels[index].jacobian, strict=True)])
            else:
                heights.append([w * (a + b) for w, a, b in zip(weighted, own, moved, strict=True)])
        sums = [_dot(pair.rule.weights, values) for values in heights]
        slopes, before, whole = [], ZERO, sum(sums, ZERO)
        for index, (values, change) in enumerate(zip(heights, changes, strict=True)):
            left = pair.before[k][index] < pair.after[k][index]
            start = before if left else before - whole
            slope = [start + _dot(row, values) for row in pair.rule.cumulate]
            if change.x is not None:
                logs = (pair.panels[index].log_p, pair.panels[index].log_q)[k]
                slope = [v - _exp(d) * x for v, d, x in zip(slope, logs, change.x, strict=True)]
            slopes.append(slope)
            before += sums[index]
        found: dict[str, Number | None] = {}
        if 1 in orders:
            total = ZERO
            for index, (slope, panel) in enumerate(zip(slopes, pair.panels, strict=True)):
                parts = _parts(
                    pair.rule, [v * j for v, j in zip(slope, panel.jacobian, strict=True)], pair.turns[index]
                )
                signs = _signs(pair.rule, pair._gaps(index)[0], pair.turns[index])
                total += sum(s * v for s, v in zip(signs, parts, strict=True))
            found["wasserstein_1"] = sign * total
        if 2 in orders:
            total = ZERO
            for moves, slope, panel in zip(pair.moves[k], slopes, pair.panels, strict=True):
                if moves is not None:
                    total -= 2 * _dot(
                        pair.rule.weights, [m * v * j for m, v, j in zip(moves, slope, panel.jacobian, strict=True)]
                    )
            found["wasserstein_2"] = total
        return found


def _combined(rows: list[tuple[Number, Number, Number]], change: Change) -> list[Number]:
    heights = []
    for i, (value, in_p, in_q) in enumerate(rows):
        height = ZERO
        if change.log_p is not None:
            height += in_p * change.log_p[i]
        if change.log_q is not None:
            height += in_q * change.log_q[i]
        if change.log_jacobian is not None:
            height += value * change.log_jacobian[i]
        heights.append(height)
    return heights


def _signs(weights: Rule, values: list[Number], roots: list[Number]) -> list[int]:
    return [1 if part > 0 else -1 for part in _parts(weights, values, roots)]


def _width_near(spec: Spec, name: str) -> Number:
    """The scale of the innermost law that a parameter belongs to."""
    while "." in name:
        head, name = name.split(".", 1)
        spec = spec[2][0 if head == "base" else int(head)]
    return laws.build(spec).width


# ------------------------------------------------------------------------------------------------------------ everything


@dataclasses.dataclass
class Truth:
    """Values (``inf`` included) and, by parameter, derivatives; None for what could not be verified."""

    values: dict[str, Number | None]
    gradients: dict[str, dict[str, Number | None] | None]
    wanting: list[str]


def truth(p: Spec, q: Spec, gradients: bool = True) -> Truth:
    """Everything about a pair, each value verified by a second computation.

    On another mesh with a rule of another degree: divergences to 1e-15, the first Wasserstein distance to 1e-9 relative. The
    second one by the map there and the map back, to 1e-11.
    """
    pair = Pair((p, q))
    values: dict[str, Number | None] = {name: pair.totals[name] for name in pair.names}
    values |= {name: INFINITY for name in pair.infinite}
    values |= {name: None for name in pair.undecided}
    squared = None
    if "wasserstein_2" not in pair.infinite:
        partings = pair.partings()
        if partings:
            pair = Pair((p, q), extra=partings)
        squared = _transport(pair)
        # An image far out, where a tail has no digits left, may be anywhere: by the triangle inequality that is seen.
        if squared is not None and sqrt(squared) > sum(sqrt(pair.spread(k)) for k in (0, 1)):
            squared = None
        values["wasserstein_2"] = None if squared is None else sqrt(squared)
    values["total_variation"] = pair.total_variation()
    if "wasserstein_1" not in pair.infinite:
        values["wasserstein_1"] = pair.wasserstein_1()
    other = Pair((p, q), degree=17, stretch=number("1.37"), resolved=number("1e-9"))
    again = {name: other.totals[name] for name in other.names} | {"total_variation": other.total_variation()}
    if "wasserstein_1" not in pair.infinite:
        again["wasserstein_1"] = other.wasserstein_1()
    for name, value in again.items():
        near = number("1e-9") if name == "wasserstein_1" else number("1e-15")
        if values[name] is not None and abs(value - values[name]) > near * values[name]:
            values[name] = None
    slopes: dict[str, dict[str, Number | None] | None] = {}
    if gradients:
        of = Gradient(pair)
        for k, spec in enumerate((p, q)):
            for index, (name, _) in enumerate(laws.parameters(spec)):
                found = of.in_parameter(k, index)
                if found is not None:
                    found = {n: v for n, v in found.items() if values.get(n) is not None}
                    if "wasserstein_2" in found:
                        found["wasserstein_2"] /= 2 * sqrt(squared)
                        # The map is known to some 1e-11 of a width: what it moves laws that are nearly one is not enough.
                        if sqrt(squared) < number("1e-3") * max(law.width for law in pair.laws):
                            found["wasserstein_2"] = None
                slopes[f"{'pq'[k]}.{name}"] = found
    wanting = [name for name in QUANTITIES if values.get(name) is None]
    return Truth({name: values.get(name) for name in QUANTITIES}, slopes, wanting)


def _transport(pair: Pair) -> Number | None:
    for _ in range(14):
        there, back = pair.wasserstein_2()
        if abs(there - back) <= number("1e-11") * there:
            return there
        pair.refine(pair.rough or list(range(len(pair.panels))))
        if len(pair.panels) > 600:
            break
    del pair.moves
    return None
