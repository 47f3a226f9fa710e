"""What every data set hands out: references to its pictures, their labels, their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from sk_viz.datasets.left_out import LeftOut
from sk_viz.errors import PictureError

PictureBox = tuple[float, float, float, float]
DatasetKind = Literal["folder", "imagefolder", "parquet", "archive", "list"]


@dataclass(frozen=True)
class Ref:
    """Which picture: a file of the data set, and its row where that file holds several.

    Attributes:
        file: path inside the data set, with forward slashes; bytes that are not UTF-8 as
            ``os.fsdecode`` gives them.
        row: from 0 in a table, an archive or a list; -1 for a picture file.
        size: bytes of the file.
    """

    file: str
    row: int
    size: int


@dataclass(frozen=True)
class About:
    """What is known of a picture before it is read.

    Attributes:
        ref: which picture.
        name: shown to people.
        label: name of its class, or the number of it where the data set names none; None without
            a label.
        split: the part of the data set it belongs to, such as ``train``; None where there is
            only one.
    """

    ref: Ref
    name: str
    label: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Entry:
    """One picture, not yet decoded.

    Attributes:
        about: its name and label.
        data: the bytes of its file, the path to read them from, or the reason why there are none.
        box: (x0, y0, x1, y1) in pixels around its object.
        collection: the larger collection that it was taken from, where that is known.
    """

    about: About
    data: bytes | Path | PictureError
    box: PictureBox | None = None
    collection: str | None = None


class Dataset(Protocol):
    """Many pictures in a fixed order, never all in memory."""

    @property
    def kind(self) -> DatasetKind:
        """What sort of data set it is."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the labels in the order of their numbers; "" for a number without a name."""

    @property
    def wordnet_ids(self) -> Mapping[str, tuple[str, ...]]:
        """WordNet ids of the labels, where the data set knows them."""

    @property
    def left_out(self) -> LeftOut:
        """What lies in it and is not one of its pictures."""

    def abouts(self) -> Iterator[About]:
        """Every picture with its label, always in the same order; no picture is read."""

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """The pictures of some references, in that order; fastest in the order of ``abouts``."""
