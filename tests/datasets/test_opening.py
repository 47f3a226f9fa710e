"""The one reader: order, labels, boxes, what is left out, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_viz.datasets.entries import About, Ref
from sk_viz.datasets.opening import fingerprint, open_dataset, spread
from sk_viz.errors import PictureError


def entries(dataset):
    return list(dataset.entries(about.ref for about in dataset.abouts()))


def labels(dataset):
    return {about.name: about.label for about in dataset.abouts()}


def test_image_folder_is_labelled_by_its_folders(class_folders):
    dataset = open_dataset(class_folders)
    abouts = list(dataset.abouts())
    assert dataset.kind == "imagefolder"
    assert [about.name for about in abouts] == sorted(about.name for about in abouts)
    assert len(abouts) == 13
    assert [about.label for about in abouts[:5]] == ["circle"] * 4 + ["noise"]
    assert dataset.class_names == ("circle", "noise", "square")


def test_folder_with_most_pictures_in_it_has_no_labels(tmp_path, encoded_picture):
    (tmp_path / "more").mkdir()
    for name in ("b.png", "more/a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(encoded_picture(1) if name.endswith("png") else b"note")
    dataset = open_dataset(tmp_path)
    assert dataset.kind == "folder"
    assert labels(dataset) == {"b.png": None, "more/a.png": None}
    assert dataset.left_out.counts == {"hidden": 1, "not a picture": 1}


def test_content_decides_what_is_a_picture(tmp_path, encoded_picture):
    """No extension, an unusual one or a wrong one changes nothing; a note stays a note."""
    for name in ("download.jfif", "scan.jpe", "noextension", "picture.txt", "a.data"):
        (tmp_path / name).write_bytes(encoded_picture(2))
    (tmp_path / "note.md").write_text("BMW and other makes")
    (tmp_path / "table.bin").write_bytes(bytes(range(256)))
    dataset = open_dataset(tmp_path)
    assert len(entries(dataset)) == 5
    assert dataset.left_out.counts == {"not a picture": 2}


def test_every_file_is_a_picture_or_counted(tmp_path, encoded_picture):
    """The sum of a folder: pictures, and everything else by its reason."""
    root = tmp_path / "mine"
    files = {
        "cat/1.png": encoded_picture(1), "cat/2": encoded_picture(2), "dog/1.png": b"",
        "notes.txt": b"hello", "cat/.DS_Store": b"x", ".git/config": b"x", ".git/logo.png": b"x",
        "__MACOSX/cat/._1.png": b"x", "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "film.mp4": b"\0\0\0\x18ftypisom" + b"\0" * 99, "old.jp2": b"\0\0\0\x0cjP  \r\n",
    }  # fmt: skip
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (tmp_path / "outside.png").write_bytes(encoded_picture(3))
    (root / "gone.png").symlink_to(root / "nothing")
    (root / "outside.png").symlink_to(tmp_path / "outside.png")
    (root / "cat" / "round").symlink_to(root)
    os.mkfifo(root / "pipe.png")
    dataset = open_dataset(root)
    assert dataset.left_out.counts == {
        "hidden": 4, "not a picture": 2, "link to nothing": 1, "link that leads out": 1,
        "link in a circle": 1, "not a regular file": 1,
    }  # fmt: skip
    there = sum(len(names) for _, _, names in os.walk(root)) + 1  # the link in a circle
    assert len(list(dataset.abouts())) + dataset.left_out.total == there
    assert ("outside.png", "") in dataset.left_out.names["link that leads out"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs an ordinary user")
def test_a_folder_without_permission_is_counted_and_the_rest_read(tmp_path, encoded_picture):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes(encoded_picture(1))
    (tmp_path / "lost+found").mkdir(mode=0)
    dataset = open_dataset(tmp_path)
    assert len(entries(dataset)) == 1
    assert dataset.left_out.counts == {"no permission to read": 1}


def test_a_folder_that_cannot_be_listed_is_counted(tmp_path, encoded_picture, monkeypatch):
    """As the folder lost+found of a mounted disk is to an ordinary user."""
    for name in ("photos", "lost+found"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(encoded_picture(1))
    real = os.scandir

    def scandir(path):
        if str(path).endswith("lost+found"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    dataset = open_dataset(tmp_path)
    assert [about.name for about in dataset.abouts()] == ["photos/0.png"]
    assert dataset.left_out.counts == {"no permission to read": 1}


def test_a_link_to_a_file_outside_is_not_followed(tmp_path, encoded_picture):
    (tmp_path / "secret.png").write_bytes(encoded_picture(1))
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "mine.png").write_bytes(encoded_picture(2))
    (root / "outside.png").symlink_to(tmp_path / "secret.png")
    (root / "inside.png").symlink_to(root / "mine.png")
    dataset = open_dataset(root)
    assert [about.name for about in dataset.abouts()] == ["inside.png", "mine.png"]
    (tampered,) = dataset.entries([Ref("outside.png", -1, 1)])  # swapped after the walk
    assert isinstance(tampered.data, PictureError)
    assert tampered.data.reason == "link that leads out"


def test_linked_class_folders_are_classes(tmp_path, encoded_picture):
    for name in ("cat", "dog"):
        (tmp_path / "all" / name / "private").mkdir(parents=True)
        (tmp_path / "all" / name / "1.png").write_bytes(encoded_picture(1))
        (tmp_path / "all" / name / "private" / "2.png").write_bytes(encoded_picture(2))
    root = tmp_path / "subset"
    root.mkdir()
    (root / "a cat").symlink_to(tmp_path / "all" / "cat")
    (root / "a dog").symlink_to(tmp_path / "all" / "dog")
    (root / "etc").symlink_to("/etc")
    dataset = open_dataset(root)
    assert labels(dataset) == {"a cat/1.png": "a cat", "a dog/1.png": "a dog"}
    assert dataset.left_out.counts == {"link that leads out": 1}


def test_a_name_that_is_not_utf8_is_read_and_shown_escaped(tmp_path, encoded_picture):
    for name in (b"a.png", b"caf\xe9.png", b"new\nline.png", "\u00fc 50 % #1_$&.png".encode()):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(encoded_picture(1))
    dataset = open_dataset(tmp_path)
    names = [about.name for about in dataset.abouts()]
    assert sorted(names) == ["a.png", "caf\\xe9.png", "new\\nline.png", "\u00fc 50 % #1_$&.png"]
    "".join(names).encode("utf-8")
    assert all(isinstance(entry.data, Path) and entry.data.exists() for entry in entries(dataset))
    assert fingerprint(dataset.abouts()).pictures == 4


def test_names_of_255_bytes(tmp_path, encoded_picture):
    (tmp_path / ("x" * 251 + ".png")).write_bytes(encoded_picture(1))
    (entry,) = entries(open_dataset(tmp_path))
    assert entry.data.read_bytes() == encoded_picture(1)


@pytest.mark.parametrize("chosen", [[0, 1, 19], [6, 7, 13, 14], [19, 3, 3, 0], list(range(20))])
def test_parquet_rows_are_found_in_any_order(tmp_path, chosen, encoded_picture, write_table):
    write_table(tmp_path / "a.parquet", range(20))
    dataset = open_dataset(tmp_path)
    refs = [about.ref for about in dataset.abouts()]
    found = list(dataset.entries([refs[i] for i in chosen]))
    assert [e.about.name for e in found] == [f"picture {i}" for i in chosen]
    assert [e.data for e in found] == [encoded_picture(i) for i in chosen]
    assert [e.box for e in found] == [(4, 8, 28, 20) if i % 3 else None for i in chosen]


def test_labels_json_names_the_labels(tmp_path, write_table, write_labels):
    write_table(tmp_path / "a.parquet", range(3))
    assert [a.label for a in open_dataset(tmp_path).abouts()] == ["0", "1", "2"]
    write_labels(tmp_path)
    named = open_dataset(tmp_path)
    assert [a.label for a in named.abouts()] == ["noise", "square", "circle"]
    assert named.class_names == ("noise", "square", "circle")


def test_what_lies_beside_the_larger_part_is_counted(tmp_path, write_table, encoded_picture):
    """A preview beside tables, a table beside pictures: one of the two is read, none is lost."""
    write_table(tmp_path / "a.parquet", range(3))
    (tmp_path / "preview.png").write_bytes(encoded_picture(1))
    tables = open_dataset(tmp_path)
    assert tables.kind == "parquet"
    assert tables.left_out.counts == {"picture file beside tables or archives": 1}
    for n in range(4):
        (tmp_path / f"{n}.png").write_bytes(encoded_picture(n))
    pq.write_table(pa.table({"x": [1]}), tmp_path / "numbers.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 cut")
    pictures = open_dataset(tmp_path)
    assert len(list(pictures.abouts())) == 5
    assert pictures.left_out.counts == {
        "unreadable": 1, "table or archive beside picture files": 1, "not a picture": 1,
    }  # fmt: skip


def test_fingerprint_follows_the_files(class_folders, encoded_picture):
    def stamp():
        return fingerprint(open_dataset(class_folders).abouts())

    before = stamp()
    assert before.pictures == 13
    assert stamp() == before
    (class_folders / "circle" / "0.png").write_bytes(encoded_picture(99, side=60))
    assert stamp() != before


@given(total=st.integers(1, 200), limit=st.integers(1, 250))
def test_a_limit_spreads_evenly(total, limit):
    abouts = [About(Ref("a", n, 1), "a") for n in range(total)]
    kept = [ref.row for ref in spread(abouts, total, limit)]
    assert len(kept) == min(limit, total)
    assert kept == sorted(set(kept))
    if len(kept) > 1:
        gaps = np.diff(kept)
        assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize(
    "name", ["nothing", "empty", "text.parquet", "columns.parquet", "x" * 5000, "a\0b"]
)
def test_what_is_no_source_is_refused_in_one_sentence(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("not a table")
    pq.write_table(pa.table({"numbers": [1]}), tmp_path / "columns.parquet")
    with pytest.raises(PictureError) as caught:
        open_dataset(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_memory_does_not_follow_the_size_of_a_row_group(tmp_path):
    """200 MB of incompressible pictures in one row group are read in a few MB."""
    rng = np.random.default_rng(0)
    batch = pa.table({"jpeg": [rng.bytes(100_000) for _ in range(100)]})
    with pq.ParquetWriter(tmp_path / "large.parquet", batch.schema) as writer:
        writer.write_table(pa.concat_tables([batch] * 20), row_group_size=10_000)
    del batch
    script = """
import resource, sys
from sk_viz.datasets.opening import open_dataset
dataset = open_dataset(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for entry in dataset.entries(about.ref for about in dataset.abouts()))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    count, grown = map(int, done.stdout.split())
    assert count == 2000
    assert grown < 80
