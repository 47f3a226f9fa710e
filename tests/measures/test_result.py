from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sk_viz.errors import ModelError
from sk_viz.files import write_whole
from sk_viz.measures.attribution.attribute import Attribution, attribute
from sk_viz.measures.attribution.faithfulness import faithfulness
from sk_viz.measures.choice.intervention import intervene, which_choice_mattered
from sk_viz.measures.choice.value import value_of_choice
from sk_viz.measures.fields.growth import field_growth
from sk_viz.measures.fields.receptive_field import receptive_field
from sk_viz.measures.result import RECORD_KEY
from sk_viz.measures.sweep.result import Sweep
from sk_viz.measures.sweep.run import sweep


@pytest.fixture(scope="module")
def swept(three_branch_model, noise_picture):
    return sweep(three_branch_model, noise_picture, scales=(1.0, 1.3, 2.0))


def test_parquet_comes_back_the_same(swept, tmp_path):
    again = Sweep.load(swept.save(tmp_path / "sweep.parquet"))
    for name in ("weights", "differences", "predictions"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(swept, name), check_exact=True)
    assert again.record == swept.record
    np.testing.assert_array_equal(again.unit_weights("SK_3_1"), swept.unit_weights("SK_3_1"))


def test_parquet_is_an_ordinary_table_with_the_record_inside(swept, tmp_path):
    path = swept.save(tmp_path / "sweep.parquet")
    assert len(pd.read_parquet(path)) == len(swept.weights)
    inside = json.loads(pq.read_schema(path).metadata[b"sk_viz.sweep"])
    assert inside["record"] == swept.record


def test_json_comes_back_without_single_channels(swept, tmp_path):
    path = swept.save(tmp_path / "sweep.json")
    assert set(json.loads(path.read_text())) == {"record", "differences", "predictions"}
    again = Sweep.load(path)
    pd.testing.assert_frame_equal(again.differences, swept.differences, check_exact=True)
    pd.testing.assert_frame_equal(again.predictions, swept.predictions, check_exact=True)
    assert again.weights.empty
    assert list(again.weights.columns) == list(swept.weights.columns)
    with pytest.raises(ModelError, match="save it as parquet"):
        again.unit_weights("SK_2_1")


def test_a_loaded_probability_is_nan_where_it_was_not_kept(swept, tmp_path):
    again = Sweep.load(swept.save(tmp_path / "sweep.json"))
    for label in range(7):
        kept, whole = again.probability(label), swept.probability(label)
        known = ~np.isnan(kept)
        np.testing.assert_array_equal(kept[known], whole[known])
    kept = np.stack([again.probability(label) for label in range(7)])
    assert (~np.isnan(kept)).sum(axis=0).tolist() == [5, 5, 5]


@pytest.fixture(scope="module")
def results(three_branch_model, noise_picture):
    """One of every kind of result."""
    model = three_branch_model
    explained = attribute(model, noise_picture, "saliency", ("SK_3_1", 2))
    return {
        "sweep": sweep(model, noise_picture, (1.0, 2.0)),
        "attribution": explained,
        "faithfulness": faithfulness(model, explained),
        "receptive field": receptive_field(model, "SK_3_1", noise_picture),
        "growth": field_growth(model, noise_picture, ["SK_2_1"], (1.0, 2.0)),
        "effect": intervene(model, noise_picture, {"SK_3_1": "largest"}),
        "choices": which_choice_mattered(model, noise_picture),
        "value": value_of_choice(model, [(noise_picture, 1), (noise_picture, 2)], (1.0, 2.0)),
    }


KINDS = (
    "sweep", "attribution", "faithfulness", "receptive field", "growth", "effect", "choices",
    "value",
)  # fmt: skip


def _same(one, other):
    if isinstance(one, pd.DataFrame):
        # A name column may be categorical: what is compared is what it says, and its order.
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif is_dataclass(one):
        for field in fields(one):
            _same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, Mapping):
        assert one.keys() == other.keys()
        for key in one:
            _same(one[key], other[key])
    elif isinstance(one, tuple):
        assert isinstance(other, tuple)
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            _same(left, right)
    else:
        assert one == other or (np.isnan(one) and np.isnan(other))


@pytest.mark.parametrize("ending", [".parquet", ".json"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_result_comes_back_the_same(results, kind, ending, tmp_path):
    result = results[kind]
    again = type(result).load(result.save(tmp_path / f"result{ending}"))
    if kind == "sweep":  # says of itself what a file does not hold
        result = replace(result, stimuli=(), probabilities=None, likely_none=None)
        if ending == ".json":
            result = replace(result, weights=again.weights)
    _same(result, again)


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_result_has_its_record(results, kind, tmp_path):
    result = results[kind]
    assert json.loads(result.save(tmp_path / "r.json").read_bytes())["record"] == result.record
    metadata = pq.read_schema(result.save(tmp_path / "r.parquet")).metadata
    assert json.loads(metadata[RECORD_KEY]) == result.record
    assert {"model_sha256", "picture_sha256", "protocol", "scales", "seed"} <= set(result.record)


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_is_a_table_for_other_programs(results, kind, tmp_path):
    table = pd.read_parquet(results[kind].save(tmp_path / "r.parquet"))
    rows = pd.read_csv(results[kind].save(tmp_path / "r.csv"))
    assert list(rows.columns) == list(table.columns)
    assert len(rows) == len(table) > 0


def test_a_map_s_table_holds_each_pixel_where_it_is(results, tmp_path):
    explained = results["attribution"]
    table = pd.read_parquet(explained.save(tmp_path / "map.parquet"))
    for row, column in ((0, 0), (3, 7), (31, 31)):
        here = table[(table["row"] == row) & (table["column"] == column)]
        assert here["value"].item() == explained.heatmap[row, column]


def test_a_file_of_another_kind_of_result_is_refused(results, tmp_path):
    for ending in (".parquet", ".json"):
        path = results["effect"].save(tmp_path / f"effect{ending}")
        with pytest.raises(ModelError, match=f"'effect{ending}' is not an attribution: give"):
            Attribution.load(path)


def test_csv_is_read_without_a_word(swept, tmp_path):
    table = pd.read_csv(swept.save(tmp_path / "sweep.csv"))
    assert list(table.columns) == list(swept.weights.columns)
    np.testing.assert_allclose(table["weight"], swept.weights["weight"], rtol=1e-6)


def test_another_ending_is_refused(swept, tmp_path):
    with pytest.raises(ModelError, match=r"'sweep.xlsx' must end with .parquet, .json, .csv"):
        swept.save(tmp_path / "sweep.xlsx")


@pytest.mark.parametrize("name", ["no.parquet", "no.json"])
def test_a_missing_file_is_one_sentence(tmp_path, name):
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        Sweep.load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{}"), ("a.json", b"[1]"), ("a.json", b"\xff"), ("a.parquet", b"nothing")],
)
def test_another_file_is_not_a_sweep(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match="is not a sweep"):
        Sweep.load(tmp_path / name)


def test_a_parquet_of_another_program_is_not_a_sweep(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ModelError, match="is not a sweep"):
        Sweep.load(tmp_path / "a.parquet")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    path.write_bytes(b"old")

    def full_disk(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full_disk)
    with pytest.raises(ModelError, match="cannot be written: No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


def test_a_folder_that_is_not_there_is_one_sentence(swept, tmp_path):
    with pytest.raises(ModelError, match="cannot be written: No such file"):
        swept.save(tmp_path / "nowhere" / "sweep.json")
