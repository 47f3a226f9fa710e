"""The three tables of a sweep, made from arrays without a loop over channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sk_viz.measures.reading import Floats

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit

TOP = 5

Ints = npt.NDArray[np.integer[Any]]


def weights_table(
    scales: Sequence[float], units: Sequence[Unit], read: Sequence[Floats]
) -> pd.DataFrame:
    """One row a scale, unit, branch and channel, in this order.

    Args:
        scales: S scales.
        units: the units, in the network's order.
        read: branch weights (S, M, C) of each unit.

    Returns:
        Columns scale, unit (an ordered categorical), stage, block, branch (from 0), kernel,
        channel (from 0), weight (in [0, 1]).
    """
    rows = np.array([len(unit.kernels) * unit.channels for unit in units])
    branch, channel = (
        np.concatenate(parts)
        for parts in zip(
            *(np.divmod(np.arange(n), u.channels) for n, u in zip(rows, units, strict=True)),
            strict=True,
        )
    )
    kernel = np.concatenate([np.repeat(u.kernels, u.channels) for u in units])
    count = len(scales)

    def column(values: Ints, dtype: type[np.integer[Any]]) -> Ints:
        return np.tile(values.astype(dtype), count)

    return pd.DataFrame(
        {
            "scale": np.repeat(np.asarray(scales, np.float64), rows.sum()),
            "unit": _names(units, np.tile(np.repeat(np.arange(len(units)), rows), count)),
            "stage": column(np.repeat([u.stage for u in units], rows), np.int16),
            "block": column(np.repeat([u.block for u in units], rows), np.int16),
            "branch": column(branch, np.int16),
            "kernel": column(kernel, np.int16),
            "channel": column(channel, np.int32),
            "weight": np.concatenate([w.reshape(count, -1) for w in read], axis=1).ravel(),
        },
        copy=False,
    )


def differences_table(
    scales: Sequence[float], units: Sequence[Unit], read: Sequence[Floats]
) -> pd.DataFrame:
    """One row a scale and unit: columns scale, unit, stage, block, difference in [-1, 1].

    The difference is the mean over channels of the weight of the largest kernel minus that of
    the smallest (the paper's figure 3, right).
    """
    differences = [
        (w[:, u.largest] - w[:, u.smallest]).mean(axis=1, dtype=np.float64)
        for u, w in zip(units, read, strict=True)
    ]
    count = len(scales)
    return pd.DataFrame(
        {
            "scale": np.repeat(np.asarray(scales, np.float64), len(units)),
            "unit": _names(units, np.tile(np.arange(len(units)), count)),
            "stage": np.tile(np.array([u.stage for u in units], np.int16), count),
            "block": np.tile(np.array([u.block for u in units], np.int16), count),
            "difference": np.stack(differences, axis=1).ravel(),
        }
    )


def predictions_table(
    scales: Sequence[float], probabilities: Floats, classes: Sequence[str]
) -> pd.DataFrame:
    """The five likeliest classes of each scale.

    Args:
        scales: S scales.
        probabilities: (S, K).
        classes: K names.

    Returns:
        Columns scale, rank (from 1), label (in 0..K-1), name, probability.
    """
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
    count, kept = top.shape
    return pd.DataFrame(
        {
            "scale": np.repeat(np.asarray(scales, np.float64), kept),
            "rank": np.tile(np.arange(1, kept + 1, dtype=np.int16), count),
            "label": top.ravel().astype(np.int32),
            "name": [classes[label] for label in top.ravel().tolist()],
            "probability": np.take_along_axis(probabilities, top, axis=1).ravel(),
        }
    )


def branch_means(weights: pd.DataFrame) -> pd.DataFrame:
    """The mean weight over channels of each branch of each unit at each scale.

    Args:
        weights: of :func:`weights_table`.

    Returns:
        Columns scale, unit, stage, block, branch, kernel, weight.
    """
    # Channel 0 starts each run of rows that share scale, unit and branch.
    starts = np.flatnonzero(weights["channel"].to_numpy() == 0)
    lengths = np.diff(starts, append=len(weights))
    sums = np.add.reduceat(weights["weight"].to_numpy(), starts, dtype=np.float64)
    means = weights.iloc[starts].drop(columns=["channel", "weight"]).reset_index(drop=True)
    return means.assign(weight=sums / lengths)


def _names(units: Sequence[Unit], codes: Ints) -> pd.Categorical[str]:
    """Unit names as an ordered categorical: small, and sorted as the network runs."""
    names = pd.Index([unit.name for unit in units])
    return pd.Categorical.from_codes(codes, names, ordered=True)
