"""The stimuli of the controls: what a zoom brings into the frame, at unchanged size.

All are made from the whole frame, the 1.0x stimulus, so that inside the window not one pixel
differs from it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from sk_viz.pictures.decoding.formats import Pixels
from sk_viz.pictures.geometry import Box


class Window(NamedTuple):
    """Whole-pixel edges of a window within a frame."""

    left: int
    top: int
    right: int
    bottom: int


def window_in_frame(crop: Box, window: Box, side: int) -> Window:
    """The window of a zoom within the frame that shows the evaluation crop.

    Args:
        crop: the evaluation crop, in pixels of the picture.
        window: inside it, what a zoom shows.
        side: of the frame in pixels.

    Returns:
        Edges rounded to whole pixels; at least one pixel wide.
    """
    ratio = side / crop.width
    width = max(1, round(window.width * ratio))
    left = min(round((window.left - crop.left) * ratio), side - width)
    top = min(round((window.top - crop.top) * ratio), side - width)
    return Window(left, top, left + width, top + width)


def shares_of_frame(crop: Box, window: Box) -> Box:
    """The same window in shares of the frame's side, exact, with edges in [0, 1]."""
    return Box(
        (window.left - crop.left) / crop.width,
        (window.top - crop.top) / crop.height,
        (window.right - crop.left) / crop.width,
        (window.bottom - crop.top) / crop.height,
    )


def mirror(frame: Pixels, window: Window) -> Pixels:
    """The window where it is, mirrored over the rest of the frame (``tile``)."""
    return _repeated(frame, window, "symmetric")


def repeat(frame: Pixels, window: Window) -> Pixels:
    """The window where it is, repeated over the rest of the frame (``periodic``)."""
    return _repeated(frame, window, "wrap")


def cover(frame: Pixels, window: Window, colour: tuple[float, float, float]) -> Pixels:
    """The window where it is, and one colour over the rest of the frame (``grey``).

    Args:
        frame: uint8 (side, side, 3).
        window: what stays.
        colour: R, G, B in 0..255.
    """
    covered = np.full_like(frame, np.rint(colour).astype(np.uint8))
    rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
    covered[rows, columns] = frame[rows, columns]
    return covered


def blur(frame: Pixels, scale: float) -> Pixels:
    """A frame shrunk to round(side / scale) pixels and enlarged back (``blur``)."""
    side = frame.shape[0]
    image = Image.fromarray(frame)
    small = max(1, round(side / scale))
    shrunk = image.resize((small, small), Image.Resampling.BICUBIC)
    return np.asarray(shrunk.resize((side, side), Image.Resampling.BICUBIC), np.uint8)


def _repeated(frame: Pixels, window: Window, mode: str) -> Pixels:
    side = frame.shape[0]
    part = frame[window.top : window.bottom, window.left : window.right]
    margins = (
        (window.top, side - window.bottom),
        (window.left, side - window.right),
        (0, 0),
    )
    padded: Pixels = np.pad(part, margins, mode)  # type: ignore[call-overload]
    return padded
