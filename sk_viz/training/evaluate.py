"""How often a model is right, on labelled pictures it has not been trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from sk_viz.errors import ModelError
from sk_viz.measures.inputs import read
from sk_viz.measures.statistics import wilson_interval
from sk_viz.networks.zoo import Model
from sk_viz.pictures import read_picture, stimuli
from sk_viz.training.data import LabelledPictures, read_labelled

_BLOCK = 64


class Summary(TypedDict):
    """Shares in [0, 1] with Wilson's 95 % intervals, and how many pictures they are of."""

    top1: float
    top5: float
    n: int
    top1_interval: tuple[float, float]
    top5_interval: tuple[float, float]
    left_out: int


@dataclass(frozen=True)
class Answers:
    """What a model said of labelled pictures.

    Attributes:
        logits: float32 (N, K).
        labels: (N,) index of the right class among the model's.
        left_out: pictures whose class the model does not have.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    left_out: int = 0

    def hits(self, best: int = 1) -> NDArray[np.bool_]:
        """(N,) whether the right class is among the ``best`` most probable."""
        leading = np.argsort(-self.logits, axis=1, kind="stable")[:, :best]
        hit: NDArray[np.bool_] = (leading == self.labels[:, None]).any(axis=1)
        return hit

    def summary(self) -> Summary:
        """Top-1 and top-5."""
        count = len(self.labels)
        first, five = (int(self.hits(best).sum()) for best in (1, 5))
        return {
            "top1": first / count,
            "top5": five / count,
            "n": count,
            "top1_interval": wilson_interval(first, count),
            "top5_interval": wilson_interval(five, count),
            "left_out": self.left_out,
        }


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
            :func:`~sk_viz.training.data.read_labelled`.
        limit: at most so many pictures, spread evenly over the source.
        progress: called with (done, total).

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
    found = []
    for start in range(0, len(chosen), _BLOCK):
        rows = range(start, min(start + _BLOCK, len(chosen)))
        shown = [
            view
            for i in rows
            for view in stimuli(
                read_picture(chosen.encoded[i]), (1.0,), "zoom", model.preprocessing
            )
        ]
        found.append(read(model, shown).logits)
        progress(rows.stop, len(chosen))
    labels = np.array([known[int(label)] for label in chosen.labels], dtype=np.int64)
    return Answers(np.concatenate(found), labels, left_out)


def class_map(pictures: LabelledPictures, model: Model) -> dict[int, int]:
    """From a source's labels to a model's class indices, by name or WordNet id.

    Raises:
        ModelError: nothing in common.
    """
    by_key = {name.lower(): index for index, name in enumerate(model.classes)}
    by_key |= {wnid: index for index, wnids in enumerate(model.wordnet_ids) for wnid in wnids}
    known = {}
    for label, name in enumerate(pictures.classes):
        keys = [name.lower(), *pictures.wordnet_ids[label]]
        found = next((by_key[key] for key in keys if key in by_key), None)
        if found is not None:
            known[label] = found
    if not known:
        raise ModelError(
            f"{model.id} knows none of the {len(pictures.classes)} classes of this source; name "
            "the folders by class name or WordNet id, or choose another model."
        )
    return known
