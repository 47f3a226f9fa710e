from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sk_viz.errors import ModelError
from sk_viz.measures.sweep.files import load, save, write_whole
from sk_viz.measures.sweep.run import sweep


@pytest.fixture(scope="module")
def swept(three_branch_model, noise_picture):
    return sweep(three_branch_model, noise_picture, scales=(1.0, 1.3, 2.0))


def test_parquet_comes_back_the_same(swept, tmp_path):
    again = load(save(swept, tmp_path / "sweep.parquet"))
    for name in ("weights", "differences", "predictions"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(swept, name), check_exact=True)
    assert again.record == swept.record
    np.testing.assert_array_equal(again.unit_weights("SK_3_1"), swept.unit_weights("SK_3_1"))


def test_parquet_is_an_ordinary_table_with_the_record_inside(swept, tmp_path):
    path = save(swept, tmp_path / "sweep.parquet")
    assert len(pd.read_parquet(path)) == len(swept.weights)
    inside = json.loads(pq.read_schema(path).metadata[b"sk_viz.sweep"])
    assert inside["record"] == swept.record


def test_json_comes_back_without_single_channels(swept, tmp_path):
    path = save(swept, tmp_path / "sweep.json")
    assert set(json.loads(path.read_text())) == {"record", "differences", "predictions"}
    again = load(path)
    pd.testing.assert_frame_equal(again.differences, swept.differences, check_exact=True)
    pd.testing.assert_frame_equal(again.predictions, swept.predictions, check_exact=True)
    assert again.weights.empty
    assert list(again.weights.columns) == list(swept.weights.columns)
    with pytest.raises(ModelError, match="save it as parquet"):
        again.unit_weights("SK_2_1")


def test_a_loaded_probability_is_nan_where_it_was_not_kept(swept, tmp_path):
    again = load(save(swept, tmp_path / "sweep.json"))
    for label in range(7):
        kept, whole = again.probability(label), swept.probability(label)
        known = ~np.isnan(kept)
        np.testing.assert_array_equal(kept[known], whole[known])
    kept = np.stack([again.probability(label) for label in range(7)])
    assert (~np.isnan(kept)).sum(axis=0).tolist() == [5, 5, 5]


def test_csv_is_read_without_a_word(swept, tmp_path):
    table = pd.read_csv(save(swept, tmp_path / "sweep.csv"))
    assert list(table.columns) == list(swept.weights.columns)
    np.testing.assert_allclose(table["weight"], swept.weights["weight"], rtol=1e-6)


def test_another_ending_is_refused(swept, tmp_path):
    with pytest.raises(ModelError, match=r"'sweep.xlsx' must end with .parquet, .json, .csv"):
        save(swept, tmp_path / "sweep.xlsx")


@pytest.mark.parametrize("name", ["no.parquet", "no.json"])
def test_a_missing_file_is_one_sentence(tmp_path, name):
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{}"), ("a.json", b"[1]"), ("a.json", b"\xff"), ("a.parquet", b"nothing")],
)
def test_another_file_is_not_a_sweep(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match="is not a sweep"):
        load(tmp_path / name)


def test_a_parquet_of_another_program_is_not_a_sweep(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ModelError, match="is not a sweep"):
        load(tmp_path / "a.parquet")


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
        save(swept, tmp_path / "nowhere" / "sweep.json")
