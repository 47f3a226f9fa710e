"""The request of a figure, and the figure measured but not yet drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from sk_viz.figures.paper.style import DPI
from sk_viz.pictures import CENTRE

if TYPE_CHECKING:
    from sk_viz.pictures import Picture
    from sk_viz.types import Progress
    from sk_viz.zoo.model import Model


@dataclass(frozen=True)
class FigureRequest:
    """Everything that a figure is made from.

    Attributes:
        name: fig3, fig4, size, heatmap, strip or rf.
        inputs: paths of pictures and of a survey's folder, or names of samples.
        width: a name of ``WIDTHS``, or inches.
        dpi: of a PNG, and of pictures inside the others.
        model: for pictures; a survey has its own.
        weights: the checkpoint for a model given as FILE.py:FACTORY.
        input_size: side of its input, pixels; None for what it says itself.
        scales: None for those of the figure.
        protocol: of scale.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: the path of a picture, the name of a sample, or a
            colour such as ``255,255,255``; None for the mean colour of the preprocessing.
        unit: None for that of the figure.
        method: of the attributions.
        target: of the attributions.
        gate: of the receptive field: held or free.
        paper: draw the paper's own values beside.
        latex: set all text by LaTeX.
        device: where the model runs.
    """

    name: str
    inputs: tuple[str, ...]
    width: str = "cvpr-column"
    dpi: int = DPI
    model: str = "sknet_tiny"
    weights: str | None = None
    input_size: int | None = None
    scales: tuple[float, ...] | None = None
    protocol: str = "zoom"
    point: tuple[float, float] = CENTRE
    background: str | None = None
    unit: str | None = None
    method: str = "integrated_gradients"
    target: str = "class"
    gate: str = "held"
    paper: bool = False
    latex: bool = False
    device: str = "auto"


@dataclass(frozen=True, eq=False)
class AtHand:
    """Objects in memory that a request names, such as an uploaded picture.

    Attributes:
        pictures: by the input, or the background, that names them, such as those that were
            uploaded.
        surveys: folder by the input that names it.
        model: that of the request, loaded; None to load it.
    """

    pictures: Mapping[str, Picture] = field(default_factory=dict)
    surveys: Mapping[str, Path] = field(default_factory=dict)
    model: Model | None = None


NOTHING = AtHand()


@dataclass(frozen=True, eq=False)
class Measured:
    """A figure that has been measured and not yet drawn.

    Measuring takes seconds to minutes and needs no lock; drawing is quick and holds Matplotlib's.

    Attributes:
        draw: draws the figure, a new one at each call, inside ``paper_style``. Returns it with
            the table of the numbers in it.
        caption: plain text, with the numbers.
        records: of what was measured for it.
    """

    draw: Callable[[], tuple[Figure, pd.DataFrame]]
    caption: str
    records: Sequence[Mapping[str, Any]]


# Measures a figure. The progress is told (done, total); what it raises ends the work.
Measure = Callable[[FigureRequest, AtHand, "Progress | None"], Measured]
