"""The ``object`` protocol: a cut-out drawn at any size on a background of one size."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from sk_viz.errors import ScaleError
from sk_viz.pictures.geometry import Box, intersection
from sk_viz.pictures.picture import Cutout

BASE_SIZE = 0.4
MIN_OBJECT = 8  # pixels; below it there is nothing to recognise


def object_bounds(cutout: Cutout) -> Box:
    """The smallest whole-pixel box around what is not wholly transparent."""
    visible = cutout.rgba[..., 3] > 0
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def object_place(
    bounds: Box, scale: float, input_size: int, point: tuple[float, float], base_size: float
) -> Box:
    """Where the object's bounds come to lie in the frame, in the frame's pixels.

    Its longer side is ``scale * base_size * input_size``, its centre stands at ``point`` of the
    frame; what goes over the frame's edge will be cut off, as a zoom would.
    """
    if not 0 < base_size <= 1:
        raise ScaleError(f"The base size {base_size:g} is not a share: give one from 0 to 1.")
    longer = scale * base_size * input_size
    if longer < MIN_OBJECT:
        raise ScaleError(
            f"At scale {scale:g} the object would be {longer:.2g} pixels long: "
            f"give scales from {MIN_OBJECT / (base_size * input_size):.3g}."
        )
    ratio = longer / max(bounds.width, bounds.height)
    half_width, half_height = ratio * bounds.width / 2, ratio * bounds.height / 2
    x, y = point[0] * input_size, point[1] * input_size
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def draw_object(
    cutout: Image.Image, bounds: Box, place: Box, background: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """The cut-out laid on a background, each pixel of it mixed by coverage.

    Args:
        cutout: mode "RGBa", that is, colours multiplied by alpha: averaging these, no colour of
            a transparent pixel comes through as a dark fringe.
        bounds: the object within the cut-out, in its pixels.
        place: where it comes to lie, in the background's pixels.
        background: uint8 (side, side, 3).

    Returns:
        uint8 (side, side, 3).
    """
    side = background.shape[0]
    ratio = bounds.width / place.width  # cut-out pixels a frame pixel
    whole = Box(
        float(math.floor(place.left)),
        float(math.floor(place.top)),
        float(math.ceil(place.right)),
        float(math.ceil(place.bottom)),
    )
    target = intersection(whole, Box(0.0, 0.0, float(side), float(side)))
    if target is None:
        return background.copy()
    # The same target pixels seen in the cut-out. They overhang it by up to a frame pixel, and the
    # bicubic filter reaches two further: a transparent margin lets the edge fade as it should.
    left = bounds.left + (target.left - place.left) * ratio
    top = bounds.top + (target.top - place.top) * ratio
    margin = math.ceil(3 * max(ratio, 1)) + 1
    padded = Image.new("RGBa", (cutout.width + 2 * margin, cutout.height + 2 * margin))
    padded.paste(cutout, (margin, margin))
    box = (
        left + margin,
        top + margin,
        left + margin + target.width * ratio,
        top + margin + target.height * ratio,
    )
    size = (int(target.width), int(target.height))
    drawn = np.asarray(padded.resize(size, Image.Resampling.BICUBIC, box=box), np.float32)
    alpha = drawn[..., 3:] / 255
    rows = slice(int(target.top), int(target.bottom))
    columns = slice(int(target.left), int(target.right))
    frame = background.copy()
    mixed = drawn[..., :3] + frame[rows, columns] * (1 - alpha)
    frame[rows, columns] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return frame
