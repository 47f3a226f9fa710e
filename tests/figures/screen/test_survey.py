"""The forests of a survey: every unit's point and interval where the report has them."""

from __future__ import annotations

import pytest

from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.figures.screen.style import DARK, LIGHT
from sk_viz.figures.screen.survey import effect_forest, rising_forest

UNITS = ["SK_2_1", "SK_2_2", "SK_3_1"]


def row(unit, protocol, d, scale=2.0):
    interval = None if d is None else [d - 0.1, d + 0.2]
    return {
        "unit": unit,
        "protocol": protocol,
        "scale": scale,
        "n": 1234,
        "change": 0.01 if (d or 0) > 0 else -0.01,
        "d": d,
        "d_interval": interval,
        "rising": 0.5 + (d or 0) / 2,
        "rising_interval": [0.1, 0.9],
    }


CHANGES = [
    row("SK_2_1", "zoom", 0.5),
    row("SK_2_2", "zoom", -0.4),
    row("SK_3_1", "zoom", None),
    row("SK_2_1", "zoom", 9.0, scale=1.5),
    *(row(unit, "blur", 0.05) for unit in UNITS),
]
CONTROLLED = [row(unit, "", 0.3) for unit in UNITS]


@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_effects_stand_in_their_rows_with_their_intervals(ink):
    figure = effect_forest(CHANGES, CONTROLLED, UNITS, 2.0, "zoom", ink)
    zoom, blur, beyond = figure.data
    assert [t.name for t in figure.data] == ["zoom", "blur only", "zoom minus blur"]
    assert list(zoom.x) == [0.5, -0.4]  # the third has no effect, and so no point
    assert [round(y) for y in zoom.y] == [0, 1]
    assert list(zoom.marker.color) == [LARGEST, SMALLEST]
    assert [round(y) for y in blur.y] == [0, 1, 2]
    assert all(z < b < c for z, b, c in zip(zoom.y, blur.y, beyond.y, strict=False))
    lines = [(s.x0, s.x1, s.y0) for s in figure.layout.shapes if s.y0 == s.y1 and s.xref is None]
    for trace in figure.data:
        for x, y in zip(trace.x, trace.y, strict=True):
            assert (pytest.approx(x - 0.1), pytest.approx(x + 0.2), y) in lines
    assert "d \N{MINUS SIGN}0.40" in zoom.customdata[1][1]
    assert figure.layout.yaxis.ticktext == tuple(UNITS)


def test_a_survey_of_blur_alone_has_one_series_and_no_control():
    figure = effect_forest(CHANGES, CONTROLLED, UNITS, 2.0, "blur", LIGHT)
    assert [t.name for t in figure.data] == ["blur"]


def test_shares_lie_around_a_half():
    figure = rising_forest(CHANGES, UNITS, 2.0, "zoom", LIGHT)
    zoom, blur = figure.data
    assert list(zoom.x) == [0.75, 0.3, 0.5]
    assert list(zoom.marker.color) == [LARGEST, SMALLEST, SMALLEST]
    assert len(blur.x) == 3
    assert figure.layout.xaxis.range == (-0.02, 1.02)
