"""A map over a picture as a file: PNG to look at, NPY to compute with."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from sk_viz.errors import ModelError
from sk_viz.figures.palette import branch_colour
from sk_viz.figures.screen.overlay import common_limit, heat_layer
from sk_viz.files import write_whole

ENDINGS = (".png", ".npy")
OPACITY = "share of the 97th percentile of all magnitudes, at most 1"
_SIDE = 512

# Left, top, right, bottom, in pixels of the map.
Box = tuple[float, float, float, float]


def check_ending(path: Path) -> None:
    """Refuse a file name whose ending is unknown, before anything is computed.

    Raises:
        ModelError: the name does not end with .png or .npy.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ModelError(f"{path.name!r} must end with {' or '.join(ENDINGS)}.")


def save_map(
    path: Path,
    rgb: npt.NDArray[np.uint8],
    heatmap: npt.NDArray[np.float32],
    record: Mapping[str, Any],
    boxes: Sequence[Box] = (),
) -> None:
    """Write a map.

    Args:
        path: ends with .png (the map over the grey picture; its opacity is ``OPACITY``; the
            record in its text) or .npy (the values alone, float32).
        rgb: (H, W, 3), the picture below it.
        heatmap: (H, W).
        record: of the measurement.
        boxes: drawn over the PNG, one a branch, smallest kernel first.

    Raises:
        ModelError: another ending, or a place that cannot be written.
    """
    check_ending(path)
    buffer = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(buffer, heatmap)
    else:
        text = PngInfo()
        drawn = {**record, "opacity": OPACITY}
        text.add_text("sk_viz", json.dumps(drawn, ensure_ascii=True))
        map_image(rgb, heatmap, boxes).save(buffer, "PNG", pnginfo=text)
    write_whole(path, buffer.getvalue())


def map_image(
    rgb: npt.NDArray[np.uint8], heatmap: npt.NDArray[np.float32], boxes: Sequence[Box] = ()
) -> Image.Image:
    """A map over the grey picture, about 512 pixels wide.

    Args:
        rgb: (H, W, 3), the picture below it.
        heatmap: (H, W). Full strength is the 97th percentile of its magnitudes.
        boxes: frames to draw, one a branch, smallest kernel first.
    """
    factor = max(1, round(_SIDE / heatmap.shape[0]))
    size = (heatmap.shape[1] * factor, heatmap.shape[0] * factor)
    below = Image.fromarray(rgb).convert("L").convert("RGBA").resize(size, Image.Resampling.BICUBIC)
    layer = Image.fromarray(heat_layer(heatmap, common_limit([heatmap])))
    drawn = Image.alpha_composite(below, layer.resize(size, Image.Resampling.NEAREST))
    pen = ImageDraw.Draw(drawn)
    for branch, box in enumerate(boxes):
        left, top, right, bottom = (edge * factor for edge in box)
        colour = branch_colour(branch, len(boxes))
        pen.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=3)
    return drawn.convert("RGB")
