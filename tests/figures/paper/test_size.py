from __future__ import annotations

import pandas as pd

from sk_viz.figures.paper.size import size_forest
from sk_viz.figures.paper.style import paper_style
from sk_viz.figures.size_marks import SizeMark


def test_the_table_holds_what_is_drawn():
    marks = [
        SizeMark(unit, control, 0.1 * n, (0.0, 0.2), -0.01, (-0.02, 0.0), unit == "SK_2_1")
        for n, unit in enumerate(("SK_2_1", "SK_3_1"))
        for control in ("tile", "window")
    ]
    with paper_style():
        figure, drawn = size_forest(marks, "10 pictures", "cvpr-column")
        (axes,) = figure.axes
        assert [label.get_text() for label in axes.get_yticklabels()] == ["SK_2_1 *", "SK_3_1"]
        markers = [line for line in axes.lines if line.get_marker() not in ("None", "|")]
        assert [line.get_xdata()[0] for line in markers] == [0.0, 0.0, 0.1, 0.1]
    pd.testing.assert_series_equal(drawn["size"], pd.Series([0.0, 0.0, 0.1, 0.1], name="size"))
    assert list(drawn["settled"]) == [True, True, False, False]
    assert (drawn["null"] == -0.01).all()
