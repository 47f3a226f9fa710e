"""The labelled pictures that a model knows, and what becomes of all others."""

from __future__ import annotations

import pytest

from sk_viz.datasets.known import known_pictures
from sk_viz.errors import ModelError, PictureError


@pytest.fixture
def mixed(tmp_path, encoded_picture):
    """Known classes under other spellings, an unknown one, a stray, a note, a broken picture."""
    files = {
        "Blue_Things/0.png": encoded_picture(0), "Blue_Things/1.png": encoded_picture(1),
        "green-thing/2.png": encoded_picture(2), "green-thing/cut.png": encoded_picture(3)[:80],
        "grey things/3.png": encoded_picture(3), "stray.png": encoded_picture(4),
        "notes.txt": b"hello",
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_the_counts_add_up_and_every_one_is_named(mixed, model):
    pictures = known_pictures(model, mixed)
    assert [label for _, label in pictures] == [0, 0, 1]
    coverage = pictures.coverage
    assert (coverage.found, coverage.measured) == (7, 3)
    assert coverage.left_out.counts == {
        "not a picture": 1, "label unknown to the model": 1, "no label": 1, "unreadable": 1,
    }  # fmt: skip
    assert coverage.found == coverage.measured + coverage.left_out.total
    lines = "\n".join(coverage.lines())
    assert "unreadable: 'green-thing/cut.png' is a broken" in lines
    assert "grey things/3.png: label unknown to the model (grey things)" in lines
    assert "'grey things' (1): label unknown to the model; did you mean 'green things'?" in lines
    assert "'Blue_Things' is taken for 'blue things' (by spelling)" in lines
    assert coverage.sentence().startswith("7 found: 3 measured")


def test_a_second_walk_gives_the_same_without_a_second_try(mixed, model):
    pictures = known_pictures(model, mixed)
    first, second = ([picture.name for picture, _ in pictures] for _ in range(2))
    assert first == second
    assert pictures.coverage.left_out.counts["unreadable"] == 1


def test_a_limit_and_a_split_are_counted_too(tmp_path, model, encoded_picture):
    for split in ("train", "val"):
        for n in range(4):
            folder = tmp_path / split / ("blue things" if n % 2 else "green things")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{n}.png").write_bytes(encoded_picture(n))
    pictures = known_pictures(model, tmp_path, limit=2, split="val")
    assert len(list(pictures)) == 2
    coverage = pictures.coverage
    assert (coverage.found, coverage.measured) == (8, 2)
    assert coverage.left_out.counts == {"in another split": 4, "over the limit": 2}
    with pytest.raises(PictureError, match=r"no split 'test': the splits are train, val"):
        known_pictures(model, tmp_path, split="test")


def test_pictures_without_labels_and_without_known_ones_are_refused(
    tmp_path, model, encoded_picture
):
    (tmp_path / "0.png").write_bytes(encoded_picture(0))
    with pytest.raises(PictureError, match="has a label"):
        known_pictures(model, tmp_path)
    (tmp_path / "blue thingies").mkdir()
    for n in range(2):
        (tmp_path / "blue thingies" / f"{n}.png").write_bytes(encoded_picture(n))
    with pytest.raises(ModelError, match="is 'blue thingies' 'blue things'"):
        known_pictures(model, tmp_path)
