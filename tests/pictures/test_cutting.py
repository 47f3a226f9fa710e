from __future__ import annotations

import cv2
import numpy as np
import pytest

from sk_viz import PictureError
from sk_viz.pictures import Box, Picture, stimuli
from sk_viz.pictures.cutting import cut_out
from sk_viz.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def disc():
    """A red disc on green noise, and where it is."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 110, (120, 160, 3), dtype=np.uint8)
    pixels[..., 1] += 80
    inside = np.zeros((120, 160), np.uint8)
    cv2.circle(inside, (80, 60), 25, 1, -1)
    pixels[inside > 0] = rng.integers(0, 40, (int(inside.sum()), 3)) + np.array([190, 0, 0])
    return Picture(pixels, "", "disc", "PNG"), inside.astype(bool)


def test_the_object_is_cut_along_its_edge(disc):
    picture, inside = disc
    cut = cut_out(picture, Box(45, 25, 115, 95))
    found = cut.object.rgba[..., 3] > 0
    overlap = (found & inside).sum() / (found | inside).sum()
    assert overlap > 0.95
    np.testing.assert_array_equal(cut.object.rgba[..., :3], picture.pixels)


def test_its_place_is_filled_from_around_it(disc):
    picture, inside = disc
    scene = cut_out(picture, Box(45, 25, 115, 95)).scene
    assert (scene.pixels[inside][:, 1] > 100).mean() > 0.95  # green where the disc was
    far = np.ones_like(inside)
    far[20:100, 40:120] = False
    np.testing.assert_array_equal(scene.pixels[far], picture.pixels[far])


def test_the_object_can_be_scaled_in_its_own_scene(disc):
    cut = cut_out(disc[0], Box(45, 25, 115, 95))
    small, large = stimuli(
        cut.object, (0.5, 1.5), "object", Preprocessing(64, 1.0), background=cut.scene
    )

    def red(stimulus):
        return (stimulus.rgb[..., 0] > 150).sum()

    assert red(large) / red(small) == pytest.approx(9, rel=0.35)


def test_equal_pictures_give_equal_cuts(disc):
    first, again = (cut_out(disc[0], Box(45, 25, 115, 95)) for _ in range(2))
    assert first.object.sha256 == again.object.sha256
    assert first.scene.sha256 == again.scene.sha256


@pytest.mark.parametrize(
    ("height", "width", "box"), [(60, 60, Box(10, 10, 50, 50)), (9, 4000, Box(0, 0, 3999, 9))]
)
def test_a_box_in_which_nothing_stands_out_is_refused(height, width, box):
    flat = Picture(np.full((height, width, 3), 128, np.uint8), "", "flat", "PNG")
    with pytest.raises(PictureError, match="stands out"):
        cut_out(flat, box)


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        (Box(200, 200, 300, 300), "at least 8 pixels"),
        (Box(10, 10, 14, 40), "at least 8 pixels"),
        (Box(-5, -5, 500, 500), "whole picture"),
    ],
)
def test_a_box_that_holds_nothing_is_refused(disc, box, sentence):
    with pytest.raises(PictureError, match=sentence):
        cut_out(disc[0], box)
