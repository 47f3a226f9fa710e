"""Pictures that are already in memory: arrays, tensors and Pillow's images."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from sk_viz.errors import PictureError
from sk_viz.pictures.decoding.formats import MAX_PIXELS, Pixels

_CHANNELS = (1, 3, 4)


def is_array(source: object) -> bool:
    """Whether it is an array, a tensor, or what numpy takes for one."""
    return hasattr(source, "__array__") or hasattr(source, "__array_interface__")


def pixels_of_image(image: Image.Image, name: str) -> Pixels:
    """uint8 (H, W, 3), or (H, W, 4) with transparency, upright.

    Args:
        image: of Pillow, of any mode.
        name: of the picture, for the sentence of an error.

    Raises:
        PictureError: it is empty, too large, cannot be loaded, or has 32 bits a channel.
    """
    _check_size(image.height, image.width, name)
    if image.mode in ("F", "I"):
        return pixels_of_array(np.asarray(image), name)
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):
            return pixels_of_array(np.asarray(upright), name)
        alpha = "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA", "RGBa", "La")
        return np.array(upright.convert("RGBA" if alpha else "RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError) as error:  # a file that Pillow reads only now
        raise PictureError(f"{name!r} cannot be loaded: {error}.") from error


def pixels_of_array(source: Any, name: str) -> Pixels:
    """uint8 (H, W, 3) or (H, W, 4) from an array or tensor of a picture.

    Args:
        source: (H, W), (H, W, C) or (C, H, W) with C of 1, 3 or 4, one leading axis of length 1
            allowed. Where both orders are possible, tensors of torch are taken for (C, H, W) and
            others for (H, W, C). Whole numbers are 0 to 255, or 0 to 65535 where they are uint16;
            floating point is 0 to 1, or 0 to 255 where any value is above 1.
        name: of the picture, for the sentence of an error.

    Raises:
        PictureError: another shape or type, too large, or values out of range.
    """
    is_tensor = hasattr(source, "detach")
    try:
        if is_tensor:
            source = source.detach().cpu()
            source = source.float() if str(source.dtype) == "torch.bfloat16" else source
        values = np.asarray(source)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise PictureError(f"{name!r} is not an array of numbers: {reason}.") from error
    ordered = _channels_last(values, name, first=is_tensor)
    _check_size(ordered.shape[0], ordered.shape[1], name)
    eight = _eight_bits(ordered, name)
    return np.repeat(eight, 3, axis=2) if eight.shape[2] == 1 else eight


def sha256_of_pixels(pixels: Pixels) -> str:
    """What names a picture that comes from no file: of its shape and its pixels."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _channels_last(values: npt.NDArray[Any], name: str, *, first: bool) -> npt.NDArray[Any]:
    shape = values.shape
    if values.ndim == 4 and shape[0] == 1:
        values = values[0]
    if values.ndim == 2:
        return values[..., None]
    if values.ndim != 3:
        raise PictureError(
            f"{name!r} has the shape {tuple(shape)}: give one picture as (H, W), (H, W, C) or "
            "(C, H, W)."
        )
    ahead, last = values.shape[0] in _CHANNELS, values.shape[2] in _CHANNELS
    if not ahead and not last:
        raise PictureError(
            f"{name!r} has the shape {tuple(shape)}: a picture has 1, 3 or 4 channels, first or "
            "last."
        )
    return values.transpose(1, 2, 0) if ahead and (first or not last) else values


def _eight_bits(values: npt.NDArray[Any], name: str) -> Pixels:
    if values.dtype == np.uint8:
        return np.array(values)
    if values.dtype == np.bool_:
        return np.asarray(values, np.uint8) * np.uint8(255)
    if values.dtype == np.uint16:
        return np.asarray(values // 256, np.uint8)
    if values.dtype.kind not in "iuf":
        raise PictureError(
            f"{name!r} holds {values.dtype}: give uint8, or floating point in [0, 1]."
        )
    if not np.isfinite(values).all():
        raise PictureError(f"{name!r} holds values that are not finite: give numbers from 0 to 1.")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255:
        raise PictureError(
            f"{name!r} holds values from {low:.3g} to {high:.3g}: undo a normalisation and give "
            "uint8 in 0..255 or floating point in [0, 1]."
        )
    scale = 255 if values.dtype.kind == "f" and high <= 1 else 1
    levels: Pixels = np.rint(values * scale).astype(np.uint8)
    return levels


def _check_size(height: int, width: int, name: str) -> None:
    if not height or not width:
        raise PictureError(f"{name!r} has no pixels: give a picture.")
    if height * width > MAX_PIXELS:
        raise PictureError(
            f"{name!r} is over the limit of {MAX_PIXELS // 10**6} megapixels: make it smaller."
        )
