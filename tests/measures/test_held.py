from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.held import KINDS, describe, fixed, held_weights
from sk_viz.measures.sweep.run import sweep
from sk_viz.networks.units import Unit
from sk_viz.pictures import Cutout

UNITS = (
    Unit("SK_2_1", 2, 1, (3, 5), 4, "a.softmax", False, False),
    Unit("SK_3_1", 3, 1, (3, 5, 7), 6, "b.softmax", False, False),
    Unit("SK_3_2", 3, 2, (7, 3, 5), 6, "c.softmax", False, False),
)


def test_words_find_their_branch_whatever_the_order_of_the_kernels():
    held = held_weights(UNITS, {"all": "largest"})
    assert {name: w[0, :, 0].tolist() for name, w in held.items()} == {
        "SK_2_1": [0, 1],
        "SK_3_1": [0, 0, 1],
        "SK_3_2": [1, 0, 0],
    }
    assert held_weights(UNITS, {"SK_3_2": "smallest"})["SK_3_2"][0, :, 5].tolist() == [0, 1, 0]
    equal = held_weights(UNITS, {"SK_3_1": "equal"})["SK_3_1"]
    assert torch.equal(equal, torch.full((1, 3, 6), 1 / 3))


@pytest.mark.parametrize("key", ["stage 3", "SK_3"])
def test_a_stage_means_all_its_units(key):
    assert set(held_weights(UNITS, {key: "equal"})) == {"SK_3_1", "SK_3_2"}


def test_the_narrower_key_wins_in_any_order():
    wanted = {"SK_3_1": "smallest", "all": "equal", "SK_3": "largest"}
    for order in (list(wanted), list(wanted)[::-1]):
        held = held_weights(UNITS, {key: wanted[key] for key in order})
        assert held["SK_2_1"][0, 0, 0] == 0.5
        assert held["SK_3_1"][0, :, 0].tolist() == [1, 0, 0]
        assert held["SK_3_2"][0, :, 0].tolist() == [1, 0, 0]


@given(arrays(np.float32, (2, 4), elements=st.floats(0, 1, width=32)))
def test_arrays_of_every_shape(raw):
    raw = raw + np.float32(0.01)
    weights = raw / raw.sum(axis=0)
    for given_as in (weights, weights[None], weights.tolist()):
        held = held_weights(UNITS, {"SK_2_1": given_as})["SK_2_1"]
        assert held.dtype == torch.float32
        assert torch.equal(held[0], torch.from_numpy(weights))
    one = held_weights(UNITS, {"SK_2_1": weights[:, 0]})["SK_2_1"]
    assert torch.equal(one, torch.from_numpy(weights[:, :1]).expand(2, 4)[None])


def test_a_sweeps_weights_at_a_scale_in_three_forms(tiny_model, noise_picture):
    swept = sweep(tiny_model, noise_picture, scales=(1.0, 1.5))
    rows = swept.weights[swept.weights["scale"] == 1.5]
    by_table, by_pair, by_array = (
        held_weights(tiny_model.units, choice)
        for choice in (
            {"all": rows.sample(frac=1, random_state=0)},
            {"all": (swept, 1.5)},
            {u.name: swept.unit_weights(u.name)[1] for u in tiny_model.units},
        )
    )
    for unit in tiny_model.units:
        assert torch.equal(by_table[unit.name], by_pair[unit.name])
        assert torch.equal(by_table[unit.name], by_array[unit.name])


def test_wrong_sweeps_are_told_apart(tiny_model, make_model, noise_picture):
    swept = sweep(tiny_model, noise_picture, scales=(1.0, 1.5))
    with pytest.raises(ScaleError, match=r"no scale 2: choose one of 1, 1\.5"):
        held_weights(tiny_model.units, {"all": (swept, 2.0)})
    with pytest.raises(ScaleError, match="several scales"):
        held_weights(tiny_model.units, {"all": swept.weights})
    with pytest.raises(ModelError, match="no column weight"):
        held_weights(tiny_model.units, {"all": swept.weights.drop(columns="weight")})
    other = make_model(unit_widths=(8, 16)).units
    rows = swept.weights[swept.weights["scale"] == 1.0]
    with pytest.raises(ModelError, match="24 weights of SK_3_1"):
        held_weights(other, {"SK_3_1": rows})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "Nothing to hold"),
        ({"SK_9_1": "equal"}, "no unit or stage 'SK_9_1'"),
        ({"SK_9": "equal"}, "no unit or stage 'SK_9'"),
        ({"SK_2_1": "widest"}, "no choice 'widest'"),
        ({"SK_2_1": [0.5, 0.5, 0.0]}, r"shape \(2,\) or \(2, 4\), not \(3,\)"),
        ({"SK_2_1": np.full((2, 3), 0.5)}, "shape"),
        ({"SK_2_1": ()}, "shape"),
        ({"SK_2_1": [0.5, 0.4]}, "sum to 1"),
        ({"SK_2_1": [1.5, -0.5]}, r"lie in \[0, 1\]"),
        ({"SK_2_1": [np.nan, 0.5]}, r"lie in \[0, 1\]"),
        ({"SK_2_1": [[0.5], [0.5, 0.1]]}, "no array of numbers"),
        ({"SK_2_1": object()}, "no array of numbers"),
    ],
)
def test_bad_choices_are_one_sentence(weights, message):
    with pytest.raises(ModelError, match=message):
        held_weights(UNITS, weights)


def test_kinds_sum_to_one():
    for unit in UNITS:
        for kind in KINDS:
            assert torch.allclose(fixed(unit, kind).sum(0), torch.ones(unit.channels))


def test_what_was_held_can_be_recorded(tiny_model, noise_picture):
    swept = sweep(tiny_model, noise_picture, scales=(1.0,))
    pair = describe((swept, 1.0))
    assert pair["scale"] == 1.0
    assert pair["picture_sha256"] == noise_picture.sha256
    table = describe(swept.weights)
    assert len(table["weights"]) == len(swept.weights)
    assert describe("largest") == "largest"
    assert describe(np.array([0.25, 0.75])) == [0.25, 0.75]
    json.dumps([pair, table])


def test_the_record_of_a_held_choice_tells_backgrounds_apart(tiny_model, noise_picture):
    """An object's weights depend on what it stands on, so the record must name it."""
    y, x = np.mgrid[:40, :40]
    rgba = np.full((40, 40, 4), 200, np.uint8)
    rgba[..., 3] = 255 * ((x - 20) ** 2 + (y - 20) ** 2 < 300)
    cutout = Cutout(rgba[..., :3].copy(), "ef" * 32, "disc.png", "PNG", rgba)
    kept = []
    for background in (None, (255, 255, 255), noise_picture):
        swept = sweep(tiny_model, cutout, (1.0,), "object", background=background)
        kept.append(describe((swept, 1.0)))
        assert kept[-1]["background"] == swept.record["background"]
        assert kept[-1]["base_size"] == swept.record["base_size"]
    assert kept[0] != kept[1] != kept[2]


def test_the_record_of_a_held_choice_says_what_was_held_in_that_sweep(tiny_model, noise_picture):
    free = sweep(tiny_model, noise_picture, (1.0,))
    held = sweep(tiny_model, noise_picture, (1.0,), held={"SK_2_1": "largest"})
    assert describe((free, 1.0)) != describe((held, 1.0))
