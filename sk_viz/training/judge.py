"""What is known about the bundled model, measured on its validation part for its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sk_viz.measures.inputs import Reading, read, softmax, to_tensor
from sk_viz.measures.statistics import holm, paired_effect, wilson_interval
from sk_viz.networks.zoo import Model
from sk_viz.pictures import Picture, Stimulus, read_picture, stimuli
from sk_viz.training.data import LabelledPictures

Progress = Callable[[str], None]

OBJECT_SIZES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
LARGE_SOURCE = "caltech-101"
_BLOCK = 64


@dataclass(frozen=True, eq=False)
class Shown:
    """What a model returned for N pictures under one condition.

    Attributes:
        logits: float32 (N, K).
        differences: float64 (N, U), one column a unit.
        weights: for each unit the weight of its largest kernel, float32 (N, C).
    """

    logits: NDArray[np.float32]
    differences: NDArray[np.float64]
    weights: tuple[NDArray[np.float32], ...]


def judge(model: Model, pictures: LabelledPictures, progress: Progress = print) -> dict[str, Any]:
    """Everything the card says of a model, as plain values.

    Args:
        model: to be judged; its classes are the pictures' labels.
        pictures: none of them seen in training.
        progress: called with a line as each part begins.
    """
    sources = np.array(pictures.sources)
    groups = {source: np.flatnonzero(sources == source) for source in sorted(set(sources))}
    progress("accuracy by object size")
    by_size = {size: show(model, pictures, size) for size in OBJECT_SIZES}
    plain = by_size[1.0]
    progress("the value of the choice")
    held = _held_at_mean(model, pictures)
    large = groups.get(LARGE_SOURCE, np.arange(len(pictures)))
    progress("zoom against blur")
    conditions = {
        "zoom 1.5": by_size[1.5].differences[large],
        "zoom 2.0": by_size[2.0].differences[large],
    } | {
        f"blur {scale}": show(model, pictures.subset(large), scale, "blur").differences
        for scale in (1.5, 2.0)
    }
    right = {size: _hits(seen.logits, pictures.labels) for size, seen in by_size.items()}
    return {
        "accuracy": {
            source: _accuracy(plain.logits[rows], pictures.labels[rows])
            for source, rows in groups.items()
        },
        "object_size": {
            source: {str(size): _share(hit[rows]) for size, hit in right.items()}
            for source, rows in groups.items()
        },
        "classes": _by_class(right[1.0], pictures),
        "units": _alive(model, plain),
        "choice": {
            source: {
                "live": _share(right[1.0][rows]),
                "held_at_mean": _share(_hits(held, pictures.labels)[rows]),
            }
            for source, rows in groups.items()
        },
        "scale": _scale_effects(model, plain.differences[large], conditions),
        "calibration": calibration(plain.logits, pictures.labels),
    }


def show(model: Model, pictures: LabelledPictures, size: float, protocol: str = "zoom") -> Shown:
    """Show every picture once.

    Args:
        model: what is shown to.
        pictures: N of them.
        size: of the object against the evaluation crop; below 1 the crop stands smaller inside a
            border of the mean colour, from 1 on it is the scale of the protocol.
        protocol: ``zoom`` or ``blur``, for sizes from 1 on.
    """
    readings: list[Reading] = []
    for start in range(0, len(pictures), _BLOCK):
        block = range(start, min(start + _BLOCK, len(pictures)))
        seen = [_view(model, read_picture(pictures.encoded[i]), size, protocol) for i in block]
        readings.append(read(model, seen))
    weights = [
        np.concatenate([reading.weights[u] for reading in readings])
        for u in range(len(model.units))
    ]
    return Shown(
        logits=np.concatenate([reading.logits for reading in readings]),
        differences=np.stack(
            [
                (w[:, unit.largest] - w[:, unit.smallest]).mean(axis=1, dtype=np.float64)
                for unit, w in zip(model.units, weights, strict=True)
            ],
            axis=1,
        ),
        weights=tuple(w[:, u.largest] for u, w in zip(model.units, weights, strict=True)),
    )


def calibration(
    logits: NDArray[np.float32], labels: NDArray[np.int64], bins: int = 10
) -> dict[str, Any]:
    """How far the probability of the answer is from how often it is right.

    Returns:
        ``error``: expected calibration error, in [0, 1]; ``bins``: for each tenth of probability
        its number of pictures, their mean probability and the share that is right.
    """
    probabilities = softmax(logits)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [
        {
            "n": int((place == b).sum()),
            "probability": float(confidence[place == b].mean()),
            "right": float(right[place == b].mean()),
        }
        for b in range(bins)
        if (place == b).any()
    ]
    error = sum(row["n"] * abs(row["probability"] - row["right"]) for row in rows) / len(labels)
    return {"error": error, "bins": rows}


def _view(model: Model, picture: Picture, size: float, protocol: str) -> Stimulus:
    preprocessing = model.preprocessing
    if size >= 1:
        return stimuli(picture, (size,), protocol, preprocessing)[0]
    small = stimuli(picture, (size,), "resolution", preprocessing)[0].rgb
    side = preprocessing.input_size
    frame = np.empty((side, side, 3), np.uint8)
    frame[:] = np.round(np.array(preprocessing.mean) * 255)
    start = (side - small.shape[0]) // 2
    frame[start : start + small.shape[0], start : start + small.shape[1]] = small
    return Stimulus(size, frame)


def _held_at_mean(model: Model, pictures: LabelledPictures) -> NDArray[np.float32]:
    """Logits (N, K) with the weights of every unit held at their mean over these pictures."""
    tensors = [
        to_tensor(
            [
                _view(model, read_picture(pictures.encoded[i]), 1.0, "zoom")
                for i in range(start, min(start + _BLOCK, len(pictures)))
            ],
            model,
        )
        for start in range(0, len(pictures), _BLOCK)
    ]
    with torch.inference_mode():
        chosen = zip(*(model.readout(tensor)[1] for tensor in tensors), strict=True)
        means = {
            unit.name: torch.cat(weights).mean(dim=0, keepdim=True)
            for unit, weights in zip(model.units, chosen, strict=True)
        }
        found = [model.readout(tensor, means)[0].float().cpu().numpy() for tensor in tensors]
    return np.concatenate(found)


def _alive(model: Model, plain: Shown) -> list[dict[str, Any]]:
    """Whether the weights of each unit depend on the picture."""
    rows = []
    for unit, weights in zip(model.units, plain.weights, strict=True):
        deviation = weights.std(axis=0, ddof=1)
        rows.append(
            {
                "unit": unit.name,
                "mean": float(weights.mean()),
                "median_sd": float(np.median(deviation)),
                "share_alive": float((deviation >= 0.02).mean()),
            }
        )
    return rows


def _scale_effects(
    model: Model,
    plain: NDArray[np.float64],
    conditions: Mapping[str, NDArray[np.float64]],
) -> list[dict[str, Any]]:
    """Paired change of each unit's difference against 1.0x, Holm over all of them."""
    effects = {name: paired_effect(shown - plain) for name, shown in conditions.items()}
    corrected = holm(np.stack([np.asarray(effect.p) for effect in effects.values()]))
    return [
        {
            "unit": unit.name,
            "condition": name,
            "n": effect.n,
            "change": float(np.asarray(effect.mean)[u]),
            "d": float(np.asarray(effect.d)[u]),
            "d_interval": [float(v) for v in np.asarray(effect.d_interval)[:, u]],
            "rising": float(np.asarray(effect.rising)[u]),
            "p_holm": float(corrected[c, u]),
        }
        for c, (name, effect) in enumerate(effects.items())
        for u, unit in enumerate(model.units)
    ]


def _hits(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    hits: NDArray[np.bool_] = logits.argmax(axis=1) == labels
    return hits


def _share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    count = int(hits.sum())
    return {
        "share": count / len(hits),
        "n": len(hits),
        "interval": list(wilson_interval(count, len(hits))),
    }


def _accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    leading = np.argsort(-logits, axis=1, kind="stable")[:, :5]
    hit = leading == labels[:, None]
    return {"top1": _share(hit[:, 0]), "top5": _share(hit.any(axis=1))}


def _by_class(hits: NDArray[np.bool_], pictures: LabelledPictures) -> list[dict[str, Any]]:
    return [
        {"name": name, **_share(hits[pictures.labels == label])}
        for label, name in enumerate(pictures.classes)
        if (pictures.labels == label).any()
    ]
