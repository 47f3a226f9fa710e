"""Effects with their size and interval, and tests that know how many were made.

Everything paired is paired by picture and vectorised over columns (units, scales): pass the
differences "after minus before" as (n,) or (n, k).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_Z95 = 1.959963984540054  # the normal quantile of 0.975
# Elements of one block of resamples: bounds the memory to some 30 MB whatever n and k are.
_BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class PairedEffect:
    """What changed between two settings that the same n pictures were shown in.

    Every array has one entry a column of the differences.

    Attributes:
        n: number of pictures.
        mean: mean difference, "after minus before".
        mean_interval: (2, ...) its 95 % interval, percentile bootstrap over pictures.
        d: Cohen's d for pairs, see :func:`cohens_d`.
        d_interval: (2, ...) its 95 % interval from the same resamples; NaN where one of them
            has only zeros.
        rising: share of the pictures whose difference is above 0, in [0, 1].
        rising_interval: (2, ...) its 95 % Wilson interval.
        p: two-sided, of :func:`sign_flip_p`; not corrected for the number of columns.
    """

    n: int
    mean: Array
    mean_interval: Array
    d: Array
    d_interval: Array
    rising: Array
    rising_interval: Array
    p: Array


def paired_effect(
    differences: npt.ArrayLike, *, resamples: int = 2000, seed: int = 0
) -> PairedEffect:
    """Size, interval and direction of a paired change.

    Args:
        differences: (n,) or (n, k) "after minus before", one row a picture, n >= 2.
        resamples: of the bootstrap, and sign flips of the test.
        seed: of both; equal seeds give equal numbers.

    Raises:
        ValueError: fewer than two pictures, or values that are not finite.
    """
    values = _pairs(differences)
    n = len(values)
    draws = bootstrap(values, _mean_and_d, resamples=resamples, seed=seed)
    # One of the draws, not a point between two: between infinite ones there is none.
    low_high = np.percentile(draws, (2.5, 97.5), axis=0, method="nearest")
    rising = (values > 0).sum(axis=0)
    return PairedEffect(
        n=n,
        mean=np.asarray(values.mean(axis=0)),
        mean_interval=low_high[:, 0],
        d=cohens_d(values),
        d_interval=low_high[:, 1],
        rising=np.asarray(rising / n),
        rising_interval=np.stack(_wilson(rising, np.full(np.shape(rising), n))),
        p=sign_flip_p(values, flips=resamples, seed=seed),
    )


def cohens_d(differences: npt.ArrayLike) -> Array:
    """Cohen's d for pairs (d_z): mean difference / standard deviation of the differences.

    The standard deviation has n - 1 below. Where all differences are equal it is 0 and d has no
    finite value: NaN if they are all 0, otherwise infinite.

    Args:
        differences: (n,) or (n, k), n >= 2.
    """
    return np.asarray(_mean_and_d(_pairs(differences)[None])[0, 1])


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


def sign_flip_p(differences: npt.ArrayLike, *, flips: int = 10_000, seed: int = 0) -> Array:
    """Two-sided p that the differences are symmetric about 0, by flipping their signs at random.

    Never below 1 / (flips + 1): the differences as they are count as one of the flips.

    Args:
        differences: (n,) or (n, k).
        flips: how many random sets of signs.
        seed: of the signs; all columns share them.
    """
    values = _pairs(differences)
    flat = values.reshape(len(values), -1)
    observed = np.abs(flat.sum(axis=0))
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(flat))
    # Sums of one set of numbers in another order differ in their last bits; those are ties.
    ties = observed * (1 - 1e-12)
    reached = np.zeros(flat.shape[1])
    for start in range(0, flips, block):
        signs = rng.integers(2, size=(min(block, flips - start), len(flat))) * 2.0 - 1.0
        reached += (np.abs(signs @ flat) >= ties).sum(axis=0)
    return np.asarray(((reached + 1) / (flips + 1)).reshape(values.shape[1:]))


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
    a, b = np.ravel(np.asarray(x, np.float64)), np.ravel(np.asarray(y, np.float64))
    if a.shape != b.shape:
        raise ValueError(f"A correlation needs pairs; there are {a.size} and {b.size} values.")
    a, b = ranks(_pairs(a)), ranks(_pairs(b))
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def ranks(values: npt.ArrayLike) -> Array:
    """Ranks from 1 of (n,) values; equal ones share the mean of their ranks."""
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Array = (last - (counts - 1) / 2)[inverse]
    return shared


def wilson_interval(successes: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share; it stays in [0, 1] and is not empty at 0 and 1.

    Wilson, J. Amer. Statist. Assoc. 22 (1927).

    Args:
        successes: how many of them, in [0, count].
        count: how many there were, at least 1.

    Raises:
        ValueError: no count, or successes outside [0, count].
    """
    if count < 1 or not 0 <= successes <= count:
        raise ValueError(f"A share needs 0 <= successes <= count, not {successes} of {count}.")
    low, high = _wilson(np.asarray(successes), np.asarray(count))
    return float(low), float(high)


def _wilson(
    successes: npt.NDArray[np.number], count: npt.NDArray[np.number]
) -> tuple[Array, Array]:
    share, z2 = successes / count, _Z95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z95 / (1 + z2 / count) * np.sqrt((share * (1 - share) + z2 / (4 * count)) / count)
    # At 0 and 1 the bound is the share itself; rounding would leave it.
    low = np.where(successes == 0, 0.0, centre - half)
    high = np.where(successes == count, 1.0, centre + half)
    return low, high


def _mean_and_d(samples: Array) -> Array:
    """(r, n, ...) -> (r, 2, ...): mean, and mean / standard deviation."""
    mean = samples.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([mean, mean / samples.std(axis=1, ddof=1)], axis=1)


def _pairs(differences: npt.ArrayLike) -> Array:
    values = np.asarray(differences, np.float64)
    if values.ndim == 0 or len(values) < 2:
        raise ValueError("An effect needs at least two pictures.")
    if not np.isfinite(values).all():
        raise ValueError("An effect needs finite values; leave out the pictures that have none.")
    return values
