"""Decoders that crash, hang, swell or are killed, in processes that are there for it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from waiting import wait_until

from sk_viz.errors import PictureError
from sk_viz.pictures import Cutout, read_picture
from sk_viz.pictures.decoding import isolated
from sk_viz.pictures.decoding.isolated import Decoders

# A decoder that does on some names what a broken native library does on some files.
HOOKED = """
import ctypes, os, signal, time
from sk_viz.pictures.decoding import worker as decoder
real = decoder.decode

def hooked(data, format_, name):
    if name == "segfault":
        ctypes.string_at(0)
    if name == "abort":
        os.abort()
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "prints":
        os.write(1, b"libwarning: odd\\n")
    if name == "loops":
        while True:
            pass
    if name == "waits":
        time.sleep(60)
    if name == "swells":
        return bytearray(10**10)
    return real(data, format_, name)

decoder.decode = hooked
decoder.serve(seconds=0.3)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and bounds of POSIX")


def picture_of(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (31, 17), (shade, 2 * shade, 200)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    hooked = Decoders(most=1, wait=3.0, program=HOOKED)
    yield hooked
    hooked.close()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_the_same_picture_as_without(format_: str) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((61, 43)).save(file, format_)
    ours, other = (read_picture(file.getvalue(), isolated=yes) for yes in (True, False))
    assert np.array_equal(ours.pixels, other.pixels)
    assert ours.sha256 == other.sha256
    assert not ours.pixels.flags.writeable


def test_a_cutout_and_a_turned_one(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    rgba = Image.merge("RGBA", [Image.linear_gradient("L").resize((50, 40))] * 4)
    rgba.save(tmp_path / "cut.png", exif=exif)
    cutout = read_picture(tmp_path / "cut.png", isolated=True)
    assert isinstance(cutout, Cutout)
    assert np.array_equal(cutout.rgba, np.asarray(rgba.rotate(-90, expand=True)))


def test_what_is_refused_is_refused_in_the_same_words() -> None:
    for data in (b"", b"hello", picture_of(3)[:60], b"\xff\xd8\xff" + b"\0" * 90):
        said = []
        for yes in (True, False):
            with pytest.raises(PictureError) as caught:
                read_picture(data, "ein \N{SNOWMAN} 'Bild'.png", isolated=yes)
            said.append(str(caught.value))
        assert said[0] == said[1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("segfault", "made the decoder of PNG files crash"),
        ("abort", "made the decoder of PNG files crash"),
        ("killed", "made the decoder of PNG files crash"),
        ("swells", "made the decoder of PNG files crash"),
        ("loops", "takes too long to decode: make it smaller"),
        ("waits", "takes too long to decode: make it smaller"),
    ],
)
def test_a_decoder_that_fails_is_one_sentence_and_the_next_picture_is_read(
    decoders: Decoders, name: str, says: str
) -> None:
    decoders.decode(picture_of(1), "PNG", "first")  # the process is there
    with pytest.raises(PictureError, match=f"'{name}' {says}") as caught:
        decoders.decode(picture_of(2), "PNG", name)
    assert "\n" not in str(caught.value)
    assert decoders.processes() == []
    assert decoders.decode(picture_of(5), "PNG", "next")[0, 0].tolist() == [5, 10, 200]


def test_what_a_library_prints_is_no_answer(decoders: Decoders) -> None:
    assert decoders.decode(picture_of(7), "PNG", "prints")[0, 0].tolist() == [7, 14, 200]
    assert decoders.decode(picture_of(8), "PNG", "prints")[0, 0].tolist() == [8, 16, 200]


def test_a_process_killed_while_it_waits_is_replaced(decoders: Decoders) -> None:
    decoders.decode(picture_of(1), "PNG", "first")
    (pid,) = decoders.processes()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not decoders._free[0].alive, "the killed process is gone")
    assert decoders.decode(picture_of(9), "PNG", "next")[0, 0].tolist() == [9, 18, 200]
    assert decoders.processes() != [pid]


def test_a_process_is_kept_for_the_next_picture_also_after_a_refusal(decoders: Decoders) -> None:
    decoders.decode(picture_of(1), "PNG", "first")
    before = decoders.processes()
    with pytest.raises(PictureError, match="broken"):
        decoders.decode(picture_of(1)[:50], "PNG", "half")
    decoders.decode(picture_of(2), "PNG", "next")
    assert decoders.processes() == before


def test_many_at_once_get_each_their_own_picture() -> None:
    decoders = Decoders(most=2)
    try:
        with ThreadPoolExecutor(8) as pool:
            shades = list(range(40))
            found = list(pool.map(lambda s: decoders.decode(picture_of(s), "PNG", str(s)), shades))
        assert [int(pixels[3, 3, 0]) for pixels in found] == shades
        assert 1 <= len(decoders.processes()) <= 2
    finally:
        decoders.close()


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit",
        "import sys; sys.stdout.write('read')",
    ],
)
def test_where_no_process_can_start_the_picture_is_not_blamed(program: str) -> None:
    with pytest.raises(PictureError, match="'x' cannot be decoded now, as no process"):
        Decoders(program=program).decode(picture_of(1), "PNG", "x")


@pytest.mark.parametrize(
    "answer",
    [
        '{"shape": [50000, 50000, 3]}',
        '{"shape": [-1, 5, 3]}',
        '{"shape": [1e3, 5, 3]}',
        '{"shape": 3}',
        "[]",
        "no JSON",
        "",
    ],
)
def test_an_answer_that_makes_no_sense_is_a_crash(answer: str) -> None:
    program = (
        "import sys, struct\n"
        f"text = {answer!r}.encode()\n"
        "sys.stdout.buffer.write(b'ready' + struct.pack('>I', len(text)) + text)\n"
        "sys.stdout.buffer.flush()\n"
        "sys.stdin.buffer.read()"
    )
    with pytest.raises(PictureError, match="made the decoder of PNG files crash"):
        Decoders(wait=5.0, program=program).decode(picture_of(1), "PNG", "x")


def test_a_fork_does_not_ask_the_processes_of_its_parent() -> None:
    read_picture(picture_of(1), isolated=True)
    before = isolated._decoders.processes()
    assert before
    child = os.fork()
    if child == 0:
        try:
            assert isolated._decoders.processes() == []
            assert read_picture(picture_of(4), isolated=True).pixels[0, 0, 0] == 4
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read_picture(picture_of(3), isolated=True).pixels[0, 0, 0] == 3
    assert isolated._decoders.processes() == before


def test_nothing_starts_before_the_first_picture_and_nothing_stays_behind() -> None:
    code = (
        "from sk_viz.pictures import read_picture, read_sample, samples\n"
        "from sk_viz.pictures.decoding import isolated\n"
        "read_sample(samples()[0].id)\n"
        "print(isolated._decoders.processes())\n"
        f"read_picture({picture_of(1)!r}, isolated=True)\n"
        "print(isolated._decoders.processes()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    before, pid = done.stdout.split()
    assert (before, done.stderr) == ("[]", "")

    def gone() -> bool:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(gone, "the process ends when nobody can ask it any more")
