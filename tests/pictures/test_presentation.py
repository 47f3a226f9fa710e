from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from sk_viz import ScaleError
from sk_viz.pictures import CENTRE, Picture, Presentation, stimuli
from sk_viz.preprocessing import Preprocessing

FRAME = Preprocessing(input_size=32, crop_fraction=1.0)
NOISE = Picture(
    np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8), "ab", "noise", "PNG"
)


@pytest.mark.parametrize("protocol", ["zoom", "blur", "resolution"])
def test_shows_what_the_function_shows_with_the_same_three_arguments(protocol):
    presentation = Presentation(protocol, (0.3, 0.6))
    own = presentation.stimuli(NOISE, (1.0, 2.0), FRAME)
    other = stimuli(NOISE, (1.0, 2.0), preprocessing=FRAME, **presentation.arguments)
    assert [s.scale for s in own] == [1.0, 2.0]
    for mine, theirs in zip(own, other, strict=True):
        np.testing.assert_array_equal(mine.rgb, theirs.rgb)


def test_is_a_value():
    assert Presentation() == Presentation("zoom", CENTRE, None)
    assert hash(Presentation("blur")) == hash(Presentation("blur"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Presentation().protocol = "blur"  # type: ignore[misc]


@pytest.mark.parametrize(("protocol", "point"), [("zooom", CENTRE), ("zoom", (0.5, 1.5))])
def test_refuses_what_cannot_be_shown_before_anything_is_shown(protocol, point):
    with pytest.raises(ScaleError):
        Presentation(protocol, point)


def test_the_record_has_a_background_only_where_the_protocol_has_one():
    assert Presentation("zoom", (0.25, 0.5)).to_record() == {
        "protocol": "zoom",
        "point": [0.25, 0.5],
    }
    record = Presentation("object", CENTRE, NOISE).to_record()
    assert record["background"] == {"picture": "noise", "sha256": "ab"}
    assert json.loads(json.dumps(record)) == record
    assert Presentation("object", CENTRE, (1, 2, 3)).to_record()["background"] == [1, 2, 3]
