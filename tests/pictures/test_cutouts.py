"""The protocol object: sizes, places, edges and backgrounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sk_viz.errors import PictureError, ScaleError
from sk_viz.pictures import Box, Cutout, Picture, stimuli, window
from sk_viz.preprocessing import Preprocessing

FRAME = Preprocessing(input_size=200, crop_fraction=1.0)


def cutout(rgba: np.ndarray) -> Cutout:
    return Cutout(np.ascontiguousarray(rgba[..., :3]), "0" * 64, "object", "PNG", rgba=rgba)


def square(side: int, margin: int = 0, hidden: int = 0) -> Cutout:
    """A white square whose transparent surroundings have a colour that must never be seen."""
    rgba = np.full((side + 2 * margin, side + 2 * margin, 4), hidden, np.uint8)
    rgba[..., 3] = 0
    rgba[margin : margin + side, margin : margin + side] = 255
    return cutout(rgba)


def disc(radius: int) -> Cutout:
    y, x = np.mgrid[0 : 2 * radius + 20, 0 : 2 * radius + 20] - (radius + 9.5)
    rgba = np.zeros((*x.shape, 4), np.uint8)
    rgba[x**2 + y**2 < radius**2] = (255, 255, 255, 255)
    return cutout(rgba)


def area(stimulus_rgb: np.ndarray) -> float:
    """Of what is white on black, pixels."""
    return float(stimulus_rgb[..., 0].sum()) / 255


def test_a_square_stands_where_it_should() -> None:
    (stimulus,) = stimuli(square(100, 30), [1.0], "object", FRAME, background=(0, 0, 0))
    expected = np.zeros((200, 200, 3), np.uint8)
    expected[60:140, 60:140] = 255  # 0.4 of 200 is 80, whatever the margin of the file
    away = np.ones((200, 200), bool)
    away[58:142, 58:142] = False
    away[62:138, 62:138] = True  # the bicubic edge itself takes a pixel on each side
    assert (stimulus.rgb[away] == expected[away]).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.25, 2.4), st.integers(20, 150))
def test_the_side_is_s_times_and_the_area_s_squared_times(scale: float, radius: int) -> None:
    (stimulus,) = stimuli(disc(radius), [scale], "object", FRAME, background=(0, 0, 0))
    assert area(stimulus.rgb) == pytest.approx(np.pi * (40 * scale) ** 2, rel=0.05)
    bright = np.flatnonzero(stimulus.rgb[100, :, 0] > 127)
    assert len(bright) == pytest.approx(80 * scale, abs=2)


def test_the_longer_side_counts_and_the_shape_stays() -> None:
    rgba = np.full((50, 150, 4), 255, np.uint8)
    (stimulus,) = stimuli(cutout(rgba), [2.0], "object", FRAME, background=(0, 0, 0), base_size=0.3)
    assert area(stimulus.rgb) == pytest.approx(120 * 40, rel=0.02)


@pytest.mark.parametrize("background", [(255, 255, 255), (200, 30, 90)])
def test_no_fringe_of_the_hidden_colour(background: tuple[int, int, int]) -> None:
    """A white square on a light page: nothing darker than both may appear at its edge."""
    shown = {}
    for hidden in (0, 255):
        subject = square(37, 20, hidden)
        (stimulus,) = stimuli(subject, [1.3], "object", FRAME, background=background)
        shown[hidden] = stimulus.rgb
        assert (stimulus.rgb >= np.array(background)).all()
    assert (shown[0] == shown[255]).all()


def test_half_transparent_pixels_mix() -> None:
    rgba = np.full((60, 60, 4), (200, 100, 0, 128), np.uint8)
    (stimulus,) = stimuli(cutout(rgba), [1.0], "object", FRAME, background=(0, 0, 200))
    share = 128 / 255
    expected = [200 * share, 100 * share, 200 * (1 - share)]
    assert stimulus.rgb[100, 100] == pytest.approx(expected, abs=1.5)


def test_the_point_is_the_object_s_centre() -> None:
    (stimulus,) = stimuli(
        square(90), [0.5], "object", FRAME, point=(0.25, 0.7), background=(0, 0, 0)
    )
    y, x = np.nonzero(stimulus.rgb[..., 0] > 127)
    assert x.mean() + 0.5 == pytest.approx(50, abs=0.5)
    assert y.mean() + 0.5 == pytest.approx(140, abs=0.5)


@pytest.mark.parametrize("point", [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5)])
def test_what_goes_over_the_edge_is_cut_off(point: tuple[float, float]) -> None:
    (stimulus,) = stimuli(square(50), [10.0], "object", FRAME, point=point, background=(0, 0, 0))
    assert (stimulus.rgb == 255).all()


def test_a_growing_object_is_a_zoom_into_the_cut_out() -> None:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    rgba = np.full((200, 200, 4), 255, np.uint8)
    rgba[..., :3] = np.asarray(coarse.resize((200, 200), Image.Resampling.BICUBIC))
    subject = cutout(rgba)
    (drawn,) = stimuli(subject, [4.0], "object", FRAME, base_size=0.5)
    (zoomed,) = stimuli(subject, [2.0], "zoom", FRAME)
    assert np.abs(drawn.rgb.astype(int) - zoomed.rgb).max() <= 1


def test_the_default_background_is_what_the_network_sees_as_zero() -> None:
    (stimulus,) = stimuli(square(50), [1.0], "object", FRAME)
    assert stimulus.rgb[0, 0].tolist() == [round(255 * value) for value in FRAME.mean]


def test_a_photograph_behind() -> None:
    scene = Picture(np.full((300, 400, 3), (10, 200, 30), np.uint8), "", "meadow", "PNG")
    scene.pixels[:, :40] = 0  # outside the evaluation crop, and of the filter's reach
    (stimulus,) = stimuli(square(50), [1.0], "object", FRAME, background=scene)
    assert (stimulus.rgb[:50] == (10, 200, 30)).all()
    assert (stimulus.rgb[100, 100] == 255).all()


def test_the_window_is_the_part_of_the_cut_out_inside_the_frame() -> None:
    subject = square(100, 30)
    assert window(subject, 1.0, "object", FRAME) == pytest.approx((30, 30, 130, 130))
    # At 5 the object is twice as wide as the frame: its middle half is seen.
    assert window(subject, 5.0, "object", FRAME) == pytest.approx(Box(55, 55, 105, 105))
    assert window(subject, 5.0, "object", FRAME, point=(0.0, 0.5)) == pytest.approx(
        Box(80, 55, 130, 105)
    )


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ScaleError, match="pixels long"):
        stimuli(square(50), [0.05], "object", FRAME)
    for base_size in (0.0, 1.5, float("nan")):
        with pytest.raises(ScaleError, match="base size"):
            stimuli(square(50), [1.0], "object", FRAME, base_size=base_size)
    with pytest.raises(PictureError, match="plain background"):
        stimuli(square(50), [1.0], "object", FRAME, background=(0, 0, 256))
