"""The page Compare, driven as a user drives it, with a small random network."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.figures.screen.compare import apart, common_reach, side_lines
from sk_viz.figures.screen.grid import difference_grid
from sk_viz.figures.screen.style import LIGHT
from sk_viz.pictures import read_sample

Open = Callable[..., AppTest]
QUICK = {"scales": "1:2:2", "picture": "panda"}


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value.replace("\\", "") for box in app.error]


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def swept(**settings: Any) -> pd.DataFrame:
    model = sk_viz.load_model("sknet_tiny")
    return sk_viz.sweep(model, read_sample("panda"), scales=(1.0, 2.0), **settings).differences


def test_it_opens_with_the_blur_control_on_the_other_side(open_page: Open, calls: Any) -> None:
    app = open_page("compare", **QUICK)
    assert errors(app) == []
    assert [call["protocol"] for call in calls.sweeps] == ["zoom", "blur"]
    table = swept(protocol="blur")["difference"] - swept(protocol="zoom")["difference"]
    most = table.iloc[table.abs().argmax()]
    said = re.search(r"most from A in \*\*SK_\d_\d\*\* at [\d.]+×: ([+−][\d.]+)", text(app))
    assert said is not None
    assert float(said[1].replace("−", "-")) == pytest.approx(most, abs=6e-4)
    assert app.query_params == QUICK


def test_the_same_on_both_sides_is_said(open_page: Open, calls: Any) -> None:
    app = open_page("compare", **QUICK, **{"b.protocol": "same"})
    assert errors(app) == []
    assert "All units choose the same on both sides" in text(app)
    assert len(calls.sweeps) == 1


def test_a_link_carries_both_sides(open_page: Open, calls: Any) -> None:
    link = {
        **QUICK,
        "b.picture": "panda",
        "b.protocol": "zoom",
        "b.point": "0.25,0.75",
        "a.hold": "SK_2_1.largest",
        "b.hold": "all.equal",
    }
    app = open_page("compare", **link)
    assert errors(app) == []
    assert app.query_params == link
    assert app.selectbox(key="compare.picture").value == "panda"
    assert app.slider(key="compare.x").value == 0.25
    held = [call["held"] for call in calls.sweeps if call.get("held")]
    assert held == [{"SK_2_1": "largest"}, {"all": "equal"}]
    assert {call["point"] for call in calls.sweeps} == {(0.5, 0.5), (0.25, 0.75)}
    assert "frozen: SK_2_1: largest" in text(app)


def test_what_is_held_can_be_chosen(open_page: Open, calls: Any) -> None:
    app = open_page("compare", **QUICK, **{"b.protocol": "same"})
    app.selectbox(key="compare.hold_b").set_value("SK_2.smallest").run()
    assert errors(app) == []
    assert calls.sweeps[-1]["held"] == {"SK_2": "smallest"}
    assert app.query_params["b.hold"] == "SK_2.smallest"
    assert "would have chosen" in text(app)


def test_networks_of_other_units_are_compared_by_stages(open_page: Open) -> None:
    # sknet26 stands for the same network with three branches.
    app = open_page("compare", **QUICK, **{"b.model": "sknet26"})
    assert errors(app) == []
    assert "Stages of both sides" in text(app)
    assert "B minus A" not in text(app)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"b.model": "nothing"}, "There is no model 'nothing'"),
        ({"b.hold": "SK_9_9.largest"}, "There is no unit or stage 'SK_9_9'"),
        ({"b.hold": "SK_2_1.most"}, "b.hold was ignored"),
        ({"b.point": "0.5"}, "b.point was ignored"),
        ({"protocol": "resolution", "scales": "0.5:1:2", "b.protocol": "zoom"}, "zoom"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    open_page: Open, link: dict[str, str], sentence: str
) -> None:
    app = open_page("compare", **{**QUICK, **link})
    assert len(errors(app)) == 1
    assert sentence in errors(app)[0]


def test_an_object_on_one_side_alone_gets_a_cutout(open_page: Open, calls: Any) -> None:
    app = open_page("compare", **QUICK, **{"b.protocol": "object"})
    assert errors(app) == []
    assert [call["protocol"] for call in calls.sweeps] == ["zoom", "object"]


def table(rng: np.random.Generator, units: tuple[str, ...] = ("SK_2_1", "SK_3_1")) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"scale": s, "unit": u, "stage": int(u[3]), "block": 1, "difference": rng.normal()}
            for s in (1.0, 2.0)
            for u in units
        ]
    )


def test_both_maps_share_their_colours_and_the_third_is_their_difference() -> None:
    rng = np.random.default_rng(0)
    first, second = table(rng), table(rng)
    reach = common_reach(first, second)
    assert reach == max(first["difference"].abs().max(), second["difference"].abs().max())
    maps = [difference_grid(t, LIGHT, kernels=(3, 5), limit=reach) for t in (first, second)]
    assert {shown.limit for shown in maps} == {reach}
    # Rows in another order still meet their own unit and scale.
    third = apart(first, second.sample(frac=1, random_state=1))
    np.testing.assert_allclose(third["difference"], second["difference"] - first["difference"])
    drawn = difference_grid(third, LIGHT, kernels=(3, 5)).values
    wide = third.pivot(index="unit", columns="scale", values="difference").to_numpy()
    np.testing.assert_allclose(np.asarray(drawn), wide)


def test_stage_lines_take_networks_of_other_depths() -> None:
    rng = np.random.default_rng(0)
    first, second = table(rng), table(rng, ("SK_2_1", "SK_2_2", "SK_4_1"))
    figure = side_lines([("A", first), ("B", second)], LIGHT, scale=1.0)
    assert [a.text for a in figure.layout.annotations] == ["stage 2", "stage 3", "stage 4"]
    b = [t for t in figure.data if t.name == "B"]
    means = second.groupby(["stage", "scale"])["difference"].mean()
    np.testing.assert_allclose(np.concatenate([t.y for t in b]), means)
