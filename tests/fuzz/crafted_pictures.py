"""Pictures that are right, odd or broken, made by code: what each is, and what is to come of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import cv2
import numpy as np
from crafted_encoders import (
    bmp,
    exif_block,
    gif,
    grey_tiff,
    interlaced_png,
    jpeg_with,
    lzw_of_one_colour,
    noise,
    png,
    png_chunk,
)
from PIL import Image, ImageCms
from scenes import encode, scene, with_alpha

Outcome = Literal["right", "refused", "either"]
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


@dataclass(frozen=True)
class Crafted:
    """One file.

    Attributes:
        name: of the file, its extension among it.
        make: its bytes.
        outcome: a right picture, a PictureError, or either of them.
        slow: takes seconds to make or to judge.
    """

    name: str
    make: Callable[[], bytes]
    outcome: Outcome
    slow: bool = False


def pictures() -> list[Crafted]:
    """Everything but the bombs."""
    return [*_kinds(), *_exif(), *_profiles(), *_sizes(), *_damage(), *_disguises()]


def _kinds() -> Iterator[Crafted]:
    """Whole files of every kind that is about."""
    for mode in ("L", "RGB", "CMYK"):
        yield Crafted(f"{mode}.jpg", partial(encode, scene().convert(mode), "JPEG"), "right")
    for label, options in {
        "progressive": {"progressive": True},
        "full-colour": {"subsampling": 0, "quality": 98},
        "coarsest": {"quality": 1},
        "restart-markers": {"restart_marker_rows": 1},
    }.items():
        yield Crafted(f"{label}.jpg", partial(encode, scene(), "JPEG", **options), "right")
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        image = (with_alpha() if "A" in mode else scene()).convert(mode)
        yield Crafted(f"{mode}.png", partial(encode, image, "PNG"), "right")
    for bits in (1, 2, 4):
        image = scene().quantize(2**bits)
        yield Crafted(f"palette-{bits}.png", partial(encode, image, "PNG", bits=bits), "right")
        rows = b"".join(b"\0" + bytes([17 * y] * 8) for y in range(9))
        width = 64 // bits
        yield Crafted(
            f"grey-{bits}.png", partial(png, width, 9, rows, depth=bits, colour=0), "right"
        )
    grey = Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)
    yield Crafted("grey-16.png", partial(encode, grey, "PNG"), "right")
    yield Crafted("grey-16.tif", partial(encode, grey, "TIFF"), "right")
    for extension in (".png", ".tiff"):
        deep = np.asarray(scene()).astype(np.uint16) * 257
        yield Crafted(f"rgb-16{extension}", partial(_opencv, extension, deep), "right")
    interlaced = partial(interlaced_png, np.asarray(scene(61, 37)))
    yield Crafted("interlaced.png", interlaced, "right")
    yield Crafted(
        "interlaced-1x1.png", partial(interlaced_png, np.full((1, 1, 3), 9, "u1")), "right"
    )
    for label, options in {
        "lossy": {"quality": 60},
        "lossless": {"lossless": True},
        "effort": {"method": 6},
    }.items():
        yield Crafted(f"{label}.webp", partial(encode, scene(), "WEBP", **options), "right")
    yield Crafted("alpha.webp", partial(encode, with_alpha(), "WEBP", lossless=True), "right")
    yield Crafted("alpha-lossy.webp", partial(encode, with_alpha(), "WEBP"), "right")
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield Crafted(f"{mode}.bmp", partial(encode, scene().convert(mode), "BMP"), "right")
    palette = bytes(range(0, 256)) * 4
    runs = b"\x05\x07\0\0" * 5 + b"\0\1"
    yield Crafted(
        "rle8.bmp", partial(bmp, 5, 5, runs, bits=8, compression=1, palette=palette), "right"
    )
    runs = b"\x05\x73\0\0" * 5 + b"\0\1"
    yield Crafted(
        "rle4.bmp", partial(bmp, 5, 5, runs, bits=4, compression=2, palette=palette[:64]), "right"
    )
    yield Crafted("top-down.bmp", partial(bmp, 2, -2, bytes(range(16))), "right")
    yield Crafted("bits-16.bmp", partial(bmp, 2, 2, bytes(range(8)), bits=16), "right")
    yield Crafted("bits-32.bmp", partial(bmp, 2, 2, bytes(range(16)), bits=32), "right")
    for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK"):
        image = with_alpha() if mode == "RGBA" else scene().convert(mode)
        yield Crafted(f"{mode}.tif", partial(encode, image, "TIFF"), "right")
    for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate"):
        yield Crafted(f"{name}.tif", partial(encode, scene(), "TIFF", compression=name), "right")
    for name in ("group3", "group4"):
        image = scene().convert("1")
        yield Crafted(f"{name}.tif", partial(encode, image, "TIFF", compression=name), "right")
    jpeg_inside = partial(encode, scene(), "TIFF", compression="jpeg")
    yield Crafted("jpeg-inside.tif", jpeg_inside, "either")
    yield Crafted("big.tif", partial(encode, scene(), "TIFF", big_tiff=True), "right")
    for bits in (1, 2, 4):
        body = bytes(range(64))
        yield Crafted(
            f"grey-{bits}.tif", partial(grey_tiff, 64 // bits, 8, body, bits=bits), "either"
        )
    for bits, kind in ((16, 3), (32, 1), (32, 3), (64, 3)):
        body = np.linspace(0, 1, 64).astype(f"f{bits // 8}").tobytes()
        maker = partial(grey_tiff, 8, 8, body, bits=bits, sample_format=kind)
        yield Crafted(f"bits-{bits}-format-{kind}.tif", maker, "refused")
    yield Crafted("float.tif", partial(encode, scene().convert("F"), "TIFF"), "refused")
    yield Crafted("integers-32.tif", partial(encode, scene().convert("I"), "TIFF"), "refused")
    second = scene().transpose(Image.Transpose.ROTATE_180)
    for format_ in ("GIF", "PNG", "WEBP", "TIFF"):
        options = {"lossless": True} if format_ == "WEBP" else {}
        yield Crafted(
            f"animated.{format_.lower()}",
            partial(encode, scene(), format_, save_all=True, append_images=[second], **options),
            "right",
        )
    yield Crafted("gray.gif", partial(encode, scene().convert("L"), "GIF"), "right")
    yield Crafted("interlaced.gif", partial(encode, scene(), "GIF", interlace=True), "right")
    yield Crafted("one-colour.gif", partial(encode, scene(), "GIF", transparency=3), "right")
    yield Crafted(
        "by-hand.gif", partial(gif, (9, 7), [(0, 0, 9, 7, lzw_of_one_colour(63))]), "right"
    )
    yield Crafted(
        "frame-aside.gif", partial(gif, (9, 7), [(2, 2, 3, 3, lzw_of_one_colour(9))]), "right"
    )
    yield Crafted(
        "frame-over.gif", partial(gif, (3, 3), [(2, 2, 9, 9, lzw_of_one_colour(81))]), "either"
    )


def _opencv(extension: str, pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(extension, pixels[..., ::-1])
    assert done
    return data.tobytes()


def _exif() -> Iterator[Crafted]:
    """Every orientation, and blocks that are broken: these must not hide the picture."""
    for format_ in ("JPEG", "PNG", "WEBP", "TIFF"):
        options = {"lossless": True} if format_ == "WEBP" else {}
        for turn in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = turn
            yield Crafted(
                f"turned-{turn}.{format_.lower()}",
                partial(encode, scene(), format_, exif=exif, **options),
                "right",
            )
    wrong = {
        "empty": b"",
        "no-block": b"nothing",
        "order": b"XX*\0\x08\0\0\0\0\0",
        "outside": b"II*\0\xff\xff\xff\x7f",
        "cut": exif_block([(0x0112, 3, 1, 6)])[:-9],
        "no-entries": exif_block([]),
        "turn-0": exif_block([(0x0112, 3, 1, 0)]),
        "turn-9": exif_block([(0x0112, 3, 1, 9)]),
        "turn-65535": exif_block([(0x0112, 3, 1, 65535)]),
        "turn-long": exif_block([(0x0112, 4, 1, 0xFFFFFFFF)]),
        "turn-many": exif_block([(0x0112, 3, 0xFFFF, 8)]),
        "turn-none": exif_block([(0x0112, 3, 0, 6)]),
        "turn-text": exif_block([(0x0112, 2, 4, 0x36363636)]),
        "turn-fraction": exif_block([(0x0112, 5, 1, 8)]),
        "turn-unknown-type": exif_block([(0x0112, 99, 1, 6)]),
        "itself-next": exif_block([(0x0100, 3, 1, 5)], next_=8),
        "itself-inside": exif_block([(0x8769, 4, 1, 8), (0x8825, 4, 1, 8)]),
        "note-outside": exif_block([(0x927C, 7, 0xFFFFFFF0, 12)]),
        "far-thumbnail": exif_block([(0x0201, 4, 1, 2**31), (0x0202, 4, 1, 2**31)]),
    }
    for label, block in wrong.items():
        segments = [(0xE1, b"Exif\0\0" + block)]
        yield Crafted(f"exif-{label}.jpg", partial(jpeg_with, segments), "right")
        before = png_chunk(b"eXIf", block)
        rows = b"".join(b"\0" + bytes(range(30)) for _ in range(9))
        yield Crafted(f"exif-{label}.png", partial(png, 10, 9, rows, before=before), "right")


def _profiles() -> Iterator[Crafted]:
    """Colour profiles are left aside, whatever is in them."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for format_ in ("JPEG", "PNG", "WEBP", "TIFF"):
        for label, icc in {"srgb": profile, "cut": profile[:77], "noise": b"\xff" * 3000}.items():
            options = {"lossless": True} if format_ == "WEBP" else {}
            yield Crafted(
                f"profile-{label}.{format_.lower()}",
                partial(encode, scene(), format_, icc_profile=icc, **options),
                "right",
            )
    parts = [(0xE2, b"ICC_PROFILE\0" + bytes([n, 3]) + b"\xff" * 9000) for n in (3, 1, 1)]
    yield Crafted("profile-parts.jpg", partial(jpeg_with, parts), "right")
    lying = png_chunk(b"iCCP", b"name\0\0" + zlib.compress(b"x" * 99)[:-5])
    rows = b"\0" + bytes(30)
    yield Crafted("profile-lying.png", partial(png, 10, 1, rows, before=lying), "either")


