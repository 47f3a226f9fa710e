"""A picture as the ground of a screen figure, in its own pixels, and layers over it."""

from __future__ import annotations

import base64
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from sk_viz.figures.palette import AGAINST, FOR
from sk_viz.figures.screen.style import Ink, mix, styled

Ground = Literal["colour", "pale", "dark"]

PANEL = 300  # pixels of a panel's side on the page


def picture_panel(
    rgb: npt.NDArray[np.uint8], ink: Ink, *, ground: Ground = "colour", beyond: float = 0.0
) -> go.Figure:
    """A figure that shows a picture, one unit of its axes a pixel and y downwards.

    Args:
        rgb: uint8 (side, side, 3).
        ink: of the page.
        ground: ``"pale"`` or ``"dark"`` show it in grey, so that a layer is what one sees.
        beyond: pixels to show outside the picture on each side.
    """
    shown = rgb if ground == "colour" else _grey(rgb, ground)
    figure = go.Figure(
        go.Image(source=_address(shown), hoverinfo="skip", zsmooth="fast", colormodel="rgb")
    )
    styled(figure, ink, PANEL)
    side = rgb.shape[0]
    axis = {
        "constrain": "domain",
        "showticklabels": False,
        "ticks": "",
        "showline": False,
    }
    figure.update_xaxes(range=[-0.5 - beyond, side - 0.5 + beyond], **axis)
    figure.update_yaxes(
        range=[side - 0.5 + beyond, -0.5 - beyond], scaleanchor="x", scaleratio=1, **axis
    )
    figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0})
    return figure


def sign_scale(signed: bool) -> list[tuple[float, str]]:
    """For and against as a layer: see-through at zero, full colour at the ends."""
    if not signed:
        return [(0.0, _rgba(FOR, 0)), (1.0, _rgba(FOR, 1))]
    return [
        (0.0, _rgba(AGAINST, 1)),
        (0.5, _rgba(AGAINST, 0)),
        (0.5, _rgba(FOR, 0)),
        (1.0, _rgba(FOR, 1)),
    ]


def sign_cells(ink: Ink) -> list[tuple[float, str]]:
    """For and against on the page's own surface, for cells that have no picture below."""
    below, above = (f"#{r:02X}{g:02X}{b:02X}" for r, g, b in (AGAINST, FOR))
    return [(0.0, below), (0.5, mix(ink.surface, ink.text, 0.06)), (1.0, above)]


def _grey(rgb: npt.NDArray[np.uint8], ground: Ground) -> npt.NDArray[np.uint8]:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    toned = 96 + 0.6 * grey if ground == "pale" else 12 + 0.38 * grey
    return np.repeat(np.rint(toned).astype(np.uint8)[..., None], 3, axis=2)


def _address(rgb: npt.NDArray[np.uint8]) -> str:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode()}"


def _rgba(colour: tuple[int, int, int], opacity: float) -> str:
    return f"rgba({colour[0]},{colour[1]},{colour[2]},{opacity:g})"
