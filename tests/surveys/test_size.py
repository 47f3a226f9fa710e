"""Surveys with controls: the same numbers as for single pictures, their nulls and the verdict."""

from __future__ import annotations

import numpy as np
import pytest

import sk_viz
from sk_viz import ScaleError
from sk_viz.cli import run as run_command
from sk_viz.datasets.opening import open_dataset
from sk_viz.measures.size.nulls import nulls
from sk_viz.publish.make import make_figure
from sk_viz.publish.report import make_report
from sk_viz.surveys import run_survey
from sk_viz.surveys.results import SurveyResults
from sk_viz.surveys.size import SETTLING, settled, with_partners

PROTOCOLS = ("zoom", "blur", "tile", "window")
SCALES = (1.0, 2.0)


@pytest.fixture(scope="module")
def survey(tmp_path_factory, model_folder, write_table):
    folder = tmp_path_factory.mktemp("size")
    source = write_table(folder / "pictures.parquet", range(24))
    run_survey(str(model_folder), source, folder / "out", SCALES, PROTOCOLS, device="cpu")
    return folder / "out"


@pytest.fixture(scope="module")
def report(survey):
    return make_report(survey)


def test_each_control_brings_what_it_is_compared_with():
    assert with_partners(("zoom", "blur")) == ("zoom", "blur")
    assert set(with_partners(PROTOCOLS)) == {
        *PROTOCOLS,
        "centre",
        "base+blur",
        "tile+blur",
        "centre+blur",
    }


def test_a_survey_finds_the_sizes_that_single_pictures_have(survey, report, model_folder):
    model = sk_viz.load_model(str(model_folder), "cpu")
    dataset = open_dataset(survey.parent / "pictures.parquet")
    pictures = [
        sk_viz.read_picture(entry.data, entry.about.name)
        for entry in dataset.entries(about.ref for about in dataset.abouts())
    ]
    effects = [sk_viz.size_effect(model, picture).table for picture in pictures]
    for control in SETTLING:
        for unit in ("SK_2_1", "SK_3_1"):
            sizes = [
                float(t.loc[(t["unit"] == unit) & (t["control"] == control), "size"].iloc[0])
                for t in effects
            ]
            (row,) = [
                r for r in report.data["size"] if (r["control"], r["unit"]) == (control, unit)
            ]
            assert row["n"] == 24
            assert row["change"] == pytest.approx(np.mean(sizes), abs=1e-5)
            assert row["d"] == pytest.approx(np.mean(sizes) / np.std(sizes, ddof=1), abs=2e-3)


def test_the_null_of_every_control_stands_beside_it(report, model_folder):
    model = sk_viz.load_model(str(model_folder), "cpu")
    measured = nulls(model, 2.0, SETTLING)
    for row in report.data["size"]:
        place = [unit.name for unit in model.units].index(row["unit"])
        assert row["null_mean"] == pytest.approx(measured[row["control"]].mean[place], abs=1e-6)
        assert row["null_n"] == measured[row["control"]].n


def test_the_verdict_needs_every_control_beyond_its_null(survey):
    results = SurveyResults.open(survey)

    def verdict(*changes, null=0.0, p=0.001):
        rows = [
            {
                "unit": "SK_2_1",
                "scale": 2.0,
                "control": control,
                "change": change,
                "interval": [change - 0.01, change + 0.01],
                "p_holm": p,
                "null_mean": null,
                "null_sd": 0.01,
                "null_n": 16,
            }
            for control, change in zip(SETTLING, changes, strict=True)
        ]
        (row,) = settled(results, rows)
        assert row["agree"] == (row["direction"] != "none")
        return row["direction"]

    assert verdict(0.1, 0.1, 0.1) == "larger"
    assert verdict(-0.1, -0.1, -0.1) == "smaller"
    assert verdict(0.1, -0.1, 0.1) == "none"
    assert verdict(0.1, 0.1, 0.1, p=0.06) == "none"
    assert verdict(0.1, 0.1, 0.1, null=0.1) == "none"


def test_the_report_says_what_is_settled(survey, report):
    assert len(report.data["settled"]) == 2
    page = (survey / "report.html").read_text()
    assert "What of the zoom is size" in page
    assert "settled" in page


def test_a_few_pictures_come_with_a_warning(tmp_path, model_folder, class_folders):
    run_survey(str(model_folder), class_folders, tmp_path / "out", device="cpu")
    (warning,) = make_report(tmp_path / "out").data["warnings"]
    assert "fewer than 20" in warning


def test_the_size_command_and_figure_take_a_survey(survey, tmp_path, capsys):
    assert run_command(["size", str(survey), "--json"]) == 0
    assert '"settled"' in capsys.readouterr().out
    assert run_command(["size", str(survey)]) == 0
    assert "Settled" in capsys.readouterr().out
    made = make_figure("size", survey, tmp_path / "size.svg")
    assert len(made.table.read_text().splitlines()) == 1 + 3 * 2


def test_without_controls_there_is_no_figure(tmp_path, model_folder, class_folders):
    run_survey(str(model_folder), class_folders, tmp_path / "out", device="cpu")
    with pytest.raises(ScaleError, match="zoom,blur,tile,window"):
        make_figure("size", tmp_path / "out", tmp_path / "size.svg")
    assert run_command(["size", str(tmp_path / "out")]) == 2
