from dataclasses import replace

import numpy as np
import pytest

from sk_viz.datasets.labelled import read_labelled
from sk_viz.training.data.photographs import Photographs
from sk_viz.training.judging.certain import few_of_each, measure_certainty
from sk_viz.training.judging.judge import show
from sk_viz.training.judging.strangers import Strangers
from sk_viz.training.judging.visitors import judge_photographs


@pytest.fixture
def photographs(folder):
    """The known pictures as photographs of a class, and again as a kind that may be the second."""
    read = read_labelled(folder)
    both = replace(
        read,
        encoded=[*read.encoded, *read.encoded],
        labels=np.concatenate([read.labels, np.full(len(read), 2)]),
        sources=["walks"] * len(read) + ["walks, other things"] * len(read),
        classes=[*read.classes, "greenery"],
        names=[*read.names, *read.names],
        boxes=[*read.boxes, *read.boxes],
    )
    targets = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    return Photographs(both, both, targets, both.classes)


def test_photographs_are_judged_as_direct_forwards_say(model, folder, photographs):
    pictures = read_labelled(folder)
    sources = [pictures.classes[label] for label in pictures.labels]
    found = judge_photographs(model, photographs, replace(pictures, sources=sources))
    answers = show(model, pictures, 1.0).logits.argmax(axis=1)
    walks = found["sources"]["walks"]
    assert walks["top1"]["share"] == pytest.approx((answers == pictures.labels).mean())
    assert walks["top5"]["share"] == 1
    assert walks["called_none"]["share"] == 0  # the model has no rule
    # Each class is of one collection alone, so what is wrong is the other collection's.
    assert walks["other_collection"]["share"] == pytest.approx(1 - walks["top1"]["share"])
    (greenery,) = found["kinds"]
    assert greenery["kind"] == "greenery"
    assert greenery["one_of_them"]["share"] == pytest.approx((answers == 1).mean())
    assert greenery["shown_so"] == greenery["one_of_them"]


def test_a_picture_that_is_called_none_is_not_shown_as_one_of_its_classes(
    model, folder, photographs
):
    pictures = read_labelled(folder)
    certainty, _ = measure_certainty(
        model, pictures, Strangers(pictures, ""), lambda _: None, photographs.known()
    )
    rule = replace(certainty.unknown, threshold=float("inf"))
    judged = replace(model, certainty=replace(certainty, unknown=rule))
    found = judge_photographs(judged, photographs, pictures)
    assert found["sources"]["walks"]["called_none"]["share"] == 1
    assert found["sources"]["walks"]["other_collection"] is None  # one collection has them all
    assert found["kinds"][0]["shown_so"]["share"] == 0


def test_the_rule_is_chosen_from_photographs_where_there_are_any(model, folder, photographs):
    pictures = read_labelled(folder)
    strangers = Strangers(pictures, "")
    known = photographs.known()
    _, plain = measure_certainty(model, pictures, strangers, lambda _: None)
    rule, found = measure_certainty(model, pictures, strangers, lambda _: None, known)
    assert plain["unknown"]["known"] == "all"
    assert found["unknown"]["known"] == "photographs"
    assert rule.unknown.kept.n == 20  # ten of each class


def test_no_class_outweighs():
    chosen = few_of_each(np.array([3] * 30 + [1] * 4))
    assert chosen.tolist() == [*range(10), 30, 31, 32, 33]