def _sizes() -> Iterator[Crafted]:
    """The smallest, the longest, and those that are only said."""
    for format_ in FORMATS:
        for width, height in ((1, 1), (1, 10_000), (10_000, 1)):
            image = scene(width, height)
            yield Crafted(
                f"{width}x{height}.{format_.lower()}", partial(encode, image, format_), "right"
            )
    for side in (0, 30_000, 65_535):
        yield from _said(side)
    yield Crafted("2147483647.png", partial(png, 2**31 - 1, 2**31 - 1, b"\0"), "refused")
    yield Crafted("4294967295.png", partial(png, 2**32 - 1, 1, b"\0"), "refused")
    yield Crafted("2147483647.bmp", partial(bmp, 2**31 - 1, 2**31 - 1, b"\0"), "refused")
    yield Crafted("negative.bmp", partial(bmp, -5, 5, bytes(99)), "refused")
    yield Crafted("lowest.bmp", partial(bmp, 1, -(2**31), bytes(99)), "refused")
    yield Crafted("4294967295.tif", partial(grey_tiff, 2**32 - 1, 2**32 - 1, b"\0"), "refused")


def _said(side: int) -> Iterator[Crafted]:
    """A small file of each format whose header says so many pixels a side."""
    yield Crafted(f"said-{side}.png", partial(png, side, side, bytes(99)), "refused")
    yield Crafted(f"said-{side}.bmp", partial(bmp, side, side, bytes(99)), "refused")
    yield Crafted(f"said-{side}.tif", partial(grey_tiff, side, side, bytes(99)), "refused")
    # A screen without area takes that of its frame, as browsers do.
    frame = (0, 0, side, side, lzw_of_one_colour(9))
    yield Crafted(f"said-{side}.gif", partial(gif, (side, side), [frame]), "refused")

    def jpeg() -> bytes:
        data = bytearray(encode(scene(), "JPEG"))
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", side, side)
        return bytes(data)

    yield Crafted(f"said-{side}.jpg", jpeg, "refused")

    def webp() -> bytes:
        data = bytearray(encode(scene(), "WEBP"))
        at = data.index(b"\x9d\x01\x2a") + 3
        data[at : at + 4] = struct.pack("<HH", side & 0x3FFF, side & 0x3FFF)
        return bytes(data)

    yield Crafted(f"said-{side}.webp", webp, "refused")


