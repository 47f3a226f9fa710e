"""Labelled pictures for training: read once as bytes, decoded when drawn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sk_viz.errors import PictureError

Box = tuple[int, int, int, int]  # left, top, right, bottom

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


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
    """

    encoded: Sequence[bytes]
    labels: NDArray[np.int64]
    sources: Sequence[str]
    classes: Sequence[str]
    wordnet_ids: Sequence[Sequence[str]]
    names: Sequence[str]
    boxes: Sequence[Box | None]

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
        )

    def decode(self, index: int) -> NDArray[np.uint8]:
        """One picture as (H, W, 3) RGB."""
        pixels = cv2.imdecode(np.frombuffer(self.encoded[index], np.uint8), cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            raise PictureError(f"{self.names[index]} of the training data cannot be decoded.")
        return np.asarray(pixels, dtype=np.uint8)


def read_labelled(source: Path) -> LabelledPictures:
    """Pictures from parquet (a file or a folder of files) or an ImageFolder.

    Parquet has the columns ``jpeg`` and ``label``, and where there are any ``name``, ``source``,
    ``class`` and ``box``; a ``labels.json`` beside it names the labels in place of ``class``. An
    ImageFolder holds one folder a class.

    Raises:
        PictureError: the source is neither, or its labels have no names.
    """
    if source.suffix == ".parquet" and source.is_file():
        return _read_parquet([source], source.parent / "labels.json")
    parts = sorted(source.glob("*.parquet")) if source.is_dir() else []
    if parts:
        return _read_parquet(parts, source / "labels.json")
    classes = sorted(p.name for p in source.iterdir() if p.is_dir()) if source.is_dir() else []
    files = [
        (file, label)
        for label, name in enumerate(classes)
        for file in sorted((source / name).rglob("*"))
        if file.suffix.lower() in _SUFFIXES
    ]
    if not files:
        raise PictureError(
            f"{source} holds neither parquet files nor one folder of pictures for each class."
        )
    return LabelledPictures(
        encoded=[file.read_bytes() for file, _ in files],
        labels=np.array([label for _, label in files], dtype=np.int64),
        sources=["folder"] * len(files),
        classes=classes,
        wordnet_ids=[[]] * len(classes),
        names=[file.relative_to(source).as_posix() for file, _ in files],
        boxes=[None] * len(files),
    )


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


def _read_parquet(parts: list[Path], names_file: Path) -> LabelledPictures:
    encoded: list[bytes] = []
    labels: list[int] = []
    sources: list[str] = []
    named: dict[int, str] = {}
    names: list[str] = []
    boxes: list[Box | None] = []
    for part in parts:
        columns = set(pq.read_schema(part).names)
        if missing := {"jpeg", "label"} - columns:
            raise PictureError(f"{part} lacks the column {sorted(missing)[0]!r}.")
        table = pq.read_table(
            part, columns=sorted(columns & {"jpeg", "label", "source", "class", "name", "box"})
        )
        encoded += table["jpeg"].to_pylist()
        own = table["label"].to_pylist()
        labels += own
        sources += table["source"].to_pylist() if "source" in columns else ["parquet"] * len(own)
        rows = [f"{part.name}, row {row}" for row in range(len(own))]
        names += table["name"].to_pylist() if "name" in columns else rows
        own_boxes = table["box"].to_pylist() if "box" in columns else [None] * len(own)
        boxes += [None if box is None else tuple(box) for box in own_boxes]
        if "class" in columns:
            named |= dict(zip(own, table["class"].to_pylist(), strict=True))
    if names_file.is_file():
        entries = {int(e["label"]): e for e in json.loads(names_file.read_text())}
    else:
        entries = {label: {"name": name} for label, name in named.items()}
    if unnamed := set(labels) - set(entries):
        raise PictureError(
            f"Label {min(unnamed)} of {parts[0].parent} has no name; put a labels.json beside the "
            "parquet files or a column 'class' into them."
        )
    described = [entries.get(label, {"name": ""}) for label in range(max(entries) + 1)]
    return LabelledPictures(
        encoded=encoded,
        labels=np.array(labels, dtype=np.int64),
        sources=sources,
        classes=[entry["name"] for entry in described],
        wordnet_ids=[list(entry.get("wnids", ())) for entry in described],
        names=names,
        boxes=boxes,
    )
