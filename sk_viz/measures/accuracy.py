"""How often a model is right, on labelled pictures it has not been trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sk_viz.datasets.coverage import Coverage
from sk_viz.datasets.known import known_pictures
from sk_viz.datasets.labelled import LabelledPictures
from sk_viz.errors import PictureError
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


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said of labelled pictures.

    Attributes:
        logits: float32 (N, K).
        labels: (N,) index of the right class among the model's.
        coverage: what became of everything that the data set holds; None where the pictures are
            of no data set.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    coverage: Coverage | None = None

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
    source: str | Path,
    *,
    limit: int | None = None,
    split: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Answers:
    """Ask a model about every picture of a data set whose class it has, at zoom 1.0.

    Args:
        model: any loaded model.
        source: of :func:`~sk_viz.datasets.opening.open_dataset`.
        limit: use at most N pictures, spread evenly over the data set.
        split: of this split alone, such as ``val``; all of them when None.
        progress: called with (done, total).

    Raises:
        PictureError: the data set holds no labelled pictures, no such split, or no picture that
            can be read.
        ModelError: the model has none of the data set's classes, or the limit is below 1.
    """
    model.check_predicts("An evaluation")
    chosen = known_pictures(model, source, limit, split)
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
    if not labels:
        raise PictureError(
            f"None of the {len(chosen):,} pictures of {str(source)!r} can be read. The first: "
            f"{chosen.first_error}"
        )
    return Answers(np.concatenate(found), np.array(labels), chosen.coverage)
