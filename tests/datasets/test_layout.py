"""Which folders are classes, which are splits, and which are neither."""

from __future__ import annotations

import pytest

from sk_viz.datasets.layout import find_layout


def read(*files: str) -> dict[str, tuple[str | None, str | None]]:
    counts: dict[str, int] = {}
    for file in files:
        folder = file.rpartition("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    layout = find_layout(counts)
    return {file: layout.label_and_split(file) for file in files}


def test_class_folders_with_a_stray_picture_keep_their_labels() -> None:
    found = read("cat/1", "cat/deep/2", "dog/1", "preview")
    assert found == {
        "cat/1": ("cat", None),
        "cat/deep/2": ("cat", None),
        "dog/1": ("dog", None),
        "preview": (None, None),
    }


@pytest.mark.parametrize("around", ["mydata", "mydata/v2", "images", "archive/JPEGImages"])
def test_a_common_folder_is_no_class(around: str) -> None:
    found = read(f"{around}/cat/1", f"{around}/dog/1", f"{around}/dog/2")
    assert [label for label, _ in found.values()] == ["cat", "dog", "dog"]


def test_a_common_folder_with_a_stray_picture_beside_it() -> None:
    found = read("mydata/cat/1", "mydata/dog/1", "cover")
    assert [label for label, _ in found.values()] == ["cat", "dog", None]


@pytest.mark.parametrize(
    "names", [("train", "val"), ("train", "test"), ("training", "validation"), ("Train", "Test")]
)
def test_splits_are_no_classes(names: tuple[str, str]) -> None:
    first, second = names
    found = read(f"{first}/cat/1", f"{first}/dog/1", f"{second}/cat/1", f"{second}/dog/2")
    assert list(found.values()) == [
        ("cat", first), ("dog", first), ("cat", second), ("dog", second),
    ]  # fmt: skip


def test_splits_inside_a_common_folder_and_around_one() -> None:
    found = read("set/train/images/cat/1", "set/train/images/dog/1", "set/test/images/cat/1")
    assert list(found.values()) == [("cat", "train"), ("dog", "train"), ("cat", "test")]


def test_splits_without_class_folders_have_no_labels() -> None:
    assert set(read("train/1", "train/2", "test/3").values()) == {(None, "train"), (None, "test")}
    assert read("images/train/1", "images/val/2") == {
        "images/train/1": (None, "train"),
        "images/val/2": (None, "val"),
    }


def test_a_train_is_a_class_among_vehicles() -> None:
    found = read("bus/1", "car/1", "train/1")
    assert [label for label, _ in found.values()] == ["bus", "car", "train"]


def test_one_class_alone_is_a_class_and_a_folder_of_pictures_is_none() -> None:
    assert read("panda/1", "panda/2")["panda/1"] == ("panda", None)
    assert read("photos/1", "photos/2")["photos/1"] == (None, None)


def test_a_few_folders_beside_many_pictures_are_no_classes() -> None:
    assert set(read("1", "2", "3", "old/4").values()) == {(None, None)}
