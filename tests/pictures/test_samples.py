"""The bundled pictures: all there, all listed, all legible, and the two lists agree."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from sk_viz import load_model, paths
from sk_viz.errors import PictureError
from sk_viz.measures.reading import read
from sk_viz.pictures import Cutout, Sample, read_sample, samples, stimuli
from sk_viz.preprocessing import Preprocessing
from sk_viz.training.card.samples import judge_samples

PERMITTED = {"CC0-1.0", "Public domain", "CC-BY-2.0", "CC-BY-4.0"}


def test_there_are_enough_of_each_kind() -> None:
    assert len(samples("photo")) >= 6
    assert len(samples("cutout")) >= 16
    assert len(samples("background")) >= 2
    assert len(samples()) == sum(len(samples(k)) for k in ("photo", "cutout", "background"))


def test_every_file_is_listed_once_and_every_listed_file_is_there() -> None:
    root = paths.assets_dir()
    listed = sorted(sample.file for sample in samples())
    present = sorted(
        path.relative_to(root).as_posix()
        for folder in ("photos", "cutouts", "backgrounds")
        for path in (root / folder).iterdir()
    )
    assert listed == present
    assert len({sample.id for sample in samples()}) == len(samples())


def test_the_licence_table_says_the_same() -> None:
    table = (paths.assets_dir() / "LICENSES.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{s.file}` | {s.title} | {s.credit} | {s.source} | {s.licence} | {s.changes} |"
        for s in samples()
    ]


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.id)
def test_each_sample(sample: Sample) -> None:
    assert sample.title
    assert sample.credit
    assert sample.source
    assert sample.changes
    assert sample.path.stat().st_size <= 300_000
    picture = read_sample(sample.id)
    assert picture.sha256 == hashlib.sha256(sample.path.read_bytes()).hexdigest()
    assert sample.licence in PERMITTED
    if sample.kind == "cutout":
        assert isinstance(picture, Cutout)
        assert sample.file.startswith("cutouts/")
    else:
        assert min(picture.width, picture.height) >= 300


@pytest.mark.parametrize("sample", samples("cutout"), ids=lambda sample: sample.id)
def test_a_cutout_is_one_object_with_a_soft_edge(sample: Sample) -> None:
    picture = read_sample(sample.id)
    assert isinstance(picture, Cutout)
    alpha = picture.rgba[..., 3]
    solid = (alpha > 127).astype(np.uint8)
    assert max(solid.shape) >= 224  # sharp at twice the base size in a network of 224 px
    assert 0.15 < solid.mean() < 0.95
    _, _, statistics, _ = cv2.connectedComponentsWithStats(solid)
    sizes = sorted(statistics[1:, cv2.CC_STAT_AREA])
    assert sizes[-1] >= 0.99 * sum(sizes)
    assert ((alpha > 0) & (alpha < 255)).any()
    assert not picture.rgba[alpha == 0].any()  # no hidden background under the transparent part


def test_most_cutouts_are_recognised_and_the_others_are_named() -> None:
    rows = judge_samples(load_model("sknet_tiny", "cpu"))
    answers = {row["title"]: row["right"] for row in rows if row["kind"] == "cutout"}
    others = {"Hedgehog", "Eastern grey kangaroo", "Giant panda", "Saltwater crocodile", "Koala"}
    assert {title for title, right in answers.items() if not right} == others
    text = (paths.assets_dir() / "LICENSES.md").read_text(encoding="utf-8")
    assert "the hedgehog, the kangaroo, the panda and the" in text
    assert "One, the koala, is not recognised" in text


def test_every_photograph_is_recognised() -> None:
    rows = judge_samples(load_model("sknet_tiny", "cpu"))
    photographs = [row for row in rows if row["kind"] == "photo"]
    assert len(photographs) == 6
    assert all(row["right"] and not row["unknown"] for row in photographs)


def test_what_is_not_recognised_at_once_is_recognised_larger() -> None:
    model = load_model("sknet_tiny", "cpu")
    for name in ("hedgehog", "kangaroo", "panda", "crocodile"):
        (sample,) = (s for s in samples("cutout") if s.id == f"cutout-{name}")
        (shown,) = stimuli(read_sample(sample.id), [2.0], "object", model.preprocessing)
        logits = read(model, [shown]).logits
        assert model.classes[int(logits[0].argmax())] == sample.label


def test_a_cutout_and_a_background_make_a_stimulus() -> None:
    cutout, scene = samples("cutout")[0], samples("background")[0]
    frame = Preprocessing(input_size=64)
    (alone,) = stimuli(read_sample(scene.id), [1.0], "zoom", frame)
    (both,) = stimuli(
        read_sample(cutout.id), [1.0], "object", frame, background=read_sample(scene.id)
    )
    changed = (alone.rgb != both.rgb).any(axis=-1)
    assert 0.02 < changed.mean() < 0.4**2 + 0.05
    assert np.array_equal(alone.rgb[:10], both.rgb[:10])


def test_an_unknown_sample() -> None:
    with pytest.raises(PictureError, match="no sample 'unicorn'"):
        read_sample("unicorn")
