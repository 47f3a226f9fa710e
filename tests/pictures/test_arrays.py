"""Pictures that are in memory already: each form gives the pixels of the same file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import encode, scene, with_alpha

from sk_viz.errors import PictureError
from sk_viz.pictures import Cutout, read_named, read_picture
from sk_viz.pictures.decoding import signatures

PIXELS = np.asarray(scene())


@pytest.mark.parametrize(
    ("form", "source"),
    [
        ("PIL", scene()),
        ("HWC", PIXELS),
        ("CHW", PIXELS.transpose(2, 0, 1)),
        ("NCHW", PIXELS.transpose(2, 0, 1)[None]),
        ("float", PIXELS / 255),
        ("float32 CHW", (PIXELS / 255).transpose(2, 0, 1).astype(np.float32)),
        ("float of 255", PIXELS.astype(np.float64)),
        ("int64", PIXELS.astype(np.int64)),
        ("uint16", PIXELS.astype(np.uint16) * 257),
        ("not contiguous", PIXELS[::-1][::-1]),
        ("tensor", torch.from_numpy(PIXELS.copy()).permute(2, 0, 1)),
        ("tensor HWC", torch.from_numpy(PIXELS.copy())),
        ("tensor of a batch", torch.from_numpy(PIXELS.copy()).permute(2, 0, 1)[None] / 255),
        ("tensor with gradient", (torch.from_numpy(PIXELS / 255)).requires_grad_()),
        ("picture", read_picture(PIXELS)),
    ],
)
def test_every_form_is_the_same_picture(form: str, source: object) -> None:
    picture = read_picture(source)
    np.testing.assert_array_equal(picture.pixels, PIXELS)
    assert not picture.pixels.flags.writeable
    assert (picture.name, picture.format) == ("picture", "array")
    assert picture.sha256 == read_picture(PIXELS).sha256
    assert len(picture.sha256) == 64


def test_nothing_given_is_changed_or_kept() -> None:
    mine = PIXELS.copy()
    picture = read_picture(mine)
    mine[:] = 0
    np.testing.assert_array_equal(picture.pixels, PIXELS)


def test_grey_becomes_rgb_and_alpha_a_cutout() -> None:
    grey = np.asarray(scene().convert("L"))
    for source in (grey, grey[..., None], grey[None], grey / 255, scene().convert("L")):
        np.testing.assert_array_equal(read_picture(source).pixels, np.dstack([grey] * 3))
    rgba = np.asarray(with_alpha())
    for source in (rgba, rgba.transpose(2, 0, 1), with_alpha()):
        cutout = read_picture(source)
        assert isinstance(cutout, Cutout)
        np.testing.assert_array_equal(cutout.rgba, rgba)
    mask = grey > 100
    np.testing.assert_array_equal(read_picture(mask).pixels[..., 0], mask * 255)


def test_a_square_of_three_is_read_by_the_custom_of_its_kind() -> None:
    values = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    np.testing.assert_array_equal(read_picture(values).pixels, values)
    tensor = torch.from_numpy(values)
    np.testing.assert_array_equal(read_picture(tensor).pixels, values.transpose(1, 2, 0))


def test_an_image_of_pillow_is_turned_upright_and_has_the_name_of_its_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    path.write_bytes(encode(scene(), "JPEG", exif=exif))
    with Image.open(path) as image:
        picture = read_picture(image)
    assert (picture.width, picture.height, picture.name) == (44, 60, "turned.jpg")
    assert np.abs(picture.pixels.astype(int) - read_picture(path).pixels).max() <= 2


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros((5, 6, 7)), "1, 3 or 4 channels"),
        (np.zeros((2, 3, 5, 5)), "has the shape"),
        (np.zeros(5), "has the shape"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.full((5, 5, 3), np.nan), "not finite"),
        (np.full((5, 5, 3), -2.1), "undo a normalisation"),
        (np.full((5, 5, 3), 300), "from 300 to 300"),
        (np.zeros((5, 5, 3), complex), "complex128"),
        (np.array([["a", "b"]]), "holds <U1"),
        (torch.zeros(3, 5, 5, device="meta"), "not an array"),
        (np.broadcast_to(np.uint8(0), (8000, 8000, 3)), "50 megapixels"),
        (5, "int is not a picture"),
        ("https://example.org/cat.jpg", "download the picture"),
        ("data:image/png;base64,AAAA", "download the picture"),
        ("~nobody-here/cat.jpg", "cat.jpg"),
    ],
)
def test_what_is_no_picture_is_one_sentence(source: object, says: str) -> None:
    with pytest.raises(PictureError, match=says) as caught:
        read_picture(source)
    assert "\n" not in str(caught.value)


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cat.png").write_bytes(encode(scene(), "PNG"))
    assert read_picture("~/cat.png").name == "cat.png"


def test_a_name_is_a_file_before_it_is_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sk_viz.pictures import samples

    monkeypatch.chdir(tmp_path)
    name = samples()[0].id
    assert read_named(name).name == Path(samples()[0].file).name
    Path(name).write_bytes(encode(scene(), "PNG"))
    assert read_named(name).name == name
    with pytest.raises(PictureError, match=f"one of the samples {name}"):
        read_named("nonesuch")
    with pytest.raises(PictureError, match="There is no file"):
        read_named("nonesuch.jpg")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(encode(scene(), "PNG"))

    monkeypatch.setattr("sys.stdin", Stdin)
    picture = read_named("-")
    assert picture.name == "standard input"
    np.testing.assert_array_equal(picture.pixels, PIXELS)


def test_what_shows_nothing_is_noted() -> None:
    assert read_picture(PIXELS).notes == ()
    (plain,) = read_picture(np.full((40, 30, 3), 7, np.uint8)).notes
    assert "all of one colour" in plain
    speck = np.full((400, 300, 3), 200, np.uint8)
    speck[133, 77] = 0
    assert read_picture(speck).notes == ()
    grey = np.asarray(scene().convert("L")).astype(np.uint16)
    (dark,) = read_picture(encode(Image.fromarray(grey * 16), "PNG"), "xray.png").notes
    assert "'xray.png' is nearly black (at most 13 of 255), as are pictures of 12 bits" in dark


def test_a_bmp_whose_alpha_is_all_zero_is_shown() -> None:
    rgba = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
    blue_first = np.ascontiguousarray(rgba[::-1, :, [2, 1, 0, 3]])
    height, width = PIXELS.shape[:2]
    header = (
        b"BM" + (122 + blue_first.nbytes).to_bytes(4, "little") + bytes(4)
        + (122).to_bytes(4, "little") + (108).to_bytes(4, "little")
        + width.to_bytes(4, "little") + height.to_bytes(4, "little")
        + b"\1\0\x20\0\3\0\0\0" + blue_first.nbytes.to_bytes(4, "little") + bytes(16)
        + b"\0\0\xff\0\0\xff\0\0\xff\0\0\0\0\0\0\xff" + b"BGRs" + bytes(48)
    )  # fmt: skip
    picture = read_picture(header + blue_first.tobytes(), "a.bmp")
    assert not isinstance(picture, Cutout)
    np.testing.assert_array_equal(picture.pixels, PIXELS)


def test_avif_is_read() -> None:
    data = encode(scene(), "AVIF", quality=100)
    picture = read_picture(data, "a.jpg")
    assert picture.format == "AVIF"
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(picture.pixels, reference)


def test_heic_is_read_where_its_package_is_there_and_else_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    data = encode(scene(), "HEIF", quality=90)
    assert data[4:8] == b"ftyp"
    picture = read_picture(data, "IMG_1.HEIC")
    assert picture.format == "HEIF"
    assert np.abs(picture.pixels.astype(int) - PIXELS).mean() < 8
    assert read_picture(data, isolated=True).format == "HEIF"
    monkeypatch.setattr(signatures, "_reads_heif", lambda: False)
    with pytest.raises(PictureError, match="is a HEIC file: install pillow-heif") as caught:
        read_picture(data, "IMG_1.HEIC")
    assert caught.value.reason == "format not read"


@pytest.mark.parametrize(
    ("data", "format_"),
    [
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"8BPS\0\1", "Photoshop"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"P6\n# made by hand\n2 2\n255\n", "Netpbm"),
        (bytes(128) + b"DICM", "DICOM"),
    ],
)
def test_other_formats_are_named(data: bytes, format_: str) -> None:
    with pytest.raises(PictureError, match=f"format {format_}, which is not read") as caught:
        read_picture(data, "x.jpg")
    assert caught.value.reason == "format not read"
