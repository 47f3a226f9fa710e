"""The film of a sweep: as many frames, as large, and with its record."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import pytest
from PIL import Image

import sk_viz
from sk_viz.errors import ModelError, PictureError
from sk_viz.figures.paper.animation import make_animation


@pytest.fixture(scope="module")
def film_sweep(figure_model, figure_pictures):
    picture = sk_viz.read_picture(figure_pictures / "light & bright" / "1.png")
    return sk_viz.sweep(sk_viz.load_model(figure_model, "cpu"), picture, (1.0, 1.5, 2.0))


def test_gif_runs_forth_and_back_with_its_record(tmp_path, film_sweep):
    path = make_animation(film_sweep, tmp_path / "film.gif")
    with Image.open(path) as film:
        assert film.n_frames == 4
        assert film.info["loop"] == 0
        record = json.loads(film.info["comment"])["sk_viz"]
    assert record == json.loads(json.dumps(dict(film_sweep.record)))
    assert make_animation(film_sweep, tmp_path / "two.gif").read_bytes() == path.read_bytes()


def test_mp4_can_be_played(tmp_path, film_sweep):
    film = cv2.VideoCapture(str(make_animation(film_sweep, tmp_path / "film.mp4")))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    read, frame = film.read()
    assert read
    assert frame.shape == (400, 800, 3)
    film.release()


def test_wrong_input_is_one_sentence(tmp_path, film_sweep):
    with pytest.raises(PictureError, match="must end with"):
        make_animation(film_sweep, tmp_path / "film.avi")
    with pytest.raises(ModelError, match="run it again"):
        make_animation(replace(film_sweep, stimuli=()), tmp_path / "film.gif")
    with pytest.raises(PictureError, match="cannot be written"):
        make_animation(film_sweep, tmp_path / "nowhere" / "film.gif")
