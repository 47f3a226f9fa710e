from __future__ import annotations

import json

import torch

import sk_viz
from sk_viz.measures.record import build_record
from sk_viz.pictures import FILTER, Presentation

PROMISED = {
    "sk_viz", "model", "model_sha256", "picture_sha256", "protocol", "scales", "point", "filter",
    "input_size", "preprocessing", "dtype", "device", "torch", "seed",
}  # fmt: skip


def build(model, picture, protocol="zoom", **more):
    return build_record(
        "sweep",
        model,
        picture,
        presentation=Presentation(protocol, (0.5, 0.25), more.pop("background", None)),
        scales=(1, 1.5),
        **more,
    )


def test_holds_everything_that_was_promised(tiny_model, noise_picture):
    record = build(tiny_model, noise_picture, seed=5)
    assert set(record) >= PROMISED
    assert record["sk_viz"] == sk_viz.__version__
    assert record["model_sha256"] == tiny_model.sha256
    assert record["model_note"].startswith("Untrained")
    assert record["picture_sha256"] == noise_picture.sha256
    assert record["scales"] == [1.0, 1.5]
    assert record["point"] == [0.5, 0.25]
    assert record["filter"] == FILTER
    assert record["torch"] == torch.__version__
    assert record["seed"] == 5


def test_is_equal_to_itself_after_json(tiny_model, noise_picture):
    record = build(tiny_model, noise_picture, settings={"windows": (3, (4, 4))})
    assert json.loads(json.dumps(record)) == record


def test_a_background_is_told_by_colour_or_by_content(tiny_model, noise_picture):
    def background(value):
        return build(tiny_model, noise_picture, "object", background=value)["background"]

    assert background(None) is None
    assert background((1, 2, 3)) == [1, 2, 3]
    assert background(noise_picture) == {"picture": "noise.png", "sha256": noise_picture.sha256}
    assert "background" not in build(tiny_model, noise_picture)
