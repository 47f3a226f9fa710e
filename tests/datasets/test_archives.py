"""Zips: what is taken, and every way in which one is refused, with nothing left behind outside."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_viz.datasets import archives
from sk_viz.datasets.archives import unpack_pictures
from sk_viz.datasets.sources import open_source
from sk_viz.errors import PictureError


def zipped(*entries, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer


def files_below(folder):
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_pictures_keep_their_folders_and_nothing_else_is_unpacked(tmp_path, encoded_picture):
    data = encoded_picture(1)
    told = []
    count = unpack_pictures(
        zipped(
            ("cat/1.png", data),
            ("cat/2.JPG", data),
            ("dog/1.png", data),
            ("read me.txt", b"hello"),
            ("__MACOSX/cat/._1.png", b"x"),
            (".hidden/1.png", data),
        ),
        tmp_path / "out",
        lambda done, total: told.append((done, total)),
    )
    assert count == 3
    assert files_below(tmp_path) == ["out/cat/1.png", "out/cat/2.JPG", "out/dog/1.png"]
    assert (tmp_path / "out" / "cat" / "1.png").read_bytes() == data
    assert told == [(0, 3), (1, 3), (2, 3)]
    assert open_source(tmp_path / "out").kind == "imagefolder"


@pytest.mark.parametrize(
    "name",
    [
        "../out.png",
        "a/../../out.png",
        "/etc/out.png",
        "C:/out.png",
        "..\\out.png",
        "a//out.png",
        "a/b/c/d/e/f/g/h/out.png",
        "x" * 300 + ".png",
        "line\nbreak.png",
    ],
)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(PictureError, match="leads out of its folder or cannot be kept"):
        unpack_pictures(zipped(("fine.png", b"1"), (name, b"2")), tmp_path / "in" / "out")
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path, kind):
    entry = zipfile.ZipInfo("link.png")
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    with pytest.raises(PictureError, match="a link or a device"):
        unpack_pictures(zipped((entry, b"/etc/passwd")), tmp_path / "out")
    assert files_below(tmp_path) == []


@pytest.mark.parametrize(
    ("limit", "value", "says"),
    [
        ("MAX_ZIP_BYTES", 10, "The zip is over"),
        ("MAX_PICTURES", 1, "over 1 pictures"),
        ("MAX_ENTRIES", 2, "over 2 files"),
        ("MAX_EXPANDED_BYTES", 150, "The pictures are over"),
        ("MAX_BYTES", 90, "is over"),
    ],
)
def test_each_limit_is_one_sentence(tmp_path, monkeypatch, limit, value, says):
    monkeypatch.setattr(archives, limit, value)
    full = zipped(("a.png", b"1" * 100), ("b.png", b"2" * 100), ("c.txt", b"3"))
    with pytest.raises(PictureError, match=says) as refused:
        unpack_pictures(full, tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert files_below(tmp_path) == []


def test_a_zip_that_lies_about_a_size_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_EXPANDED_BYTES", 50_000)
    full = zipped(("bomb.png", b"0" * 1_000_000)).getvalue()
    true, lie = (1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert full.count(true) == 2  # the local header and the directory
    with pytest.raises(PictureError):
        unpack_pictures(io.BytesIO(full.replace(true, lie)), tmp_path / "out")
    assert sum(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()) <= 50_000


def test_a_password_the_same_name_twice_and_no_pictures_are_refused(tmp_path):
    locked = bytearray(zipped(("a.png", b"1")).getvalue())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + offset] |= 1
    with pytest.raises(PictureError, match="password"):
        unpack_pictures(io.BytesIO(bytes(locked)), tmp_path / "a")
    with pytest.raises(PictureError, match="twice"):
        unpack_pictures(zipped(("a.png", b"1"), ("A.PNG", b"2")), tmp_path / "b")
    with pytest.raises(PictureError, match="no pictures"):
        unpack_pictures(zipped(("a.txt", b"1")), tmp_path / "c")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, 120))
def test_what_is_no_whole_zip_is_one_sentence(tmp_path_factory, data, cut):
    folder = tmp_path_factory.mktemp("zip")
    whole = zipped(("a.png", b"123" * 20)).getvalue()
    for broken in (data, whole[: max(0, len(whole) - 1 - cut)], data + whole[30:]):
        with pytest.raises(PictureError):
            unpack_pictures(io.BytesIO(broken), folder / "out")