def _damage() -> Iterator[Crafted]:
    """Each format broken in its header, its body and its end."""
    whole = {
        "jpg": partial(encode, noise(), "JPEG"),
        "progressive.jpg": partial(encode, noise(), "JPEG", progressive=True),
        "png": partial(encode, noise(), "PNG"),
        "webp": partial(encode, noise(), "WEBP"),
        "lossless.webp": partial(encode, noise(), "WEBP", lossless=True),
        "bmp": partial(encode, noise(), "BMP"),
        "tif": partial(encode, noise(), "TIFF"),
        "lzw.tif": partial(encode, noise(), "TIFF", compression="tiff_lzw"),
        "gif": partial(encode, noise(), "GIF"),
    }
    for name, make in whole.items():
        for share in (0.02, 0.3, 0.6, 0.9, 0.99):
            yield Crafted(f"cut-{share}.{name}", partial(_cut, make, share), "refused")
        for seed in (1, 2, 3):
            yield Crafted(f"header-{seed}.{name}", partial(_flip, make, 4, 40, seed), "either")
            yield Crafted(f"body-{seed}.{name}", partial(_flip, make, 200, -50, seed), "either")
            yield Crafted(f"end-{seed}.{name}", partial(_flip, make, -50, None, seed), "either")
        for fill in (b"\0", b"\xff"):
            label = f"blank-{fill.hex()}"
            yield Crafted(f"{label}.{name}", partial(_blank, make, fill), "either")


