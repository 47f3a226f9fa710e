"""What a training picture goes through: object scale, with sharpness kept apart from it.

A network that only ever sees large objects blurred (a small picture, enlarged) learns that blur
means large. Here the crop decides the object's scale, most crops are shrunk and not enlarged, and
blur is put on by a draw of its own, so that scale and sharpness are independent. Nor may sharpness
tell which collection a picture is from, since each has classes of its own: large pictures are made
small as the small ones are, and pictures are sharpened. And the ground behind an object changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Augmentation:
    """The ranges drawn from.

    Attributes:
        crop: side of the square crop over the picture's shorter side; its logarithm is drawn
            from a triangle with its peak at 1. Above 1 the picture stands smaller, in a border.
        even_share: share of the crops that are drawn evenly over the logarithm instead, so that
            small and large objects are not rare.
        aspect: ratio of the crop's sides, drawn log-uniformly between 1 / aspect and aspect.
        blur_share: share of pictures that are blurred, whatever their scale.
        blur_sigma: largest standard deviation of the Gaussian blur over the input size.
        colour: largest relative change of brightness, contrast and saturation.
        small_share: share of the pictures larger than ``small`` that are first shrunk and stored
            as JPEG.
        small: shorter side that they are shrunk to, pixels, drawn evenly.
        sharpen_share: share of the pictures not blurred that are sharpened.
        sharpen: largest amount of the unsharp mask.
        cut_share: share of the pictures with a known outline whose object is put before another
            ground: half the time a plain colour, half the time another picture.
        turn_share: share of the pictures that are turned.
        turn: largest angle of that, degrees, either way.
        mix_share: share of the views that are mixed with another of the batch, see :func:`mix`.
    """

    crop: tuple[float, float] = (0.45, 2.2)
    even_share: float = 0.35
    aspect: float = 1.25
    blur_share: float = 0.25
    blur_sigma: float = 0.025
    colour: float = 0.25
    small_share: float = 0.0
    small: tuple[int, int] = (44, 80)
    sharpen_share: float = 0.0
    sharpen: float = 1.2
    cut_share: float = 0.0
    turn_share: float = 0.0
    turn: float = 25.0
    mix_share: float = 0.0


@dataclass(frozen=True)
class Cut:
    """An object's outline, and the picture that it may be put before.

    Attributes:
        mask: (h, w), 255 on the object and 0 elsewhere, of the picture's proportions.
        ground: (H', W', 3).
    """

    mask: Pixels
    ground: Pixels


def augment(
    pixels: Pixels,
    size: int,
    settings: Augmentation,
    rng: np.random.Generator,
    cut: Cut | None = None,
) -> Pixels:
    """One random view (size, size, 3) of a picture (H, W, 3), its object before another ground
    where a cut is given."""
    # A share of 0 draws nothing, so that what follows is drawn as without it.
    shrinkable = settings.small_share and min(pixels.shape[:2]) > settings.small[1]
    if shrinkable and rng.random() < settings.small_share:
        pixels = _small(pixels, settings, rng)
    if cut is None:
        view = _crop(pixels, size, settings, rng)
    else:
        view = _before_ground(pixels, cut, size, settings, rng)
    if rng.random() < 0.5:
        view = view[:, ::-1]
    if settings.turn_share and rng.random() < settings.turn_share:
        view = _turned(view, rng.uniform(-1, 1) * settings.turn)
    if rng.random() < settings.blur_share:
        sigma = rng.uniform(0.1, 1.0) * settings.blur_sigma * size
        view = np.asarray(cv2.GaussianBlur(view, (0, 0), sigma), dtype=np.uint8)
    elif settings.sharpen_share and rng.random() < settings.sharpen_share:
        view = _sharpened(view, rng.uniform(0.2, 1.0) * settings.sharpen)
    view = _colour(view, settings.colour, rng)
    return np.ascontiguousarray(view)


def mix(view: Pixels, other: Pixels, rng: np.random.Generator) -> tuple[Pixels, float]:
    """Two views (S, S, 3) in one, and the first one's share of it, in [0, 1].

    Half the time they lie over each other ("mixup", Zhang et al., ICLR 2018), half the time a
    rectangle of the one is laid into the other ("CutMix", Yun et al., ICCV 2019).
    """
    share = float(rng.uniform())
    if rng.random() < 0.5:
        over = np.asarray(cv2.addWeighted(view, share, other, 1 - share, 0), dtype=np.uint8)
        return over, share
    size = len(view)
    side = round(size * np.sqrt(1 - share))
    y, x = (int(v) for v in rng.integers(0, size - side + 1, 2))
    laid = view.copy()
    laid[y : y + side, x : x + side] = other[y : y + side, x : x + side]
    return laid, 1 - side**2 / size**2


def _turned(view: Pixels, degrees: float) -> Pixels:
    """The view turned about its centre, mirrored where it would be empty."""
    middle = (len(view) - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), degrees, 1.0)
    view = np.ascontiguousarray(view)
    turned = cv2.warpAffine(
        view, turn, view.shape[:2], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(turned, dtype=np.uint8)


def _small(pixels: Pixels, settings: Augmentation, rng: np.random.Generator) -> Pixels:
    """The picture as a small one is: shrunk to few pixels and stored as JPEG."""
    factor = rng.uniform(*settings.small) / min(pixels.shape[:2])
    shrunk = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))]
    stored = cv2.imencode(".jpg", shrunk[:, :, ::-1], quality)[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _sharpened(view: Pixels, amount: float) -> Pixels:
    view = np.ascontiguousarray(view)
    blurred = cv2.GaussianBlur(view, (0, 0), 1.0)
    return np.asarray(cv2.addWeighted(view, 1 + amount, blurred, -amount, 0), dtype=np.uint8)


def _before_ground(
    pixels: Pixels, cut: Cut, size: int, settings: Augmentation, rng: np.random.Generator
) -> Pixels:
    """The object at a random scale and place, before a plain colour or another picture."""
    height, width = pixels.shape[:2]
    mask = np.asarray(cv2.resize(cut.mask, (width, height), interpolation=cv2.INTER_CUBIC))
    # Colours weighted with the outline before they are resampled: no seam of the old ground.
    weight = mask[:, :, None].astype(np.float32) / 255
    inside = np.concatenate([pixels * weight, mask[:, :, None]], axis=2).astype(np.uint8)
    view = _crop(inside, size, settings, rng).astype(np.float32)
    if rng.random() < 0.5:
        ground = np.full((size, size, 3), rng.integers(0, 256, 3), np.float32)
    else:
        ground = _crop(cut.ground, size, settings, rng).astype(np.float32)
    return np.clip(view[:, :, :3] + (1 - view[:, :, 3:] / 255) * ground, 0, 255).astype(np.uint8)


def _crop(pixels: Pixels, size: int, settings: Augmentation, rng: np.random.Generator) -> Pixels:
    """A random crop (size, size, C), within a border where it reaches beyond the picture."""
    height, width = pixels.shape[:2]
    low, high = np.log(settings.crop)
    even = rng.random() < settings.even_share
    drawn = rng.uniform(low, high) if even else rng.triangular(low, 0.0, high)
    side = min(height, width) * np.exp(drawn)
    stretch = np.exp(rng.uniform(-1, 1) * np.log(settings.aspect) / 2)
    spans = (side * stretch, side / stretch)
    (x0, x1), (y0, y1) = (
        _interval(length, span, rng) for length, span in zip((width, height), spans, strict=True)
    )
    left, right = max(0, -x0), max(0, x1 - width)
    top, bottom = max(0, -y0), max(0, y1 - height)
    view = pixels[max(0, y0) : y1, max(0, x0) : x1]
    # The part with picture in it is resized alone and the border put on at the final size, so a
    # border has no resampling of its own and costs little.
    scale_x, scale_y = size / (x1 - x0), size / (y1 - y0)
    inner = (max(1, round(view.shape[1] * scale_x)), max(1, round(view.shape[0] * scale_y)))
    shrinks = scale_x * scale_y < 1
    view = np.asarray(
        cv2.resize(view, inner, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    )
    if left or right or top or bottom:
        before_x = min(size - inner[0], round(left * scale_x))
        before_y = min(size - inner[1], round(top * scale_y))
        view = _border(view, size, before_y, before_x, rng)
    return view


def _interval(length: int, span: float, rng: np.random.Generator) -> tuple[int, int]:
    """A random interval of a span within a length, or around it where the span is longer."""
    span = max(8, round(span))
    start = round(rng.uniform(0, 1) * (length - span))
    return start, start + span


def _border(view: Pixels, size: int, top: int, left: int, rng: np.random.Generator) -> Pixels:
    """The view inside a border of plain colour, mirrored picture, or repeated edge; of nothing
    around an object that is cut out."""
    bottom, right = size - view.shape[0] - top, size - view.shape[1] - left
    if view.shape[2] == 4:
        edges = (top, bottom, left, right)
        return np.asarray(
            cv2.copyMakeBorder(view, *edges, cv2.BORDER_CONSTANT, value=[0] * 4), dtype=np.uint8
        )
    kind = rng.choice([cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE])
    colour = [int(c) for c in rng.integers(0, 256, 3)] if rng.random() < 0.5 else [124, 116, 104]
    return np.asarray(
        cv2.copyMakeBorder(view, top, bottom, left, right, int(kind), value=colour), dtype=np.uint8
    )


def _colour(view: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    brightness, contrast, saturation = 1 + strength * rng.uniform(-1, 1, 3)
    values = view.astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * saturation
    mean = values.mean()
    values = ((values - mean) * contrast + mean) * brightness
    changed: Pixels = np.clip(values, 0, 255).astype(np.uint8)
    return changed
