"""Attributions as see-through layers for the pictures they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sk_viz.figures.palette import AGAINST, FOR


def common_limit(heatmaps: Sequence[npt.NDArray[np.float32]]) -> float:
    """The magnitude that is drawn at full strength in all of them.

    The 97th percentile of all magnitudes, so that a few pixels do not hide the rest; 0 when
    nothing was attributed.
    """
    magnitudes = np.concatenate([np.abs(heatmap).ravel() for heatmap in heatmaps])
    return float(np.quantile(magnitudes, 0.97))


def heat_layer(heatmap: npt.NDArray[np.float32], limit: float) -> npt.NDArray[np.uint8]:
    """A layer whose opacity is the magnitude and whose colour is the sign.

    Args:
        heatmap: (H, W); above 0 speaks for what is explained, below 0 against it.
        limit: the magnitude of full opacity; see :func:`common_limit`.

    Returns:
        uint8 (H, W, 4), colours not multiplied by alpha.
    """
    layer = np.empty((*heatmap.shape, 4), np.uint8)
    layer[..., :3] = np.where(heatmap[..., None] >= 0, np.array(FOR), np.array(AGAINST))
    share = np.abs(heatmap) / limit if limit > 0 else np.zeros_like(heatmap)
    layer[..., 3] = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return layer
