"""Data sets as people have them: survey and evaluate read the same, and every count adds up."""

from __future__ import annotations

import io
import random
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from fixtures.cases import CASES, CAT, PANDA, Case
from fixtures.surveys import CONFIG
from PIL import Image

import sk_viz
from sk_viz.cli import run
from sk_viz.errors import PictureError
from sk_viz.measures.accuracy import evaluate
from sk_viz.networks.sknet import SKNet
from sk_viz.preprocessing import Preprocessing
from sk_viz.surveys import run_survey
from sk_viz.surveys.coverage import survey_coverage
from sk_viz.surveys.store import Store
from sk_viz.zoo.bundled import ClassName, save_bundled


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random network for cats, pandas and others."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SKNet(CONFIG)
        network.wake()
    folder = tmp_path_factory.mktemp("animals")
    classes = [ClassName(CAT, ("n02123045",)), ClassName(PANDA, ("n02510455",)), ClassName("ox")]
    save_bundled(folder, network, Preprocessing(input_size=32), classes, "Random weights.")
    return folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_survey_and_evaluate_agree(
    case: Case, tmp_path: Path, animals: Path, encoded_picture
) -> None:
    (tmp_path / "in").mkdir()
    source = case.make(tmp_path / "in", encoded_picture(0), encoded_picture(1))
    out = tmp_path / "out"
    summary = run_survey(str(animals), source, out, (1.0,), ("zoom",), device="cpu")
    rows = Store(out).table().to_pandas()
    readable = rows[rows["error"].isna()]
    assert sorted(readable["label"].fillna("")) == sorted(case.labels)
    coverage = summary.coverage
    assert coverage == survey_coverage(Store(out))
    assert coverage.measured == summary.measured == len(case.labels)
    assert dict(coverage.left_out.counts) == case.left_out
    assert coverage.found == coverage.measured + coverage.left_out.total
    labels = coverage.labels
    assert labels.unlabelled + labels.known + labels.unknown_pictures == coverage.measured

    answers = evaluate(sk_viz.load_model(animals, "cpu"), source)
    known = readable[readable["class_index"].notna()]
    assert Counter(answers.labels.tolist()) == Counter(known["class_index"].astype(int))
    judged = answers.coverage
    assert judged is not None
    assert judged.found == coverage.found == judged.measured + judged.left_out.total
    assert judged.measured == labels.known
    missing = judged.left_out.counts
    assert missing.get("label unknown to the model", 0) == labels.unknown_pictures
    assert missing.get("no label", 0) == labels.unlabelled


def test_splits_are_a_column_or_are_asked_for(tmp_path, animals, encoded_picture) -> None:
    source = CASES["train and val"].make(tmp_path / "in", encoded_picture(0), encoded_picture(1))
    run_survey(str(animals), source, tmp_path / "all", (1.0,), ("zoom",), device="cpu")
    rows = Store(tmp_path / "all").table().to_pandas()
    assert Counter(rows["split"]) == {"train": 2, "val": 1}
    summary = run_survey(
        str(animals), source, tmp_path / "val", (1.0,), ("zoom",), device="cpu", split="val"
    )
    assert (summary.coverage.found, summary.measured) == (3, 1)
    assert summary.coverage.left_out.counts == {"in another split": 2}
    answers = evaluate(sk_viz.load_model(animals, "cpu"), source, split="val")
    assert len(answers.labels) == 1
    with pytest.raises(PictureError, match="no split 'test'"):
        run_survey(str(animals), source, tmp_path / "no", (1.0,), ("zoom",), split="test")


def test_a_run_in_which_nothing_can_be_read_is_an_error(tmp_path, animals, capsys) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.jpg").write_bytes(b"\xff\xd8\xff cut")
    (source / "b.png").write_bytes(b"")
    for _ in range(2):  # also when it is started again and has nothing left to do
        out = str(tmp_path / "out")
        assert run(["survey", str(source), "--out", out, "--model", str(animals)]) == 2
        said = capsys.readouterr().err
        assert "None of the 2 pictures can be read. The first: 'a.jpg' is a broken" in said
        assert len(said.splitlines()) == 1


