"""Labelled pictures in memory, for training: read once as bytes, decoded when drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sk_viz.datasets.coverage import Coverage, Labels
from sk_viz.datasets.entries import Dataset, Entry
from sk_viz.datasets.left_out import NO_LABEL, LeftOut
from sk_viz.datasets.opening import open_dataset
from sk_viz.errors import PictureError
from sk_viz.pictures import read_picture
from sk_viz.pictures.decoding.signatures import recognise

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class LabelledPictures:
    """Encoded pictures with their labels.

    Attributes:
        encoded: the bytes of each picture's file.
        labels: (N,) integer labels.
        sources: which collection each picture is from; collections are mixed on purpose.
        classes: name of each label; its index is the label.
        wordnet_ids: WordNet ids of each label, none where they are not known.
        names: of each picture, for people.
        boxes: around the object of each picture, (left, top, right, bottom) in its pixels,
            inclusive; None for a picture without one.
        left_out: what the data set holds besides, and why it is not among them.
    """

    encoded: Sequence[bytes]
    labels: NDArray[np.int64]
    sources: Sequence[str]
    classes: Sequence[str]
    wordnet_ids: Sequence[Sequence[str]]
    names: Sequence[str]
    boxes: Sequence[Box | None]
    left_out: LeftOut = field(default_factory=LeftOut)

    def __len__(self) -> int:
        return len(self.encoded)

    def subset(self, chosen: NDArray[np.int64]) -> LabelledPictures:
        """The pictures at the given positions, in that order."""
        return LabelledPictures(
            encoded=[self.encoded[i] for i in chosen],
            labels=self.labels[chosen],
            sources=[self.sources[i] for i in chosen],
            classes=self.classes,
            wordnet_ids=self.wordnet_ids,
            names=[self.names[i] for i in chosen],
            boxes=[self.boxes[i] for i in chosen],
            left_out=self.left_out,
        )

    def decode(self, index: int) -> NDArray[np.uint8]:
        """One picture as (H, W, 3) RGB.

        Raises:
            PictureError: it cannot be decoded.
        """
        data = np.frombuffer(self.encoded[index], np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
        if pixels is None:  # a format that OpenCV does not know, or nothing at all
            return read_picture(self.encoded[index], self.names[index]).pixels
        return np.asarray(pixels, dtype=np.uint8)


def read_labelled(source: Path) -> LabelledPictures:
    """The labelled pictures of a data set, see :func:`~sk_viz.datasets.opening.open_dataset`.

    Whatever has no label, or is not a picture by its first bytes, is counted in ``left_out``.

    Raises:
        PictureError: nothing is there, or none of its pictures has a label.
    """
    dataset = open_dataset(source)
    classes = _classes(dataset)
    numbers = {name: number for number, name in enumerate(classes)}
    left_out = dataset.left_out.merged(LeftOut())
    encoded: list[bytes] = []
    labels: list[int] = []
    sources: list[str] = []
    names: list[str] = []
    boxes: list[Box | None] = []
    for entry in dataset.entries(about.ref for about in dataset.abouts()):
        about = entry.about
        number = numbers.get(about.label or "")
        if about.label is None or number is None:
            left_out.add(NO_LABEL, about.name)
            continue
        try:
            data = _bytes(entry)
        except PictureError as error:
            left_out.add(error.reason, about.name, str(error))
            continue
        encoded.append(data)
        labels.append(number)
        sources.append(entry.collection or dataset.kind)
        names.append(about.name)
        boxes.append(None if entry.box is None else _whole(entry.box))
    if not encoded:
        raise PictureError(
            f"No picture of {str(source)!r} can be read and has a label: give one folder per "
            "class, or parquet with the columns jpeg and label."
        )
    return LabelledPictures(
        encoded=encoded,
        labels=np.array(labels, dtype=np.int64),
        sources=sources,
        classes=classes,
        wordnet_ids=[list(dataset.wordnet_ids.get(name, ())) for name in classes],
        names=names,
        boxes=boxes,
        left_out=left_out,
    )


def labelled_coverage(source: Path) -> Coverage:
    """What of a data set has a label, and what is left out; no picture is read.

    Raises:
        PictureError: nothing is there, or no pictures are in it.
    """
    dataset = open_dataset(source)
    left_out, labelled = dataset.left_out.merged(LeftOut()), 0
    for about in dataset.abouts():
        if about.label is None:
            left_out.add(NO_LABEL, about.name)
        else:
            labelled += 1
    found = labelled + left_out.total
    return Coverage(found, labelled, left_out, Labels(known=labelled), used="labelled")


def split_validation(
    pictures: LabelledPictures, share: float
) -> tuple[LabelledPictures, LabelledPictures]:
    """Training and validation part; a picture's own bytes decide, so the split never moves.

    Args:
        pictures: what to split.
        share: share of the validation part, in (0, 1).
    """
    held_out = np.array([drawn(data) for data in pictures.encoded]) < share
    return pictures.subset(np.flatnonzero(~held_out)), pictures.subset(np.flatnonzero(held_out))


def drawn(encoded: bytes) -> float:
    """A number in [0, 1) that a picture's own bytes draw, the same wherever it is asked."""
    return int.from_bytes(hashlib.sha256(encoded).digest()[:4], "big") / 2**32


def _classes(dataset: Dataset) -> tuple[str, ...]:
    """Names of the labels; numbered by the data set where it numbers them."""
    names = dataset.class_names
    if names:
        return names
    return tuple(sorted({about.label for about in dataset.abouts() if about.label is not None}))


def _bytes(entry: Entry) -> bytes:
    """The bytes of a picture that begins as one.

    Raises:
        PictureError: it cannot be read, or does not.
    """
    data = entry.data
    if isinstance(data, PictureError):
        raise data
    if isinstance(data, Path):
        try:
            data = data.read_bytes()
        except OSError as error:
            raise PictureError(
                f"{entry.about.name!r} cannot be read: {error.strerror or error}."
            ) from error
    if not data:
        raise PictureError(f"{entry.about.name!r} is empty: choose another picture.")
    recognise(data, entry.about.name)
    return data


def _whole(box: tuple[float, float, float, float]) -> Box:
    left, top, right, bottom = (int(value) for value in box)
    return left, top, right, bottom
