from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sk_viz.figures.screen.intervention import MOST_WRITTEN, answer_bars, choice_map
from sk_viz.figures.screen.style import DARK, LIGHT

KINDS = {"smallest": "only 3×3", "largest": "only 5×5"}


def choices(units: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "unit": f"SK_3_{unit}",
                "stage": 3,
                "intervention": kind,
                "logit_change": (-1) ** unit * (unit + number) / 10,
                "probability_change": 0.01,
                "label": 1 if unit == 2 else 0,
                "name": "b" if unit == 2 else "a",
            }
            for unit in range(1, units + 1)
            for number, kind in enumerate(KINDS)
        ]
    )


def test_every_cell_has_its_value_and_answers_a_click() -> None:
    table = choices(3)
    figure = choice_map(
        table, LIGHT, titles=KINDS, label=0, name="a", unit="SK_3_2", intervention="largest"
    )
    cells, clicks = figure.data
    assert cells.zmax == -cells.zmin == pytest.approx(0.4)
    for x, y, (unit, kind) in zip(clicks.x, clicks.y, clicks.customdata, strict=True):
        row = table[(table["unit"] == unit) & (table["intervention"] == kind)].iloc[0]
        assert cells.z[y][x] == row["logit_change"]
    assert [["<u>" in text for text in row] for row in cells.text] == 2 * [[False, True, False]]
    (mark,) = figure.layout.shapes
    assert ((mark.x0 + mark.x1) / 2, (mark.y0 + mark.y1) / 2) == (1, 1)


def test_many_units_have_no_numbers_in_their_cells() -> None:
    figure = choice_map(choices(MOST_WRITTEN + 1), DARK, titles=KINDS, label=0, name="a")
    assert figure.data[0].texttemplate is None


def test_a_choice_that_does_nothing_can_be_drawn() -> None:
    table = choices(2).assign(logit_change=0.0)
    cells = choice_map(table, LIGHT, titles=KINDS, label=0, name="a").data[0]
    assert cells.zmin < cells.zmax


def test_a_class_stands_in_one_row_before_and_after() -> None:
    before = pd.DataFrame({"label": [2, 0], "name": ["c", "a" * 60], "probability": [0.6, 0.2]})
    after = pd.DataFrame({"label": [0, 1], "name": ["a" * 60, "b"], "probability": [0.5, 0.3]})
    change = np.array([0.9, 0.4, -1.5], np.float32)
    figure = answer_bars(before, after, change, LIGHT)
    first, second, changes = figure.data
    assert np.allclose(first.x, [0.6, 0.2, np.nan], equal_nan=True)
    assert np.allclose(second.x, [np.nan, 0.5, 0.3], equal_nan=True)
    assert np.allclose(changes.x, [-1.5, 0.9, 0.4])
    assert changes.marker.color[0] != changes.marker.color[1] == changes.marker.color[2]
    names = figure.layout.yaxis.ticktext
    assert names[0] == "c"
    assert len(names[1]) < 60
