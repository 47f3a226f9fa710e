"""Decoding, against Pillow as the independent reader, and files made broken on purpose."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from scenes import encode, scene, with_alpha

from sk_viz.errors import PictureError
from sk_viz.pictures import Cutout, read_cutout, read_picture
from sk_viz.pictures.decoding import formats
from sk_viz.pictures.picture import MAX_BYTES


def on_white(image: Image.Image) -> np.ndarray:
    page = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(page, image.convert("RGBA")).convert("RGB"))


def difference(a: np.ndarray, b: np.ndarray) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_every_format_shows_what_pillow_shows(format_: str) -> None:
    data = encode(scene(), format_)
    picture = read_picture(data, "scene.xyz")
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert difference(picture.pixels, reference) <= 1
    assert picture.pixels.dtype == np.uint8
    assert not picture.pixels.flags.writeable
    assert (picture.width, picture.height) == (60, 44)
    assert (picture.name, picture.format) == ("scene.xyz", format_)
    assert picture.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("mode", "format_"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("P", "PNG"),
        ("1", "TIFF"),
        ("L", "TIFF"),
        ("P", "TIFF"),
        ("CMYK", "TIFF"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("1", "BMP"),
        ("P", "BMP"),
        ("L", "GIF"),
    ],
)
def test_other_colour_models_become_rgb(mode: str, format_: str) -> None:
    data = encode(scene().convert(mode), format_)
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert difference(read_picture(data).pixels, reference) <= 1


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_palettes_of_few_bits(bits: int) -> None:
    data = encode(scene().quantize(2**bits), "PNG", bits=bits)
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert difference(read_picture(data).pixels, reference) == 0


def test_cmyk_jpeg_without_the_adobe_mark_has_its_own_colours() -> None:
    data = encode(scene().convert("CMYK"), "JPEG", quality=98)
    at = data.index(b"\xff\xee")
    length = struct.unpack(">H", data[at + 2 : at + 4])[0]
    plain = data[:at] + data[at + 2 + length :]
    assert difference(read_picture(plain).pixels, np.asarray(scene())) <= 12
    assert difference(read_picture(data).pixels, np.asarray(scene())) <= 12


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(format_: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = encode(scene(), format_, exif=exif, **options)
    # Pillow turns a TIFF while loading it and takes the tag away, so that this does not turn twice.
    image = Image.open(io.BytesIO(data))
    image.load()
    upright = ImageOps.exif_transpose(image)
    assert difference(read_picture(data).pixels, np.asarray(upright.convert("RGB"))) <= 1
    assert (upright.size == (44, 60)) == (orientation >= 5)


def test_orientation_turns_alpha_with_the_colours() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    cutout = read_cutout(encode(with_alpha(), "PNG", exif=exif))
    assert difference(cutout.rgba, np.asarray(with_alpha().rotate(-90, expand=True))) == 0


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_sixteen_bits_keep_the_brightness(format_: str) -> None:
    grey = np.asarray(scene().convert("L"))
    data = encode(Image.fromarray(grey.astype(np.uint16) * 257), format_)
    assert difference(read_picture(data).pixels, np.dstack([grey] * 3)) == 0


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_sixteen_bits_with_alpha(extension: str) -> None:
    rgba = np.asarray(with_alpha())
    done, file = cv2.imencode(extension, rgba[..., [2, 1, 0, 3]].astype(np.uint16) * 257)
    assert done
    assert difference(read_cutout(file.tobytes()).rgba, rgba) == 0


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept_and_lies_on_white(format_: str) -> None:
    options = {"lossless": True, "exact": True} if format_ == "WEBP" else {}
    picture = read_picture(encode(with_alpha(), format_, **options))
    assert isinstance(picture, Cutout)
    assert difference(picture.rgba, np.asarray(with_alpha())) == 0
    assert difference(picture.pixels, on_white(with_alpha())) <= 1
    assert not picture.rgba.flags.writeable


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_one_transparent_colour(mode: str) -> None:
    image = scene().quantize(8) if mode == "P" else scene().convert(mode)
    chosen = image.getpixel((30, 20))
    data = encode(image, "PNG", transparency=chosen)
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    assert 0 < (reference[..., 3] == 0).mean() < 1
    assert difference(read_cutout(data).rgba, reference) == 0


def test_one_transparent_grey_of_sixteen_bits() -> None:
    values = np.tile(np.array([300, 301, 40000], np.uint16), (5, 1))
    data = encode(Image.fromarray(values), "PNG")
    chunk = b"tRNS" + struct.pack(">H", 301)
    chunk = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    at = data.index(b"IDAT") - 4
    rgba = read_cutout(data[:at] + chunk + data[at:]).rgba
    assert rgba[0].tolist() == [[1, 1, 1, 255], [1, 1, 1, 0], [156, 156, 156, 255]]


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation(format_: str) -> None:
    second = scene().transpose(Image.Transpose.ROTATE_180)
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = encode(scene(), format_, save_all=True, append_images=[second], **options)
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert difference(read_picture(data).pixels, reference) == 0
    assert difference(reference, np.asarray(second)) > 100


def test_an_opaque_alpha_is_no_cutout() -> None:
    data = encode(scene().convert("RGBA"), "PNG")
    assert not isinstance(read_picture(data), Cutout)
    with pytest.raises(PictureError, match="no transparent pixels"):
        read_cutout(data, "x.png")


def test_a_wholly_transparent_picture_shows_nothing() -> None:
    data = encode(Image.new("RGBA", (9, 9)), "PNG")
    for read in (read_picture, read_cutout):
        with pytest.raises(PictureError, match="wholly transparent"):
            read(data)


def test_sources(tmp_path: Path) -> None:
    path = tmp_path / "a picture.jpg"
    path.write_bytes(encode(scene(), "PNG"))  # the extension is wrong, the content counts
    with path.open("rb") as file:
        pictures = [
            read_picture(path),
            read_picture(str(path)),
            read_picture(file),
            read_picture(io.BytesIO(path.read_bytes()), "a picture.jpg"),
        ]
    for picture in pictures:
        assert (picture.name, picture.format) == ("a picture.jpg", "PNG")
        assert difference(picture.pixels, np.asarray(scene())) == 0


def test_what_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.png").touch()
    for path, says in [
        (tmp_path / "missing.jpg", "no file"),
        (tmp_path, "folder"),
        (tmp_path / "pipe", "not a file"),
        (tmp_path / "empty.png", "empty"),
        (Path("x" * 5000), "cannot be read"),
        (Path("a\0b"), "not a path"),
    ]:
        with pytest.raises(PictureError, match=says):
            read_picture(path)
    with pytest.raises(PictureError, match="empty"):
        read_picture(b"")
    with pytest.raises(PictureError, match="binary"):
        read_picture(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(PictureError, match="int is not a picture"):
        read_picture(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"%PDF-1.7 and more",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0" * 500,
        b"\0\0\0\x18ftypisom" + b"\0" * 99,
    ],
)
def test_what_is_not_a_picture(data: bytes) -> None:
    with pytest.raises(PictureError, match="JPEG, PNG, WebP, BMP, TIFF or GIF"):
        read_picture(data, "x.jpg")


@pytest.mark.parametrize("format_", ["JPEG", "progressive", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_file_cut_short_is_refused(
    format_: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    if format_ == "progressive":
        data = encode(image, "JPEG", progressive=True)
    else:
        data = encode(image, format_)
    with pytest.raises(PictureError, match=r"'x\.jpg' is a broken") as caught:
        read_picture(data[: int(share * len(data))], "x.jpg")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_compressed_tiff_that_ends_early_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    data = bytearray(encode(Image.fromarray(noise), "TIFF", compression="tiff_lzw"))
    middle = len(data) // 2
    data[middle : middle + 60] = b"\xff" * 60
    with pytest.raises(PictureError):
        read_picture(bytes(data))


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 99)
    pixels = b"IDAT" + body
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", len(body))
        + pixels
        + struct.pack(">I", zlib.crc32(pixels))
    )


@pytest.mark.parametrize("side", [7072, 12_000, 60_000, 2**31 - 1])
@pytest.mark.filterwarnings("error")
def test_too_many_pixels_are_refused_by_the_header_alone(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_load", lambda *_: pytest.fail("memory was spent"))
    with pytest.raises(PictureError, match="50 megapixels"):
        read_picture(png_header(side, side))


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for source in (path, io.BytesIO(path.read_bytes()), path.read_bytes()):
        with pytest.raises(PictureError, match="20 MB"):
            read_picture(source)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = encode(scene(), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    with pytest.raises(PictureError):
        read_picture(data[:at] + data[at:-2] * 1001 + data[-2:])


def test_floating_point_is_refused_with_a_reason() -> None:
    data = encode(scene().convert("F"), "TIFF")
    with pytest.raises(PictureError, match="32 bits"):
        read_picture(data)


def test_a_broken_exif_block_does_not_hide_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(scene(), "JPEG", exif=exif)
    at = data.index(b"Exif\0\0") + 6
    picture = read_picture(data[:at] + b"\xff" * 8 + data[at + 8 :])
    assert (picture.width, picture.height) == (60, 44)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_damage_never_raises_anything_but_a_picture_error(format_: str) -> None:
    data = encode(with_alpha() if format_ in ("PNG", "WEBP", "TIFF") else scene(), format_)
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(80):
        broken = bytearray(data)
        for position in rng.integers(0, len(data), rng.integers(1, 10)):
            broken[position] = rng.integers(256)
        try:
            picture = read_picture(bytes(broken))
        except PictureError:
            refused += 1
        else:
            assert picture.pixels.shape[2] == 3
    assert refused > 0


def test_opencv_may_speak_again_afterwards() -> None:
    logging = cv2.utils.logging
    before = logging.getLogLevel()
    try:
        logging.setLogLevel(logging.LOG_LEVEL_ERROR)
        read_picture(encode(scene(), "PNG"))
        with pytest.raises(PictureError):
            read_picture(b"BM" + b"\1" * 40)
        assert logging.getLogLevel() == logging.LOG_LEVEL_ERROR
    finally:
        logging.setLogLevel(before)


def test_the_package_is_light_to_import() -> None:
    code = (
        "import sys, sk_viz.pictures; "
        "print([m for m in ('torch', 'timm', 'pandas', 'streamlit', 'matplotlib') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
