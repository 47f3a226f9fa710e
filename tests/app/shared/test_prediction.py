"""What is said beside a prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.app.shared.prediction import grounds, percent, said
from sk_viz.zoo.certainty import Certainty, Share, UnknownRule

RULE = UnknownRule(
    "probability", 0.08, Share(0.95, (0.92, 0.97), 254), Share(0.14, (0.1, 0.2), 163)
)
CERTAINTY = Certainty(0.7, 0.021, (0.015, 0.032), 2718, RULE)


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.456, "46 %"), (1.0, ">99 %"), (0.994, "99 %"), (0.004, "<1 %"), (0.0101, "1 %")],
)
def test_no_probability_is_said_to_be_sure(probability: float, text: str) -> None:
    assert percent(probability) == text


def test_the_answer_in_a_few_words() -> None:
    assert said("espresso", 0.456, none=False, classes=176) == "espresso 46 %"
    assert said("cup", 0.05, none=True, classes=176) == (
        "likely none of its 176 classes (nearest: cup, 5 %)"
    )


def test_the_grounds_say_how_often_it_is_wrong(calls: Any) -> None:
    model = sk_viz.load_model("sknet_tiny")
    assert grounds(model) is None
    text = grounds(replace(model, certainty=CERTAINTY))
    assert text is not None
    assert "off by 2.1 points on average (95 % interval 1.5 to 3.2)" in text
    assert "its largest probability is below 8 %" in text
    assert "wrong for 5 of 100 pictures (95 % interval 3 to 8, n = 254)" in text
    assert "flags 14 of 100 pictures (95 % interval 10 to 20, n = 163)" in text


def test_a_rule_that_is_not_proven_is_not_used(calls: Any) -> None:
    model = sk_viz.load_model("sknet_tiny")
    weak = replace(RULE, noticed=Share(0.06, (0.03, 0.1), 163))
    text = grounds(replace(model, certainty=replace(CERTAINTY, unknown=weak)))
    assert text is not None
    assert "cannot tell when a picture shows something else" in text
    assert "Likely none" not in text
    text = grounds(replace(model, certainty=replace(CERTAINTY, unknown=None)))
    assert text is not None
    assert "always answers with one of its" in text


@pytest.mark.parametrize(("threshold", "none"), [(0.0, False), (1.1, True)])
def test_explore_says_it_beneath_the_strip(
    open_app: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, threshold: float, none: bool
) -> None:
    load = sk_viz.load_model
    certainty = replace(CERTAINTY, unknown=replace(RULE, threshold=threshold))
    monkeypatch.setattr(
        sk_viz,
        "load_model",
        lambda name, device="auto": replace(load(name, device), certainty=certainty),
    )
    app = open_app(protocol="zoom", method="none", scales="1:2:3", scale="1.5")
    assert not app.exception
    said_now = next(m for m in app.markdown if "At 1.5" in m.value)
    assert ("likely none of its 7 classes" in said_now.value) == none
    assert "How sure it is" in said_now.help
