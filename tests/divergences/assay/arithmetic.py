"""Real numbers of 38 digits: those of mpmath, or of gmpy2 where it is installed, which is some six times as fast.

Both round in binary and have exponents of at least 60 bits, so that ``exp(-1e15)`` is a number and not 0.
"""

from __future__ import annotations

from typing import Any

import mpmath

DIGITS = 38
mpmath.mp.dps = DIGITS + 6

try:
    import gmpy2
except ImportError:
    gmpy2 = None

Number = Any

if gmpy2 is not None:
    _context = gmpy2.get_context()
    _context.precision = 130
    _context.emax, _context.emin = gmpy2.get_emax_max(), gmpy2.get_emin_min()
    number = gmpy2.mpfr
    exp, log, sqrt, expm1, log1p, atan, erfc, cos = (
        gmpy2.exp, gmpy2.log, gmpy2.sqrt, gmpy2.expm1, gmpy2.log1p, gmpy2.atan, gmpy2.erfc, gmpy2.cos
    )  # fmt: skip

    def log_gamma(x: Number) -> Number:
        return gmpy2.lgamma(x)[0]
else:
    mpmath.mp.dps = DIGITS + 1
    number = mpmath.mpf
    exp, log, sqrt, expm1, log1p, atan, erfc, cos = (
        mpmath.exp, mpmath.log, mpmath.sqrt, mpmath.expm1, mpmath.log1p, mpmath.atan, mpmath.erfc, mpmath.cos
    )  # fmt: skip
    log_gamma = mpmath.loggamma


def by_mpmath(function: Any, *arguments: Number, **options: Any) -> Number:
    """A special function that only mpmath has."""
    return number(mpmath.nstr(function(*(mpmath.mpf(str(a)) for a in arguments), **options), DIGITS + 4))


ZERO, ONE, TWO, HALF = number(0), number(1), number(2), number("0.5")
PI = number(mpmath.nstr(mpmath.pi, DIGITS + 4))
LOG_2 = log(TWO)
LOG_2PI = log(2 * PI)
INFINITY = number("inf")


def softplus(x: Number) -> Number:
    """``log(1 + e^x)``."""
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


def log_sum(terms: list[Number]) -> Number:
    """``log(sum of e^term)``."""
    most = max(terms)
    return most + log(sum((exp(term - most) for term in terms), ZERO))


def text(x: Number, digits: int = 18) -> str:
    """A decimal string that reads back as the nearest double."""
    if x == INFINITY:
        return "inf"
    if x == 0:
        return "0"
    return mpmath.nstr(mpmath.mpf(str(x)), digits, strip_zeros=True, min_fixed=-4, max_fixed=18)
