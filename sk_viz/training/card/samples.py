"""What a model says of the sample pictures that come with the project."""

from __future__ import annotations

from typing import Any

from sk_viz.measures.certainty import likely_none
from sk_viz.measures.reading import read, softmax
from sk_viz.pictures import read_picture, samples, stimuli
from sk_viz.zoo.model import Model


def judge_samples(model: Model) -> list[dict[str, Any]]:
    """The answer for each sample, at scale 1: photographs by zoom, cut-outs as objects.

    Returns:
        For each sample its ``title``, ``kind``, ``label`` (None where the model has no class for
        it), the ``answer``, its ``probability``, whether it is ``right`` (None without a label)
        and whether it is taken for ``unknown`` (None for a model without a rule for that).
    """
    rule = model.certainty.unknown if model.certainty else None
    rows = []
    for sample in samples():
        protocol = "object" if sample.kind == "cutout" else "zoom"
        shown = stimuli(read_picture(sample.path), (1.0,), protocol, model.preprocessing)
        logits = read(model, shown).logits
        probabilities = softmax(logits)[0]
        answer = model.classes[int(probabilities.argmax())]
        rows.append(
            {
                "title": sample.title,
                "kind": sample.kind,
                "label": sample.label,
                "answer": answer,
                "probability": float(probabilities.max()),
                "right": None if sample.label is None else answer == sample.label,
                "unknown": None if rule is None else bool(likely_none(rule, logits)[0]),
            }
        )
    return rows
