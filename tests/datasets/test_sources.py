"""Sources: order, labels, boxes, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_viz.datasets.sources import Ref, fingerprint, open_source, spread
from sk_viz.errors import PictureError


def test_image_folder_is_labelled_by_its_folders(class_folders):
    source = open_source(class_folders)
    refs = list(source.refs())
    assert source.kind == "imagefolder"
    assert [ref.file for ref in refs] == sorted(ref.file for ref in refs)
    assert len(refs) == 13
    assert [entry.label for entry in source.entries(refs[:5])] == ["circle"] * 4 + ["noise"]


def test_folder_with_pictures_in_it_has_no_labels(tmp_path, encoded_picture):
    (tmp_path / "more").mkdir()
    for name in ("b.png", "more/a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(encoded_picture(1))
    source = open_source(tmp_path)
    assert source.kind == "folder"
    assert [e.name for e in source.entries(source.refs())] == ["b.png", "more/a.png"]
    assert {e.label for e in source.entries(source.refs())} == {None}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path, encoded_picture):
    (tmp_path / "secret.png").write_bytes(encoded_picture(1))
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "mine.png").write_bytes(encoded_picture(2))
    (root / "outside.png").symlink_to(tmp_path / "secret.png")
    (root / "inside.png").symlink_to(root / "mine.png")
    source = open_source(root)
    data = {e.name: e.data for e in source.entries(source.refs())}
    assert isinstance(data["outside.png"], PictureError)
    assert data["inside.png"] == root / "inside.png"


@pytest.mark.parametrize("chosen", [[0, 1, 19], [6, 7, 13, 14], [19, 3, 3, 0], list(range(20))])
def test_parquet_rows_are_found_in_any_order(tmp_path, chosen, encoded_picture, write_table):
    write_table(tmp_path / "a.parquet", range(20))
    source = open_source(tmp_path)
    refs = list(source.refs())
    entries = list(source.entries([refs[i] for i in chosen]))
    assert [e.name for e in entries] == [f"picture {i}" for i in chosen]
    assert [e.data for e in entries] == [encoded_picture(i) for i in chosen]
    assert [e.box for e in entries] == [(4, 8, 28, 20) if i % 3 else None for i in chosen]


def test_labels_json_names_the_labels(tmp_path, write_table, write_labels):
    write_table(tmp_path / "a.parquet", range(3))
    refs = list(open_source(tmp_path).refs())
    assert [e.label for e in open_source(tmp_path).entries(refs)] == ["0", "1", "2"]
    write_labels(tmp_path)
    named = [e.label for e in open_source(tmp_path).entries(refs)]
    assert named == ["noise", "square", "circle"]


def test_fingerprint_follows_the_files(class_folders, encoded_picture):
    before, count = fingerprint(open_source(class_folders))
    assert count == 13
    assert fingerprint(open_source(class_folders)) == (before, 13)
    (class_folders / "circle" / "0.png").write_bytes(encoded_picture(99, side=60))
    assert fingerprint(open_source(class_folders))[0] != before


@given(total=st.integers(1, 200), limit=st.integers(1, 250))
def test_a_limit_spreads_evenly(total, limit):
    refs = [Ref("a", n, 1) for n in range(total)]
    kept = [ref.row for ref in spread(refs, total, limit)]
    assert len(kept) == min(limit, total)
    assert kept == sorted(set(kept))
    if len(kept) > 1:
        gaps = np.diff(kept)
        assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("name", ["nothing", "empty", "text.parquet", "columns.parquet"])
def test_what_is_no_source_is_refused_in_one_sentence(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("not a table")
    pq.write_table(pa.table({"image": [b""]}), tmp_path / "columns.parquet")
    with pytest.raises(PictureError) as caught:
        open_source(tmp_path / name)
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
from sk_viz.datasets.sources import open_source
source = open_source(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for entry in source.entries(source.refs()))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    count, grown = map(int, done.stdout.split())
    assert count == 2000
    assert grown < 80
