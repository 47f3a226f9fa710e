"""A card to share: the picture small and large, the verdict, and the map of the choice."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from sk_viz.errors import ModelError
from sk_viz.figures.palette import LARGEST, SMALLEST, difference_scale
from sk_viz.figures.paper.style import paper_style

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep

_SIZE = (12.0, 6.3)  # inches: what sites show of a link
_DPI = 100
_TEXT = 15


def draw_card(sweep: Sweep, kernels: tuple[int, int], limit: float) -> bytes:
    """Draw the card as a PNG of 1200 by 630 pixels, with the record in it.

    Args:
        sweep: with its stimuli, so one that was just made.
        kernels: smallest and largest of the network.
        limit: the difference that has full colour.

    Raises:
        ModelError: a sweep without stimuli.
    """
    if not sweep.stimuli:
        raise ModelError("A sweep that was loaded from a file shows no pictures: make it again.")
    values = np.stack([sweep.unit_differences(unit) for unit in sweep.units])
    with paper_style():
        figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        places = figure.subplot_mosaic([["small", "map"], ["large", "map"]], width_ratios=[1, 1.9])
        for place, stimulus in (("small", sweep.stimuli[0]), ("large", sweep.stimuli[-1])):
            axes = places[place]
            axes.imshow(stimulus.rgb, interpolation="antialiased")
            axes.set_axis_off()
            rows = sweep.predictions[sweep.predictions["scale"] == stimulus.scale]
            title = f"{stimulus.scale:g}x"
            if not rows.empty:  # some networks name no classes
                title += f": {rows.iloc[0]['name']} {rows.iloc[0]['probability']:.0%}"
            axes.set_title(title, fontsize=_TEXT)
        axes = places["map"]
        colours = LinearSegmentedColormap.from_list("difference", difference_scale())
        axes.imshow(values, cmap=colours, vmin=-limit, vmax=limit, aspect="auto")
        axes.set_yticks(range(len(sweep.units)), list(sweep.units))
        axes.set_xticks(range(len(sweep.scales)), [f"{scale:g}" for scale in sweep.scales])
        axes.tick_params(labelsize=max(6.0, min(11.0, 200 / len(sweep.units))))
        axes.set_xlabel(f"scale ({sweep.record['protocol']})", fontsize=_TEXT - 2)
        small, large = (f"{kernel}x{kernel}" for kernel in kernels)
        axes.set_title(f"prefers {small}", fontsize=_TEXT, loc="left", color=SMALLEST)
        axes.set_title(f"prefers {large}", fontsize=_TEXT, loc="right", color=LARGEST)
        figure.suptitle("Which window does each unit choose? · SK-Viz", fontsize=_TEXT + 2)
        canvas.draw()  # type: ignore[no-untyped-call]
        drawn = io.BytesIO()
        canvas.print_png(  # type: ignore[no-untyped-call]
            drawn, metadata={"sk_viz": json.dumps(dict(sweep.record))}
        )
    return drawn.getvalue()
