"""The strip says by colour what speaks for a class and what against it, as the screen does."""

from __future__ import annotations

import numpy as np
import pytest

from sk_viz.figures.palette import AGAINST, FOR, LARGEST, SMALLEST
from sk_viz.figures.paper.strip import StripFrame, strip
from sk_viz.figures.paper.style import paper_style


def drawn(heatmap: np.ndarray) -> tuple[np.ndarray, str]:
    """The layer over the picture, as shares of full colour, and the legend."""
    rgb = np.full((*heatmap.shape, 3), 200, np.uint8)
    frames = [StripFrame(scale, rgb, [("cat", 0.9)], heatmap) for scale in (1.0, 2.0)]
    with paper_style():
        figure, _ = strip(frames, "saliency of cat", "cvpr-column")
        legend = figure.get_supxlabel()
        below = figure.axes[2]  # the first of the second row
        return np.asarray(below.images[1].get_array()), " ".join(legend.split())


def test_signs_have_the_colours_of_the_screen_and_no_branch_has_them() -> None:
    layer, legend = drawn(np.array([[1.0, -1.0], [0.25, 0.0]], np.float32))
    shares = np.array([FOR, AGAINST]) / 255
    assert layer[0, 0] == pytest.approx([*shares[0], 1.0])
    assert layer[0, 1] == pytest.approx([*shares[1], 1.0])
    assert layer[1, 0] == pytest.approx([*shares[0], 0.5])  # the root of a quarter
    assert layer[1, 1, 3] == 0
    assert legend == "saliency of cat: green for, purple against; opacity: square root"
    assert not {bytes(FOR).hex(), bytes(AGAINST).hex()} & {
        colour[1:].lower() for colour in (SMALLEST, LARGEST)
    }


def test_a_map_without_signs_speaks_of_no_purple() -> None:
    layer, legend = drawn(np.array([[1.0, 0.5]], np.float32))
    assert layer[0, 1, :3] == pytest.approx(np.array(FOR) / 255)
    assert legend == "saliency of cat: green how much, for or against; opacity: square root"
