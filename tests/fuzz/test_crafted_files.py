"""Hundreds of files, odd, broken or hostile: a right picture or one sentence, soon, in bounds."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from crafted_bombs import bombs
from crafted_pictures import Crafted, pictures
from PIL import Image, ImageOps
from scenes import encode

from sk_viz.errors import PictureError
from sk_viz.pictures import Cutout, Picture, read_picture
from sk_viz.pictures.decoding import isolated
from sk_viz.pictures.decoding.worker import MEMORY, SECONDS

CRAFTED = [*pictures(), *bombs()]
DOT = encode(Image.new("RGB", (1, 1)), "PNG")
LARGE = 4_000_000  # pixels; above it the oracle looks at one in a hundred rows


@dataclass
class Spent:
    """What the decoding processes took, in all the files together."""

    files: int = 0
    refused: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def spent() -> Iterator[Spent]:
    spent = Spent()
    isolated._decoders.close()  # other tests may have left several; here there is always one
    yield spent
    slowest = sorted(spent.seconds, key=spent.seconds.__getitem__)[-5:]
    largest = sorted(spent.peaks, key=spent.peaks.__getitem__)[-5:]
    print(f"\n{spent.files} files, {spent.refused} refused")
    print("slowest:", ", ".join(f"{n} {spent.seconds[n]:.2f} s" for n in reversed(slowest)))
    print("largest:", ", ".join(f"{n} {spent.peaks[n] / 1e6:.0f} MB" for n in reversed(largest)))


def oracle(data: bytes) -> np.ndarray | None:
    """What Pillow shows, RGB on white, or None where it cannot."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
        deep = image.mode.startswith("I;16")
        if deep:
            values = (np.asarray(image) // 256).astype(np.uint8)
            image = Image.fromarray(values)
        try:
            image = ImageOps.exif_transpose(image)
        except Exception:
            image.info.pop("exif", None)
        page = Image.new("RGBA", image.size, "white")
        return np.asarray(Image.alpha_composite(page, image.convert("RGBA")).convert("RGB"))
    except Exception:
        return None


def same(picture: Picture, expected: np.ndarray, tolerance: int) -> bool:
    step = 100 if picture.pixels.size > LARGE else 1
    ours, theirs = picture.pixels[::step], expected[::step]
    return ours.shape == theirs.shape and bool(
        (np.abs(ours.astype(np.int16) - theirs) <= tolerance).all()
    )


def peak(pid: int) -> int:
    """The most memory (the kernel's ru_maxrss) that a process had since :func:`forget_peak`."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in text.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def read(crafted: Crafted, data: bytes) -> Picture | str:
    """The picture, or the sentence that refuses it."""
    try:
        return read_picture(data, crafted.name, isolated=True)
    except PictureError as error:
        return str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="the bounds are those of Linux")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("crafted", CRAFTED, ids=lambda c: c.name)
def test_a_right_picture_or_one_sentence(
    crafted: Crafted, spent: Spent, request: pytest.FixtureRequest
) -> None:
    if crafted.slow and not request.config.getoption("--long", False):
        pytest.skip("takes long to make or to judge")
    data = crafted.make()
    read_picture(DOT, isolated=True)  # the process is there
    (pid,) = isolated._decoders.processes()
    forget_peak(pid)
    used = processor_time(pid)
    found = read(crafted, data)
    ended = isolated._decoders.processes() != [pid]
    spent.files += 1
    spent.seconds[crafted.name] = SECONDS if ended else processor_time(pid) - used
    spent.peaks[crafted.name] = 0 if ended else peak(pid)
    assert spent.peaks[crafted.name] < MEMORY
    if isinstance(found, str):
        spent.refused += 1
        assert crafted.outcome != "right", found
        assert ("takes too long" in found) == ended, found
        assert "crash" not in found
        assert "\n" not in found
        assert len(found) < 200
        return
    assert crafted.outcome != "refused"
    assert found.pixels.dtype == np.uint8
    expected = oracle(data)
    assert expected is not None
    assert same(found, expected, 3 if found.format in ("JPEG", "WEBP") else 1)
    if isinstance(found, Cutout):
        assert found.rgba.shape == (*found.pixels.shape[:2], 4)


def processor_time(pid: int) -> float:
    """Seconds that a process computed."""
    parts = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def test_there_are_enough() -> None:
    names = [crafted.name for crafted in pictures()]
    assert len(CRAFTED) >= 200
    assert len(set(names)) == len(names)
