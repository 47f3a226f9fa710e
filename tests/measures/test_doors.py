"""Every measure takes a picture in every form, and says what is wrong with anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import sk_viz
from sk_viz.errors import ModelError, PictureError

PIXELS = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)

MEASURES: dict[str, Callable[[Any, Any], Any]] = {
    "sweep": lambda model, picture: sk_viz.sweep(model, picture, (1.0, 2.0)),
    "attribute": lambda model, picture: sk_viz.attribute(model, picture, "saliency"),
    "receptive_field": lambda model, picture: sk_viz.receptive_field(model, "SK_2_1", picture),
    "intervene": lambda model, picture: sk_viz.intervene(model, picture, {"SK_2_1": "equal"}),
    "size_effect": lambda model, picture: sk_viz.size_effect(model, picture, 2.0, ("blur",)),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_takes_every_form(measure: str, model: Any) -> None:
    expected = MEASURES[measure](model, sk_viz.read_picture(PIXELS)).record["picture_sha256"]
    for source in (PIXELS, PIXELS.transpose(2, 0, 1) / 255, Image.fromarray(PIXELS)):
        assert MEASURES[measure](model, source).record["picture_sha256"] == expected
    with pytest.raises(PictureError, match="download"):
        MEASURES[measure](model, "https://example.org/cat.jpg")
    with pytest.raises(PictureError, match="channels"):
        MEASURES[measure](model, np.zeros((5, 6, 7)))


def test_what_shows_nothing_is_noted_beside_the_answer(model: Any) -> None:
    dark = sk_viz.sweep(model, np.full((50, 50, 3), 9, np.uint8), (1.0,))
    assert any("all of one colour" in note for note in dark.record["notes"])


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (PIXELS, "not ndarray"),
        (Image.fromarray(PIXELS), "not Image"),
        ("cat.jpg", "not str"),
        (torch.zeros(3, 32, 32), r"the shape \(3, 32, 32\)"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), "a tensor of uint8"),
    ],
)
def test_readout_says_what_it_takes(model: Any, x: Any, says: str) -> None:
    for network in (model, model.network):
        with pytest.raises(ModelError, match=says) as caught:
            sk_viz.readout(network, x)
        assert "sk_viz.sweep" in str(caught.value)
