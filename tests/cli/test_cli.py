import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import sk_viz
from sk_viz.cli import run
from sk_viz.pictures import stimuli
from sk_viz.publish.maps import save_map


def test_sweep_prints_its_schema_and_nothing_else(model, picture, capsys):
    assert run(["sweep", picture, "--model", model, "--scales", "1,1.5,2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"record", "differences", "predictions"}
    assert set(printed["differences"][0]) == {"scale", "unit", "stage", "block", "difference"}
    assert set(printed["predictions"][0]) == {"scale", "rank", "label", "name", "probability"}
    assert len(printed["differences"]) == 3 * 2
    assert printed["record"]["scales"] == [1.0, 1.5, 2.0]


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_sweep_writes_what_it_is_asked_for(model, picture, tmp_path, ending):
    out = tmp_path / f"sweep.{ending}"
    assert run(["sweep", picture, "--model", model, "--scales", "1:2:3", "--out", str(out)]) == 0
    if ending == "json":
        assert len(json.loads(out.read_text())["predictions"]) == 15
    else:
        table = pd.read_parquet(out) if ending == "parquet" else pd.read_csv(out)
        assert len(table) == 3 * 2 * (8 + 16)
        sums = table.groupby(["scale", "unit", "channel"], observed=True)["weight"].sum()
        np.testing.assert_allclose(sums, 1, atol=1e-6)


def test_attribute_writes_the_map_it_prints(model, picture, tmp_path, capsys):
    out = tmp_path / "map.npy"
    words = ["attribute", picture, "--model", model, "--method", "saliency", "--target", "SK_3_1"]
    assert run([*words, "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(np.load(out), np.array(printed["heatmap"]), rtol=1e-6)
    assert "SK_3_1" in printed["explains"]
    png = tmp_path / "map.png"
    assert run([*words, "--out", str(png)]) == 0
    assert cv2.imread(str(png)).shape == (512, 512, 3)


def test_rf_prints_one_field_a_branch(model, picture, tmp_path, capsys):
    words = ["rf", picture, "--model", model, "--unit", "SK_2_1"]
    assert run([*words, "--json", "--out", str(tmp_path / "rf.png")]) == 0
    printed = json.loads(capsys.readouterr().out)
    small, large = printed["theoretical"]
    assert (small["kernel"], large["kernel"]) == (3, 5)
    assert large["size"] - small["size"] == 2 * small["stride"]
    assert run(["rf", "--model", model, "--unit", "SK_2_1"]) == 0
    assert "noise" in capsys.readouterr().out


def test_rf_zooms_to_a_point(model, picture, tmp_path, capsys):
    loaded, shown = sk_viz.load_model(model), sk_viz.read_picture(picture)

    def field(*more):
        words = ["rf", picture, "--model", model, "--unit", "SK_3_1", "--scale", "2", "--json"]
        out = tmp_path / "rf.npy"
        assert run([*words, "--out", str(out), *more]) == 0
        return np.load(out), json.loads(capsys.readouterr().out)

    at, printed = field("--point", "0.3,0.7")
    assert printed["record"]["point"] == [0.3, 0.7]
    expected = sk_viz.receptive_field(loaded, "SK_3_1", shown, scales=(2.0,), point=(0.3, 0.7))
    np.testing.assert_allclose(at, expected.effective, rtol=1e-4, atol=1e-9)
    centre, printed = field()
    assert printed["record"]["point"] == [0.5, 0.5]
    assert not np.allclose(at, centre, rtol=1e-2)
    png = tmp_path / "rf.png"
    words = ["rf", picture, "--model", model, "--unit", "SK_3_1", "--scale", "2"]
    assert run([*words, "--point", "0.3,0.7", "--out", str(png)]) == 0
    below = tmp_path / "below.png"
    (stimulus,) = stimuli(shown, (2.0,), "zoom", loaded.preprocessing, point=(0.3, 0.7))
    boxes = [branch.box(*expected.position) for branch in expected.theoretical]
    save_map(below, stimulus.rgb, expected.effective, {}, boxes)
    np.testing.assert_allclose(cv2.imread(str(png)), cv2.imread(str(below)), atol=1)


def test_intervene_prints_before_and_after(model, picture, capsys):
    words = ["intervene", picture, "--model", model, "--set", "all=largest", "--json"]
    assert run(words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"before", "after", "record"} <= set(printed)
    assert len(printed["before"]) == 5


def test_intervene_holds_what_was_chosen_elsewhere(model, picture, capsys):
    start = ["intervene", picture, "--model", model, "--json", "--set"]

    def change(choice):
        assert run([*start, choice]) == 0
        printed = json.loads(capsys.readouterr().out)
        return max(map(abs, printed["change"])), printed["record"]["held"]

    same, _ = change("all=@1")
    assert same < 1e-6
    assert change("all=@2")[0] > 1e-6
    size, held = change(f"SK_2_1={picture}@2")
    assert size > 0
    assert held["SK_2_1"]["scale"] == 2
    assert held["SK_2_1"]["picture_sha256"]
    assert change("all=0.5,0.5")[0] == pytest.approx(change("all=equal")[0], abs=1e-6)


def test_evaluate_counts_what_is_right(model, picture, tmp_path, capsys):
    for name in ("thing 1", "thing 4"):
        (tmp_path / name).mkdir()
        shutil.copy(picture, tmp_path / name / "a.png")
    (tmp_path / "unknown").mkdir()
    shutil.copy(picture, tmp_path / "unknown" / "a.png")
    assert run(["evaluate", "--model", model, "--data", str(tmp_path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["n"] == 2
    assert printed["left_out"] == 1
    assert printed["top1"] in (0, 0.5)  # one picture under two labels: at most one is right
    assert printed["top1"] <= printed["top5"] <= 1


def test_models_lists_the_paper_networks(capsys):
    assert run(["models", "--json"]) == 0
    listed = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert listed["sknet50"]["parameters"] == 27_479_784
    assert listed["sknet50"]["kind"] == "untrained"
    assert not listed["skresnet18.ra_in1k"]["faithful"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sweep"], "Missing argument"),
        (["nonsense"], "No such command"),
        (["sweep", "nowhere.png"], "nowhere.png"),
        (["sweep", "{picture}", "--scales", "0.5"], "1"),
        (["sweep", "{picture}", "--scales", "one"], "not a number"),
        (["sweep", "{picture}", "--protocol", "stretch"], "stretch"),
        (["sweep", "{picture}", "--point", "left"], "two numbers"),
        (["sweep", "{picture}", "--model", "resnet9000"], "resnet9000"),
        (["sweep", "{picture}", "--model", "{model}", "--device", "cuda:99"], "cuda"),
        (["sweep", "{picture}", "--model", "{model}", "--out", "a.docx"], "a.docx"),
        (["rf", "--model", "{model}", "--unit", "SK_9_9"], "SK_9_9"),
        (["rf", "--model", "{model}", "--unit", "SK_2_1", "--gate", "ajar"], "ajar"),
        (["rf", "--model", "{model}", "--unit", "SK_2_1", "--point", "left"], "two numbers"),
        (["attribute", "{picture}", "--model", "{model}", "--method", "guess"], "guess"),
        (["attribute", "{picture}", "--model", "{model}", "--target", "SK_7_7"], "SK_7_7"),
        (["intervene", "{picture}", "--model", "{model}", "--set", "SK_2_1"], "UNIT=CHOICE"),
        (["intervene", "{picture}", "--model", "{model}", "--set", "SK_2_1=odd"], "odd"),
        (["intervene", "{picture}", "--model", "{model}", "--set", "SK_2_1=1,2"], "sum to 1"),
        (["intervene", "{picture}", "--model", "{model}", "--set", "SK_2_1=@x"], "not a number"),
        (["intervene", "{picture}", "--model", "{model}", "--set", "all=@1,2"], "name one"),
        (["intervene", "{picture}", "--model", "{model}", "--set", "all=no.png@2"], "no file"),
        (["evaluate", "--model", "{model}", "--data", "nowhere"], "nowhere"),
        (["app", "--port", "99999"], "65535"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(words, said, model, picture, capsys):
    filled = [word.format(picture=picture, model=model) for word in words]
    assert run(filled) == 2
    streams = capsys.readouterr()
    assert said in streams.err
    assert len(streams.err.strip().splitlines()) == 1
    assert streams.out == ""


def test_the_command_leaves_with_its_exit_code():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "sk_viz", "sweep", "nowhere.png"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_a_picture_is_a_file_a_sample_or_standard_input(model, picture, monkeypatch, capsys):
    words = ["sweep", "--model", model, "--scales", "1,2", "--json"]

    def name_of(argument):
        assert run([*words, argument]) == 0
        return json.loads(capsys.readouterr().out)["record"]["picture"]

    monkeypatch.setenv("HOME", str(Path(picture).parent))
    assert name_of(f"~/{Path(picture).name}") == Path(picture).name
    sample = sk_viz.samples()[0]
    assert name_of(sample.id) == Path(sample.file).name
    with Path(picture).open("rb") as file:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=file))
        assert name_of("-") == "standard input"
    assert run([*words, "https://example.org/cat.jpg"]) == 2
    assert "download the picture" in capsys.readouterr().err


def test_what_shows_nothing_is_said_below_the_table(model, tmp_path, capsys):
    Image.fromarray(np.full((60, 60), 4000, np.uint16)).save(tmp_path / "xray.png")
    assert run(["sweep", str(tmp_path / "xray.png"), "--model", model, "--scales", "1,2"]) == 0
    assert "'xray.png' is all of one colour" in capsys.readouterr().out


def test_an_output_name_that_is_too_long_is_one_sentence(model, picture, tmp_path, capsys):
    words = ["sweep", picture, "--model", model, "--scales", "1,2", "--out"]
    assert run([*words, str(tmp_path / f"{'x' * 250}.csv")]) == 0
    assert run([*words, str(tmp_path / f"{'x' * 300}.csv")]) == 2
    said = capsys.readouterr().err
    assert "cannot be written: File name too long" in said
    assert len(said.splitlines()) == 1
