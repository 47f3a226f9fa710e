"""Surveys: the numbers, going on after a kill, refusing another command, and stopping."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import sk_viz
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.surveys import run as survey_module
from sk_viz.surveys import run_survey
from sk_viz.surveys.store import Store


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(survey_module, "PART_SIZE", 5)


def test_a_survey_has_the_numbers_of_a_sweep(tmp_path, model_folder, class_folders):
    run_survey(str(model_folder), class_folders, tmp_path / "out", channels=True, device="cpu")
    rows = Store(tmp_path / "out").table().to_pandas()
    model = sk_viz.load_model(model_folder, "cpu")
    picture = sk_viz.read_picture(class_folders / "square" / "2.png")
    of_picture = rows[rows["sha256"] == picture.sha256].set_index(["protocol", "scale"])
    assert len(of_picture) == 6
    for protocol in ("zoom", "blur"):
        sweep = sk_viz.sweep(model, picture, (1.0, 1.5, 2.0), protocol)
        for (scale, unit), difference in sweep.differences.set_index(["scale", "unit"])[
            "difference"
        ].items():
            row = of_picture.loc[(protocol, scale)]
            assert row[f"difference.{unit}"] == pytest.approx(difference, abs=1e-6)
            assert row[f"weight.{unit}"] == pytest.approx((difference + 1) / 2, abs=1e-6)
            one = sweep.unit_weights(unit)[sweep.scales.index(scale), -1]
            np.testing.assert_allclose(row[f"channels.{unit}"], one, atol=1e-6)
        for scale, top in sweep.predictions.groupby("scale"):
            row = of_picture.loc[(protocol, scale)]
            assert list(row["top_index"]) == list(top["label"])
            np.testing.assert_allclose(row["top_probability"], top["probability"], atol=1e-6)
            label = sweep.probability(model.classes.index("square"))[sweep.scales.index(scale)]
            assert row["label_probability"] == pytest.approx(label, abs=1e-6)


def test_sums_of_channels_are_those_of_the_rows(tmp_path, model_folder, class_folders, small_parts):
    run_survey(str(model_folder), class_folders, tmp_path / "out", channels=True, device="cpu")
    store = Store(tmp_path / "out")
    rows = store.table().to_pandas().dropna(subset="protocol")
    sums = store.channels().set_index(["protocol", "scale", "unit"])
    for (protocol, scale), group in rows.groupby(["protocol", "scale"]):
        values = np.stack(group["channels.SK_3_1"].tolist()).astype(np.float64)
        found = sums.loc[(protocol, scale, "SK_3_1")].sort_values("channel")
        np.testing.assert_allclose(found["total"], values.sum(axis=0))
        np.testing.assert_allclose(found["squares"], (values**2).sum(axis=0))
        assert set(found["count"]) == {12}


def test_unreadable_pictures_are_listed_and_stop_nothing(tmp_path, model_folder, class_folders):
    told = []
    out = tmp_path / "out"
    run_survey(str(model_folder), class_folders, out, progress=told.append, device="cpu")
    rows = Store(out).table().to_pandas()
    broken = rows[rows["error"].notna()]
    assert list(broken["name"]) == ["noise/broken.jpg"]
    assert "JPEG" in broken["error"].iloc[0]
    assert rows["position"].nunique() == 13
    assert len(rows) == 12 * 6 + 1
    assert (told[-1].done, told[-1].total, told[-1].unreadable) == (13, 13, 1)
    assert told[-1].seconds_left == 0
    assert told[-1].rate > 0


def test_box_areas_and_numbered_labels(tmp_path, model_folder, write_table, write_labels):
    source = write_table(tmp_path / "pictures.parquet", range(9))
    run_survey(str(model_folder), source, tmp_path / "out", (1.0,), ("zoom",), device="cpu")
    rows = Store(tmp_path / "out").table().to_pandas()
    assert list(rows["class_index"]) == [n % 3 for n in range(9)]
    assert np.isnan(rows["box_area"][0])
    assert rows["box_area"][1] == pytest.approx(24 * 12 / (48 * 49))
    write_labels(tmp_path)
    run_survey(str(model_folder), source, tmp_path / "named", (1.0,), ("zoom",), device="cpu")
    named = Store(tmp_path / "named").table().to_pandas()
    assert list(named["class_index"]) == [2 - n % 3 for n in range(9)]
    assert named["label"][0] == "noise"


def test_every_part_has_a_whole_record(tmp_path, model_folder, class_folders):
    out = tmp_path / "out"
    run_survey(str(model_folder), class_folders, out, limit=2, device="cpu")
    promised = [
        "sk_viz",
        "model",
        "model_sha256",
        "source_sha256",
        "protocol",
        "scales",
        "point",
        "filter",
        "input_size",
        "preprocessing",
        "dtype",
        "device",
        "torch",
        "seed",
    ]
    for record in Store(out).records():
        assert set(promised) <= set(record)
        assert record["protocol"] == "zoom,blur"


def test_resolution_mixes_sizes(tmp_path, model_folder, class_folders):
    out = tmp_path / "out"
    run_survey(
        str(model_folder), class_folders, out, (1.0, 1.5, 2.0), ("resolution",), device="cpu"
    )
    rows = Store(out).table().to_pandas().dropna(subset="protocol")
    model = sk_viz.load_model(model_folder, "cpu")
    picture = sk_viz.read_picture(class_folders / "circle" / "1.png")
    sweep = sk_viz.sweep(model, picture, (1.0, 1.5, 2.0), "resolution")
    found = rows[rows["sha256"] == picture.sha256]["difference.SK_3_1"]
    np.testing.assert_allclose(found, sweep.unit_differences("SK_3_1"), atol=1e-6)


_RUN = """
import sys, torch
torch.set_num_threads(1)
from sk_viz.surveys import run, run_survey
run.PART_SIZE = 5
run_survey(sys.argv[1], sys.argv[2], sys.argv[3], channels=True, device="cpu")
"""


@pytest.mark.timeout(900)
def test_killed_at_any_moment_it_goes_on(tmp_path, model_folder, write_table):
    """Kill it twice, at other moments: the files are those of an undisturbed run."""
    write_table(tmp_path / "pictures.parquet", range(120))
    arguments = [str(model_folder), str(tmp_path / "pictures.parquet")]

    def command(out: str) -> list[str]:
        return [sys.executable, "-c", _RUN, *arguments, str(tmp_path / out)]

    subprocess.run(command("whole"), check=True)
    killed = 0
    for parts in (0, 9):
        process = subprocess.Popen(command("killed"))
        folder = tmp_path / "killed"
        while process.poll() is None:
            if len(list(folder.glob("part-*"))) >= parts and (folder / "survey.json").exists():
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.01)
        killed += process.wait() == -signal.SIGKILL
    assert killed == 2
    assert len(list(folder.glob("part-*"))) < 24
    subprocess.run(command("killed"), check=True)
    whole = {f.name: f.read_bytes() for f in (tmp_path / "whole").glob("*.*")}
    again = {f.name: f.read_bytes() for f in folder.glob("*.*")}
    assert len(whole) == 24 * 2 + 3  # parts, their channels, the list, the header and the lock
    assert again == whole
    rows = Store(folder).table().to_pandas()
    assert not rows.duplicated(["position", "protocol", "scale"]).any()
    assert rows["position"].nunique() == 120


def test_a_finished_survey_measures_nothing_again(tmp_path, model_folder, class_folders):
    out = tmp_path / "out"
    run_survey(str(model_folder), class_folders, out, device="cpu")
    before = {f: f.stat().st_mtime_ns for f in out.glob("part-*")}
    assert run_survey(str(model_folder), class_folders, out, device="cpu").measured == 0
    assert {f: f.stat().st_mtime_ns for f in out.glob("part-*")} == before


def test_another_command_on_the_same_folder_is_refused(
    tmp_path, model_folder, class_folders, random_model_folder, encoded_picture
):
    out = tmp_path / "out"
    other = str(random_model_folder(tmp_path / "other", seed=1))
    name = str(model_folder)
    run_survey(name, class_folders, out, (1.0, 2.0), limit=6, device="cpu")
    rows = Store(out).table()
    for error, arguments in [
        (ModelError, {"model": other}),
        (ScaleError, {"scales": (1.0, 1.5)}),
        (ScaleError, {"protocols": ("zoom",)}),
        (PictureError, {"limit": 7}),
        (PictureError, {"channels": True}),
    ]:
        same = {"model": name, "scales": (1.0, 2.0), "limit": 6, "device": "cpu"}
        with pytest.raises(error, match="same command"):
            run_survey(source=class_folders, out=out, **(same | arguments))
    (class_folders / "circle" / "new.png").write_bytes(encoded_picture(77))
    with pytest.raises(PictureError, match="have changed"):
        run_survey(name, class_folders, out, (1.0, 2.0), limit=6, device="cpu")
    assert Store(out).table().equals(rows)


def test_a_folder_with_other_files_is_left_alone(tmp_path, model_folder, class_folders):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(PictureError, match="other files"):
        run_survey(str(model_folder), class_folders, tmp_path, device="cpu")
    assert not (tmp_path / "survey.json").exists()


def test_two_at_once_on_one_folder_are_refused(tmp_path, model_folder, class_folders):
    out = tmp_path / "out"
    with Store(out).locked(), pytest.raises(PictureError, match="Another survey is running"):
        run_survey(str(model_folder), class_folders, out, device="cpu")


def test_stopping_from_the_progress_keeps_what_is_done(
    tmp_path, model_folder, class_folders, small_parts
):
    class StopError(Exception):
        pass

    def stop(progress):
        if progress.done >= 5:
            raise StopError

    out = tmp_path / "out"
    with pytest.raises(StopError):
        run_survey(str(model_folder), class_folders, out, progress=stop, device="cpu")
    assert Store(out).parts() == [0]
    told = []
    run_survey(str(model_folder), class_folders, out, progress=told.append, device="cpu")
    assert told[0].done == 5
    assert told[-1].done == 13


def test_what_a_killed_writer_left_is_swept_at_the_latest_when_the_survey_ends(tmp_path):
    store = Store(tmp_path)
    left = [tmp_path / f".part-00000{part}.parquet.x.tmp" for part in (0, 1)]
    left[0].write_bytes(b"PAR1")
    with store.locked():
        assert not left[0].exists()
        left[1].write_bytes(b"PAR1")
    assert not left[1].exists()


def test_a_disk_that_fails_is_one_sentence(
    tmp_path, model_folder, class_folders, small_parts, monkeypatch
):
    out = tmp_path / "out"
    real = os.fsync
    calls = []

    def full(handle):
        calls.append(handle)
        if len(calls) > 10:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PictureError, match="No space left on device"):
        run_survey(str(model_folder), class_folders, out, device="cpu")
    monkeypatch.setattr(os, "fsync", real)
    assert not list(out.glob(".*.tmp"))
    run_survey(str(model_folder), class_folders, out, device="cpu")
    assert Store(out).table().to_pandas()["position"].nunique() == 13


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (ModelError, {"engine": "cloud"}),
        (PictureError, {"limit": 0}),
        (ScaleError, {"protocols": ()}),
        (ScaleError, {"protocols": ("zoom", "zoom")}),
        (ScaleError, {"scales": (0.5, 1.0)}),
        (ScaleError, {"scales": (1.5, 2.0)}),
        (PictureError, {"source": "nowhere"}),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path, model_folder, class_folders, error, arguments):
    given = {"model": str(model_folder), "source": class_folders, "device": "cpu"} | arguments
    with pytest.raises(error) as caught:
        run_survey(out=tmp_path / "out", **given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "survey.json").exists()


def test_many_pictures_are_read_by_a_faster_engine(
    tmp_path, model_folder, class_folders, small_parts, monkeypatch
):
    """The record says so, a resumed run gives the same bytes, and each engine ends its own."""
    pytest.importorskip("openvino")
    from sk_viz.networks import engine

    name, out = str(model_folder), tmp_path / "out"

    def files(folder):
        return {file.name: file.read_bytes() for file in folder.glob("*.parquet")}

    run_survey(name, class_folders, tmp_path / "eager", device="cpu")
    monkeypatch.setattr(engine, "_MANY", 13 * 6)
    # The engine's seconds, then eager torch's: it is the faster one when a survey is begun, and
    # a survey that was begun does not ask again.
    seconds = itertools.cycle([1, 2])
    monkeypatch.setattr(engine, "_fastest", lambda _: next(seconds))
    run_survey(name, class_folders, out, device="cpu")
    seconds = itertools.cycle([2, 1])
    assert Store(tmp_path / "eager").records()[0]["engine"] == "eager"
    assert Store(out).records()[0]["engine"].startswith("openvino 20")
    eager = Store(tmp_path / "eager").table().to_pandas()
    found = Store(out).table().to_pandas()
    for column in [c for c in found if c.startswith(("difference.", "weight."))]:
        np.testing.assert_allclose(found[column], eager[column], atol=1e-5)
    for folder in (out, tmp_path / "eager"):
        whole = files(folder)
        (folder / "part-000001.parquet").unlink()
        assert run_survey(name, class_folders, folder, device="cpu").measured == 4  # one is broken
        assert files(folder) == whole
    (out / "part-000001.parquet").unlink()
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="openvino was begun there"):
        run_survey(name, class_folders, out, device="cpu")
    assert Store(out).parts() == [0, 2]


def test_a_worker_with_another_engine_stops(tmp_path, model_folder, class_folders):
    """As on a machine of a cluster that lacks what the others have."""
    from sk_viz.datasets.opening import open_dataset
    from sk_viz.surveys.plan import SurveyPlan
    from sk_viz.surveys.worker import Worker

    record = {"engine": "openvino 2025.3"}
    dataset = open_dataset(class_folders)
    plan = SurveyPlan(str(tmp_path), dataset, (("zoom", 1.0),), False, 4, 8, record)
    with pytest.raises(ModelError, match=r"reads with openvino 2025\.3, this machine with"):
        Worker(plan, sk_viz.load_model(model_folder, "cpu"), 2)
