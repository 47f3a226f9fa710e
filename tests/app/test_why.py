"""The page Why, driven as a user drives it, with a small random network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sk_viz.errors import ModelError

OpenPage = Callable[..., AppTest]
QUICK = {"protocol": "zoom", "scales": "1:2:3", "by": "saliency"}


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value.replace("\\", "") for box in app.error]


def text(app: AppTest) -> str:
    found = " ".join(m.value for m in [*app.markdown, *app.caption])
    return found.replace("\\", "")


def test_a_unit_and_the_class_are_explained_at_the_same_scale(
    open_page: OpenPage, calls: Any
) -> None:
    app = open_page("why", **QUICK, unit="SK_3_1", scale="1.5")
    assert errors(app) == []
    quick, first, second = calls.attributions[1:]  # Grad-CAM comes before what was chosen
    assert quick["method"] == "grad_cam"
    assert (first["target"], first["scale"]) == ("SK_3_1", 1.5)
    assert (second["scale"], second["method"]) == (1.5, "saliency")
    assert isinstance(second["target"], int)
    assert "Rank correlation of the two maps" in text(app)
    assert "untrained" in text(app)
    assert "full colour = 0." in text(app)  # a number as people write it, never 3.5e-03
    assert app.query_params == {**QUICK, "unit": "SK_3_1", "scale": "1.5"}


def test_the_completeness_error_stands_beside_a_method_that_has_one(open_page: OpenPage) -> None:
    with_one = open_page("why", scales="1:2:2", by="gradient_shap")
    assert "with an error of" in text(with_one)
    without = open_page("why", **QUICK)
    assert "with an error of" not in text(without)
    assert "need not add up" in text(without)


def test_without_a_choice_it_is_the_unit_that_moves_most(open_page: OpenPage, calls: Any) -> None:
    app = open_page("why", **QUICK)
    assert calls.attributions[0]["target"] == app.selectbox(key="scene.unit").value


def test_a_channel_is_explained_and_left_when_the_unit_has_none_of_that_number(
    open_page: OpenPage, calls: Any
) -> None:
    app = open_page("why", **QUICK, unit="SK_3_1", channel="17")
    assert calls.attributions[0]["target"] == ("SK_3_1", 17)
    app.selectbox(key="scene.unit").set_value("SK_2_1").run()  # of 16 channels
    (sentence,) = errors(app)
    assert sentence.startswith("SK_2_1 has no channel 17")
    assert calls.attributions[-2]["target"] == "SK_2_1"
    assert "channel" not in app.query_params


def test_going_back_runs_nothing_again(open_page: OpenPage, calls: Any) -> None:
    app = open_page("why", **QUICK, unit="SK_3_1")
    app.select_slider(key="scene.scale").set_value(2.0).run()
    assert len(calls.attributions) == 8
    app.select_slider(key="scene.scale").set_value(1.0).run()
    assert errors(app) == []
    assert len(calls.attributions) == 8
    assert len(calls.sweeps) == 1


def test_saturated_weights_are_explained_before_the_softmax_and_said_so(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sk_viz.measures.attribution.targets.SATURATED", 2.0
    )  # every unit counts as such
    app = open_page("why", **QUICK)
    assert "saturated" in text(app)
    assert "before the softmax" in text(app)


def test_faithfulness_is_measured_when_it_is_asked_for(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sk_viz.measures.attribution import faithfulness as module

    measured = []
    real = module.faithfulness

    def counting(*args: Any, **settings: Any) -> Any:
        measured.append(args)
        return real(*args, **settings)

    monkeypatch.setattr(module, "faithfulness", counting)
    app = open_page("why", **QUICK, unit="SK_3_1")
    assert measured == []
    app.button(key="why.measure").click().run()
    assert errors(app) == []
    assert len(measured) == 2
    table = app.dataframe[0].value
    assert list(table["measure"]) == ["deletion", "insertion", "infidelity", "sensitivity"]
    assert {"map of SK_3_1", "random, SK_3_1"} <= set(table)
    app.select_slider(key="scene.scale").set_value(2.0).run()
    assert len(measured) == 2  # of another map it must be asked for again
    assert app.button(key="why.measure")


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [("scales", "0.5,1", "too small"), ("model", "nonesuch", "There is no model")],
)
def test_what_cannot_be_shown_is_one_sentence(
    open_page: OpenPage, calls: Any, parameter: str, value: str, says: str
) -> None:
    (sentence,) = errors(open_page("why", **(QUICK | {parameter: value})))
    assert says in sentence
    assert calls.attributions == []


def test_an_error_leaves_the_maps_before_it(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("why", **QUICK, unit="SK_3_1")

    def refuse(*args: Any, **settings: Any) -> None:
        raise ModelError("SK_3_2 chooses the same for every picture: choose another unit.")

    monkeypatch.setattr("sk_viz.attribute", refuse)
    app.selectbox(key="scene.unit").set_value("SK_3_2").run()
    (sentence,) = errors(app)
    assert sentence.startswith("SK_3_2 chooses the same")
    assert "The choice of SK_3_1" in text(app)
