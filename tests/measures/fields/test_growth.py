from __future__ import annotations

import json

import numpy as np
import pytest

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.choice.intervention import intervene
from sk_viz.measures.fields.growth import field_growth
from sk_viz.measures.fields.receptive_field import receptive_field
from sk_viz.measures.statistics import paired_effect
from sk_viz.pictures import Picture

SCALES = (1.0, 1.5)


@pytest.fixture(scope="module")
def model(make_model):
    """One whose choice moves a lot with what it sees."""
    model = make_model(seed=2)
    for block in model.network.blocks.values():
        block.sk.select.weight.data.mul_(20)
    return model


@pytest.fixture(scope="module")
def pictures(noise_picture):
    flipped = np.ascontiguousarray(noise_picture.pixels[:, ::-1])
    return [noise_picture, Picture(flipped, "cd" * 32, "flipped.png", "PNG")]


@pytest.fixture(scope="module")
def growth(model, pictures):
    return field_growth(model, pictures, scales=SCALES)


def rows(growth, **values):
    table = growth.table
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def test_there_is_a_row_for_everything(growth, model):
    assert len(growth.table) == 2 * 2 * len(model.units) * 3
    keys = ["picture", "scale", "unit", "weights"]
    assert not growth.table.duplicated(keys).any()


def test_held_and_free_are_those_of_receptive_field(growth, model, pictures):
    for gate in ("held", "free"):
        rf = receptive_field(model, "SK_3_1", pictures[1], gate, scales=(1.5,))
        (row,) = rows(growth, picture=1, scale=1.5, unit="SK_3_1", weights=gate).itertuples()
        assert {name: getattr(row, name) for name in rf.size} == pytest.approx(rf.size)


def test_at_scale_one_the_weights_of_scale_one_are_the_live_ones(growth):
    sizes = [c for c in growth.table if c == "luo" or c[-2:].isdigit()]
    held, at_one = (
        rows(growth, scale=1.0, weights=w)[sizes].to_numpy() for w in ("held", "held at 1.0x")
    )
    assert held == pytest.approx(at_one)


def test_the_weights_of_scale_one_make_a_difference_at_another(growth, model, pictures):
    """Else the setting would be no other than held."""
    first = intervene(model, pictures[0], {"all": "largest"}, scale=1.5)
    assert np.abs(first.change).max() > 0
    parts = growth.parts("replknet_50")
    assert (parts[parts["scale"] == 1.5]["choice"] != 0).any() or (
        growth.parts("luo").query("scale == 1.5")["choice"] != 0
    ).any()


@pytest.mark.parametrize("size", ["luo", "share_50"])
def test_the_parts_sum_to_the_free_field(growth, size):
    parts = growth.parts(size)
    total = parts[["at_one", "stimulus", "choice", "gate"]].sum(axis=1).to_numpy()
    keys = ["picture", "scale", "unit"]
    free = rows(growth, weights="free").set_index(keys)[size]
    expected = free.loc[list(parts[keys].itertuples(index=False, name=None))].to_numpy()
    assert total == pytest.approx(expected)
    at_one = parts[parts["scale"] == 1.0]
    assert not at_one[["stimulus", "choice"]].to_numpy().any()


def test_effects_are_the_means_with_intervals(growth):
    parts, effects = growth.parts("luo"), growth.effects("luo")
    assert len(effects) == 2 * 2 * 3
    for row in effects.itertuples():
        same = parts[(parts["scale"] == row.scale) & (parts["unit"] == row.unit)]
        values = same[row.part].to_numpy()
        effect = paired_effect(values)
        assert row.n == 2
        assert row.mean == pytest.approx(values.mean())
        assert (row.low, row.high) == pytest.approx(tuple(effect.mean_interval), nan_ok=True)
        # A part that is the same for both pictures has no interval.
        assert row.low <= row.mean <= row.high or np.ptp(values) < 1e-6


def test_one_picture_has_no_interval(model, pictures):
    alone = field_growth(model, pictures[0], ["SK_2_1"], scales=(1.0,))
    effects = alone.effects()
    assert effects["mean"].notna().all()
    assert effects[["low", "high", "d"]].isna().all().all()
    record = json.loads(json.dumps(alone.record, allow_nan=False))
    assert record["units"] == ["SK_2_1"]
    assert record["pictures"] == [{"picture": "noise.png", "sha256": pictures[0].sha256}]


def test_progress_counts_stimuli(model, pictures):
    seen = []
    field_growth(
        model,
        pictures,
        ["SK_2_1"],
        scales=SCALES,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_bad_input_is_one_sentence(growth, model, pictures):
    with pytest.raises(ScaleError, match="add it to the scales"):
        field_growth(model, pictures, scales=(1.5, 2.0))
    with pytest.raises(ModelError, match="no unit"):
        field_growth(model, pictures, ["SK_8_1"])
    with pytest.raises(ModelError, match=r"no size 'unit': choose one of luo, share_20"):
        growth.parts("unit")
