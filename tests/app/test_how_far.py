"""The page How far, driven as a user drives it, with a small random network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.app.how_far.sizes import SIZES, growth_sentence
from sk_viz.measures.fields.effective import field_sizes
from sk_viz.measures.fields.growth import FieldGrowth, field_growth
from sk_viz.pictures import read_sample, samples

OpenPage = Callable[..., AppTest]
QUICK = {"protocol": "zoom", "scales": "1:2:2", "unit": "SK_3_1"}


@pytest.fixture
def fields(calls: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the page asked for, one entry a field."""
    found: list[dict[str, Any]] = []
    real = sk_viz.receptive_field

    def counting(model: Any, unit: str, picture: Any, gate: str, **settings: Any) -> Any:
        found.append({"unit": unit, "gate": gate, **settings})
        return real(model, unit, picture, gate, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(sk_viz, "receptive_field", counting)
    return found


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value.replace("\\", "") for box in app.error]


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def test_the_field_is_measured_with_the_gate_held_and_free(
    open_page: OpenPage, fields: list[dict[str, Any]]
) -> None:
    app = open_page("how_far", **QUICK, scale="2", place="0.25,0.75")
    assert errors(app) == []
    assert [one["gate"] for one in fields] == ["held", "free"]
    assert {(one["unit"], one["scales"], one["place"]) for one in fields} == {
        ("SK_3_1", (2.0,), (0.25, 0.75))
    }
    theory, measured = (frame.value for frame in app.dataframe)
    assert list(theory["branch"]) == ["3×3", "5×5"]
    assert set(theory["basis"]) == {"exact"}
    assert (theory["shortest path"] <= theory["longest path"]).all()
    assert set(measured["basis"]) == {"measured"}
    assert "Does it grow" in text(app)
    assert "what pixels do through the choice" in text(app)
    assert app.query_params == {**QUICK, "scale": "2", "place": "0.25,0.75"}


def test_another_definition_of_size_runs_nothing(
    open_page: OpenPage, fields: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("how_far", **QUICK)

    def refuse(*args: Any, **settings: Any) -> None:
        raise AssertionError("nothing may be measured")

    monkeypatch.setattr("sk_viz.measures.fields.growth.field_growth", refuse)
    app.selectbox(key="how_far.size").set_value("luo").run()
    assert errors(app) == []
    assert len(fields) == 2


def test_another_place_is_another_field(open_page: OpenPage, fields: list[dict[str, Any]]) -> None:
    app = open_page("how_far", **QUICK)
    app.slider(key="place.x").set_value(0.1).run()
    assert errors(app) == []
    assert [one["place"] for one in fields] == 2 * [(0.5, 0.5)] + 2 * [(0.1, 0.5)]


def test_growth_is_counted_from_one_where_the_range_leaves_it_out(
    open_page: OpenPage, fields: list[dict[str, Any]]
) -> None:
    app = open_page("how_far", scales="1.5,2", unit="SK_3_1")
    assert errors(app) == []
    assert "From 1.0× to 2.0×" in text(app)


@pytest.mark.parametrize("protocol", ["resolution", "object"])
def test_every_protocol_has_a_field(
    open_page: OpenPage, fields: list[dict[str, Any]], protocol: str
) -> None:
    app = open_page("how_far", scales="1,2", unit="SK_2_1", protocol=protocol)
    assert errors(app) == []
    assert {one["protocol"] for one in fields} == {protocol}


def test_a_place_that_is_none_is_told_once(
    open_page: OpenPage, fields: list[dict[str, Any]]
) -> None:
    app = open_page("how_far", **QUICK, place="0.5")
    assert len(errors(app)) == 1
    assert len(fields) == 2


def test_the_sentence_adds_up(open_page: OpenPage) -> None:
    model, picture = sk_viz.load_model("sknet_tiny"), read_sample(samples("photo")[0].id)
    found = field_growth(model, picture, units=["SK_3_2"], scales=(1.0, 2.0))
    free = found.table[found.table["weights"] == "free"].set_index("scale")["luo"]
    sentence = growth_sentence(found, "luo")
    assert f"from {free[1.0]:.1f} to {free[2.0]:.1f} px" in sentence.replace("−", "-")
    empty = found.table.assign(luo=math.nan)
    assert "zero everywhere" in growth_sentence(FieldGrowth(empty, found.record), "luo")
    one = found.table[found.table["scale"] == 1.0]
    assert "Only one scale" in growth_sentence(FieldGrowth(one, found.record), "luo")


def test_every_named_size_has_words() -> None:
    import numpy as np

    field = np.ones((8, 8), np.float32)
    assert list(SIZES) == list(field_sizes(field, field, (4, 4)))