def _cut(make: Callable[[], bytes], share: float) -> bytes:
    data = make()
    return data[: int(share * len(data))]


def _flip(make: Callable[[], bytes], start: int, stop: int | None, seed: int) -> bytes:
    data = bytearray(make())
    rng = np.random.default_rng(seed)
    for at in rng.choice(np.arange(len(data))[start:stop], 6, replace=False):
        data[at] = rng.integers(256)
    return bytes(data)


def _blank(make: Callable[[], bytes], fill: bytes) -> bytes:
    data = make()
    third = len(data) // 3
    return data[:third] + fill * third + data[2 * third :]


def _disguises() -> Iterator[Crafted]:
    """Wrong extensions, and files that are two things at once."""
    for format_, extension in zip(
        FORMATS, ("png", "gif", "jpg", "webp", "bmp", "exe"), strict=True
    ):
        yield Crafted(f"is-{format_}.{extension}", partial(encode, scene(), format_), "right")
    archive = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)
    for format_ in FORMATS:
        name = f"{format_.lower()}-and-zip.{format_.lower()}"
        yield Crafted(name, lambda f=format_: encode(scene(), f) + archive, "right")
        name = f"{format_.lower()}-twice.{format_.lower()}"
        yield Crafted(name, lambda f=format_: encode(scene(), f) * 2, "right")
    script = b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)"
    yield Crafted("script.gif", lambda: script, "refused")
    page = b"<script>alert(1)</script>"
    yield Crafted("page-inside.jpg", partial(jpeg_with, [(0xFE, page)]), "right")
    before = png_chunk(b"tEXt", b"Comment\0" + page)
    yield Crafted("page-inside.png", partial(png, 2, 1, bytes(7), before=before), "right")
    yield Crafted("pdf-first.jpg", lambda: b"%PDF-1.7\n" + encode(scene(), "JPEG"), "refused")
    yield Crafted("page.png", lambda: b"<!doctype html>" + encode(scene(), "PNG"), "refused")
    yield Crafted("drawing.png", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "refused")
    yield Crafted("newline-first.png", lambda: b"\n" + encode(scene(), "PNG"), "refused")
    yield Crafted("wave.webp", lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "refused")
    yield Crafted("heic.jpg", lambda: b"\0\0\0\x18ftypheic" + bytes(99), "refused")
    yield Crafted("avif.png", lambda: b"\0\0\0\x18ftypavif" + bytes(99), "refused")
    yield Crafted("script.ps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(evil) run", "refused")
    yield Crafted("nothing.jpg", lambda: b"", "refused")
    yield Crafted("two-bytes.bmp", lambda: b"BM", "refused")
    yield Crafted("zeros.jpg", lambda: bytes(5000), "refused")
    yield Crafted("only-jpeg-ends.jpg", lambda: b"\xff\xd8\xff\xd9", "refused")
    yield Crafted("only-signature.png", lambda: b"\x89PNG\r\n\x1a\n", "refused")
