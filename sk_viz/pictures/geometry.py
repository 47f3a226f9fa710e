"""The boxes of a picture that the protocols cut, as fractions of pixels."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """Edges in pixels: x grows to the right, y downwards, pixel i covers [i, i + 1]."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


def evaluation_crop(width: int, height: int, crop_fraction: float) -> Box:
    """The central square with a side of ``crop_fraction`` times the shorter side."""
    half = crop_fraction * min(width, height) / 2
    x, y = width / 2, height / 2
    return Box(x - half, y - half, x + half, y + half)


def zoom_window(
    width: int, height: int, crop_fraction: float, scale: float, point: tuple[float, float]
) -> Box:
    """The square of 1/scale of the evaluation crop's side, as near to ``point`` as it can be.

    The window stays inside the evaluation crop. At scale 1 it is the crop, whatever the point;
    as the scale grows its centre walks from the crop's centre to the point (or to where the crop
    ends, for a point outside) and stays there.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.
        crop_fraction: side of the evaluation crop as a share of the shorter side.
        scale: at least 1.
        point: (x, y) as shares of the picture's width and height.
    """
    crop = evaluation_crop(width, height, crop_fraction)
    side = crop_fraction * min(width, height) / scale
    left = max(min(point[0] * width - side / 2, crop.right - side), crop.left)
    top = max(min(point[1] * height - side / 2, crop.bottom - side), crop.top)
    # Rounding must not carry an edge over the picture's.
    return Box(left, top, min(left + side, crop.right), min(top + side, crop.bottom))


def intersection(a: Box, b: Box) -> Box | None:
    """What two boxes share; None when that has no area."""
    shared = Box(
        max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom)
    )
    return shared if shared.width > 0 and shared.height > 0 else None
