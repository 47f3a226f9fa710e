"""The page Learn, driven as a class would, with a small random network."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from sk_viz.app.learn.facts import Walk, facts, strongest_place, telling_channel
from sk_viz.app.state import language
from sk_viz.measures.unit_trace import count_parameters, trace_unit
from sk_viz.pictures import read_sample, stimuli

Open = Callable[..., AppTest]
QUICK = {"protocol": "zoom", "scales": "1:2:2", "unit": "SK_3_2"}


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value for box in app.error]


def markdown(app: AppTest) -> str:
    return " ".join(m.value for m in app.markdown)


def formulas(app: AppTest) -> str:
    return " ".join(one.value for one in app.latex)


@pytest.fixture
def walk(calls: Any) -> Walk:
    import sk_viz

    model = sk_viz.load_model("sknet_tiny")
    shown = stimuli(read_sample("panda"), (1.0,), "zoom", model.preprocessing)[0]
    trace = trace_unit(model, shown, "SK_3_2")
    own, plain = count_parameters(model, "SK_3_2")
    channel = telling_channel(trace)
    place = strongest_place(trace, channel)
    return Walk(trace, own, plain, 32, 2, channel, place, 1, 2.0)


def test_it_opens_on_split_and_walks_to_both_ends(open_page: Open) -> None:
    app = open_page("learn", **QUICK)
    assert errors(app) == []
    assert "U^{5\\times5}" in formulas(app)
    app.button(key="learn.back").click().run()
    assert app.button(key="learn.back").disabled
    assert "shape" in formulas(app)
    for _ in range(4):
        app.button(key="learn.forth").click().run()
        assert errors(app) == []
    assert app.button(key="learn.forth").disabled
    assert "V_{" in formulas(app)
    assert app.query_params["step"] == "sum"


def test_a_push_is_told_in_closed_form_and_needs_no_forward(open_page: Open, calls: Any) -> None:
    app = open_page("learn", **QUICK, step="select", channel="4")
    before = len(calls.sweeps)
    # The weights stand in bold in the equations.
    own = [float(w) for w in re.findall(r"mathbf\{([\d.]+)\}", formulas(app))]
    assert sum(own) == pytest.approx(1, abs=2e-3)
    app.slider(key="learn.push").set_value(2.0).run()
    assert errors(app) == []
    pushed = [float(w) for w in re.findall(r"mathbf\{([\d.]+)\}", formulas(app))]
    logit = np.log(own[1] / own[0]) + 2
    assert pushed[1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=2e-3)
    assert len(calls.sweeps) == before
    assert app.query_params["push"] == "2"
    app.button(key="learn.reset").click().run()
    assert "push" not in app.query_params


def test_the_numbers_follow_the_place_and_the_channel(open_page: Open, walk: Walk) -> None:
    link = {"scales": "1:2:2", "unit": "SK_3_2", "picture": "panda"} | {
        "channel": "5",
        "place": "2,3",
    }
    app = open_page("learn", **link)
    assert errors(app) == []
    for value in walk.trace.branches[:, 5, 2, 3]:
        assert f"(2, 3)}} &= {value:.3f}" in formulas(app)
    assert app.query_params == link
    app.slider(key="learn.row").set_value(4).run()
    assert f"(4, 3)}} &= {walk.trace.branches[0, 5, 4, 3]:.3f}" in formulas(app)
    app.selectbox(key="learn.channel").set_value(6).run()
    assert app.query_params["channel"] == "6"
    assert "place" not in app.query_params


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("model", ["sknet_tiny", "sknet26"])  # two and three branches
def test_every_step_is_drawn_in_both_languages(
    open_page: Open, lang: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The driver asks for the words of a box on this thread.
    monkeypatch.setattr(language._here, "spoken", language.catalogue(lang), raising=False)
    app = open_page("learn", **QUICK, lang=lang, model=model, push="-1.5")
    for _ in range(5):
        assert errors(app) == []
        if not app.button(key="learn.forth").disabled:
            app.button(key="learn.forth").click().run()
    assert ("权重" in markdown(app)) == (lang == "zh")


def test_each_answer_shows_itself_above(open_page: Open) -> None:
    app = open_page("learn", **QUICK)
    for place, step in enumerate(("select", "select", "split", "fuse", "sum")):
        app.button(key=f"learn.show.{place}").click().run()
        assert errors(app) == []
        assert app.query_params.get("step", "split") == step
    app.button(key="learn.show.1").click().run()
    assert app.slider(key="learn.push").value == 3.0


def test_the_answers_are_true_of_the_unit(walk: Walk) -> None:
    said = facts(walk, " and ")
    assert said["weights_lifted"] == said["weights"] != said["weights_by_3"]
    assert float(said["shuffled"]) < 1e-5
    assert said["weights_added"].endswith("= 1.0000")
    means = walk.trace.output.mean(axis=(1, 2))
    assert int(said["strong_rank"]) == 1 + sum(means > means[int(said["strong"])])
    assert float(said["loud_mean"]) == pytest.approx(means.max(), abs=1e-3)
    assert said["taps"] == "9"
    weights = torch.tensor(walk.trace.logits[:, walk.channel] + [0, 2.0]).softmax(0)
    v = (weights[:, None, None] * torch.tensor(walk.maps)).sum(0)[walk.place]
    assert float(said["v_pushed"]) == pytest.approx(float(v), abs=1e-3)


def test_other_networks_get_one_sentence_and_a_way_on(
    open_page: Open, calls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sk_viz
    from sk_viz.zoo.model import Model

    load = sk_viz.load_model

    class Wrapped(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

    def load_foreign(model_id: str, device: str = "auto") -> Model:
        model = load(model_id, device)
        if model_id != "sknet50":
            return model
        return dataclasses.replace(load("sknet_tiny"), id=model_id, network=Wrapped(model.network))

    monkeypatch.setattr(sk_viz, "load_model", load_foreign)
    app = open_page("learn", **QUICK, model="sknet50")
    assert [error.replace("\\", "") for error in errors(app)] == [
        "sknet50 is not built by this project, so its units cannot be walked step by step: "
        "choose sknet_tiny or another SKNet."
    ]
    assert calls.sweeps == []
    app.button(key="learn.bundled").click().run()
    assert errors(app) == []
    assert formulas(app)


def test_a_link_that_fits_no_unit_falls_back(open_page: Open) -> None:
    app = open_page("learn", **QUICK, channel="999", place="77,1", of="5")
    assert errors(app) == []
    app = open_page("learn", **QUICK, push="99")
    assert "push was ignored" in errors(app)[0].replace("\\", "")


@pytest.mark.parametrize("sheet", ["handout", "quiz"])
def test_a_sheet_has_the_five_questions(open_page: Open, walk: Walk, sheet: str) -> None:
    app = open_page("learn", **QUICK, sheet=sheet)
    assert errors(app) == []
    assert "How many places of X does the 5×5 branch read" in markdown(app)
    assert app.query_params["sheet"] == sheet
    answers = [box.label for box in app.expander if box.label == "Answer"]
    assert len(answers) == (5 if sheet == "quiz" else 0)
