"""Small files that ask for much: memory, time, or more of either than they say."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from crafted_encoders import (
    PNG_SIGNATURE,
    bmp,
    exif_block,
    gif,
    grey_tiff,
    lzw_of_one_colour,
    png,
    png_chunk,
    tiff,
)
from crafted_pictures import Crafted, Outcome
from PIL import Image
from scenes import encode, scene

SIDE = 7000  # 49 megapixels, just under the limit
OVER = 7200  # and just over it
_LONG = {
    "plain-7000.webp",
    "plain-7000.tiff",
    "plain-7000.gif",
    "plain-7000.jpeg",
    "alpha.png",
    "deep.png",
    "interlaced.png",
    "wide.png",
    "high.png",
    "frames.gif",
    "large-frames.gif",
    "frames.webp",
    "scans-90.jpg",
    "short-runs.bmp",
    "jumps.bmp",
    "fill.jpg",
}


def bombs() -> list[Crafted]:
    """Everything that is made to blow up."""
    groups = (_plain(), _texts(), _tables(), _frames(), _slow(), _liars())
    return [replace(one, slow=one.name in _LONG) for group in groups for one in group]


def _plain() -> Iterator[Crafted]:
    """One colour, much of it."""
    outcomes: tuple[tuple[int, Outcome], ...] = ((SIDE, "right"), (OVER, "refused"))
    for side, outcome in outcomes:
        yield Crafted(f"plain-{side}.png", partial(_png_of, side, 2), outcome)
        for format_, options in {
            "TIFF": {"compression": "tiff_adobe_deflate"},
            "WEBP": {"lossless": True, "method": 0},
            "GIF": {},
            "JPEG": {},
        }.items():
            maker = partial(_one_colour, side, format_, options)
            yield Crafted(f"plain-{side}.{format_.lower()}", maker, outcome)
    yield Crafted("alpha.png", partial(_png_of, SIDE, 6), "either")
    yield Crafted("deep.png", partial(_png_of, SIDE, 6, 16), "either")
    yield Crafted("interlaced.png", partial(_png_of, SIDE, 2, 8, 1), "either")
    yield Crafted(
        "wide.png", partial(png, 49_000_000, 1, b"\0" + bytes(49_000_000), colour=0), "either"
    )
    yield Crafted("high.png", partial(png, 1, 49_000_000, bytes(98_000_000), colour=0), "either")
    yield Crafted("more-than-said.png", partial(png, 9, 9, bytes(300_000_000)), "either")
    yield Crafted("more-than-said.tif", partial(_deflated_tiff, 9, 300_000_000), "either")


def _png_of(side: int, colour: int, depth: int = 8, interlace: int = 0) -> bytes:
    row = 1 + side * {2: 3, 6: 4}[colour] * depth // 8
    squeeze = zlib.compressobj(1)
    # What an interlaced one needs is a little more than the rows of a plain one.
    count = side * 2 if interlace else side
    body = b"".join(squeeze.compress(bytes(row)) for _ in range(count)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, interlace)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in chunks)


def _one_colour(side: int, format_: str, options: dict[str, object]) -> bytes:
    mode = "L" if format_ in ("GIF", "TIFF", "JPEG") else "RGB"
    return encode(Image.new(mode, (side, side)), format_, **options)


def _deflated_tiff(side: int, size: int) -> bytes:
    return grey_tiff(side, side, zlib.compress(bytes(size), 1), compression=8)


def _texts() -> Iterator[Crafted]:
    """Text, profiles and EXIF that unpack to much."""
    rows = b"\0" + bytes(30)
    large = zlib.compress(bytes(200_000_000), 1)
    for kind, content in {
        b"zTXt": b"Comment\0\0" + large,
        b"iTXt": b"Comment\0\1\0\0\0" + large,
        b"iCCP": b"profile\0\0" + large,
    }.items():
        before = png_chunk(kind, content)
        name = kind.decode()
        yield Crafted(f"{name}.png", partial(png, 10, 1, rows, before=before), "either")
    many = png_chunk(b"tEXt", b"Comment\0hello") * 300_000
    yield Crafted("many-texts.png", partial(png, 10, 1, rows, before=many), "either")
    empty = png_chunk(b"IDAT", b"") * 300_000
    yield Crafted("many-empty-chunks.png", partial(png, 10, 1, rows, before=empty), "either")


def _tables() -> Iterator[Crafted]:
    """Directories whose entries all claim the same bytes: each of them would be a copy."""
    size = 4_000_000
    claims = [(n, 7, size, 8) for n in range(30_000, 50_000)]
    block = exif_block(claims) + bytes(size)
    rows = b"\0" + bytes(30)
    before = png_chunk(b"eXIf", block)
    yield Crafted("exif-claims.png", partial(png, 10, 1, rows, before=before), "either")

    def webp() -> bytes:
        return encode(scene(), "WEBP", exif=block)

    yield Crafted("exif-claims.webp", webp, "either")
    yield Crafted("claims.tif", partial(grey_tiff, 9, 9, bytes(size), more=claims), "either")
    strips = (273, 4, 2**28, 8)
    counts = (279, 4, 2**28, 8)
    yield Crafted(
        "strips.tif", partial(grey_tiff, 9, 9, bytes(99), more=[strips, counts]), "refused"
    )
    tiles = [(322, 4, 1, 2**31 - 16), (323, 4, 1, 2**31 - 16), (324, 4, 1, 8), (325, 4, 1, 99)]
    yield Crafted("tile.tif", partial(grey_tiff, 9, 9, bytes(99), more=tiles), "refused")
    small = [(322, 4, 1, 16), (323, 4, 1, 16), (324, 4, 191_844, 8), (325, 4, 191_844, 8)]
    yield Crafted("tiles.tif", partial(grey_tiff, SIDE, SIDE, bytes(800_000), more=small), "either")
    rows_of_one = [(278, 4, 1, 1), (273, 4, SIDE, 8), (279, 4, SIDE, 8)]
    yield Crafted("rows.tif", partial(grey_tiff, SIDE, SIDE, bytes(99), more=rows_of_one), "either")
    samples = (277, 3, 1, 65_535)
    yield Crafted("samples.tif", partial(grey_tiff, 900, 900, bytes(99), more=[samples]), "refused")
    circle = tiff([(256, 4, 1, 9)])[:-4] + struct.pack("<I", 8)
    yield Crafted("circle.tif", lambda: circle, "refused")


def _frames() -> Iterator[Crafted]:
    """Animations; only the first frame is asked for."""
    dot = (0, 0, 1, 1, lzw_of_one_colour(1))
    yield Crafted("frames.gif", partial(gif, (SIDE, SIDE), [dot] * 200_000), "either")
    plain = (0, 0, SIDE, SIDE, lzw_of_one_colour(SIDE * SIDE))
    yield Crafted("large-frames.gif", partial(gif, (SIDE, SIDE), [plain] * 20), "either")
    frame = (0, 0, 65_535, 65_535, lzw_of_one_colour(99))
    yield Crafted("frame-over.gif", partial(gif, (9, 9), [frame]), "refused")

    def webp() -> bytes:
        frames = [Image.new("RGB", (3000, 3000), (n, 0, 0)) for n in range(8)]
        return encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], method=0)

    yield Crafted("frames.webp", webp, "either")

    def apng() -> bytes:
        control = png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
        return png(10, 1, b"\0" + bytes(30), before=control)

    yield Crafted("frames.png", apng, "either")


def _slow() -> Iterator[Crafted]:
    """What takes a decoder long for each byte of the file."""
    for count, side in ((999, 2000), (5000, 60), (90, SIDE)):
        yield Crafted(f"scans-{count}.jpg", partial(_scans, count, side), "either")
    palette = bytes(range(256)) * 4
    one_a_row = b"\x01\x07\0\0" * SIDE + b"\0\1"
    maker = partial(bmp, SIDE, SIDE, one_a_row, bits=8, compression=1, palette=palette)
    yield Crafted("rle8.bmp", maker, "either")
    short_runs = b"\x01\x07" * 5_000_000
    maker = partial(bmp, SIDE, SIDE, short_runs, bits=8, compression=1, palette=palette)
    yield Crafted("short-runs.bmp", maker, "either")
    jumps = b"\0\2\xff\xff" * 100_000
    maker = partial(bmp, SIDE, SIDE, jumps, bits=4, compression=2, palette=palette[:64])
    yield Crafted("jumps.bmp", maker, "either")
    many = b"".join(b"\xff\xe1\0\x0aExif\0\0ab" for _ in range(200_000))
    yield Crafted("many-exif.jpg", lambda: _after_start(many), "either")
    parts = b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)
    yield Crafted("long-exif.jpg", lambda: _after_start(parts * 250), "either")
    parts = b"\xff\xe2\xff\xffICC_PROFILE\0\1\1" + bytes(65_519)
    yield Crafted("long-profile.jpg", lambda: _after_start(parts * 250), "either")
    yield Crafted("fill.jpg", lambda: _after_start(b"\xff" * 15_000_000), "either")
    blocks = (0, 0, 9, 9, b"\1\4" * 5_000_000 + b"\0")
    yield Crafted("clear-codes.gif", partial(gif, (9, 9), [blocks]), "either")


def _scans(count: int, side: int) -> bytes:
    """A progressive JPEG that paints its last scan again and again."""
    data = encode(Image.new("L", (side, side)), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * count + data[-2:]


def _after_start(segments: bytes) -> bytes:
    data = encode(scene(), "JPEG")
    return data[:2] + segments + data[2:]


def _liars() -> Iterator[Crafted]:
    """Two sizes in one file, of which one library may take the one and its neighbour the other."""
    twice = [(256, 4, 1, 9), (256, 4, 1, 60_000), (257, 4, 1, 9), (257, 4, 1, 60_000)]
    rest = [(258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 99)]
    yield Crafted("two-sizes.tif", partial(tiff, [*twice, *rest], bytes(99)), "either")
    twice = twice[::-1]
    yield Crafted("sizes-two.tif", partial(tiff, [*twice, *rest], bytes(99)), "either")

    def jpegs_in_tiff() -> bytes:
        inside = encode(Image.new("L", (SIDE, SIDE)), "JPEG")
        return grey_tiff(16, 16, inside, compression=7)

    yield Crafted("jpeg-inside.tif", jpegs_in_tiff, "either")

    def two_headers() -> bytes:
        data = encode(scene(), "JPEG")
        at = data.index(b"\xff\xc0")
        length = struct.unpack(">H", data[at + 2 : at + 4])[0]
        frame = bytearray(data[at : at + 2 + length])
        frame[5:9] = struct.pack(">HH", 60_000, 60_000)
        return data[:at] + bytes(frame) + data[at:]

    yield Crafted("two-frames.jpg", two_headers, "refused")
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    yield Crafted(
        "two-headers.png", partial(png, 10, 1, b"\0" + bytes(30), before=header), "either"
    )

    def canvas() -> bytes:
        data = bytearray(
            encode(Image.new("RGBA", (9, 9), (1, 2, 3, 4)), "WEBP", lossless=True, exif=b"x")
        )
        at = data.index(b"VP8X") + 12
        data[at : at + 6] = b"\xff\xff\x00\xff\xff\x00"
        return bytes(data)

    yield Crafted("canvas.webp", canvas, "refused")
    noise = np.random.default_rng(0).integers(0, 256, 2_000_000, np.uint8).tobytes()
    for head in (
        b"\xff\xd8\xff\xe0",
        PNG_SIGNATURE,
        b"BM",
        b"II*\0",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
    ):
        name = f"noise-after-{head[:4].hex()}"
        yield Crafted(name, partial(io.BytesIO(head + noise).getvalue), "refused")
