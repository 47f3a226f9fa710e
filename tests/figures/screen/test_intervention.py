from __future__ import annotations

import numpy as np
import pandas as pd

from sk_viz.figures.screen.intervention import answer_bars
from sk_viz.figures.screen.style import LIGHT


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
