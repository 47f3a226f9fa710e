"""Zip and tar archives, read where they lie; and what hostile ones get."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_viz.datasets import archives
from sk_viz.datasets.opening import open_dataset
from sk_viz.errors import PictureError


def zipped(path, *entries, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def tarred(path, *entries, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def read(path):
    dataset = open_dataset(path)
    entries = list(dataset.entries(about.ref for about in dataset.abouts()))
    return {entry.about.name: (entry.about.label, entry.data) for entry in entries}


def test_a_zip_reads_as_the_folder_that_it_was_made_of(tmp_path, encoded_picture):
    data = encoded_picture(1)
    path = zipped(
        tmp_path / "a.zip",
        ("mydata/cat/1.png", data),
        ("mydata/cat/2.JPG", data),
        ("mydata/dog/noextension", data),
        ("read me.txt", b"hello"),
        ("__MACOSX/cat/._1.png", b"x"),
        (".hidden/1.png", data),
    )
    found = read(path)
    assert found == {
        "mydata/cat/1.png": ("cat", data),
        "mydata/cat/2.JPG": ("cat", data),
        "mydata/dog/noextension": ("dog", data),
    }
    assert open_dataset(path).left_out.counts == {"not a picture": 1, "hidden": 2}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize(
    "name",
    [
        "Photo 12:30.jpg", "../out.png", "/etc/out.png", "C:/out.png", "..\\out.png", "a//out.png",
        "a/b/c/d/e/f/g/h/out.png", "x" * 300 + ".png", "line\nbreak.png", "caf\u00e9.png",
    ],
)  # fmt: skip
def test_no_name_becomes_the_name_of_a_file(tmp_path, name, encoded_picture):
    """Whatever it is: it is shown in one line, and nothing is written anywhere."""
    folder = tmp_path / "in"
    folder.mkdir()
    data = encoded_picture(1)
    found = read(zipped(folder / "a.zip", ("fine.png", data), (name, data)))
    assert len(found) == 2
    assert all(shown.isprintable() and value == (None, data) for shown, value in found.items())
    assert [str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*")] == ["in", "in/a.zip"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (stat.S_IFLNK, "link that leads out"),
        (stat.S_IFIFO, "not a regular file"),
        (stat.S_IFCHR, "not a regular file"),
    ],
)
def test_links_and_devices_are_counted(tmp_path, kind, reason, encoded_picture):
    entry = zipfile.ZipInfo("link.png")
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    path = zipped(tmp_path / "a.zip", (entry, b"/etc/passwd"), ("b.png", encoded_picture(1)))
    assert list(read(path)) == ["b.png"]
    assert open_dataset(path).left_out.counts == {reason: 1}


def test_a_zip_that_lies_about_a_size_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 50_000)
    path = zipped(tmp_path / "a.zip", ("bomb.png", b"0" * 1_000_000))
    whole = path.read_bytes()
    true, lie = (1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert whole.count(true) == 2  # the local header and the directory
    for data in (whole, whole.replace(true, lie)):
        path.write_bytes(data)
        ((_, found),) = read(path).values()
        assert isinstance(found, PictureError) or len(found) <= 50_001


def test_a_locked_and_a_broken_picture_are_named_and_the_others_read(tmp_path, encoded_picture):
    path = zipped(tmp_path / "a.zip", ("a.png", b"1" * 50), ("b.png", b"2" * 50), ("c.png", b"3"))
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    data[data.index(b"b.png") + 6] ^= 0xFF
    path.write_bytes(data)
    found = {name: value for name, (_, value) in read(path).items()}
    assert "locked by a password" in str(found["a.png"])
    assert "cannot be unpacked" in str(found["b.png"])
    assert found["c.png"] == b"3"


def test_two_members_of_one_name_are_both_read(tmp_path, encoded_picture):
    data = encoded_picture(1), encoded_picture(2)
    path = zipped(tmp_path / "a.zip", ("a.png", data[0]), ("A.PNG", data[1]))
    assert [value for _, value in read(path).values()] == list(data)


def test_an_archive_without_pictures_is_one_sentence(tmp_path):
    with pytest.raises(PictureError, match="no pictures"):
        open_dataset(zipped(tmp_path / "c.zip", ("a.txt", b"1")))
    with pytest.raises(PictureError, match="no pictures"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz")]
)
def test_a_tar_of_class_folders(tmp_path, name, mode, encoded_picture):
    data = [encoded_picture(n) for n in range(3)]
    path = tarred(
        tmp_path / name,
        ("./cat/1.png", data[0]), ("./dog/1.png", data[1]), ("./dog/2.png", data[2]),
        ("./notes.txt", b"hello"), mode=mode,
    )  # fmt: skip
    assert read(path) == {
        "cat/1.png": ("cat", data[0]),
        "dog/1.png": ("dog", data[1]),
        "dog/2.png": ("dog", data[2]),
    }
    assert open_dataset(path).left_out.counts == {"not a picture": 1}


def test_webdataset_shards_bring_their_labels(tmp_path, encoded_picture):
    for shard in range(2):
        entries = []
        for n in range(3):
            key = f"{shard:03d}{n}"
            entries += [
                (f"{key}.jpg", encoded_picture(n)),
                (f"{key}.cls", str(n).encode()),
                (f"{key}.json", json.dumps({"label": 7}).encode()),
            ]
        tarred(tmp_path / f"train-{shard:06d}.tar", *entries)
    names = [{"label": n, "name": name} for n, name in enumerate(["cat", "dog", "panda"])]
    (tmp_path / "labels.json").write_text(json.dumps(names))
    dataset = open_dataset(tmp_path)
    abouts = list(dataset.abouts())
    assert [a.label for a in abouts] == ["cat", "dog", "panda"] * 2
    assert {a.split for a in abouts} == {"train"}
    chosen = [abouts[4].ref, abouts[0].ref]
    assert [e.data for e in dataset.entries(chosen)] == [encoded_picture(1), encoded_picture(0)]
    assert dataset.left_out.counts == {"not a picture": 1}  # labels.json itself


@pytest.mark.parametrize(
    ("suffix", "content", "label"),
    [
        ("cls", b"5\n", "5"),
        ("txt", b"panda", "panda"),
        ("json", b'{"class_name": "panda"}', "panda"),
        ("json", b"[1, 2]", None),
        ("txt", b"a long caption. " * 20, None),
    ],
)
def test_labels_of_webdataset(tmp_path, suffix, content, label, encoded_picture):
    path = tarred(tmp_path / "a.tar", ("1.png", encoded_picture(1)), (f"1.{suffix}", content))
    assert [about.label for about in open_dataset(path).abouts()] == [label]


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, 120))
def test_what_is_no_whole_zip_is_one_sentence(tmp_path_factory, data, cut):
    folder = tmp_path_factory.mktemp("zip")
    path = zipped(folder / "a.zip", ("a.png", b"123" * 20))
    whole = path.read_bytes()
    for broken in (data, whole[: max(0, len(whole) - 1 - cut)], data + whole[30:]):
        path.write_bytes(broken)
        try:
            found = read(path)
        except PictureError:
            continue
        assert all(isinstance(value, PictureError) for _, value in found.values())
