from __future__ import annotations

import pytest

from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.figures.screen.size import size_forest
from sk_viz.figures.screen.style import ink_for
from sk_viz.figures.size_marks import SizeMark


def mark(unit, control, size, settled=False, null=0.01):
    return SizeMark(unit, control, size, (size - 0.1, size + 0.1), null, (-0.02, 0.04), settled)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_mark_has_its_interval_and_its_null(theme):
    marks = [
        mark(u, c, s) for u, s in (("SK_2_1", 0.3), ("SK_3_1", -0.2)) for c in ("tile", "blur")
    ]
    figure = size_forest(marks, ink_for(theme))
    assert [trace.name for trace in figure.data] == ["tile", "blur"]
    assert list(figure.data[0].x) == [0.3, -0.2]
    assert list(figure.data[0].marker.color) == [LARGEST, SMALLEST]
    lines = [shape for shape in figure.layout.shapes if shape.y0 == shape.y1]
    assert sorted({round(shape.x0, 6) for shape in lines}) == [-0.3, -0.02, 0.2]
    assert len(lines) == 2 * len(marks)
    assert list(figure.data[1].customdata[1]) == ["SK_3_1", "blur"]


def test_settled_units_are_marked_and_a_missing_null_is_left_out():
    marks = [
        SizeMark("SK_2_1", "tile", 0.3, None, None, None, settled=True),
        mark("SK_3_1", "tile", 0.1),
    ]
    figure = size_forest(marks, ink_for("light"))
    assert list(figure.layout.yaxis.ticktext) == ["SK_2_1 ✓", "SK_3_1"]
    assert "noise" not in figure.data[0].text[0]
    assert "noise" in figure.data[0].text[1]
