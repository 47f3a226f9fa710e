"""How often a model is right, on labelled pictures it has not been trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sk_viz.datasets.labelled import LabelledPictures, read_labelled
from sk_viz.errors import ModelError, PictureError
from sk_viz.measures.calibration import calibration_error
from sk_viz.measures.reading import Reading, read
from sk_viz.measures.statistics import wilson_interval
from sk_viz.pictures import Picture, Stimulus, read_picture, stimuli
from sk_viz.zoo.certainty import Share
from sk_viz.zoo.model import Model

_BLOCK = 64

T = TypeVar("T")


class Summary(TypedDict):
    """Shares in [0, 1] with Wilson's 95 % intervals, and how many pictures they are of.

    ``calibration_error`` is the expected calibration error of the probabilities, in [0, 1], with
    its 95 % bootstrap interval.
    """

    top1: float
    top5: float
    n: int
    top1_interval: tuple[float, float]
    top5_interval: tuple[float, float]
    calibration_error: float
    calibration_interval: tuple[float, float]
    left_out: int
    unreadable: int


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said of labelled pictures.

    Attributes:
        logits: float32 (N, K).
        labels: (N,) index of the right class among the model's.
        left_out: pictures whose class the model does not have.
        unreadable: what is wrong with each picture that could not be read.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    left_out: int = 0
    unreadable: tuple[str, ...] = ()

    def hits(self, best: int = 1) -> NDArray[np.bool_]:
        """(N,) whether the right class is among the ``best`` most probable."""
        leading = np.argsort(-self.logits, axis=1, kind="stable")[:, :best]
        hit: NDArray[np.bool_] = (leading == self.labels[:, None]).any(axis=1)
        return hit

    def summary(self) -> Summary:
        """Top-1, top-5 and calibration."""
        first, five = (share_of(self.hits(best)) for best in (1, 5))
        error, interval = calibration_error(self.logits, self.labels)
        return {
            "top1": first.share,
            "top5": five.share,
            "n": first.n,
            "top1_interval": first.interval,
            "top5_interval": five.interval,
            "calibration_error": error,
            "calibration_interval": interval,
            "left_out": self.left_out,
            "unreadable": len(self.unreadable),
        }


def share_of(hits: NDArray[np.bool_]) -> Share:
    """The share of (N,) pictures that are hits, with its interval."""
    count = int(hits.sum())
    return Share(count / len(hits), wilson_interval(count, len(hits)), len(hits))


def plain_view(model: Model) -> Callable[[Picture], Stimulus]:
    """What a model is shown of a picture at zoom 1.0."""
    return lambda picture: stimuli(picture, (1.0,), "zoom", model.preprocessing)[0]


def read_in_blocks(
    model: Model,
    pictures: LabelledPictures,
    view: Callable[[Picture], Stimulus],
    held: Mapping[str, Tensor] | None = None,
) -> Iterator[Reading]:
    """Decode pictures and read a model's answers, as many at a time as memory holds easily.

    Args:
        model: what they are shown to.
        pictures: all of them, in order.
        view: what is shown of each.
        held: weights (1, M, C) to use in place of a unit's own, by unit name.
    """
    blocks = (
        [
            view(read_picture(pictures.encoded[i], pictures.names[i]))
            for i in range(start, min(start + _BLOCK, len(pictures)))
        ]
        for start in range(0, len(pictures), _BLOCK)
    )
    for shown in _one_ahead(blocks):
        yield read(model, shown, held=held, pictures=len(pictures))


def _one_ahead(blocks: Iterator[T]) -> Iterator[T]:
    """The blocks in order, each next one made by a thread while the last is used."""
    with ThreadPoolExecutor(1, "decode") as pool:
        coming = pool.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = pool.submit(next, blocks, None)
            yield block


def evaluate(
    model: Model,
    source: Path,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Answers:
    """Ask a model about every picture of a source, at zoom 1.0.

    Args:
        model: any loaded model.
        source: parquet, or an ImageFolder whose folders are named by class name or WordNet id; see
            :func:`~sk_viz.datasets.labelled.read_labelled`.
        limit: at most so many pictures, spread evenly over the source.
        progress: called with (done, total).

    Raises:
        PictureError: the source holds no labelled pictures, or none that can be read.
        ModelError: the model has none of the source's classes, or the limit is below 1.
    """
    chosen = known_pictures(model, source, limit)
    view = plain_view(model)
    found: list[NDArray[np.float32]] = []
    labels: list[int] = []
    # Of each picture only what is shown is kept: a block of photographs would fill the memory.
    walk = ((view(picture), label) for picture, label in chosen)
    blocks = iter(lambda: tuple(islice(walk, _BLOCK)), ())
    for block in _one_ahead(blocks):
        shown = [stimulus for stimulus, _ in block]
        found.append(read(model, shown, pictures=len(chosen)).logits)
        labels += [label for _, label in block]
        progress(len(labels) + len(chosen.unreadable), len(chosen))
    unreadable = tuple(chosen.unreadable.values())
    if not labels:
        raise PictureError(f"No picture of {source} can be read. The first: {unreadable[0]}")
    return Answers(np.concatenate(found), np.array(labels), chosen.left_out, unreadable)


@dataclass(frozen=True, eq=False)
class Known:
    """Labelled pictures of classes that a model has; decoded as they are walked, never all at once.

    Those that cannot be read are passed over.

    Attributes:
        pictures: as read.
        labels: (N,) index of each one's class among the model's.
        left_out: pictures of the source whose class the model does not have.
        unreadable: what is wrong with each picture that could not be read, by its position; those
            that were walked over so far.
    """

    pictures: LabelledPictures
    labels: NDArray[np.int64]
    left_out: int
    unreadable: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[tuple[Picture, int]]:
        for place, label in enumerate(self.labels):
            if place in self.unreadable:
                continue
            encoded, name = self.pictures.encoded[place], self.pictures.names[place]
            try:
                picture = read_picture(encoded, name, isolated=True)
            except PictureError as error:
                self.unreadable[place] = str(error)
                continue
            yield picture, int(label)


def known_pictures(model: Model, source: Path, limit: int | None = None) -> Known:
    """The pictures of a source whose classes a model has.

    Args:
        model: any loaded model.
        source: of :func:`evaluate`.
        limit: at most so many, spread evenly over the source.

    Raises:
        PictureError: the source holds no labelled pictures.
        ModelError: the model has none of the source's classes, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise ModelError("The limit must be at least 1 picture.")
    pictures = read_labelled(source)
    known = class_map(pictures, model)
    positions = np.array([i for i, label in enumerate(pictures.labels) if int(label) in known])
    left_out = len(pictures) - len(positions)
    if limit is not None and limit < len(positions):
        positions = positions[np.linspace(0, len(positions) - 1, limit).astype(int)]
    chosen = pictures.subset(positions)
    labels = np.array([known[int(label)] for label in chosen.labels], dtype=np.int64)
    return Known(chosen, labels, left_out)


def class_map(pictures: LabelledPictures, model: Model) -> dict[int, int]:
    """From the labels that occur in a source to a model's classes, by name or WordNet id.

    Raises:
        ModelError: nothing in common.
    """
    by_key = {name.lower(): index for index, name in enumerate(model.classes)}
    by_key |= {wnid: index for index, wnids in enumerate(model.wordnet_ids) for wnid in wnids}
    known = {}
    for label in np.unique(pictures.labels).tolist():
        keys = [pictures.classes[label].lower(), *pictures.wordnet_ids[label]]
        found = next((by_key[key] for key in keys if key in by_key), None)
        if found is not None:
            known[label] = found
    if not known:
        raise ModelError(
            f"{model.id} knows none of the classes of this source; name the "
            "folders by class name or WordNet id, or choose another model."
        )
    return known
