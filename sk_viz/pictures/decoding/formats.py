"""Bytes of a picture's file to upright pixels, or one sentence saying why not.

Pillow reads the header before memory is spent, and decodes. JPEG and TIFF come from OpenCV, which
is quicker with the one and knows more kinds of the other, after Pillow has found the file whole:
OpenCV would only say on stderr that it is not.
Colour profiles are not applied, as by the loaders that networks are trained with.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from sk_viz.errors import PictureError
from sk_viz.quiet import ignored_warnings

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 50_000_000

# A progressive JPEG paints its whole area once a scan: a crafted one would take hours. Real ones
# have about ten; what counts as one by chance in the film of a motion photo stays below this.
_MAX_SCANS = 1000

# EXIF orientation -> the stored array as it is to be seen.
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[:, ::-1].transpose(1, 0, 2),
}


def decode(data: bytes, format_: str, name: str) -> Pixels:
    """Upright uint8 (H, W, 3) RGB, or (H, W, 4) RGBA where the file has transparency.

    Args:
        data: the whole file.
        format_: of :func:`~sk_viz.pictures.decoding.signatures.recognise`.
        name: of the picture, for the sentence of an error.

    Raises:
        PictureError: broken, cut short, over ``MAX_PIXELS``, or of 32 bits a channel.
    """
    if format_ == "HEIF":
        _register_heif()
    with _quiet():
        image = _open(data, format_, name)
        alpha = "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La")
        if format_ == "TIFF":
            return _decode_tiff(data, image, name, alpha)
        if format_ == "JPEG":
            size = _load(image, format_, name)
            pixels = _decode_opencv(data)
            if pixels is None or pixels.shape[1::-1] != size:  # some rare variants
                pixels = _pixels(_open(data, format_, name), format_, name, alpha)
        else:
            pixels = _pixels(image, format_, name, alpha)
        # Only now: to find the EXIF block of a PNG reads it to its end, and would hide that it
        # is broken.
        turn = _UPRIGHT.get(_orientation(image))
    return turn(pixels) if turn else pixels


def _register_heif() -> None:
    """Let Pillow open HEIC files, by the package that :func:`recognise` has found."""
    from pillow_heif import register_heif_opener

    register_heif_opener()


def _decode_tiff(data: bytes, image: Image.Image, name: str, alpha: bool) -> Pixels:
    """A TIFF, which both libraries turn upright themselves.

    OpenCV goes first: the libtiff of Pillow would say on stderr what is wrong with a broken one.
    Pillow still checks, as OpenCV takes compressed data that end early. With alpha the colours of
    OpenCV are of no use: it multiplies some of them by alpha.
    """
    pixels = _decode_opencv(data)
    if pixels is None:
        raise _broken("TIFF", name)
    _load(image, "TIFF", name)
    return _pixels(image, "TIFF", name, alpha) if alpha else pixels


def _open(data: bytes, format_: str, name: str) -> Image.Image:
    """The header alone, its size checked."""
    try:
        image = Image.open(io.BytesIO(data), formats=(format_,))
    except Image.DecompressionBombError:
        raise _too_many_pixels(name) from None
    except Exception as error:
        raise _broken(format_, name) from error
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(name)
    if data.count(b"\xff\xda") > _MAX_SCANS and format_ == "JPEG":
        raise _broken(format_, name)
    if image.mode in ("F", "I"):
        raise PictureError(
            f"{name!r} has 32 bits a channel, whose range of brightness is unknown: "
            "save it with 8 or 16 bits."
        )
    return image


def _load(image: Image.Image, format_: str, name: str) -> tuple[int, int]:
    """Read the file to its end, which is what tells a whole one; its width and height."""
    size = image.size
    try:
        if format_ == "JPEG":
            image.draft(None, (1, 1))  # an eighth of the size: the whole file at half the cost
        image.load()
    except Exception as error:
        raise _broken(format_, name) from error
    return size


def _decode_opencv(data: bytes) -> Pixels | None:
    """RGB, turned only where it is a TIFF; None where it cannot."""
    try:
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _pixels(image: Image.Image, format_: str, name: str, alpha: bool) -> Pixels:
    """RGB or RGBA by Pillow, not turned except TIFF."""
    try:
        if image.mode.startswith("I;16"):  # Pillow would clip at 255 where a viewer divides
            values = np.asarray(image)
            opaque = values != image.info.get("transparency")
            return np.dstack([values // 256] * 3 + [opaque * 255]).astype(np.uint8)
        return np.asarray(image.convert("RGBA" if alpha else "RGB"), np.uint8)
    except Exception as error:
        raise _broken(format_, name) from error


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a picture with a broken EXIF block is shown as it is stored
        return 1


def _broken(format_: str, name: str) -> PictureError:
    return PictureError(
        f"{name!r} is a broken, incomplete or unusual {format_} file: save or download it again."
    )


def _too_many_pixels(name: str) -> PictureError:
    return PictureError(
        f"{name!r} is over the limit of {MAX_PIXELS // 10**6} megapixels: make it smaller."
    )


_quiet_lock = threading.Lock()
_quiet_users = 0
_level_before = 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what both libraries say of odd files off stderr; the caller gets one sentence.

    OpenCV's log level belongs to the process: the first thread in lowers it, the last one out
    puts it back.
    """
    global _quiet_users, _level_before  # noqa: PLW0603
    with _quiet_lock:
        if _quiet_users == 0:
            _level_before = cv2.utils.logging.getLogLevel()
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        _quiet_users += 1
    try:
        with ignored_warnings():
            yield
    finally:
        with _quiet_lock:
            _quiet_users -= 1
            if _quiet_users == 0:
                cv2.utils.logging.setLogLevel(_level_before)
