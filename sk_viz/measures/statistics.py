"""Effects with their size and interval, and tests that know how many were made.

Everything paired is paired by picture and computed for all columns (units, scales) at once: pass
the differences "after minus before" as (n,) or (n, k).

Test and intervals are those of one statistic, Student's t of the mean: p is below 0.05 exactly
where the 95 % interval of the mean, and that of d, leave out 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Below this many pictures an interval rests on how the changes are distributed.
FEW = 20
# A change of this size in Cohen's d and above would be of interest; "small" in Cohen's words.
SMALLEST_EFFECT = 0.2
# Differences are kept in single precision: a spread below this is rounding.
RESOLUTION = 1e-6
# Elements of one block of resamples: bounds the memory to some 30 MB whatever n and k are.
_BLOCK = 4_000_000
_HALVINGS = 40
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class PairedEffect:
    """What changed between two settings that the same n pictures were shown in.

    Every array has one entry per column of the differences. Where the standard deviation of a
    column is no more than rounding, all but ``mean``, ``rising`` and its interval are NaN.

    Attributes:
        n: number of pictures.
        groups: number of groups of pictures that were taken as alike; n without groups.
        mean: mean difference, "after minus before".
        mean_interval: (2, ...) its 95 % interval.
        d: Cohen's d for pairs, see :func:`cohens_d`.
        d_interval: (2, ...) its 95 % interval, by the noncentral t distribution.
        rising: share of the pictures whose difference is above 0, in [0, 1].
        rising_interval: (2, ...) its 95 % Wilson interval.
        p: two-sided, that the mean is 0; not corrected for the number of columns.
        p_equivalent: one-sided, that d lies outside (-smallest, smallest): small where there is
            no effect of interest (two one-sided tests).
        smallest: the smallest d of interest.
    """

    n: int
    groups: int
    mean: Array
    mean_interval: Array
    d: Array
    d_interval: Array
    rising: Array
    rising_interval: Array
    p: Array
    p_equivalent: Array
    smallest: float


def paired_effect(
    differences: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    smallest: float = SMALLEST_EFFECT,
) -> PairedEffect:
    """Size, interval and direction of a paired change.

    Pictures of one class change alike, so they say less than as many of different classes. With
    groups, the error of the mean is that of means over groups (Liang and Zeger, Biometrika 73,
    1986) with as many degrees of freedom as there are groups less one, and never below the error
    of pictures that are all different.

    Args:
        differences: (n,) or (n, k) "after minus before", one row per picture, n >= 2.
        groups: (n,) what pictures have in common, such as their class; each value is one group.
        smallest: the smallest Cohen's d of interest, above 0.

    Raises:
        ValueError: fewer than two pictures, values that are not finite, or groups of another
            length.
    """
    from scipy import stats

    values = _pairs(differences)
    n = len(values)
    mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(sd > RESOLUTION, sd, np.nan)
        error, count = _error_of_mean(values, sd, groups)
        freedom = count - 1
        t = mean / error
        half = stats.t.ppf(0.975, freedom) * error
        to_d = error / sd
        rising = (values > 0).sum(axis=0)
        outside = [
            stats.nct.sf(t, freedom, -smallest / to_d),
            stats.nct.cdf(t, freedom, smallest / to_d),
        ]
        p = 2 * stats.t.sf(np.abs(t), freedom)
        d_interval = _noncentrality(t, freedom)
        # The same statistic decides both; rounding must not part them.
        low, high = d_interval
        found = p < 0.05
        low = np.where(found, np.where(t > 0, np.maximum(low, _TINY), low), np.minimum(low, 0))
        high = np.where(found, np.where(t < 0, np.minimum(high, -_TINY), high), np.maximum(high, 0))
        d_interval = np.where(np.isnan(t), np.nan, np.stack([low, high]))
        return PairedEffect(
            n=n,
            groups=count,
            mean=np.asarray(mean),
            mean_interval=np.stack([mean - half, mean + half]),
            d=np.asarray(mean / sd),
            d_interval=d_interval * to_d,
            rising=np.asarray(rising / n),
            rising_interval=_wilson_of(rising, n),
            p=np.asarray(p),
            p_equivalent=np.asarray(np.where(np.isnan(t), np.nan, np.maximum(*outside))),
            smallest=smallest,
        )


def cohens_d(differences: npt.ArrayLike) -> Array:
    """Cohen's d for pairs (d_z): mean difference / standard deviation of the differences.

    The standard deviation has n - 1 below. NaN where it is no more than rounding
    (``RESOLUTION``), as for copies of one picture.

    Args:
        differences: (n,) or (n, k), n >= 2.
    """
    values = _pairs(differences)
    sd = values.std(axis=0, ddof=1)
    return np.asarray(values.mean(axis=0) / np.where(sd > RESOLUTION, sd, np.nan))


def bootstrap(
    values: Array, statistic: Callable[[Array], Array], *, resamples: int = 2000, seed: int = 0
) -> Array:
    """A statistic of resamples of the rows with replacement; rows stay whole.

    Args:
        values: (n, ...), one row a picture.
        statistic: (r, n, ...) -> (r, ...).
        resamples: how many.
        seed: of the draws.

    Returns:
        (resamples, ...); its percentiles are the interval.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // max(values.size, 1))
    parts = [
        statistic(values[rng.integers(len(values), size=(min(block, resamples - i), len(values)))])
        for i in range(0, resamples, block)
    ]
    return np.concatenate(parts)


