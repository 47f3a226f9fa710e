"""The parts of a data set that are told by their names: train, validation, test."""

from __future__ import annotations

import re

_TRAIN = {"train", "training", "trainset"}
_OTHERS = {
    "val", "valid", "validation", "valset", "dev", "test", "testing", "testset", "eval",
}  # fmt: skip
# Folders that hold pictures and name nothing.
_CONTAINERS = {
    "image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "jpeg", "jpegs",
    "jpegimages", "data", "dataset", "files",
}  # fmt: skip
_FILE = re.compile(r"([A-Za-z]+)(?=$|[-_.\d])")


def is_split(name: str) -> bool:
    """Whether a folder's name is that of a split."""
    return name.casefold() in _TRAIN | _OTHERS


def are_splits(names: list[str]) -> bool:
    """Whether folders beside each other are splits and not classes.

    All of them are named so, or a training part and another are among them: a class may be a
    train, but hardly beside one that is called test.
    """
    lowered = {name.casefold() for name in names}
    return bool(lowered) and (
        lowered <= _TRAIN | _OTHERS or bool(lowered & _TRAIN and lowered & _OTHERS)
    )


def is_container(name: str) -> bool:
    """Whether a folder's name says only that there are pictures in it."""
    return name.casefold() in _CONTAINERS


def split_of_path(path: str) -> str | None:
    """The split that a table or archive belongs to: ``data/train-00000-of-00002.parquet``."""
    for part in reversed(path.split("/")):
        match = _FILE.match(part)
        if match and is_split(match[1]):
            return match[1]
    return None
