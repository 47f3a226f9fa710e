"""The protocols: from one picture to what a network is shown at each scale."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from sk_viz.errors import PictureError
from sk_viz.pictures.controls import (
    blur,
    cover,
    mirror,
    repeat,
    shares_of_frame,
    window_in_frame,
)
from sk_viz.pictures.cutouts import BASE_SIZE, draw_object, object_bounds, object_place
from sk_viz.pictures.decoding.formats import Pixels
from sk_viz.pictures.geometry import Box, evaluation_crop, intersection, zoom_window
from sk_viz.pictures.picture import Cutout, Picture, frozen
from sk_viz.pictures.scales import (
    POOLED,
    check_point,
    check_protocol,
    check_scales,
    resolution_side,
)
from sk_viz.preprocessing import Preprocessing

FILTER = "bicubic, antialiased (Pillow)"
CENTRE = (0.5, 0.5)
# A survey has few scales a picture, and decodes pictures by several threads already.
_MANY = 6
_THREADS = 8

Background = tuple[int, int, int] | Picture
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Stimulus:
    """One picture as a network is shown it.

    Attributes:
        scale: the s of the protocol.
        rgb: uint8 (side, side, 3), read-only; side is the input size, and with the protocol
            ``resolution`` and ``window`` round(scale * input size).
        pool: the part of it, in shares of its sides, over which each gate takes its global mean;
            None for all of it, as the network does by itself.
    """

    scale: float
    rgb: Pixels
    pool: Box | None = None


def stimuli(
    picture: Picture,
    scales: Iterable[float],
    protocol: str,
    preprocessing: Preprocessing,
    *,
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    base_size: float = BASE_SIZE,
) -> tuple[Stimulus, ...]:
    """Show a picture at several scales.

    - ``zoom``: the window of :func:`window`, from the picture's own pixels to the input size in
      one resampling.
    - ``blur``: the zoom to 1, shrunk to round(input size / s) pixels and enlarged back.
    - ``resolution``: the evaluation crop at round(s * input size) pixels.
    - ``tile``: the zoom to 1 with its central 1/s window mirrored over the rest of the frame.
    - ``window``: the ``resolution`` at s, the gates pooled over the central 1/s window.
    - ``object``: a cut-out, its longer side s * base_size of the frame's, on a background.

    Besides these there are the other arms of the controls, ``CHECKS``:

    - ``centre``: the zoom to 1, the gates pooled as by ``window`` at s: its partner.
    - ``periodic``: as ``tile``, repeated in place of mirrored.
    - ``grey``: as ``tile``, the rest of the frame in the normalisation's mean colour.
    - ``base+blur``, ``tile+blur``, ``periodic+blur``, ``centre+blur``: the zoom to 1 and those
      stimuli without the detail that the zoom to s lacks, see :func:`detail_lost`.
    - ``soft-zoom``, ``soft-tile``: the stimuli without the detail that ``blur`` removes at s.

    Args:
        picture: what to show; a :class:`Cutout` for ``object``.
        scales: s, each once; see ``check_scales`` for their limits.
        protocol: one of ``PROTOCOLS`` or ``CHECKS``.
        preprocessing: the network's input size, evaluation crop and normalisation.
        point: (x, y) in [0, 1]: where in the picture to zoom to, also of what the controls keep;
            for ``object`` where in the frame the object's centre stands. ``blur`` and
            ``resolution`` do not use it.
        background: for ``object``: (R, G, B) in 0..255 or a picture, whose evaluation crop
            is taken; by default the normalisation's mean, which the network sees as zeros.
        base_size: for ``object``: its longer side at s = 1 as a share of the frame's, in (0, 1].

    Returns:
        One stimulus a scale, in the order given.

    Raises:
        ScaleError: scales, protocol or point that make no sense together.
        PictureError: no picture at all; ``object`` with one that has no transparency.
    """
    if not isinstance(picture, Picture):
        raise PictureError(
            f"{type(picture).__name__} is not a picture: read it with sk_viz.read_picture first."
        )
    scales = check_scales(scales, protocol, preprocessing.input_size)
    point = check_point(point)
    protocol = check_protocol(protocol)
    side = preprocessing.input_size
    if protocol == "object":
        cutout = _as_cutout(picture)
        bounds = object_bounds(cutout)
        image = Image.fromarray(cutout.rgba).convert("RGBa")
        scene = _scene(background, preprocessing)
        places = [object_place(bounds, s, side, point, base_size) for s in scales]
        shown = [draw_object(image, bounds, place, scene) for place in places]
        return tuple(Stimulus(s, frozen(rgb)) for s, rgb in zip(scales, shown, strict=True))
    base = protocol.removeprefix("soft-").removesuffix("+blur")
    crop = window(picture, 1.0, "blur", preprocessing)
    windows = [window(picture, s, protocol, preprocessing, point=point) for s in scales]
    if base == "zoom":
        shown = _resample_all(picture.pixels, [(box, side) for box in windows])
    elif base in ("resolution", "window"):
        sides = [resolution_side(s, side) for s in scales]
        shown = _resample_all(picture.pixels, [(crop, other) for other in sides])
    else:
        frame = _resample(picture.pixels, crop, side)
        keep = [window_in_frame(crop, box, side) for box in windows]
        if base == "tile":
            shown = [mirror(frame, part) for part in keep]
        elif base == "periodic":
            shown = [repeat(frame, part) for part in keep]
        elif base == "grey":
            colour = _mean_colour(preprocessing)
            shown = [cover(frame, part, colour) for part in keep]
        else:  # base, blur and centre
            shown = [frame] * len(scales)
    if protocol == "blur" or protocol.startswith("soft-"):
        shown = [blur(rgb, s) for rgb, s in zip(shown, scales, strict=True)]
    elif protocol.endswith("+blur"):
        lost = [detail_lost(picture, s, preprocessing) for s in scales]
        shown = [blur(rgb, f) if f > 1 else rgb for rgb, f in zip(shown, lost, strict=True)]
    pools: list[Box | None] = [None] * len(scales)
    if protocol in POOLED:
        pools = [
            shares_of_frame(crop, box) if s > 1 else None
            for s, box in zip(scales, windows, strict=True)
        ]
    return tuple(
        Stimulus(s, frozen(rgb), pool) for s, rgb, pool in zip(scales, shown, pools, strict=True)
    )


def window(
    picture: Picture,
    scale: float,
    protocol: str,
    preprocessing: Preprocessing,
    *,
    point: tuple[float, float] = CENTRE,
    base_size: float = BASE_SIZE,
) -> Box:
    """The part of the picture that is seen at a scale, in the picture's own pixels.

    For ``zoom`` the window, which always lies inside the evaluation crop: at scale 1 it is the
    crop, then its centre walks to ``point`` and stays there. For ``tile``, ``window`` and the
    arms of the controls the same, though some show more around it. For ``blur`` and
    ``resolution`` the evaluation crop. For ``object`` the part of the cut-out inside the frame.

    Takes the arguments of :func:`stimuli` and raises the same.
    """
    (scale,) = check_scales((scale,), protocol, preprocessing.input_size)
    point = check_point(point)
    width, height = picture.width, picture.height
    fraction = preprocessing.crop_fraction
    if protocol in ("blur", "resolution"):
        return evaluation_crop(width, height, fraction)
    if protocol != "object":
        return zoom_window(width, height, fraction, scale, point)
    bounds = object_bounds(_as_cutout(picture))
    side = preprocessing.input_size
    place = object_place(bounds, scale, side, point, base_size)
    ratio = bounds.width / place.width
    left, top = bounds.left - place.left * ratio, bounds.top - place.top * ratio
    frame = Box(left, top, left + side * ratio, top + side * ratio)
    seen = intersection(bounds, frame)
    # The centre of the object is in the frame, so that something of it is always seen.
    assert seen is not None
    return seen


def detail_lost(picture: Picture, scale: float, preprocessing: Preprocessing) -> float:
    """How many times finer the detail of the zoom to 1 is than that of the zoom to a scale.

    Measured against the object: 1 where the picture has a pixel for each of the zoom, ``scale``
    where it has no more pixels than the network's input.

    Args:
        picture: the picture.
        scale: s of the zoom, at least 1.
        preprocessing: the network's.

    Returns:
        A factor in [1, scale].
    """
    side = preprocessing.input_size
    crop = evaluation_crop(picture.width, picture.height, preprocessing.crop_fraction).width
    return min(max(scale * side / crop, 1.0) / max(side / crop, 1.0), scale)


def normalise(
    rgb: Pixels, preprocessing: Preprocessing, into: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """What a network takes: uint8 (H, W, 3) to float32 (3, H, W), (rgb / 255 - mean) / std.

    Args:
        rgb: the picture.
        preprocessing: whose mean and std.
        into: float32 (3, H, W) to write it to and return, where there is a place for it.
    """
    if into is None:
        into = np.empty((3, *rgb.shape[:2]), np.float32)
    values = np.arange(256, dtype=np.float32) / np.float32(255)
    # Of 256 values each is computed once and looked up: a sixth of the time of computing all.
    tables = [
        (values - np.float32(mean)) / np.float32(std)
        for mean, std in zip(preprocessing.mean, preprocessing.std, strict=True)
    ]
    for plane, table, place in zip(cv2.split(rgb), tables, into, strict=True):
        cv2.LUT(plane, table, dst=place)
    return into


def _each(make: Callable[[T], Pixels], settings: Sequence[T]) -> list[Pixels]:
    """What is made with each setting, in order; of many by several threads, as Pillow allows."""
    if len(settings) < _MANY:
        return [make(setting) for setting in settings]
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(make, settings))


def _resample(pixels: Pixels, box: Box, side: int) -> Pixels:
    """A box of a picture at side x side pixels; the filter also reaches the pixels around the box.

    Pillow widens the bicubic kernel when it shrinks (antialiasing), as the pictures that networks
    are evaluated with are shrunk.
    """
    return _resample_all(pixels, [(box, side)])[0]


def _resample_all(pixels: Pixels, wanted: Sequence[tuple[Box, int]]) -> list[Pixels]:
    """Boxes of one picture, each at its side x side pixels, as :func:`_resample` does one."""
    near = [_surroundings(box, side, pixels) for box, side in wanted]
    left, top = (min(edges) for edges in list(zip(*near, strict=True))[:2])
    right, bottom = (max(edges) for edges in list(zip(*near, strict=True))[2:])
    # Pillow has pixels of its own: what the boxes share is copied to it once.
    shared = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))

    def resample(one: tuple[tuple[int, int, int, int], tuple[Box, int]]) -> Pixels:
        (x0, y0, x1, y1), (box, side) = one
        image = shared.crop((x0 - left, y0 - top, x1 - left, y1 - top))
        inner = (box.left - x0, box.top - y0, box.right - x0, box.bottom - y0)
        return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=inner), np.uint8)

    return _each(resample, list(zip(near, wanted, strict=True)))


def _surroundings(box: Box, side: int, pixels: Pixels) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what the filter sees of a picture when it resamples a box.

    Pillow keeps boxes in single precision, so it is given these alone, in small coordinates.
    """
    height, width = pixels.shape[:2]
    reach = math.ceil(2 * max(box.width / side, 1)) + 1
    return (
        max(0, math.floor(box.left) - reach),
        max(0, math.floor(box.top) - reach),
        min(width, math.ceil(box.right) + reach),
        min(height, math.ceil(box.bottom) + reach),
    )


def _scene(background: Background | None, preprocessing: Preprocessing) -> Pixels:
    """The frame before the object is drawn."""
    side = preprocessing.input_size
    if isinstance(background, Picture):
        crop = evaluation_crop(background.width, background.height, preprocessing.crop_fraction)
        return _resample(background.pixels, crop, side)
    colour = _mean_colour(preprocessing) if background is None else background
    if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
        raise PictureError("A plain background is three numbers from 0 to 255: red, green, blue.")
    return np.full((side, side, 3), colour, np.uint8)


def _mean_colour(preprocessing: Preprocessing) -> tuple[int, int, int]:
    """What the network sees as zeros."""
    red, green, blue = (round(255 * value) for value in preprocessing.mean)
    return red, green, blue


def _as_cutout(picture: Picture) -> Cutout:
    if isinstance(picture, Cutout):
        return picture
    raise PictureError(
        f"{picture.name!r} has no transparent background, which the protocol object needs: "
        "choose a cut-out (PNG, WebP, TIFF or GIF)."
    )