def holm(p: npt.ArrayLike) -> Array:
    """Holm's step-down correction: p times the number of tests still standing, never falling.

    Controls the chance of even one false finding. Holm, Scand. J. Statist. 6 (1979).

    Args:
        p: of all tests that were made, any shape; NaN counts as no test and stays NaN.

    Returns:
        Corrected p in [0, 1], of the same shape.
    """
    given = np.asarray(p, np.float64)
    made = given[~np.isnan(given)]
    order = np.argsort(made)
    steps = np.minimum(1.0, np.maximum.accumulate(made[order] * np.arange(len(made), 0, -1)))
    corrected = np.full(given.shape, np.nan)
    back = np.empty_like(steps)
    back[order] = steps
    corrected[~np.isnan(given)] = back
    return corrected


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Spearman's rank correlation in [-1, 1]: Pearson's of the ranks, ties sharing their mean.

    NaN where one of the two is constant.

    Raises:
        ValueError: lengths that differ, fewer than two values, or values that are not finite.
    """
    from scipy import stats

    a, b = np.ravel(np.asarray(x, np.float64)), np.ravel(np.asarray(y, np.float64))
    if a.shape != b.shape:
        raise ValueError(f"A correlation needs pairs; there are {a.size} and {b.size} values.")
    a, b = _pairs(a), _pairs(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(stats.spearmanr(a, b).statistic)


def rank_test(rho: float, n: int) -> tuple[tuple[float, float], float]:
    """The 95 % interval of a rank correlation, and the p that it is 0, which agree.

    By Fisher's z with the error of Bonett and Wright (Psychometrika 65, 2000).

    Args:
        rho: of :func:`spearman`.
        n: number of pairs.

    Returns:
        (low, high) and p; NaN with fewer than four pairs or a correlation of 1.
    """
    from scipy import stats

    if n < 4 or not abs(rho) < 1:
        return (float("nan"), float("nan")), float("nan")
    error = np.sqrt((1 + rho * rho / 2) / (n - 3))
    z, half = np.arctanh(rho), stats.norm.ppf(0.975) * error
    low, high = np.tanh(z - half), np.tanh(z + half)
    return (float(low), float(high)), float(2 * stats.norm.sf(abs(z) / error))


def wilson_interval(successes: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share; it stays in [0, 1] and is not empty at 0 and 1.

    Wilson, J. Amer. Statist. Assoc. 22 (1927).

    Args:
        successes: how many of them, in [0, count].
        count: how many there were, at least 1.

    Raises:
        ValueError: no count, or successes outside [0, count].
    """
    from scipy import stats

    if count < 1 or not 0 <= successes <= count:
        raise ValueError(f"A share needs 0 <= successes <= count, not {successes} of {count}.")
    interval = stats.binomtest(int(successes), int(count)).proportion_ci(0.95, "wilson")
    return float(interval.low), float(interval.high)


def _wilson_of(successes: Any, count: int) -> Array:
    """(2, ...) the interval of each of some shares of one count."""
    known = {int(k): wilson_interval(int(k), count) for k in np.unique(successes)}
    bounds = np.array([known[int(k)] for k in np.ravel(successes)])
    return bounds.T.reshape(2, *np.shape(successes))


def _error_of_mean(values: Array, sd: Array, groups: npt.ArrayLike | None) -> tuple[Array, int]:
    """The standard error of the mean of each column, and how many groups it rests on."""
    n = len(values)
    apart: Array = sd / np.sqrt(n)
    if groups is None:
        return apart, n
    named = np.asarray(groups)
    if named.shape != (n,):
        raise ValueError(f"Groups need one entry per picture; there are {n} pictures.")
    codes = np.unique(named, return_inverse=True)[1]
    count = int(codes.max()) + 1
    if count < 2:
        return apart, n
    away = values - values.mean(axis=0)
    sums = np.zeros((count, *values.shape[1:]))
    np.add.at(sums, codes, away)
    together = np.sqrt(count / (count - 1) * (sums**2).sum(axis=0)) / n
    return np.where(np.isnan(apart), np.nan, np.maximum(apart, together)), count


def _noncentrality(t: Array, freedom: int) -> Array:
    """(2, ...) the 95 % interval of the noncentrality of a t distribution that gave t.

    Steiger and Fouladi, "Noncentrality interval estimation" (1997).
    """
    from scipy import stats

    bounds = []
    for level in (0.975, 0.025):  # of finding less than t
        reach = 10 + 10 * np.abs(t)
        low, high = t - reach, t + reach
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            # The larger the noncentrality, the less likely a smaller t.
            above = stats.nct.cdf(t, freedom, middle) > level
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        bounds.append((low + high) / 2)
    return np.where(np.isnan(t), np.nan, np.stack(bounds))


def _pairs(differences: npt.ArrayLike) -> Array:
    values = np.asarray(differences, np.float64)
    if values.ndim == 0 or len(values) < 2:
        raise ValueError("An effect needs at least two pictures.")
    if not np.isfinite(values).all():
        raise ValueError("An effect needs finite values; leave out the pictures that have none.")
    return values
