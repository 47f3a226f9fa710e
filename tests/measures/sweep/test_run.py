from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.choice.intervention import intervene
from sk_viz.measures.sweep.result import Sweep
from sk_viz.measures.sweep.run import sweep
from sk_viz.measures.sweep.tables import weights_table
from sk_viz.pictures import normalise, stimuli

SCALES = (1.0, 1.5, 2.0)


@pytest.fixture(scope="module")
def swept(tiny_model, noise_picture) -> Sweep:
    return sweep(tiny_model, noise_picture, scales=SCALES)


def test_tables_have_the_promised_columns(swept):
    assert list(swept.weights.columns) == [
        "scale", "unit", "stage", "block", "branch", "kernel", "channel", "weight",
    ]  # fmt: skip
    assert list(swept.differences.columns) == ["scale", "unit", "stage", "block", "difference"]
    assert list(swept.predictions.columns) == ["scale", "rank", "label", "name", "probability"]


def test_every_row_is_what_the_network_said(swept, tiny_model, noise_picture):
    """Row by row against a plain forward of each stimulus."""
    shown = stimuli(noise_picture, SCALES, "zoom", tiny_model.preprocessing)
    expected = []
    for stimulus in shown:
        x = torch.from_numpy(normalise(stimulus.rgb, tiny_model.preprocessing))[None]
        with torch.no_grad():
            _, chosen = tiny_model.network.forward_with_weights(x)
        for unit, weights in zip(tiny_model.units, chosen, strict=True):
            for branch, kernel in enumerate(unit.kernels):
                for channel in range(unit.channels):
                    expected.append(
                        (stimulus.scale, unit.name, unit.stage, unit.block, branch, kernel,
                         channel, weights[0, branch, channel].item())
                    )  # fmt: skip
    rows = [tuple(row) for row in swept.weights.itertuples(index=False)]
    assert [row[:-1] for row in rows] == [row[:-1] for row in expected]
    np.testing.assert_allclose([r[-1] for r in rows], [r[-1] for r in expected], atol=1e-6)


def test_difference_is_largest_minus_smallest_kernel(three_branch_model, noise_picture):
    swept = sweep(three_branch_model, noise_picture, scales=SCALES)
    means = swept.weights.groupby(["scale", "unit", "kernel"], observed=True)["weight"].mean()
    for row in swept.differences.itertuples():
        expected = means[row.scale, row.unit, 7] - means[row.scale, row.unit, 3]
        assert row.difference == pytest.approx(expected, abs=1e-6)


def test_two_branches_give_twice_the_mean_minus_one(swept):
    larger = swept.weights[swept.weights["branch"] == 1]
    means = larger.groupby(["scale", "unit"], observed=True)["weight"].mean()
    np.testing.assert_allclose(swept.differences["difference"], 2 * means - 1, atol=1e-6)


def test_predictions_are_the_five_likeliest(swept, tiny_model, noise_picture):
    for stimulus in swept.stimuli:
        x = torch.from_numpy(normalise(stimulus.rgb, tiny_model.preprocessing))[None]
        with torch.no_grad():
            top = tiny_model.network(x).softmax(dim=1)[0].topk(5)
        rows = swept.predictions[swept.predictions["scale"] == stimulus.scale]
        assert rows["rank"].tolist() == [1, 2, 3, 4, 5]
        assert rows["label"].tolist() == top.indices.tolist()
        assert rows["name"].tolist() == [tiny_model.classes[i] for i in top.indices]
        np.testing.assert_allclose(rows["probability"], top.values, atol=1e-6)


def test_accessors_agree_with_the_tables(swept):
    for unit in swept.units:
        weights = swept.unit_weights(unit)
        assert weights.shape[:2] == (3, 2)
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(
            (weights[:, 1] - weights[:, 0]).mean(axis=1), swept.unit_differences(unit), atol=1e-6
        )
    by_hand = swept.weights.groupby(["scale", "stage", "branch", "kernel"])["weight"].mean()
    stages = swept.stages.set_index(["scale", "stage", "branch", "kernel"])["weight"]
    pd.testing.assert_series_equal(
        stages.sort_index(), by_hand.sort_index(), check_dtype=False, rtol=1e-5
    )
    top = swept.predictions[swept.predictions["rank"] == 1]
    for place, (label, probability) in enumerate(
        zip(top["label"], top["probability"], strict=True)
    ):
        assert swept.probability(label)[place] == probability


def test_a_stage_counts_each_unit_once(noise_picture, make_model):
    model = make_model(depths=(2, 1))
    swept = sweep(model, noise_picture, scales=(1.0,))
    first, second, third = swept.differences["difference"]
    assert swept.stage_differences["difference"].tolist() == [
        pytest.approx((first + second) / 2),
        pytest.approx(third),
    ]


