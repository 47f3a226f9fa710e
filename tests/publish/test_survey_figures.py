"""The paper's own values, and how they are laid over a survey of its kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sk_viz.figures.paper.fig3 import default_curve_unit, default_units, fig3
from sk_viz.figures.paper.fig4 import fig4
from sk_viz.figures.paper.style import paper_style
from sk_viz.publish.survey_figures import class_means, fig4_units, paper_values, survey_panel

DEPTHS = {2: 3, 3: 4, 4: 6, 5: 3}
SKNET50 = [f"SK_{s}_{b}" for s, depth in DEPTHS.items() for b in range(1, depth + 1)]


class _Survey:
    """A survey of 1,000 classes with the paper's mean of each unit, as the figures ask for it."""

    units = tuple(SKNET50)
    classes = tuple(f"class {n}" for n in range(1000))
    conditions = (("zoom", 1.0), ("zoom", 1.5), ("zoom", 2.0))
    pictures = pd.DataFrame(
        {"label": [f"class {n}" for n in range(1000)] * 2, "class_index": [*range(1000)] * 2}
    )

    def differences(self, unit):
        means = paper_values()["fig3c"]
        values = [means[str(s)]["mean"].get(unit, 0.0) for _, s in self.conditions]
        return np.tile(values, (2000, 1))

    def channel_means(self, unit, protocol):
        return {s: np.full(256, 0.5) for _, s in self.conditions}

    def column_of(self, protocol, scale):
        return self.conditions.index((protocol, scale))


def test_the_papers_values_are_those_of_its_text():
    """Table of figure 3c: the means of SK_3_4 rise from -.0522 to -.0226."""
    values = paper_values()
    assert values["fig3c"]["1.0"]["mean"]["SK_3_4"] == -0.0522
    assert values["fig3c"]["2.0"]["mean"]["SK_3_4"] == -0.0226
    assert values["fig3c"]["1.0"]["sd"]["SK_5_3"] == pytest.approx(0.279, abs=5e-4)
    for unit in ("SK_2_3", "SK_3_4", "SK_5_3"):
        by_class = values["fig4"][unit]
        assert by_class["class"] == list(range(0, 1000, 10))
        assert len(by_class["1.0"]) == len(by_class["1.5"]) == 100


def test_the_papers_values_lie_on_their_own():
    survey = _Survey()
    panel = survey_panel(survey, "SK_3_4", paper=True)
    assert {s: dict(v) for s, v in panel.dashed.items()} == {
        s: pytest.approx(dict(v)) for s, v in panel.differences.items()
    }
    data = class_means(survey, (1.0, 1.5), paper=True)
    with paper_style():
        _, drawn = fig3([panel], "SK_3_4", 5, "cvpr-text")
        assert set(drawn["plot"]) == {"channels", "difference", "paper"}
        _, drawn = fig4(data, "cvpr-text")
    paper = drawn[(drawn["source"] == "paper") & (drawn["unit"] == "SK_2_3")]
    first = paper[paper["scale"] == 1.0]
    assert list(first["class"]) == list(range(0, 1000, 10))
    assert list(first["difference"]) == paper_values()["fig4"]["SK_2_3"]["1.0"]


def test_units_are_the_papers_or_the_last_of_each_stage():
    assert default_units(SKNET50) == ("SK_2_3", "SK_3_4", "SK_4_6", "SK_5_3")
    assert default_curve_unit(SKNET50) == "SK_3_4"
    assert fig4_units(SKNET50) == ("SK_2_3", "SK_3_4", "SK_5_3")
    small = ["SK_2_1", "SK_2_2", "SK_3_1", "SK_4_1", "SK_5_1"]
    assert default_units(small) == ("SK_2_2", "SK_3_1", "SK_4_1", "SK_5_1")
    assert default_curve_unit(small) == "SK_3_1"
    assert fig4_units(small) == ("SK_2_2", "SK_3_1", "SK_5_1")
    assert default_curve_unit(["SK_2_1"]) == "SK_2_1"
    assert fig4_units(["SK_2_1"]) == ("SK_2_1",)