def test_the_command_counts_and_names_what_is_not_measured(
    tmp_path, animals, encoded_picture, capsys
) -> None:
    files = {
        f"{CAT}/a.png": encoded_picture(0), f"{CAT}/b.png": encoded_picture(0),
        "Pandas/c.png": encoded_picture(1), "panther/d.png": encoded_picture(2),
        "stray.png": encoded_picture(3), "panther/e.png": b"\x89PNG\r\n\x1a\n cut",
        "note.txt": b"?",
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    words = ["survey", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert run([*words, "--model", str(animals)]) == 0
    streams = capsys.readouterr()
    assert (
        "7 found: 5 measured (1 without a label, 1 with a label unknown to the model, "
        "1 duplicates), 1 not a picture, 1 unreadable."
    ) in streams.out
    assert "5 measured now" in streams.out
    for line in (
        "note.txt: not a picture",
        "stray.png: measured, without a label",
        "unreadable: 'panther/e.png' is a broken",
        "'panther' (1): label unknown to the model; did you mean 'panda'?",
        "'Pandas' is taken for 'panda' (by spelling)",
    ):
        assert line in streams.err


def test_the_first_hundred_are_named(tmp_path, animals, encoded_picture, capsys) -> None:
    (tmp_path / "0.png").write_bytes(encoded_picture(0))
    for n in range(150):
        (tmp_path / f"note {n:03d}.txt").write_text("hello")
    out = str(tmp_path.parent / "out of many")
    assert run(["survey", str(tmp_path), "--out", out, "--model", str(animals)]) == 0
    streams = capsys.readouterr()
    assert "151 found: 1 measured (1 without a label), 150 not a picture." in streams.out
    assert len(streams.err.splitlines()) == 100
    named = Store(out).header()["left_out"]["named"]
    assert [named[0]["name"], named[-1]["name"]] == ["note 000.txt", "note 099.txt"]


def _mixed_folder(root: Path, count: int) -> None:
    """A stranger's folder: so many files of many kinds, in folders of many kinds."""
    draw = random.Random(0)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)

    def encoded(format_: str, mode: str = "RGB") -> bytes:
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, format_)
        return buffer.getvalue()

    formats = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"]
    whole = [encoded(format_) for format_ in formats] + [encoded("PNG", mode) for mode in "L1P"]
    archive, table = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.png", whole[1])
    pq.write_table(pa.table({"image": [whole[0]]}), table)
    others = [
        b"", b"text", b"{}", b"%PDF-1.7", b"\0" * 600, archive.getvalue(), table.getvalue(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0\0\0\x18ftypheic" + b"\0" * 99,
        b"PAR1 broken", b"PK\x03\x04 broken", whole[0][:60], whole[1][:40], b"path,label\na,b\n",
    ]  # fmt: skip
    folders = ["", CAT, PANDA, "Tabby_Cat", "panther", f"{CAT}/deep", ".hidden", "with space"]
    endings = [".jpg", ".png", ".JPG", "", ".txt", ".csv", ".zip", ".parquet", ".tif", ".heic"]
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for n in range(count):
        name = f"{'.' * (draw.random() < 0.02)}{n}{draw.choice(endings)}"
        path = root / draw.choice(folders) / name
        kind = draw.random()
        if kind < 0.02:
            path.symlink_to(root / "nothing")
        elif kind < 0.04:
            path.symlink_to("/etc/hostname")
        else:
            path.write_bytes(draw.choice(whole if kind < 0.6 else others))


def test_a_strangers_folder_adds_up(tmp_path, animals, request) -> None:
    """In full 10,000 files; survey, evaluate and the folder itself count the same."""
    count = 10_000 if request.config.getoption("--long") else 300
    root = tmp_path / "in"
    _mixed_folder(root, count)
    summary = run_survey(str(animals), root, tmp_path / "out", (1.0,), ("zoom",), device="cpu")
    coverage = summary.coverage
    assert coverage.found == count == coverage.measured + coverage.left_out.total
    rows = Store(tmp_path / "out").table().to_pandas()
    assert coverage.measured == rows["error"].isna().sum() > count / 3
    assert all(row["name"] for row in coverage.left_out.rows())
    answers = evaluate(sk_viz.load_model(animals, "cpu"), root)
    judged = answers.coverage
    assert judged is not None
    assert judged.found == count == judged.measured + judged.left_out.total
    assert judged.measured == coverage.labels.known
