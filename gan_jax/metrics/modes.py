"""Mode collapse and mode dropping as numbers: an assay of samples against modes that are known.

Counting is pure and additive (``tally``: under ``jit``, ``vmap`` and ``scan``, during training too); what the counts say, with intervals,
is computed from them on the host (``assay``). Where a classifier says which mode a picture belongs to, ``histograms.of_labels`` is enough.

Every number depends on how many samples were looked at, and those of high quality on the threshold: an assay carries both.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Real
from scipy import special

from gan_jax import checks
from gan_jax.metrics.histograms import interval, of_counts
from gan_jax.moved import moved as moved_names
from gan_jax.moved import renamed_fields
from gan_jax.typing import Array, Distribution

__getattr__ = moved_names(
    __name__,
    {
        "Assay": f"{__name__}:ModeMetrics",
        "Tally": f"{__name__}:ModeCounts",
        "Lives": f"{__name__}:ModeTurnover",
        "lives": f"{__name__}:mode_turnover",
    },
)


THRESHOLD = 3.0
"""Standard deviations from its mode within which a sample is of high quality, as VEEGAN and PacGAN have it."""


class Modes(NamedTuple):
    """The truth: isotropic Gaussian modes.

    Attributes:
      centres: ``[modes, d]``.
      scales: standard deviation of every mode, ``[modes]``.
      weights: of every mode, ``[modes]``, summing to one.
    """

    centres: Float[Array, "modes d"]
    scales: Float[Array, " modes"]
    weights: Float[Array, " modes"]


class ModeCounts(NamedTuple):
    """What is counted; the sum of two tallies is the tally of both samples.

    Attributes:
      samples: how many, ``[]``.
      near: samples whose nearest mode, in its standard deviations, each mode is, ``[modes]``.
      high: those within the threshold, ``[modes]``.
      sums: over the high ones, of ``u = (x - centre) / scale``, ``[modes, d]``.
      squares, fourths: over the high ones, of ``|u|²`` and ``|u|⁴``, ``[modes]``.
    """

    samples: Int[Array, " ..."]
    near: Int[Array, "... modes"]
    high: Int[Array, "... modes"]
    sums: Float[Array, "... modes d"]
    squares: Float[Array, "... modes"]
    fourths: Float[Array, "... modes"]


@renamed_fields(reverse_kl_floor="reverse_kl_baseline")
class ModeMetrics(NamedTuple):
    """What samples are made of; the fields up to ``jensen_shannon`` are those of ``histograms.Histogram``, of high-quality samples.

    Attributes:
      threshold: standard deviations within which a sample is of high quality.
      high_quality: share of such samples.
      high_quality_interval: of it, exact (Clopper–Pearson), ``(low, high)``.
      expected_high_quality: of the truth. A share above it is no quality: it is collapse inside the modes.
      outside: share of the samples that are in no mode.
      variance_ratio: variance inside the modes over what it is in the truth (cut at the threshold as well): 1 for a perfect sampler, 0
        where every mode is a point; NaN where no mode has two samples.
      variance_ratio_error: its standard error.
      variance_ratios: the same for every mode, ``[modes]``.
    """

    n: int
    covered: int
    reproduced: int
    share: float
    masses: Float[np.ndarray, " modes"]
    mass_intervals: Float[np.ndarray, "modes 2"]
    reverse_kl: float
    reverse_kl_error: float
    reverse_kl_baseline: float
    jensen_shannon: float
    threshold: float
    high_quality: float
    high_quality_interval: tuple[float, float]
    expected_high_quality: float
    outside: float
    variance_ratio: float
    variance_ratio_error: float
    variance_ratios: Float[np.ndarray, " modes"]


class ModeTurnover(NamedTuple):
    """Which modes are alive when.

    Attributes:
      alive: ``[records, modes]``.
      births, deaths: modes that came and went between two records, ``[records - 1]``.
    """

    alive: Bool[np.ndarray, "records modes"]
    births: Int[np.ndarray, " records-1"]
    deaths: Int[np.ndarray, " records-1"]


def modes_of(mixture: Distribution) -> Modes:
    """The modes of an ``IsotropicMixture`` (``gaussian_ring``, ``gaussian_grid``, …).

    Args:
      mixture: of isotropic Gaussians.

    Returns:
      Its centres, standard deviations and weights.

    Raises:
      TypeError: another law, whose modes nobody has named.
    """
    components = getattr(getattr(mixture, "component_distribution", None), "base_dist", None)
    if components is None or getattr(components, "scale", jnp.zeros(())).ndim != 2:
        raise TypeError(
            f"modes is of type {type(mixture).__name__}; expected a mixture such as distributions.gaussian_ring(), or modes.Modes"
        )
    return Modes(components.loc, components.scale[:, 0], mixture.mixing_distribution.probs)


def tally(samples: Real[Array, "n d"], modes: Modes | Distribution, *, threshold: float = THRESHOLD) -> ModeCounts:
    """Counts samples by mode; pure.

    A sample belongs to the mode whose centre is nearest in that mode's standard deviations, and is of high quality where that is less
    than ``threshold`` of them.

    Args:
      samples: ``[n, d]``.
      modes: the truth, or a mixture that has it (``modes_of``).
      threshold: in standard deviations.

    Returns:
      The counts. A sample that is not finite belongs to no mode.

    Raises:
      ValueError: another dimension, a threshold not above 0.
    """
    checks.at_least("threshold", threshold, 0.0, strict=True)
    samples, modes = jnp.asarray(checks.real("samples", samples)), _modes(modes)
    if samples.ndim != 2 or samples.shape[1:] != modes.centres.shape[1:]:
        raise ValueError(f"samples has shape {samples.shape}; expected [n, {modes.centres.shape[1]}]")
    offsets = (samples[:, None, :] - modes.centres[None, :, :]) / modes.scales[None, :, None]
    squares = jnp.sum(jnp.square(offsets), axis=-1)
    squares = jnp.where(jnp.isfinite(squares), squares, jnp.inf)
    own = jax.nn.one_hot(jnp.argmin(squares, axis=1), modes.centres.shape[0], dtype=bool)
    near = own & jnp.isfinite(squares)
    high = own & (squares < threshold**2)
    within = jnp.where(high, squares, 0.0)
    return ModeCounts(
        samples=jnp.asarray(samples.shape[0], jnp.int32),
        near=jnp.sum(near, axis=0, dtype=jnp.int32),
        high=jnp.sum(high, axis=0, dtype=jnp.int32),
        sums=jnp.sum(jnp.where(high[:, :, None], offsets, 0.0), axis=0),
        squares=jnp.sum(within, axis=0),
        fourths=jnp.sum(jnp.square(within), axis=0),
    )


def assay(
    samples: ModeCounts | Real[np.ndarray | Array, "n d"],
    modes: Modes | Distribution,
    *,
    threshold: float = THRESHOLD,
    share: float = 0.5,
    level: float = 0.95,
) -> ModeMetrics:
    """What samples are made of: quality, coverage, masses and variance of the modes, each with its uncertainty.

    Args:
      samples: ``[n, d]``, or their ``tally`` at the same threshold.
      modes: the truth, or a mixture that has it (``modes_of``).
      threshold: in standard deviations.
      share: of a mode's expected number of samples, from which on it counts as reproduced.
      level: of the intervals.

    Returns:
      The assay.

    Raises:
      ValueError: samples that are no ``[n, d]`` or not finite, weights that are not positive or do not sum to one, ``share`` not above
        zero, a level outside (0, 1).

    Warns:
      UserWarning: fewer than five samples a mode; says how many modes a perfect sampler would miss.

    Source: Srivastava et al. 2017, "VEEGAN", section 4.1; Lin et al. 2018, "PacGAN", section 4.1 and the authors' code (the histogram is
      one of high-quality samples).
    """
    modes = _modes(modes)
    if not isinstance(samples, ModeCounts):
        if not isinstance(samples, np.ndarray | jax.Array | list | tuple):
            raise TypeError(
                f"samples is of type {type(samples).__name__}; expected an array [n, d], and the modes after it"
            )
        samples = tally(checks.samples("samples", samples), modes, threshold=threshold)
    n, d = int(samples.samples), modes.centres.shape[1]
    high = np.asarray(samples.high)
    inside, expected = int(high.sum()), _chi2(d, threshold)
    histogram = of_counts(high, np.asarray(modes.weights), n=n, expected_inside=expected, share=share, level=level)
    ends = interval(inside, n, level=level)
    pooled, error, single = _variances(samples, d, threshold)
    return ModeMetrics(
        *histogram,
        threshold=threshold,
        high_quality=inside / n,
        high_quality_interval=(float(ends[0]), float(ends[1])),
        expected_high_quality=expected,
        outside=1.0 - inside / n,
        variance_ratio=pooled,
        variance_ratio_error=error,
        variance_ratios=single,
    )


def pooled_variance(counts: ModeCounts) -> Float[np.ndarray, " ..."]:
    """Variance inside the modes over the truth's, pooled over modes as ``assay`` has it, for many tallies of the plane at once.

    Args:
      counts: ``tally`` of samples ``[n, 2]``, with any leading axes ``[...]``.

    Returns:
      ``[...]``; NaN where no mode has two samples.
    """
    high = counts.high.astype(float)
    scatter = counts.squares - np.sum(np.square(counts.sums), axis=-1) / np.maximum(high, 1.0)
    freedom = np.sum(np.maximum(high - 1.0, 0.0), axis=-1)
    cut = 0.5 * THRESHOLD**2
    # E[|u|²; |u| < t] / P(|u| < t) of two standard normal coordinates.
    truth = 2.0 * (1.0 - (1.0 + cut) * np.exp(-cut)) / (1.0 - np.exp(-cut))
    return np.where(freedom > 0, np.sum(scatter, axis=-1) / (np.maximum(freedom, 1.0) * truth), np.nan)


def mode_turnover(
    masses: Real[np.ndarray, "records modes"], weights: Real[np.ndarray | Array, " modes"], *, share: float = 0.25
) -> ModeTurnover:
    """Births and deaths of modes during training.

    A mode is alive at a record where its mass is at least ``share`` of its weight.

    Args:
      masses: of every mode at every record, ``[records, modes]``.
      weights: in the truth, ``[modes]``.
      share: see above.

    Returns:
      Which are alive, and how many came and went.
    """
    alive = np.asarray(masses) >= share * np.asarray(weights)[None, :]
    return ModeTurnover(alive, (alive[1:] & ~alive[:-1]).sum(axis=1), (~alive[1:] & alive[:-1]).sum(axis=1))


def _modes(modes: Modes | Distribution) -> Modes:
    """The truth, as given or read off a mixture."""
    return modes if isinstance(modes, Modes) else modes_of(modes)


def _chi2(d: int, threshold: float) -> float:
    """Probability that a d-dimensional standard normal vector is shorter than the threshold; 1 - e^{-t²/2} for d = 2."""
    return float(special.gammainc(0.5 * d, 0.5 * threshold**2))


def _variances(counts: ModeCounts, d: int, threshold: float) -> tuple[float, float, np.ndarray]:
    """In-mode variance over the truth's: pooled, its standard error, and mode by mode.

    About the samples' own means: a mode that is one point off its centre has none. Of the truth, E[|u|²; |u| < t] / P(|u| < t) = d
    F_{d+2}(t²) / F_d(t²) with χ² distribution functions F.
    """
    truth = d * _chi2(d + 2, threshold) / _chi2(d, threshold)
    high, sums, squares, fourths = (
        np.asarray(leaf, np.float64) for leaf in (counts.high, counts.sums, counts.squares, counts.fourths)
    )
    several = high > 1
    safe = np.where(several, high, 2.0)
    scatter = squares - np.sum(np.square(sums), axis=1) / safe
    # Rounding in float32 may leave a negative scatter where all samples of a mode are one point.
    scatter = np.maximum(scatter, 0.0)
    single = np.where(several, scatter / ((safe - 1.0) * truth), np.nan)
    freedom = float(np.sum(high[several] - 1.0))
    if freedom == 0.0:
        return float("nan"), float("nan"), single
    pooled = float(scatter[several].sum()) / (freedom * truth)
    mean = squares[several].sum() / high[several].sum()
    variance = max(float(fourths[several].sum() / high[several].sum() - mean**2), 0.0)
    return pooled, float(np.sqrt(variance / freedom)) / truth, single


__all__ = [
    "THRESHOLD",
    "ModeCounts",
    "ModeMetrics",
    "ModeTurnover",
    "Modes",
    "assay",
    "mode_turnover",
    "modes_of",
    "pooled_variance",
    "tally",
]
