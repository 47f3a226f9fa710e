"""The report against numbers computed another way, and its page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from sk_viz.errors import PictureError
from sk_viz.measures.statistics import holm, paired_effect
from sk_viz.publish.report import make_report
from sk_viz.surveys import run as survey_module
from sk_viz.surveys import run_survey
from sk_viz.surveys.results import SurveyResults
from sk_viz.surveys.store import Store


@pytest.fixture(scope="module")
def report_survey(tmp_path_factory, model_folder, write_table):
    folder = tmp_path_factory.mktemp("report")
    source = write_table(folder / "pictures.parquet", range(60))
    run_survey(str(model_folder), source, folder / "out", device="cpu")
    return folder / "out"


@pytest.fixture(scope="module")
def report(report_survey):
    return make_report(report_survey)


@pytest.fixture(scope="module")
def wide(report_survey):
    """One row a picture, straight from the files."""
    rows = Store(report_survey).table().to_pandas()
    rows["at"] = rows["protocol"] + rows["scale"].astype(str)
    about = rows.drop_duplicates("position").set_index("position")[["label", "box_area"]]
    return {
        unit: rows.pivot(index="position", columns="at", values=f"difference.{unit}").join(about)
        for unit in ("SK_2_1", "SK_3_1")
    }


def _row(rows, **where):
    (found,) = [r for r in rows if all(r[k] == v for k, v in where.items())]
    return found


@pytest.mark.parametrize("unit", ["SK_2_1", "SK_3_1"])
@pytest.mark.parametrize("protocol", ["zoom", "blur"])
@pytest.mark.parametrize("scale", [1.5, 2.0])
def test_changes_are_paired_by_picture(report, wide, unit, protocol, scale):
    table = wide[unit].astype({f"{protocol}1.0": float, f"{protocol}{scale}": float})
    change = table[f"{protocol}{scale}"] - table[f"{protocol}1.0"]
    row = _row(report.data["changes"], unit=unit, protocol=protocol, scale=scale)
    assert row["n"] == 60
    assert row["change"] == pytest.approx(change.mean())
    assert row["d"] == pytest.approx(change.mean() / change.std())
    assert row["rising"] == pytest.approx((change > 0).mean())
    by_class = change.groupby(table["label"]).mean()
    assert row["classes"] == 3
    assert row["classes_rising"] == pytest.approx((by_class > 0).mean())
    low, high = row["interval"]
    assert low < row["change"] < high
    alone = paired_effect(change.to_numpy(), table["label"].to_numpy())
    assert (low, high) == pytest.approx(tuple(alone.mean_interval))
    assert row["groups"] == 3
    assert row["p"] == pytest.approx(float(alone.p))


@pytest.mark.parametrize("scale", [1.5, 2.0])
def test_the_control_is_taken_from_the_same_pictures(report, wide, scale):
    table = wide["SK_2_1"]
    left = table[f"zoom{scale}"].astype(float) - table[f"blur{scale}"].astype(float)
    row = _row(report.data["controlled"], unit="SK_2_1", scale=scale)
    assert row["change"] == pytest.approx(left.mean())
    assert row["d"] == pytest.approx(left.mean() / left.std())


def test_box_correlation_is_that_of_ranks(report, wide):
    table = wide["SK_3_1"].dropna(subset="box_area")
    row = _row(report.data["box"], unit="SK_3_1", of="difference")
    assert row["n"] == len(table) == 40
    expected = table["box_area"].rank().corr(table["zoom1.0"].rank())
    assert row["rho"] == pytest.approx(expected)
    assert row["interval"][0] < row["rho"] < row["interval"][1]


def test_holm_is_over_every_test_of_the_report(report):
    rows = [*report.data["changes"], *report.data["controlled"], *report.data["box"]]
    assert len(rows) == report.data["tests"] == 8 + 4 + 10
    expected = holm(np.array([row["p"] for row in rows], float))
    np.testing.assert_allclose([row["p_holm"] for row in rows], expected)


def test_means_and_accuracy(report, report_survey):
    rows = Store(report_survey).table().to_pandas()
    zoomed = rows[(rows["protocol"] == "zoom") & (rows["scale"] == 2.0)]
    row = _row(report.data["means"], unit="SK_3_1", protocol="zoom", scale=2.0)
    values = zoomed["difference.SK_3_1"].astype(float)
    assert (row["mean"], row["sd"]) == pytest.approx((values.mean(), values.std()))
    said = _row(report.data["accuracy"], protocol="zoom", scale=2.0)
    right = zoomed["top_index"].str[0] == zoomed["class_index"]
    assert said["top1"] == pytest.approx(right.mean())
    assert said["top5"] == 1  # of three classes
    assert said["label_probability"] == pytest.approx(zoomed["label_probability"].mean())


def test_per_class_changes(report, wide):
    table = wide["SK_2_1"]
    change = (table["zoom1.5"].astype(float) - table["zoom1.0"].astype(float)).groupby(
        table["label"]
    )
    for row in report.data["classes"]:
        assert row["n"] == 20
        found = row["changes"]["zoom 1.5"]["SK_2_1"]
        assert found == pytest.approx(change.mean()[row["label"]])


def test_files_are_whole_and_repeatable(report, report_survey):
    kept = (report_survey / "report.json").read_bytes()
    page = (report_survey / "report.html").read_bytes()
    assert json.loads(kept) == report.data
    make_report(report_survey)
    assert (report_survey / "report.json").read_bytes() == kept
    assert (report_survey / "report.html").read_bytes() == page


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v]


def test_the_page_needs_nothing_else(report_survey, report):
    page = _Page()
    page.feed((report_survey / "report.html").read_text())
    assert page.tags.count("svg") == 4
    assert "script" not in page.tags
    assert all(link.startswith(("#", "data:")) for link in page.links)


def test_names_of_files_are_text_on_the_page(tmp_path, model_folder, encoded_picture):
    root = tmp_path / "pictures"
    for n in range(3):
        (root / "<b>bold</b>").mkdir(parents=True, exist_ok=True)
        (root / "<b>bold").mkdir(parents=True, exist_ok=True)
        (root / "<b>bold" / f"{n}.png").write_bytes(encoded_picture(n))
    (root / "<b>bold" / "<script>alert(1)<.png").write_bytes(b"no picture")
    run_survey(str(model_folder), root, tmp_path / "out", device="cpu")
    report = make_report(tmp_path / "out")
    assert report.data["unreadable_count"] == 1
    page = _Page()
    page.feed((tmp_path / "out" / "report.html").read_text())
    assert "script" not in page.tags
    assert "b" not in page.tags


def test_an_unfinished_survey_says_so(tmp_path, model_folder, class_folders, monkeypatch):
    monkeypatch.setattr(survey_module, "PART_SIZE", 5)
    run_survey(str(model_folder), class_folders, tmp_path / "out", device="cpu")
    (tmp_path / "out" / "part-000001.parquet").unlink()
    report = make_report(tmp_path / "out")
    assert (report.data["measured"], report.data["pictures"]) == (8, 13)
    assert "not finished" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("scales", "protocols"),
    [((1.0,), ("blur",)), ((1.0, 3.0), ("resolution",))],
)
def test_other_surveys_can_be_reported(tmp_path, model_folder, class_folders, scales, protocols):
    run_survey(str(model_folder), class_folders, tmp_path / "out", scales, protocols, device="cpu")
    data = make_report(tmp_path / "out").data
    assert len(data["changes"]) == (2 if len(scales) > 1 and 1.0 in scales else 0)
    assert data["controlled"] == []
    assert len(data["means"]) == 2 * len(scales)


def test_a_folder_without_a_survey_is_one_sentence(tmp_path):
    with pytest.raises(PictureError, match="holds no survey"):
        make_report(tmp_path)


def test_unreadable_and_readable_are_told_apart(tmp_path, model_folder, class_folders):
    run_survey(str(model_folder), class_folders, tmp_path / "out", limit=13, device="cpu")
    results = SurveyResults.open(tmp_path / "out")
    assert len(results.pictures) == 12
    assert list(results.unreadable["name"]) == ["noise/broken.jpg"]
    for unit in results.units:
        assert results.differences(unit).shape == (12, 6)
        assert np.isfinite(results.differences(unit)).all()
    assert isinstance(results.pictures, pd.DataFrame)
