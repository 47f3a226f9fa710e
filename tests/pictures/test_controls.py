from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_viz import ScaleError
from sk_viz.pictures import Picture, stimuli
from sk_viz.pictures.controls import Window, shares_of_frame, window_in_frame
from sk_viz.pictures.geometry import Box, evaluation_crop, zoom_window
from sk_viz.preprocessing import Preprocessing

FRAME = Preprocessing(input_size=64, crop_fraction=1.0, mean=(0.5, 0.4, 0.3))
NOISE = Picture(
    np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8), "", "noise", "PNG"
)


def shown(protocol, scale=2.0, point=(0.5, 0.5)):
    (stimulus,) = stimuli(NOISE, [scale], protocol, FRAME, point=point)
    return stimulus


@pytest.mark.parametrize("protocol", ["tile", "periodic", "grey"])
@pytest.mark.parametrize("point", [(0.5, 0.5), (0.1, 0.8)])
def test_the_window_keeps_every_pixel_of_the_whole_frame(protocol, point):
    base, control = shown("zoom", 1.0).rgb, shown(protocol, 2.0, point).rgb
    place = window_in_frame(
        evaluation_crop(128, 128, 1.0), zoom_window(128, 128, 1.0, 2.0, point), 64
    )
    inside = np.s_[place.top : place.bottom, place.left : place.right]
    assert place.right - place.left == 32
    np.testing.assert_array_equal(control[inside], base[inside])
    assert (control != base).any()


def test_the_tile_is_the_window_mirrored():
    base = shown("zoom", 1.0).rgb
    np.testing.assert_array_equal(
        shown("tile").rgb, np.pad(base[16:48, 16:48], ((16, 16), (16, 16), (0, 0)), "symmetric")
    )
    # Mirrored, so that no edge is added: the rows on both sides of the seam are equal.
    np.testing.assert_array_equal(shown("tile").rgb[15], shown("tile").rgb[16])


def test_the_periodic_tile_repeats_the_window():
    rgb = shown("periodic").rgb
    np.testing.assert_array_equal(rgb[:32], rgb[32:])
    np.testing.assert_array_equal(rgb[:, :32], rgb[:, 32:])


def test_the_grey_surround_is_what_the_network_sees_as_zeros():
    rgb = shown("grey").rgb
    np.testing.assert_array_equal(rgb[0, 0], [128, 102, 76])


@pytest.mark.parametrize("protocol", ["tile", "periodic", "grey", "centre", "window", "blur"])
def test_at_scale_one_each_control_is_the_whole_frame(protocol):
    stimulus = shown(protocol, 1.0)
    np.testing.assert_array_equal(stimulus.rgb, shown("zoom", 1.0).rgb)
    assert stimulus.pool is None


def test_the_window_is_pooled_at_both_sizes_over_the_same_part():
    large, small = shown("window"), shown("centre")
    assert large.rgb.shape[0] == 128
    assert small.rgb.shape[0] == 64
    assert large.pool == small.pool == Box(0.25, 0.25, 0.75, 0.75)
    np.testing.assert_array_equal(small.rgb, shown("zoom", 1.0).rgb)
    np.testing.assert_array_equal(large.rgb, shown("resolution").rgb)


def fine(rgb):
    return np.abs(np.diff(rgb.astype(float), axis=0)).mean()


@pytest.mark.parametrize("base", ["zoom", "tile"])
def test_the_soft_arms_have_lost_what_the_blur_loses(base):
    assert fine(shown(f"soft-{base}").rgb) < 0.6 * fine(shown(base).rgb)


@pytest.mark.parametrize("base", ["tile", "periodic", "centre"])
def test_the_blurred_arms_lack_what_the_zoom_lacks(base):
    # NOISE has a pixel for each of the zoom; the picture of 64 px has none to spare.
    np.testing.assert_array_equal(shown(f"{base}+blur").rgb, shown(base).rgb)
    small = Picture(np.ascontiguousarray(NOISE.pixels[:64, :64]), "", "noise", "PNG")
    sharp, blurred = (
        stimuli(small, [2.0], protocol, FRAME)[0] for protocol in (base, f"{base}+blur")
    )
    assert fine(blurred.rgb) < 0.6 * fine(sharp.rgb)
    assert blurred.pool == sharp.pool


@given(scale=st.floats(1, 30), x=st.floats(0, 1), y=st.floats(0, 1), side=st.sampled_from([32, 88]))
def test_a_window_lies_in_the_frame_and_is_never_empty(scale, x, y, side):
    crop = evaluation_crop(300, 200, 0.9)
    box = zoom_window(300, 200, 0.9, scale, (x, y))
    left, top, right, bottom = window_in_frame(crop, box, side)
    assert 0 <= left < right <= side
    assert 0 <= top < bottom <= side
    shares = shares_of_frame(crop, box)
    assert -1e-9 <= shares.left < shares.right <= 1 + 1e-9
    assert abs(shares.left * side - left) <= 1.5
    assert abs(shares.bottom * side - bottom) <= 1.5


def test_edges_are_whole_pixels():
    window = window_in_frame(Box(0, 0, 100, 100), Box(25, 25, 75, 75), 10)
    assert window == Window(2, 2, 7, 7)


@pytest.mark.parametrize("protocol", ["tile", "window", "centre"])
def test_a_control_of_no_zoom_is_refused(protocol):
    with pytest.raises(ScaleError, match="too small"):
        shown(protocol, 0.5)
