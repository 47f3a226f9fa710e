from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from sk_viz.figures.palette import AGAINST, FOR
from sk_viz.figures.screen.attribution import (
    CurvePair,
    attribution_panel,
    faithfulness_curves,
    full_strength,
)
from sk_viz.figures.screen.picture import picture_panel, sign_cells, sign_scale
from sk_viz.figures.screen.style import DARK, LIGHT


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)


def test_a_picture_keeps_its_pixels_and_grows_downwards(rgb: np.ndarray) -> None:
    figure = picture_panel(rgb, LIGHT, beyond=3)
    assert tuple(figure.layout.yaxis.range) == (26.5, -3.5)
    assert tuple(figure.layout.xaxis.range) == (-3.5, 26.5)
    encoded = base64.b64decode(figure.data[0].source.removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encoded))), rgb)


def test_a_signed_map_is_symmetric_about_see_through(rgb: np.ndarray) -> None:
    heatmap = np.linspace(-1, 3, 576, dtype=np.float32).reshape(24, 24)
    layer = attribution_panel(rgb, heatmap, LIGHT, signed=True, of="the choice").data[1]
    assert layer.zmax == -layer.zmin == pytest.approx(full_strength(heatmap))
    assert layer.zmax == pytest.approx(np.quantile(np.abs(heatmap), 0.97))
    stops = dict(layer.colorscale)
    assert stops[0.0] == f"rgba({','.join(map(str, AGAINST))},1)"
    assert stops[1.0] == f"rgba({','.join(map(str, FOR))},1)"
    assert all(c.endswith(",0)") for at, c in layer.colorscale if at == 0.5)


def test_an_unsigned_map_begins_at_zero(rgb: np.ndarray) -> None:
    heatmap = np.ones((24, 24), np.float32)
    layer = attribution_panel(rgb, heatmap, DARK, signed=False, of="the logit").data[1]
    assert (layer.zmin, layer.zmax) == (0.0, 1.0)


def test_a_map_of_nothing_can_be_drawn(rgb: np.ndarray) -> None:
    layer = attribution_panel(rgb, np.zeros((24, 24), np.float32), LIGHT, signed=True, of="x")
    assert layer.data[1].zmin < layer.data[1].zmax


def test_the_map_stands_over_the_random_ones() -> None:
    random = [[0.5, 0.4], [0.5, 0.3]]
    pairs = [CurvePair(t, [0.0, 1.0], [0.5, 0.1], random) for t in ("taken away", "put back")]
    figure = faithfulness_curves(pairs, "difference", LIGHT)
    assert [line.name for line in figure.data] == 2 * ["random maps", "random maps", "this map"]
    assert [line.showlegend for line in figure.data].count(True) == 2
    assert tuple(figure.data[2].y) == (0.5, 0.1)
    assert figure.layout.yaxis.title.text == "difference"


@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_cells_without_a_picture_have_the_same_signs(ink: object) -> None:
    stops = sign_cells(ink)  # type: ignore[arg-type]
    assert stops[0][1] == f"#{bytes(AGAINST).hex().upper()}"
    assert stops[-1][1] == f"#{bytes(FOR).hex().upper()}"
    assert [at for at, _ in sign_scale(True)] == [0.0, 0.5, 0.5, 1.0]
