"""How a model does on photographs of the kind visitors bring, which no training has seen."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_viz.datasets.labelled import LabelledPictures
from sk_viz.measures.accuracy import Answers, plain_view, read_in_blocks, share_of
from sk_viz.measures.certainty import likely_none
from sk_viz.training.data.photographs import Photographs
from sk_viz.training.judging.judge import by_source
from sk_viz.zoo.model import Model


def judge_photographs(
    model: Model, photographs: Photographs, training: LabelledPictures
) -> dict[str, Any]:
    """What a model says of the photographs that were held out.

    Args:
        model: to be judged, with its rule for pictures of none of its classes.
        photographs: of its classes and of kinds of things.
        training: the collections that it was trained on, to tell which classes only one of them
            has.

    Returns:
        For each source of pictures with a class ``top1``, ``top5``, the share ``called_none`` of
        them that the rule takes for none of the classes, and ``other_collection``: of those whose
        class comes from one collection alone, the share answered with a class that only another
        one has. For each kind that may be one of several classes the share answered with one of
        them, and the share that is answered so and not called none. Shares have Wilson's 95 %
        intervals.
    """
    held_out = photographs.held_out
    logits = np.concatenate([r.logits for r in read_in_blocks(model, held_out, plain_view(model))])
    rule = model.certainty.unknown if model.certainty else None
    none = np.zeros(len(held_out), bool) if rule is None else likely_none(rule, logits)
    answers = logits.argmax(axis=1)
    alone = _only_collection(training)
    sources, kinds = {}, []
    for source, rows in by_source(held_out).items():
        labels = held_out.labels[rows]
        if (labels < len(model.classes)).all():
            own, answered = alone[labels], alone[answers[rows]]
            split = own >= 0
            sources[source] = {
                "top1": asdict(share_of(Answers(logits[rows], labels).hits())),
                "top5": asdict(share_of(Answers(logits[rows], labels).hits(5))),
                "called_none": asdict(share_of(none[rows])),
                "other_collection": _share_or_none(((answered >= 0) & (answered != own))[split]),
            }
            continue
        for label in np.unique(labels):
            may_be = photographs.may_be(int(label))
            if len(may_be) == 0:
                continue
            of = rows[labels == label]
            one = np.isin(answers[of], may_be)
            kinds.append(
                {
                    "kind": photographs.kinds[label],
                    "source": source,
                    "one_of_them": asdict(share_of(one)),
                    "shown_so": asdict(share_of(one & ~none[of])),
                }
            )
    return {"sources": sources, "kinds": kinds}


def _only_collection(training: LabelledPictures) -> NDArray[np.int64]:
    """For each class the collection that alone has pictures of it; -1 where several or none do,
    and where there are no several."""
    names = sorted(set(training.sources))
    has = np.zeros((len(names), len(training.classes)), bool)
    for place, name in enumerate(names):
        has[place, training.labels[np.array(training.sources) == name]] = True
    return np.where((has.sum(axis=0) == 1) & (len(names) > 1), has.argmax(axis=0), -1)


def _share_or_none(hits: NDArray[np.bool_]) -> dict[str, Any] | None:
    return asdict(share_of(hits)) if len(hits) else None
