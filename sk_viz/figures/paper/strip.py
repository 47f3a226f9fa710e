"""A picture over the scales: what the network saw, what it said, and which pixels counted."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sk_viz.figures.palette import AGAINST, FOR
from sk_viz.figures.paper.style import SMALL, new_figure, width_inches, words
from sk_viz.measures.result import map_table

_LONGEST = 18  # letters of a class name under a picture


@dataclass(frozen=True, eq=False)
class StripFrame:
    """One scale.

    Attributes:
        scale: s of the protocol.
        rgb: uint8 (side, side, 3), what the network was shown.
        predictions: (name, probability) of the likeliest classes, best first.
        heatmap: (side, side) attribution, or None.
    """

    scale: float
    rgb: npt.NDArray[np.uint8]
    predictions: Sequence[tuple[str, float]]
    heatmap: npt.NDArray[np.float32] | None = None


def strip(frames: Sequence[StripFrame], explained: str, width: str) -> tuple[Figure, pd.DataFrame]:
    """Draw the strip; inside ``paper_style``.

    Args:
        frames: from left to right.
        explained: what the attributions are of, such as "integrated gradients of tabby".
        width: of the figure.

    Returns:
        The figure, and what is drawn: kind, scale, then rank, name and probability of each
        ``prediction``, and row, column and value of each pixel of each ``map``, as measured.
    """
    maps = [frame.heatmap for frame in frames if frame.heatmap is not None]
    side = width_inches(width) / len(frames) - 0.05
    lines = min(3, *(len(frame.predictions) for frame in frames))
    height = side + 0.2 + 0.105 * lines + ((side + 0.24) if maps else 0.0)
    figure = new_figure(width, height)
    grid = figure.subplots(2 if maps else 1, len(frames), squeeze=False)
    limit = max((float(np.abs(m).max()) for m in maps), default=1.0) or 1.0
    signed = any(float(m.min()) < 0 for m in maps)
    for column, frame in enumerate(frames):
        top = grid[0, column]
        top.imshow(frame.rgb, interpolation="antialiased")
        top.set_title(f"{frame.scale:g}x")
        text = "\n".join(f"{_short(n, side)} {p:.0%}" for n, p in frame.predictions[:lines])
        top.set_xlabel(words(text), fontsize=SMALL, labelpad=2)
        _bare(top)
        if frame.heatmap is not None:
            _overlay(grid[1, column], frame, limit)
    if maps:
        sides = "green for, purple against" if signed else "green how much, for or against"
        sides += "; opacity: square root"
        letters = int(width_inches(width) / 0.05)
        legend = textwrap.fill(f"{explained}: {sides}", letters)
        figure.supxlabel(words(legend), fontsize=SMALL)
    return figure, _drawn(frames)


def _drawn(frames: Sequence[StripFrame]) -> pd.DataFrame:
    """What the strip shows as one table."""
    parts = [
        pd.DataFrame(
            [
                {"scale": frame.scale, "rank": rank, "name": name, "probability": float(p)}
                for frame in frames
                for rank, (name, p) in enumerate(frame.predictions, start=1)
            ],
            columns=["scale", "rank", "name", "probability"],
        ).assign(kind="prediction")
    ]
    parts += [
        map_table(frame.heatmap).assign(kind="map", scale=frame.scale)
        for frame in frames
        if frame.heatmap is not None
    ]
    columns = ["kind", "scale", "rank", "name", "probability", "row", "column", "value"]
    whole = {"rank": "Int64", "row": "Int64", "column": "Int64"}  # which may be missing
    return pd.concat(parts).reindex(columns=columns).astype(whole)


def _overlay(axes: Axes, frame: StripFrame, limit: float) -> None:
    """The map over a grey, faint picture: green speaks for, purple against, as on screen."""
    assert frame.heatmap is not None
    grey = frame.rgb.mean(axis=2)
    axes.imshow(255 - (255 - grey) * 0.45, cmap="gray", vmin=0, vmax=255)
    # Attributions have long tails: the root keeps the middle of them visible.
    strength = np.sqrt(np.abs(frame.heatmap) / limit)
    colours = np.zeros((*frame.heatmap.shape, 4))
    colours[..., :3] = np.where((frame.heatmap >= 0)[..., None], FOR, AGAINST)
    colours[..., 3] = 255 * np.clip(strength, 0, 1)
    axes.imshow(colours / 255)
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _short(name: str, inches: float) -> str:
    """A class name that fits under a picture with its probability."""
    letters = min(_LONGEST, max(5, int(inches / 0.055) - 5))
    return name if len(name) <= letters else name[: letters - 1].rstrip() + "…"
