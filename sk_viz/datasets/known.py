"""Labelled pictures of the classes that a model has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_viz.datasets.coverage import Coverage, Labels
from sk_viz.datasets.entries import Dataset, Entry, Ref
from sk_viz.datasets.left_out import (
    NO_LABEL,
    OTHER_SPLIT,
    OVER_LIMIT,
    UNKNOWN_LABEL,
    LeftOut,
)
from sk_viz.datasets.matching import ClassMatcher
from sk_viz.datasets.opening import open_dataset
from sk_viz.errors import ModelError, PictureError
from sk_viz.pictures import Picture, read_picture
from sk_viz.pictures.decoding.ahead import map_ahead
from sk_viz.pictures.decoding.isolated import PROCESSES
from sk_viz.zoo.model import Model


@dataclass(frozen=True, eq=False)
class KnownPictures:
    """Pictures whose labels a model knows; decoded a little ahead of a walk, never all at once.

    Those that cannot be read are passed over.

    Attributes:
        dataset: that they are of.
        refs: N of them.
        labels: (N,) index of each one's class among the model's.
        found: everything that the data set holds.
        left_out: everything that is not one of them.
        all_labels: what became of the labels of the data set.
        unreadable: what is wrong with each picture that could not be read, by its position; those
            that were walked over so far.
    """

    dataset: Dataset
    refs: tuple[Ref, ...]
    labels: NDArray[np.int64]
    found: int
    left_out: LeftOut
    all_labels: Labels
    unreadable: dict[int, tuple[str, PictureError]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.refs)

    def __iter__(self) -> Iterator[tuple[Picture, int]]:
        places = [place for place in range(len(self.refs)) if place not in self.unreadable]
        entries = self.dataset.entries(self.refs[place] for place in places)
        with ThreadPoolExecutor(PROCESSES, "decode") as pool:
            pictures = map_ahead(pool, _decoded, entries, 2 * PROCESSES)
            for place, (name, picture) in zip(places, pictures, strict=True):
                if isinstance(picture, PictureError):
                    self.unreadable[place] = name, picture
                else:
                    yield picture, int(self.labels[place])

    @property
    def coverage(self) -> Coverage:
        """What has become of the whole data set, after a walk."""
        unread = LeftOut()
        for name, error in self.unreadable.values():
            unread.add(error.reason, name, str(error))
        measured = len(self.refs) - len(self.unreadable)
        return Coverage(self.found, measured, self.left_out.merged(unread), self.all_labels)

    @property
    def first_error(self) -> str:
        """What is wrong with the first picture that could not be read; "" where none was."""
        return next((str(error) for _, error in self.unreadable.values()), "")


def _decoded(entry: Entry) -> tuple[str, Picture | PictureError]:
    """The name of a picture, and the picture or the reason why there is none."""
    name = entry.about.name
    if isinstance(entry.data, PictureError):
        return name, entry.data
    try:
        return name, read_picture(entry.data, name, isolated=True)
    except PictureError as error:
        return name, error


def known_pictures(
    model: Model, source: str | Path, limit: int | None = None, split: str | None = None
) -> KnownPictures:
    """The pictures of a data set whose classes a model has.

    Args:
        model: any loaded model.
        source: of :func:`~sk_viz.datasets.opening.open_dataset`.
        limit: use at most N pictures, spread evenly.
        split: of this split alone, such as ``val``; all of them when None.

    Raises:
        PictureError: the data set has no labelled pictures, or no such split.
        ModelError: the model has none of its classes, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise ModelError("The limit must be at least 1 picture.")
    dataset = open_dataset(source)
    matcher = ClassMatcher.of(model, dataset.wordnet_ids)
    left_out = dataset.left_out.merged(LeftOut())
    refs: list[Ref] = []
    indices: list[int] = []
    counts: Counter[str | None] = Counter()
    splits: Counter[str | None] = Counter()
    for about in dataset.abouts():
        splits[about.split] += 1
        if split is not None and about.split != split:
            left_out.add(OTHER_SPLIT, about.name, about.split or "")
            continue
        counts[about.label] += 1
        if about.label is None:
            left_out.add(NO_LABEL, about.name)
        elif (match := matcher(about.label)) is None:
            left_out.add(UNKNOWN_LABEL, about.name, about.label)
        else:
            refs.append(about.ref)
            indices.append(match.index)
    check_split(split, splits)
    found = dataset.left_out.total + sum(splits.values())
    labels = Labels.of(counts, matcher)
    if not refs:
        raise _nothing_known(model, source, labels)
    if limit is not None and limit < len(refs):
        chosen = np.linspace(0, len(refs) - 1, limit).astype(int)
        left_out.add_many(OVER_LIMIT, len(refs) - limit)
        refs, indices = [refs[n] for n in chosen], [indices[n] for n in chosen]
    return KnownPictures(
        dataset, tuple(refs), np.array(indices, dtype=np.int64), found, left_out, labels
    )


def check_split(split: str | None, splits: Counter[str | None]) -> None:
    """Do nothing when there are pictures of this split.

    Raises:
        PictureError: there are none.
    """
    if split is not None and not splits[split]:
        there = ", ".join(sorted(one for one in splits if one is not None)) or "none"
        raise PictureError(f"There is no split {split!r}: the splits are {there}.")


def _nothing_known(model: Model, source: str | Path, labels: Labels) -> PictureError | ModelError:
    if not labels.unknown:
        return PictureError(
            f"No picture of {str(source)!r} has a label: give one folder per class, or a table or "
            "list with labels."
        )
    first = labels.unknown[0]
    hint = f" (is {first.label!r} {first.nearest!r}?)" if first.nearest else ""
    return ModelError(
        f"{model.id} knows none of the classes of this source, such as {first.label!r}{hint}: "
        "name them by class name or WordNet id, or choose another model."
    )
