from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sk_viz import PictureError, ScaleError
from sk_viz.measures.size.arms import BASE, WAYS, ZOOM, arms, check_controls
from sk_viz.pictures import CENTRE, Picture, detail_lost, stimuli
from sk_viz.preprocessing import Preprocessing

FRAME = Preprocessing(input_size=32, crop_fraction=1.0)


def noise(side):
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Picture(pixels, "", "noise", "PNG")


@pytest.mark.parametrize("control", list(WAYS))
def test_each_way_leads_from_the_frame_to_the_zoom(control):
    way = WAYS[control]
    assert way[0][0] == BASE
    assert way[-1][1] == ZOOM
    assert all(one[1] == other[0] for one, other in pairwise(way))
    assert [part for _, _, part in way].count("size") == 1


@pytest.mark.parametrize(("side", "lost"), [(16, 2.0), (32, 2.0), (48, 4 / 3), (64, 1.0), (200, 1)])
def test_detail_is_lost_where_the_picture_has_no_pixels_for_it(side, lost):
    assert detail_lost(noise(side), 2.0, FRAME) == pytest.approx(lost)


def test_the_arms_are_the_protocols_stimuli():
    picture = noise(100)
    made = arms(picture, 2.0, FRAME, ("blur", "tile", "window", "periodic"), CENTRE)
    for arm, stimulus in made.items():
        if "+" in arm:
            assert stimulus is made[arm.partition("+")[0]]  # nothing is lost
            continue
        protocol, scale = ("zoom", 1.0) if arm == BASE else (arm, 2.0)
        (expected,) = stimuli(picture, (scale,), protocol, FRAME)
        np.testing.assert_array_equal(stimulus.rgb, expected.rgb)
        assert stimulus.pool == expected.pool


def test_a_small_picture_has_blurred_arms():
    picture = noise(32)
    made = arms(picture, 2.0, FRAME, ("blur", "window"), CENTRE)
    (blurred,) = stimuli(picture, (2.0,), "blur", FRAME)
    np.testing.assert_array_equal(made["base+blur"].rgb, blurred.rgb)
    assert made["centre+blur"].pool == made["centre"].pool
    np.testing.assert_array_equal(made["centre+blur"].rgb, blurred.rgb)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ScaleError, match="enlarges nothing"):
        arms(noise(32), 1.0, FRAME, ("blur",), CENTRE)
    with pytest.raises(ScaleError, match="enlarges nothing"):
        arms(noise(32), float("nan"), FRAME, ("blur",), CENTRE)
    with pytest.raises(PictureError):
        arms("cat.jpg", 2.0, FRAME, ("blur",), CENTRE)  # type: ignore[arg-type]
    for controls in ((), ("blur", "blur"), ("blurr",), "blurr"):
        with pytest.raises(ScaleError):
            check_controls(controls)
    assert check_controls("tile") == ("tile",)
