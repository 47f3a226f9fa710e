"""From a file or an array to a picture that a network can be shown, or one sentence why not."""

from __future__ import annotations

import hashlib
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from sk_viz.errors import PictureError
from sk_viz.paths import display_name
from sk_viz.pictures.arrays import is_array, pixels_of_array, pixels_of_image, sha256_of_pixels
from sk_viz.pictures.decoding.formats import Pixels, decode
from sk_viz.pictures.decoding.isolated import decode as decode_isolated
from sk_viz.pictures.decoding.signatures import recognise

MAX_BYTES = 20_000_000
# What :func:`read_picture` takes.
PictureLike: TypeAlias = Any
_NEARLY_BLACK = 15  # of 255: 12 bits of 16 end there
_URL = re.compile(r"(https?|ftp|s3|gs|data):", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture as a viewer would show it.

    Attributes:
        pixels: uint8 (H, W, 3) RGB, upright, read-only; transparency lies on white.
        sha256: of the file's bytes, lower-case hexadecimal; of the shape and the pixels where there
            is not a file.
        name: for display: the file's name without its folder.
        format: of the content: "JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF", or
            "array" where there is not a file.
    """

    pixels: Pixels
    sha256: str
    name: str
    format: str

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What makes a measurement on it doubtful, in plain sentences; most often nothing."""
        if self._is_plain():
            return (f"{self.name!r} is all of one colour: nothing can be seen in it.",)
        brightest = int(self.pixels.max())
        if brightest <= _NEARLY_BLACK:
            return (
                f"{self.name!r} is nearly black (at most {brightest} of 255), as are pictures of "
                "12 bits stored in 16: stretch its values to the whole range.",
            )
        return ()

    def _is_plain(self) -> bool:
        first = self.pixels[0, 0]
        probes = self.pixels[:: max(1, self.height // 16), :: max(1, self.width // 16)]
        return bool((probes == first).all()) and bool((self.pixels == first).all())


@dataclass(frozen=True, eq=False)
class Cutout(Picture):
    """A picture of which some of the pixels are transparent.

    Attributes:
        rgba: uint8 (H, W, 4), colours not multiplied by alpha, read-only.
    """

    rgba: Pixels


def read_picture(source: Any, name: str | None = None, *, isolated: bool = False) -> Picture:
    """Read a picture from a file or from memory.

    Args:
        source: a path, the bytes of a file, a file object opened in binary mode, an image of
            Pillow, or an array or tensor (H, W), (H, W, C) or (C, H, W) of uint8 in 0..255 or of
            floating point in [0, 1] (see :func:`~sk_viz.pictures.arrays.pixels_of_array`). A
            :class:`Picture` is returned as it is.
        name: shown to people; by default the file's own name, or "picture".
        isolated: decode in a process of its own with bounds on time and memory, as the page and
            the surveys do: a file that crashes a decoder is then one more that cannot be read.
            It costs the start of a process once and about 2 ms a picture.

    Returns:
        A :class:`Picture`; a :class:`Cutout` when some of its pixels are transparent.

    Raises:
        PictureError: it is missing, unreadable, empty, broken, cut short or wholly
            transparent, not of a format that is read here, over ``MAX_BYTES`` or over
            ``formats.MAX_PIXELS``, a URL, or an array of another shape or range; isolated, also
            when a decoder crashed or took too long.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        file = getattr(source, "filename", "")
        shown = display_name(name or Path(str(file)).name or "picture")
        return _of_pixels(pixels_of_image(source, shown), shown)
    if is_array(source):
        shown = display_name(name or "picture")
        return _of_pixels(pixels_of_array(source, shown), shown)
    data, name = _read_bytes(source, name)
    format_ = recognise(data, name)
    pixels = (decode_isolated if isolated else decode)(data, format_, name)
    return _picture(pixels, hashlib.sha256(data).hexdigest(), name, format_)


def _of_pixels(pixels: Pixels, name: str) -> Picture:
    return _picture(pixels, sha256_of_pixels(pixels), name, "array")


def _picture(pixels: Pixels, sha256: str, name: str, format_: str) -> Picture:
    if pixels.shape[2] == 3:
        return Picture(frozen(pixels), sha256, name, format_)
    if bool((pixels[..., 3] == 255).all()):
        return Picture(frozen(pixels[..., :3]), sha256, name, format_)
    if not pixels[..., 3].any():
        if format_ == "BMP":  # programs that know no alpha leave its bytes 0
            return Picture(frozen(pixels[..., :3]), sha256, name, format_)
        raise PictureError(f"{name!r} is wholly transparent: there is nothing to see in it.")
    return Cutout(frozen(_on_white(pixels)), sha256, name, format_, rgba=frozen(pixels))


def read_cutout(source: Any, name: str | None = None) -> Cutout:
    """Read a picture that must have transparent pixels around its object.

    Takes and raises the same as :func:`read_picture`, and PictureError when nothing in the
    picture is transparent.
    """
    return as_cutout(read_picture(source, name))


def as_cutout(picture: Picture) -> Cutout:
    """The same picture.

    Raises:
        PictureError: nothing in it is transparent.
    """
    if not isinstance(picture, Cutout):
        raise PictureError(
            f"{picture.name!r} has no transparent pixels: give a PNG, WebP, TIFF or GIF whose "
            "background is transparent."
        )
    return picture


def _read_bytes(source: Any, name: str | None) -> tuple[bytes, str]:
    """The file's bytes, at most MAX_BYTES of them, and the name to show."""
    if isinstance(source, bytes | bytearray | memoryview):
        data, found = bytes(source), "picture"
    elif isinstance(source, str | Path):
        found = Path(source).name or str(source)
        data = _read_path(source)
    elif not hasattr(source, "read"):
        raise PictureError(
            f"{type(source).__name__} is not a picture: give a path, bytes, an open file, an image "
            "of Pillow, an array or a tensor."
        )
    else:
        found = Path(str(getattr(source, "name", "picture"))).name
        try:
            read = source.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # a text file, a closed one, a failing disk
            raise PictureError(f"{name or found!r} cannot be read: {error}.") from error
        if not isinstance(read, bytes):
            raise PictureError(f"{name or found!r} must be opened in binary mode ('rb').")
        data = read
    name = display_name(name or found)
    if not data:
        raise PictureError(f"{name!r} is empty: choose another picture.")
    if len(data) > MAX_BYTES:
        raise PictureError(
            f"{name!r} is over the limit of {MAX_BYTES // 10**6} MB: save it smaller."
        )
    return data, name


def _read_path(path: str | Path) -> bytes:
    if _URL.match(str(path)):
        raise PictureError(
            f"{str(path)!r} is an address on the web, which is not read here: download the picture "
            "and give its file."
        )
    try:
        path = Path(path).expanduser()
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise PictureError(f"{str(path)!r} is a folder: name one picture in it.")
        if not stat.S_ISREG(mode):  # reading a pipe or a device may never end
            raise PictureError(f"{str(path)!r} is not a file: name a picture.")
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PictureError(f"There is no file {str(path)!r}: check the path.") from None
    except PermissionError:
        raise PictureError(f"{str(path)!r} may not be read: check its permissions.") from None
    except OSError as error:
        raise PictureError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    except (ValueError, RuntimeError) as error:  # a zero in it, or the home of nobody
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{str(path)!r} is not a path: {error}.") from error


def _on_white(rgba: Pixels) -> Pixels:
    """What a viewer shows of (H, W, 4) on a white page, rounded to the nearest."""
    alpha = rgba[..., 3:].astype(np.uint16)  # 255 * 255 + 127 still fits
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def frozen(pixels: Pixels) -> Pixels:
    """The same pixels, contiguous and read-only."""
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels
