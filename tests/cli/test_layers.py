from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sk_viz.cli import run
from sk_viz.figures.paper.fields import fields
from sk_viz.figures.paper.metadata import read_metadata
from sk_viz.figures.paper.style import paper_style
from sk_viz.measures.fields.many import FAMILIES, FieldTable

NET = "timm:resnet18:untrained"


def test_the_field_of_a_layer(capsys, tmp_path):
    out = tmp_path / "field.npy"
    command = f"rf --model {NET} --layer layer2.1 --input-sizes 64,96 --device cpu --json"
    assert run([*command.split(), "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["layer"] == "layer2.1"
    assert found["record"]["model"] == "timm:resnet18"
    assert found["record"]["model_kind"] == "untrained"
    # Araujo et al.: 99 pixels after the second stage of a ResNet-18.
    assert found["extent"] == {"height": 99, "width": 99, "status": "exact"}
    assert [row["input_size"] for row in found["table"]] == [64, 96]
    assert np.load(out).shape == (64, 64)


def test_it_is_told_to_people(capsys):
    assert run(f"rf --model {NET} --layer layer1 --input-sizes 48 --device cpu".split()) == 0
    told = capsys.readouterr().out
    assert "Untrained" in told
    assert "43 x 43 px (exact)" in told
    assert "noise" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (f"rf --model {NET} --layer nowhere", "There is no layer 'nowhere'"),
        (f"rf --model {NET} --layer layer1 --unit SK_2_1", "either --unit"),
        ("rf", "either --unit"),
        (f"rf --model {NET} --layer layer1 --input-sizes big", "not whole numbers"),
        ("rf --model timm:nonesuch --layer layer1", "timm has no network"),
    ],
)
def test_a_wrong_wish_is_one_line(capsys, arguments, said):
    assert run(arguments.split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line


def test_many_networks_in_one_table_and_figure(tmp_path, capsys):
    names = "resnet18,regnetx_002"
    command = f"fields --models {names} --random-weights --input-sizes 64 --device cpu --json"
    assert run([*command.split(), "--out", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out)["table"]
    assert [row["model"] for row in rows] == ["timm:resnet18", "timm:regnetx_002"]
    assert [row["layer"] for row in rows] == ["layer4", "s4"]
    assert {row["kind"] for row in rows} == {"untrained"}
    assert list(pd.read_csv(tmp_path / "fields.csv")["model"]) == [row["model"] for row in rows]
    loaded = FieldTable.load(tmp_path / "fields.parquet")
    assert loaded.table["luo"].tolist() == [row["luo"] for row in rows]
    assert "regnetx_002" in loaded._repr_html_()
    assert len(read_metadata(tmp_path / "fields.pdf")["networks"]) == 2


def test_random_weights_are_hollow():
    row = {
        "model": "timm:a",
        "kind": "pretrained",
        "weights": "given",
        "input_size": 100,
        "status": "exact",
        "height": 120,
        "luo": 20.0,
        "share_50": 10.0,
        "share_99": 90.0,
    }
    table = pd.DataFrame([row, row | {"weights": "untrained copy", "luo": 30.0}])
    with paper_style():
        axes = fields(table, "cvpr-column").axes[0]
    points = [line for line in axes.lines if len(line.get_xdata())]
    hollow = [line.get_markerfacecolor() == "none" for line in points]
    assert [float(line.get_xdata()[0]) for line in points] == [1.2, 0.1, 0.2, 0.9, 0.1, 0.3, 0.9]
    assert hollow == [False] * 4 + [True] * 3


def test_there_are_twenty_of_four_families():
    import timm

    names = [name for row in FAMILIES.values() for name in row]
    assert len(FAMILIES) == 4
    assert len(set(names)) == 20
    assert all(timm.is_model(name) for name in names)


def test_all_twenty(tmp_path, pytestconfig):
    if not pytestconfig.getoption("--long"):
        pytest.skip("runs with --long")
    command = "fields --random-weights --input-sizes 160 --device cpu"
    assert run([*command.split(), "--out", str(tmp_path)]) == 0
    table = FieldTable.load(tmp_path / "fields.parquet").table
    assert len(table) == 20
    # Convolutions and pooling alone are exact; squeeze-and-excitation and attention are not.
    assert set(table.loc[table["family"] == "ResNet", "status"]) == {"exact"}
    assert set(table.loc[table["family"] == "EfficientNet", "status"]) == {"measured support"}
