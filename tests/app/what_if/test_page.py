"""The page What if, driven as a user drives it, with a small random network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.measures.choice import intervention
from sk_viz.measures.sweep.result import Sweep

OpenPage = Callable[..., AppTest]
QUICK = {"protocol": "zoom", "scales": "1:2:3", "unit": "SK_3_1"}


class Asked:
    def __init__(self) -> None:
        self.effects: list[tuple[dict[str, Any], float]] = []
        self.maps: list[float] = []


@pytest.fixture
def asked(calls: Any, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the page asked of the library."""
    found = Asked()
    hold, each = sk_viz.intervene, intervention.which_choice_mattered

    def counting_hold(model: Any, picture: Any, weights: Any, **settings: Any) -> Any:
        found.effects.append((weights, settings["scale"]))
        return hold(model, picture, weights, **settings)

    def counting_each(*args: Any, **settings: Any) -> Any:
        found.maps.append(settings["scale"])
        return each(*args, **settings)

    monkeypatch.setattr(sk_viz, "intervene", counting_hold)
    monkeypatch.setattr(intervention, "which_choice_mattered", counting_each)
    return found


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value.replace("\\", "") for box in app.error]


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def test_the_chosen_unit_is_held_at_its_largest_kernel(open_page: OpenPage, asked: Asked) -> None:
    app = open_page("what_if", **QUICK, scale="1.5")
    assert errors(app) == []
    assert asked.effects == [({"SK_3_1": "largest"}, 1.5)]
    assert asked.maps == [1.5]
    assert "SK_3_1** frozen to its largest kernel alone" in text(app)
    assert "matters most" in text(app)
    assert "untrained" in text(app)


def test_a_stage_or_all_units_can_be_held(open_page: OpenPage, asked: Asked) -> None:
    app = open_page("what_if", **QUICK)
    app.button_group(key="what_if.where").set_value("stage").run()
    app.button_group(key="what_if.where").set_value("all").run()
    app.button_group(key="what_if.hold").set_value("equal").run()
    assert errors(app) == []
    held = [weights for weights, _ in asked.effects]
    assert held[1:] == [{"SK_3": "largest"}, {"all": "largest"}, {"all": "equal"}]
    assert len(asked.maps) == 1  # which does not depend on what is held
    assert app.query_params == {**QUICK, "where": "all", "hold": "equal"}


def test_the_weights_of_another_scale_can_be_held(open_page: OpenPage, asked: Asked) -> None:
    app = open_page("what_if", **QUICK, hold="scale")
    assert errors(app) == []
    (weights, scale) = asked.effects[0]
    assert scale == 1.0
    assert isinstance(weights["SK_3_1"][0], Sweep)
    assert weights["SK_3_1"][1] == 2.0
    app.select_slider(key="what_if.source").set_value(1.5).run()
    assert asked.effects[-1][0]["SK_3_1"][1] == 1.5
    assert app.query_params["from"] == "1.5"


def test_the_weights_of_its_own_scale_change_nothing(open_page: OpenPage, asked: Asked) -> None:
    app = open_page("what_if", **QUICK, hold="scale", where="all", **{"from": "1"})
    assert errors(app) == []
    assert "The answer stays the same" in text(app)
    assert "its logit 0.00" in text(app).replace("−", "+")


def test_going_back_runs_nothing_again(open_page: OpenPage, asked: Asked, calls: Any) -> None:
    app = open_page("what_if", **QUICK)
    app.button_group(key="what_if.hold").set_value("equal").run()
    app.button_group(key="what_if.hold").set_value("largest").run()
    assert errors(app) == []
    assert len(asked.effects) == 2
    assert (len(asked.maps), len(calls.sweeps)) == (1, 1)


def test_three_branches_are_held_too(open_page: OpenPage, asked: Asked) -> None:
    app = open_page("what_if", **QUICK, model="sknet26", hold="smallest")
    assert errors(app) == []
    assert asked.effects[0][0] == {"SK_3_1": "smallest"}


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [("scales", "0.5,1", "too small"), ("hold", "sideways", "link's hold was ignored")],
)
def test_what_cannot_be_shown_is_one_sentence(
    open_page: OpenPage, asked: Asked, parameter: str, value: str, says: str
) -> None:
    (sentence,) = errors(open_page("what_if", **(QUICK | {parameter: value})))
    assert says in sentence
