"""Effects and their intervals are all inside the axes that show them."""

from __future__ import annotations

import numpy as np

from sk_viz.figures.paper.effects import Effect, effects
from sk_viz.figures.paper.style import paper_style, render


def test_every_interval_is_inside_and_none_is_left_out():
    small = [Effect("SK_2_1", 1.5, 0.1, (0.05, 0.15)), Effect("SK_3_1", 1.5, None, None)]
    large = [Effect("SK_2_1", 1.5, -1.4, (-1.5, -1.3)), Effect("SK_3_1", 2.0, 0.2, (0.1, 0.3))]
    with paper_style():
        figure = effects([("a", small), ("b", large), ("c", small)], "cvpr-text")
        render(figure, "png", {})
    for axes, row in zip(figure.axes, (small, large, small), strict=True):
        low, high = axes.get_xlim()
        assert low == -high
        drawn = np.concatenate([line.get_xdata() for line in axes.lines])
        for one in row:
            for value in (one.d, *(one.interval or ())):
                assert value is None or value in drawn
        finite = drawn[np.isfinite(drawn)]
        assert low < finite.min() < finite.max() < high
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["SK_2_1", "SK_3_1"]
