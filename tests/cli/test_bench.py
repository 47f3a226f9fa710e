import json

import pytest
import timm
from PIL import Image

from sk_viz.cli import run
from sk_viz.zoo import load as zoo


@pytest.fixture
def _small_models(model, monkeypatch):
    """Small networks stand for those of the benchmark: timings are not looked at here."""
    load = zoo.load_model
    monkeypatch.setattr("sk_viz.benchmarks.run.load_model", lambda _id, device: load(model, device))
    small = timm.create_model("skresnext50_32x4d", layers=(1, 1, 1, 1), num_classes=6).eval()
    monkeypatch.setattr("sk_viz.benchmarks.run._timm_like", lambda _: small)


@pytest.mark.long
@pytest.mark.usefixtures("_small_models")
def test_bench_prints_json_and_draws_its_figure(tmp_path, capsys):
    file = tmp_path / "bench.png"
    assert run(["bench", "--rounds", "2", "--json", "--device", "cpu", "--out", str(file)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["record"]["rounds"] == 2
    for group in found["groups"]:
        assert "bare" in {case["name"] for case in group["cases"]}
        for entry in (*(case["seconds"] for case in group["cases"]), *group["ratios"]):
            assert 0 < entry["low"] <= entry["median"] <= entry["high"]
    assert sum("ceilings" in group for group in found["groups"]) == 2
    with Image.open(file) as figure:
        assert json.loads(figure.info["sk_viz"])["record"] == found["record"]


@pytest.mark.long
@pytest.mark.usefixtures("_small_models")
def test_bench_prints_tables_for_people(capsys):
    assert run(["bench", "--rounds", "1"]) == 0
    text = capsys.readouterr().out
    assert "faster than by hand" in text
    assert "GFLOP/s" in text


def test_a_figure_of_another_kind_is_refused_before_anything_is_timed(capsys):
    assert run(["bench", "--out", "bench.doc"]) == 2
    assert ".pdf" in capsys.readouterr().err
