"""Photographs of the kind visitors bring: how they are read, labelled and held out.

The two collections of the first rounds have classes of their own, so a network can answer by how a
picture looks. Photographs that look alike whatever they show take that away: some of the model's
classes, some of things that may be one of several classes (a dog), and some of none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sk_viz.datasets.labelled import LabelledPictures, drawn
from sk_viz.errors import PictureError

_COLUMNS = ("jpeg", "label", "class", "name")
# For each kind of thing the classes that it may be; a kind that is not listed is none of them.
_KINDS = json.loads(Path(__file__).with_name("kinds.json").read_text(encoding="utf-8"))
OTHERS = ", other things"


@dataclass(frozen=True)
class Group:
    """One part of a collection of photographs.

    Attributes:
        collection: the name of its parquet file, without the suffix.
        labelled: whether it is the collection's pictures of the classes, or its others.
        share: of the views that are drawn, in [0, 1].
        weight: of the loss of its views.
        held_out: share of its pictures that no training sees, in [0, 1]; a picture's own bytes
            decide.
    """

    collection: str
    labelled: bool
    share: float
    weight: float
    held_out: float

    @property
    def source(self) -> str:
        """Its name among the sources of pictures."""
        return self.collection if self.labelled else self.collection + OTHERS


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs, and what is known of what they show.

    Attributes:
        training: their labels index the rows of ``targets``.
        held_out: the same of those that no training sees.
        targets: float32 (K + kinds, K), rows that sum to 1: the K classes themselves, then each
            kind of thing, shared evenly by the classes that it may be, or by all if none.
        kinds: name of each row, the classes first.
    """

    training: LabelledPictures
    held_out: LabelledPictures
    targets: NDArray[np.float32]
    kinds: Sequence[str]

    def known(self) -> LabelledPictures:
        """Those held out that are of one class."""
        classes = self.targets.shape[1]
        return self.held_out.subset(np.flatnonzero(self.held_out.labels < classes))

    def may_be(self, label: int) -> NDArray[np.int64]:
        """The classes that a kind may be; none for a kind that is none of them."""
        classes = np.flatnonzero(self.targets[label])
        return classes if len(classes) < self.targets.shape[1] else classes[:0]


def read_photographs(folder: Path, groups: Sequence[Group], classes: Sequence[str]) -> Photographs:
    """Read the parquet files of some groups.

    Each has the columns ``jpeg``, ``label`` (of the classes, or -1), ``class`` (the name of what a
    picture shows) and ``name``.

    Raises:
        PictureError: a file or a column is missing.
    """
    kinds = list(classes)
    parts: dict[bool, list[tuple[bytes, int, str, str]]] = {False: [], True: []}
    for group in groups:
        for jpeg, label, kind, name in _rows(folder / f"{group.collection}.parquet"):
            if (label >= 0) is not group.labelled:
                continue
            if label < 0 and kind + OTHERS not in kinds:
                kinds.append(kind + OTHERS)
            shown = label if label >= 0 else kinds.index(kind + OTHERS)
            parts[drawn(jpeg) < group.held_out].append((jpeg, shown, group.source, name))
    kinds = [kind.removesuffix(OTHERS) for kind in kinds]
    targets = np.eye(len(kinds), len(classes), dtype=np.float32)
    for row in range(len(classes), len(kinds)):
        may_be = [classes.index(name) for name in _KINDS.get(kinds[row], ()) if name in classes]
        targets[row, may_be or slice(None)] = 1
    if classes:
        targets /= targets.sum(axis=1, keepdims=True)
    training, held_out = (_pictures(parts[held], kinds) for held in (False, True))
    return Photographs(training, held_out, targets, kinds)


def _rows(file: Path) -> list[tuple[bytes, int, str, str]]:
    if not file.is_file():
        raise PictureError(f"{file.parent} lacks {file.name}: give the folder of photographs.")
    if missing := set(_COLUMNS) - set(pq.read_schema(file).names):
        raise PictureError(f"{file} lacks the column {sorted(missing)[0]!r}.")
    table = pq.read_table(file, columns=list(_COLUMNS))
    return list(zip(*(table[column].to_pylist() for column in _COLUMNS), strict=True))


def _pictures(
    rows: Sequence[tuple[bytes, int, str, str]], kinds: Sequence[str]
) -> LabelledPictures:
    return LabelledPictures(
        encoded=[jpeg for jpeg, _, _, _ in rows],
        labels=np.array([label for _, label, _, _ in rows], dtype=np.int64),
        sources=[source for _, _, source, _ in rows],
        classes=kinds,
        wordnet_ids=[[]] * len(kinds),
        names=[name for _, _, _, name in rows],
        boxes=[None] * len(rows),
    )
