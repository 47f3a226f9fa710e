from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from PIL import Image

import sk_viz
from sk_viz.errors import ModelError
from sk_viz.figures.paper.card import draw_card


def test_a_card_has_the_size_of_a_link_and_carries_the_record() -> None:
    model = sk_viz.load_model("sknet_tiny")
    picture = sk_viz.pictures.read_sample("panda")
    sweep = sk_viz.sweep(model, picture, scales=(1.0, 2.0), protocol="zoom")
    card = Image.open(io.BytesIO(draw_card(sweep, (3, 5), 0.6)))
    assert card.size == (1200, 630)
    assert json.loads(card.text["sk_viz"])["scales"] == [1.0, 2.0]
    assert len(card.convert("RGB").getcolors(1 << 24) or []) > 500
    with pytest.raises(ModelError, match="shows no pictures"):
        draw_card(replace(sweep, stimuli=()), (3, 5), 0.6)
