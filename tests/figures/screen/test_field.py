from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.figures.screen.field import (
    MOST_BEYOND,
    MOST_PLACES,
    FieldBox,
    beyond_view,
    field_boxes,
    field_growth_lines,
    field_panel,
)
from sk_viz.figures.screen.style import DARK, LIGHT

RGB = np.full((40, 40, 3), 127, np.uint8)
BOXES = [
    FieldBox(3, (18, 18, 21, 21), (10, 10, 29, 29)),
    FieldBox(5, (17, 17, 22, 22), (5, 5, 34, 34)),
]


def test_each_branch_has_two_boxes_in_its_colour_and_in_its_place() -> None:
    figure = field_boxes(RGB, BOXES, LIGHT, place=(0.5, 0.5), positions=10)
    coloured = [s for s in figure.layout.shapes if s.line.color in (SMALLEST, LARGEST)]
    assert [(s.line.color, s.line.dash) for s in coloured] == [
        (SMALLEST, "solid"),
        (SMALLEST, "dot"),
        (LARGEST, "solid"),
        (LARGEST, "dot"),
    ]
    # Pixel i covers [i - 0.5, i + 0.5] of the axes.
    assert (coloured[2].x0, coloured[2].x1) == (4.5, 33.5)
    assert tuple(figure.layout.xaxis.range) == (-0.5, 39.5)


@pytest.mark.parametrize(("edge", "beyond"), [(-6.0, 8.0), (-500.0, MOST_BEYOND * 40)])
def test_padding_is_shown_as_far_as_it_goes_but_not_for_ever(edge: float, beyond: float) -> None:
    box = FieldBox(3, (18, 18, 21, 21), (edge, edge, 40 - edge, 40 - edge))
    figure = field_boxes(RGB, [box], LIGHT, place=(0.5, 0.5), positions=10)
    assert figure.layout.xaxis.range[0] == -0.5 - beyond


def test_boxes_that_reach_beyond_the_view_are_drawn_along_its_rim() -> None:
    far = [
        FieldBox(3, (18, 18, 21, 21), (-90, -90, 130, 130)),
        FieldBox(5, (17, 17, 22, 22), (-100, -100, 140, 140)),
    ]
    assert beyond_view(far, 40)
    assert not beyond_view(BOXES, 40)
    figure = field_boxes(RGB, far, LIGHT, place=(0.5, 0.5), positions=10)
    small, large = (
        next(s for s in figure.layout.shapes if (s.line.color, s.line.dash) == (colour, "solid"))
        for colour in (SMALLEST, LARGEST)
    )
    low, high = figure.layout.xaxis.range
    assert low < large.x0 < small.x0 < small.x1 < large.x1 < high


def test_a_place_at_the_lower_edge_shows_the_padding_below() -> None:
    box = FieldBox(3, (18, 37, 21, 40), (10, 29, 29, 48))
    figure = field_boxes(RGB, [box], LIGHT, place=(0.5, 0.95), positions=10)
    assert figure.layout.yaxis.range[0] > 48 - 0.5


@pytest.mark.parametrize("positions", [4, 56])
def test_places_answer_a_click_with_their_share_of_the_picture(positions: int) -> None:
    figure = field_boxes(RGB, BOXES, DARK, place=(0.5, 0.5), positions=positions)
    places = figure.data[1]
    count = min(positions, MOST_PLACES)
    assert len(places.x) == count**2
    assert np.allclose((np.asarray(places.x) + 0.5) / 40, [c[0] for c in places.customdata])
    assert np.allclose(places.customdata[1], [1.5 / count, 0.5 / count])


def test_the_field_is_bright_at_its_peak_and_its_squares_lie_around_the_centre() -> None:
    effective = np.zeros((40, 40), np.float32)
    effective[12, 20] = 4.0
    effective[12, 21] = 1.0
    figure = field_panel(
        RGB, effective, LIGHT, level=0.0455, centre=(12, 20), squares={"50 %": 3.0, "99 %": np.nan}
    )
    heat = np.asarray(figure.data[1].z)
    assert (heat[12, 20], heat[12, 21]) == (1.0, 0.5)
    (square,) = figure.layout.shapes
    assert (square.x0, square.x1, square.y0, square.y1) == (18.5, 21.5, 10.5, 13.5)
    assert [note.text for note in figure.layout.annotations] == ["50 %"]


def test_a_field_of_nothing_is_dark() -> None:
    figure = field_panel(
        RGB, np.zeros((40, 40), np.float32), LIGHT, level=0.05, centre=(20, 20), squares={}
    )
    assert len(figure.data) == 2
    assert np.asarray(figure.data[1].z).max() == 0


def test_growth_has_one_line_a_setting_in_order_of_scale() -> None:
    table = pd.DataFrame(
        {
            "scale": [2.0, 1.0] * 3,
            "weights": ["held", "held", "held at 1.0x", "held at 1.0x", "free", "free"],
            "luo": [5.0, 4.0, 4.5, 4.0, 9.0, 7.0],
        }
    )
    figure = field_growth_lines(table, "luo", LIGHT, scale=1.0, protocol="blur", title="size")
    assert [tuple(line.y) for line in figure.data] == [(4.0, 4.5), (4.0, 5.0), (7.0, 9.0)]
    assert figure.layout.xaxis.title.text == "scale (blur)"
    assert figure.layout.yaxis.title.text == "size, px"
