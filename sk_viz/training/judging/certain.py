"""What a model's probabilities are worth, measured on pictures it was not trained on."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_viz.datasets.labelled import LabelledPictures
from sk_viz.measures.accuracy import plain_view, read_in_blocks, share_of
from sk_viz.measures.calibration import (
    calibration_bins,
    calibration_error,
    cross_fitted,
    fit_temperature,
)
from sk_viz.measures.certainty import likely_none
from sk_viz.training.judging.judge import LARGE_SOURCE, by_source
from sk_viz.training.judging.strangers import Strangers, choose_rule, made_pictures, noticed_by_kind
from sk_viz.types import Log
from sk_viz.zoo.certainty import Certainty
from sk_viz.zoo.model import Model

PHOTOGRAPHS = "photographs"
EACH = 10


def measure_certainty(
    model: Model,
    pictures: LabelledPictures,
    strangers: Strangers | None,
    progress: Log = print,
    photographs: LabelledPictures | None = None,
) -> tuple[Certainty, dict[str, Any]]:
    """Fit a temperature, and a rule for pictures of none of the classes.

    Args:
        model: its classes are the pictures' labels.
        pictures: none of them seen in training.
        strangers: pictures of other things; without them there is no rule.
        progress: called with a line as each part begins.
        photographs: of the classes, like those that visitors bring, none of them seen in
            training; where there are any, the rule is chosen from them.

    Returns:
        What is kept beside the weights, and all that was found, as plain values.
    """
    progress("calibration")
    # A model that holds its temperature already is measured as it was before.
    held = model.certainty.temperature if model.certainty else 1.0
    raw = _logits(model, pictures) * np.float32(held)
    labels, groups = pictures.labels, by_source(pictures)
    temperature = fit_temperature(raw, labels)
    if math.isclose(temperature, held, rel_tol=1e-3):  # so that measuring again changes nothing
        temperature = held
    after = cross_fitted(raw, labels)
    error, interval = calibration_error(after, labels)
    found: dict[str, Any] = {
        "temperature": temperature,
        "n": len(labels),
        "before": _calibration(raw, labels),
        "after": _calibration(after, labels),
        "sources": {
            source: {
                "before": _calibration(raw[rows], labels[rows]),
                "after": _calibration(after[rows], labels[rows]),
            }
            for source, rows in groups.items()
        },
        "unknown": None,
    }
    rule = None
    if strangers is not None:
        progress("pictures of none of its classes")
        logits = raw / np.float32(temperature)
        others = _logits(model, strangers.pictures) * np.float32(held / temperature)
        known, name = _known(model, pictures, logits, photographs, np.float32(held / temperature))
        rule, scores = choose_rule(known, others)
        made = made_pictures()
        found["unknown"] = {
            "about": strangers.about,
            "pictures": len(others),
            "known": name,
            "rule": {**asdict(rule), "proven": rule.proven},
            "scores": scores,
            "kinds": noticed_by_kind(rule, others, strangers.pictures),
            "made": noticed_by_kind(
                rule, _logits(model, made) * np.float32(held / temperature), made
            ),
            "kept": {
                source: asdict(share_of(~likely_none(rule, logits[rows])))
                for source, rows in groups.items()
            },
        }
    return Certainty(temperature, error, interval, len(labels), rule), found


def _known(
    model: Model,
    pictures: LabelledPictures,
    logits: NDArray[np.float32],
    photographs: LabelledPictures | None,
    factor: np.float32,
) -> tuple[NDArray[np.float32], str]:
    """The logits of the known pictures that the rule is chosen from, and what they are called."""
    if photographs is not None:
        chosen = photographs.subset(few_of_each(photographs.labels))
        return _logits(model, chosen) * factor, PHOTOGRAPHS
    groups = by_source(pictures)
    if LARGE_SOURCE in groups:
        return logits[groups[LARGE_SOURCE]], LARGE_SOURCE
    return logits, "all"


def few_of_each(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The positions of at most ``EACH`` pictures a class, in order, so that no class outweighs."""
    seen: Counter[int] = Counter()
    chosen = []
    for position, label in enumerate(labels.tolist()):
        seen[label] += 1
        if seen[label] <= EACH:
            chosen.append(position)
    return np.array(chosen, dtype=np.int64)


def _logits(model: Model, pictures: LabelledPictures) -> NDArray[np.float32]:
    return np.concatenate([r.logits for r in read_in_blocks(model, pictures, plain_view(model))])


def _calibration(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    error, interval = calibration_error(logits, labels)
    return {"error": error, "interval": interval, "bins": calibration_bins(logits, labels)}
