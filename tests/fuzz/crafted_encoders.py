"""Writers of what Pillow does not write: files made by hand, right or wrong on purpose."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image
from scenes import encode, scene

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
_ADAM7 = (*_ADAM7, (0, 1, 1, 2))


def noise(width: int = 70, height: int = 50) -> Image.Image:
    """What no compression makes small, so that a cut in the middle is a cut in the pixels."""
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """With its length and its sum."""
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(
    width: int,
    height: int,
    rows: bytes,
    *,
    depth: int = 8,
    colour: int = 2,
    interlace: int = 0,
    before: bytes = b"",
) -> bytes:
    """A PNG of any header; ``rows`` with their filter bytes, ``before`` chunks before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (
        PNG_SIGNATURE
        + png_chunk(b"IHDR", header)
        + before
        + png_chunk(b"IDAT", zlib.compress(rows, 1))
        + png_chunk(b"IEND", b"")
    )


def interlaced_png(pixels: np.ndarray) -> bytes:
    """Adam7, of uint8 (H, W, 3)."""
    rows = b"".join(
        b"\0" + row.tobytes() for x, y, dx, dy in _ADAM7 for row in pixels[y::dy, x::dx] if row.size
    )
    return png(pixels.shape[1], pixels.shape[0], rows, interlace=1)


def bmp(
    width: int,
    height: int,
    body: bytes,
    *,
    bits: int = 24,
    compression: int = 0,
    palette: bytes = b"",
) -> bytes:
    """A BMP of any header."""
    start = 54 + len(palette)
    return (
        struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
        + struct.pack(
            "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(body), 0, 0, 0, 0
        )
        + palette
        + body
    )


def tiff(tags: Sequence[tuple[int, int, int, int]], body: bytes = b"") -> bytes:
    """A little-endian TIFF: ``body`` from byte 8, then one directory of (tag, type, count, value).

    Types: 3 is a number of two bytes, 4 of four; a value that does not fit is an offset.
    """
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return (
        b"II*\0"
        + struct.pack("<I", 8 + len(body))
        + body
        + struct.pack("<H", len(tags))
        + directory
        + b"\0\0\0\0"
    )


def grey_tiff(
    width: int,
    height: int,
    body: bytes,
    *,
    bits: int = 8,
    compression: int = 1,
    more: Sequence[tuple[int, int, int, int]] = (),
    sample_format: int = 1,
) -> bytes:
    """One strip of grey pixels; ``more`` tags replace its own of the same number."""
    tags = {
        256: (256, 4, 1, width),
        257: (257, 4, 1, height),
        258: (258, 3, 1, bits),
        259: (259, 3, 1, compression),
        262: (262, 3, 1, 1),
        273: (273, 4, 1, 8),
        277: (277, 3, 1, 1),
        278: (278, 4, 1, height),
        279: (279, 4, 1, len(body)),
        339: (339, 3, 1, sample_format),
    }
    tags |= {tag[0]: tag for tag in more}
    return tiff([tags[number] for number in sorted(tags)], body)


def gif(
    screen: tuple[int, int], frames: Sequence[tuple[int, int, int, int, bytes]], colours: int = 2
) -> bytes:
    """A GIF of any sizes; frames are (left, top, width, height, blocks of LZW data)."""
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80 | (colours - 1), 0, 0)
    table = bytes(range(3 * 2**colours))
    parts = [
        b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x02" + blocks
        for left, top, width, height, blocks in frames
    ]
    return head + table + b"".join(parts) + b";"


def lzw_of_one_colour(pixels: int) -> bytes:
    """LZW blocks of GIF that stand for many pixels in few bytes: codes for ever longer runs."""
    codes: list[tuple[int, int]] = [(4, 3), (0, 3)]  # clear, then one pixel
    following, size, done, run = 6, 3, 1, 1
    while done < pixels:
        run += 1
        codes.append((following, size))
        done += run
        following += 1
        if following == 2**size and size < 12:
            size += 1
        if following == 4095:
            codes += [(4, size), (0, 3)]
            following, size, run = 6, 3, 1
            done += 1
    codes.append((5, size))
    bits = "".join(format(code, f"0{width}b")[::-1] for code, width in codes)
    bits += "0" * (-len(bits) % 8)
    data = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    return b"".join(
        bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)
    ) + (b"\0")


def exif_block(entries: Sequence[tuple[int, int, int, int]], next_: int = 0) -> bytes:
    """A little-endian EXIF block of (tag, type, count, value)."""
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + struct.pack("<I", next_)
    )


def jpeg_with(segments: Sequence[tuple[int, bytes]], image: Image.Image | None = None) -> bytes:
    """A JPEG with segments (marker, content) after its start."""
    data = encode(image or scene(), "JPEG", quality=92)
    added = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
        for marker, content in segments
    )
    return data[:2] + added + data[2:]
