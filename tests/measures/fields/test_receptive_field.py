from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import sk_viz
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.measures.fields.effective import FieldProbe
from sk_viz.measures.fields.receptive_field import receptive_field
from sk_viz.pictures import normalise, stimuli


def test_the_field_of_a_picture(tiny_model, noise_picture):
    rf = sk_viz.receptive_field(tiny_model, unit="SK_3_1", picture=noise_picture, gate="held")
    assert [branch.kernel for branch in rf.theoretical] == [3, 5]
    assert {branch.status for branch in rf.theoretical} == {"exact"}
    assert rf.effective.shape == (32, 32)
    assert rf.effective.dtype == np.float32
    assert not rf.effective.flags.writeable
    assert rf.position == (4, 4)
    assert rf.size["luo"] <= rf.theoretical[1].size
    assert rf.size["share_20"] <= rf.size["share_50"] <= rf.size["share_99"]
    assert set(rf.size) == {
        "luo",
        *(f"{name}_{s}" for name in ("share", "replknet") for s in (20, 30, 50, 99)),
    }


def test_the_mean_over_scales_and_pictures_is_the_mean_of_each(tiny_model, noise_picture):
    scales, unit = (1.0, 1.5), tiny_model.units[1]
    rf = receptive_field(
        tiny_model, unit.name, [noise_picture, noise_picture], "free", scales=scales
    )
    shown = stimuli(noise_picture, scales, "zoom", tiny_model.preprocessing)
    arrays = np.stack([normalise(s.rgb, tiny_model.preprocessing) for s in shown])
    maps = FieldProbe(tiny_model, (unit,), "free", (0.5, 0.5)).maps(torch.from_numpy(arrays))[
        unit.name
    ]
    assert rf.effective == pytest.approx(maps.absolute.mean(axis=0), rel=1e-4)


def test_with_the_gate_every_pixel_counts(tiny_model, noise_picture):
    held, free = (
        receptive_field(tiny_model, "SK_2_1", noise_picture, gate) for gate in ("held", "free")
    )
    assert (held.effective > 0).sum() <= held.theoretical[1].size ** 2
    assert (free.effective > 0).mean() > 0.95
    assert free.size["share_99"] >= held.size["share_99"]


def test_without_a_picture_it_is_measured_on_noise_and_says_so(tiny_model):
    one, two, other = (receptive_field(tiny_model, "SK_3_1", seed=s) for s in (0, 0, 1))
    assert np.array_equal(one.effective, two.effective)
    assert not np.array_equal(one.effective, other.effective)
    assert one.record["seed"] == 0
    assert one.record["picture"] == "noise 0, seed 0"
    assert len(one.record["pictures"]) == 4
    assert any("noise" in note for note in one.record["notes"])


def test_the_record_makes_it_again(tiny_model, noise_picture):
    rf = receptive_field(
        tiny_model, "SK_2_1", noise_picture, "free", place=(0.2, 0.7), scales=(1.0, 2.0)
    )
    record = rf.record
    again = receptive_field(
        tiny_model,
        record["unit"],
        noise_picture,
        record["gate"],
        place=tuple(record["place"]),
        scales=record["scales"],
        protocol=record["protocol"],
        point=tuple(record["point"]),
    )
    assert np.array_equal(rf.effective, again.effective)
    assert record["picture_sha256"] == noise_picture.sha256
    assert record["seed"] is None
    assert record["model_kind"] == "untrained"


def test_json_has_no_nan(tiny_model, make_model, noise_picture):
    rf = receptive_field(tiny_model, "SK_2_1", noise_picture)
    plain = json.loads(json.dumps(rf.to_json(), allow_nan=False))
    assert plain["size"]["luo"] == rf.size["luo"]
    assert plain["theoretical"][1]["size"] == rf.theoretical[1].size
    dead = make_model()
    torch.nn.init.constant_(dead.network.stem[1].bias, -1e6)
    silent = receptive_field(dead, "SK_2_1", noise_picture)
    assert json.loads(json.dumps(silent.to_json(), allow_nan=False))["size"]["luo"] is None


def test_resolution_shows_a_larger_map(tiny_model, noise_picture):
    rf = receptive_field(tiny_model, "SK_2_1", noise_picture, scales=(2.0,), protocol="resolution")
    assert rf.effective.shape == (64, 64)
    assert rf.position == (16, 16)
    with pytest.raises(ScaleError, match="several resolutions"):
        receptive_field(
            tiny_model, "SK_2_1", noise_picture, scales=(1.0, 2.0), protocol="resolution"
        )


def test_progress_counts_every_stimulus_and_can_stop(tiny_model, noise_picture):
    seen = []
    receptive_field(
        tiny_model,
        "SK_2_1",
        noise_picture,
        scales=(1.0, 2.0),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


def test_bad_input_is_one_sentence(tiny_model, noise_picture):
    with pytest.raises(ModelError, match="no unit 'SK_9_9': choose one of SK_2_1, SK_3_1"):
        receptive_field(tiny_model, "SK_9_9", noise_picture)
    with pytest.raises(ModelError, match="'held' or 'free'"):
        receptive_field(tiny_model, "SK_2_1", noise_picture, "open")
    with pytest.raises(ScaleError):
        receptive_field(tiny_model, "SK_2_1", noise_picture, place=(0.5, 1.2))
    with pytest.raises(ScaleError):
        receptive_field(tiny_model, "SK_2_1", noise_picture, scales=())
    with pytest.raises(ScaleError, match="at least one"):
        receptive_field(tiny_model, "SK_2_1", [])
    with pytest.raises(PictureError):
        receptive_field(tiny_model, "SK_2_1", noise_picture, protocol="object")
