"""Which format a file has, by its first bytes; its extension is never asked."""

from __future__ import annotations

import re
from importlib.util import find_spec

from sk_viz.errors import NotAPictureError, UnreadFormatError

FORMATS = "JPEG, PNG, WebP, BMP, TIFF or GIF"
HEAD = 512  # bytes that are enough to tell a format

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
# Pictures that no decoder here reads.
_UNREAD = (
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"\0\0\1\0", "icon"),
)
_NETPBM = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s")
_SVG = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.S)
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


def readable_format(head: bytes) -> str | None:
    """The format of a file that starts with these bytes; None where it is not a readable one.

    Args:
        head: the first ``HEAD`` bytes, or all of them.

    Returns:
        "JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", and where a decoder is installed "AVIF" or
        "HEIF".
    """
    for signature, format_ in _SIGNATURES:
        if head.startswith(signature):
            return format_
    # Many a text begins with BM: the length of the second header tells.
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if _family(head) == "AVIF" and _reads_avif():
        return "AVIF"
    if _family(head) == "HEIC" and _reads_heif():
        return "HEIF"
    return None


def unread_format(head: bytes) -> str | None:
    """The name of a picture format that is not read here; None for anything else."""
    family = _family(head)
    if family is not None:
        return None if readable_format(head) else family
    for signature, format_ in _UNREAD:
        if head.startswith(signature):
            return format_
    if head[128:132] == b"DICM":
        return "DICOM"
    if _NETPBM.match(head):
        return "Netpbm"
    return "SVG" if _SVG.match(head.removeprefix(b"\xef\xbb\xbf")) else None


def recognise(data: bytes, name: str) -> str:
    """The format of a picture's file.

    Args:
        data: the file, or at least its first ``HEAD`` bytes.
        name: of the picture, for the sentence of an error.

    Raises:
        UnreadFormatError: a picture of a format that no decoder here reads.
        NotAPictureError: not a picture.
    """
    head = bytes(data[:HEAD])
    if (format_ := readable_format(head)) is not None:
        return format_
    unread = unread_format(head)
    if unread == "HEIC":
        raise UnreadFormatError(
            f"{name!r} is a HEIC file: install pillow-heif (pip install 'sk-viz[heif]') or save "
            f"it as a {FORMATS} file."
        )
    if unread is not None:
        raise UnreadFormatError(
            f"{name!r} is a file of the format {unread}, which is not read here: save it as a "
            f"{FORMATS} file."
        )
    raise NotAPictureError(f"{name!r} is not a picture that can be read: give a {FORMATS} file.")


def _family(head: bytes) -> str | None:
    """ "AVIF" or "HEIC" by the brands of an ISO media file."""
    if head[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, length, 4))}
    if brands & _AVIF:
        return "AVIF"
    return "HEIC" if brands & _HEIC else None


def _reads_avif() -> bool:
    from PIL import features

    return bool(features.check("avif"))


def _reads_heif() -> bool:
    return find_spec("pillow_heif") is not None