def test_unknown_unit_is_named(swept):
    with pytest.raises(ModelError, match=r"SK_9_9.*SK_2_1, SK_3_1"):
        swept.unit_weights("SK_9_9")


def test_resolution_feeds_each_size(tiny_model, noise_picture):
    swept = sweep(tiny_model, noise_picture, scales=(1.0, 2.0), protocol="resolution")
    assert [stimulus.rgb.shape[0] for stimulus in swept.stimuli] == [32, 64]


def test_scales_keep_their_order(tiny_model, noise_picture):
    assert sweep(tiny_model, noise_picture, scales=(2.0, 1.0)).scales == (2.0, 1.0)


def test_wrong_scale_is_one_sentence(tiny_model, noise_picture):
    with pytest.raises(ScaleError, match="too small"):
        sweep(tiny_model, noise_picture, scales=(0.5,))


def test_progress_counts_and_may_stop(tiny_model, noise_picture):
    seen: list[tuple[int, int]] = []

    class StopError(Exception):
        pass

    def stop_at_two(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        sweep(tiny_model, noise_picture, SCALES, "resolution", progress=stop_at_two)
    assert seen == [(1, 3), (2, 3)]


def test_the_record_alone_makes_the_same_numbers(tiny_model, noise_picture):
    first = sweep(tiny_model, noise_picture, SCALES, "zoom", point=(0.3, 0.7))
    record = first.record
    again = sweep(
        tiny_model,
        noise_picture,
        scales=record["scales"],
        protocol=record["protocol"],
        point=record["point"],
    )
    assert again.record == record
    pd.testing.assert_frame_equal(first.weights, again.weights, check_exact=True)


def test_the_record_says_in_which_dtype(tiny_model, noise_picture):
    with pytest.raises(ModelError, match="CUDA"):
        sweep(tiny_model, noise_picture, dtype="float16")
    assert sweep(tiny_model, noise_picture).record["dtype"] == "float32"
    asked = sweep(tiny_model, noise_picture, dtype="bfloat16").record
    assert asked["dtype"] == ("float32" if asked["notes"] else "bfloat16")


@settings(max_examples=30, deadline=None)
@given(
    shapes=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=5),
    count=st.integers(1, 4),
)
def test_table_keeps_every_weight_at_its_place(shapes, count):
    units = [
        SimpleNamespace(
            name=f"SK_2_{i}", stage=2, block=i, kernels=tuple(range(3, 3 + 2 * m, 2)), channels=c
        )
        for i, (m, c) in enumerate(shapes)
    ]
    rng = np.random.default_rng(0)
    read = [rng.random((count, m, c), dtype=np.float32) for m, c in shapes]
    scales = tuple(1.0 + i for i in range(count))
    table = weights_table(scales, units, read)
    held = Sweep(table, pd.DataFrame({"scale": scales, "unit": "SK_2_0"}), pd.DataFrame(), {})
    assert len(table) == count * sum(m * c for m, c in shapes)
    np.testing.assert_array_equal(held.unit_weights("SK_2_0"), read[0])
    for i, unit in enumerate(units):
        rows = table[(table["unit"] == unit.name) & (table["branch"] == unit.kernels.index(3))]
        np.testing.assert_array_equal(
            rows["weight"].to_numpy().reshape(count, unit.channels), read[i][:, 0]
        )


def test_a_table_of_sknet101_has_a_row_for_every_channel():
    """33 units of up to 1,024 channels over 21 scales: 683,000 rows."""
    shape = [(3, 128), (4, 256), (23, 512), (3, 1024)]
    units = [
        SimpleNamespace(name=f"SK_{s}_{b}", stage=s, block=b, kernels=(3, 5), channels=channels)
        for s, (depth, channels) in enumerate(shape, start=2)
        for b in range(1, depth + 1)
    ]
    read = [np.full((21, 2, unit.channels), 0.5, np.float32) for unit in units]
    assert len(weights_table(tuple(range(21)), units, read)) == 682_752


def test_held_weights_are_those_of_an_intervention(tiny_model, noise_picture) -> None:
    held = {"SK_2_1": "largest"}
    swept = sweep(tiny_model, noise_picture, scales=(1.0, 2.0), held=held)
    live = sweep(tiny_model, noise_picture, scales=(1.0, 2.0))
    after = intervene(tiny_model, noise_picture, held, scale=2.0).after
    found = swept.predictions[swept.predictions["scale"] == 2.0]
    np.testing.assert_allclose(found["probability"], after["probability"], rtol=1e-5)
    # The held unit is still told as it chose; the one behind it sees something else.
    np.testing.assert_array_equal(swept.unit_differences("SK_2_1"), live.unit_differences("SK_2_1"))
    assert (swept.unit_differences("SK_3_1") != live.unit_differences("SK_3_1")).all()
    assert swept.record["held"] == held
    assert "held" not in live.record
