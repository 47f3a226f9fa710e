"""The page of a sweep: its size, what it leaves out, and where it is written."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import sk_viz
from sk_viz.cli import run
from sk_viz.pictures import Picture
from sk_viz.publish import sweep_page as module
from sk_viz.publish.sweep_page import LIMIT, sweep_page


@pytest.fixture(scope="module")
def sweep(figure_model):
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    picture = Picture(pixels, "ab" * 32, "a.png", "PNG")
    return sk_viz.sweep(sk_viz.load_model(figure_model, "cpu"), picture, (1.0, 1.5, 2.0))


def _data(page: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_it_asks_for_nothing(sweep):
    page = sweep_page(sweep)
    assert "default-src 'none'" in page
    outside = re.sub(r"http://www\.w3\.org/2000/svg", "", page)
    assert not re.search(r"https?://|//\w+\.\w+|@import|<link|fetch\(|XMLHttp|WebSocket", outside)


def test_it_carries_the_record(sweep):
    text = re.search(r"<pre>(.*?)</pre>", sweep_page(sweep), re.DOTALL)[1]
    assert json.loads(text) == sweep.record


@pytest.mark.parametrize(
    ("limit", "channels", "pictures"), [(1.0, True, True), (0.7, False, True), (0.2, False, False)]
)
def test_what_is_too_large_is_left_out_and_named(sweep, monkeypatch, limit, channels, pictures):
    """Relative to the full page: first the channels go, then the pictures."""
    wide = replace(
        sweep, stimuli=tuple(replace(s, rgb=np.tile(s.rgb, (4, 4, 1))) for s in sweep.stimuli)
    )
    full = sweep_page(wide)
    sizes = {"channels": sum(len(u["weights"]) for u in _data(full)["units"])}
    sizes["pictures"] = sum(len(p) for p in _data(full)["pictures"])
    least = len(full) - sizes["channels"] - sizes["pictures"]
    bounds = {1.0: len(full), 0.7: len(full) - sizes["channels"], 0.2: least + 2000}
    monkeypatch.setattr(module, "LIMIT", bounds[limit] + 400)
    monkeypatch.setattr(module, "_QUALITIES", (90,))
    page = sweep_page(wide)
    assert len(page.encode()) <= bounds[limit] + 400
    data = _data(page)
    assert all((unit["weights"] is not None) == channels for unit in data["units"])
    assert bool(data["pictures"]) == pictures
    assert ("weights of single channels are not on this page" in page) == (not channels)
    assert ("The pictures are not on this page" in page) == (not pictures)


def test_a_loaded_sweep_has_a_page_without_pictures(sweep, tmp_path):
    for ending, channels in ((".parquet", True), (".json", False)):
        again = sk_viz.Sweep.load(sweep.save(tmp_path / f"a{ending}"))
        page = sweep_page(again)
        data = _data(page)
        assert data["pictures"] == []
        assert "loaded from a file, which keeps no pictures" in page
        assert [u["differences"] for u in data["units"]] == [
            sweep.unit_differences(unit).tolist() for unit in sweep.units
        ]
        assert ("loaded from JSON" not in page) == channels


def test_the_largest_sweep_of_a_large_network_fits(figure_model, monkeypatch):
    """101 scales, and as many channels as sknet101 has, here as copies of a small sweep's rows."""
    import pandas as pd

    pixels = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    picture = Picture(pixels, "ab" * 32, "a.png", "PNG")
    model = sk_viz.load_model(figure_model, "cpu")
    scales = [1 + n / 50 for n in range(101)]
    sweep = sk_viz.sweep(model, picture, scales)
    stimuli = tuple(
        replace(s, rgb=np.random.default_rng(n).integers(0, 256, (224, 224, 3), np.uint8))
        for n, s in enumerate(sweep.stimuli)
    )
    unit, others = sweep.units[0], sweep.weights[sweep.weights["unit"] != sweep.units[0]]
    one = sweep.unit_weights(unit)
    wide = np.tile(one, (1, 1, 4096 // one.shape[2]))
    table = sweep.weights[sweep.weights["unit"] == unit].drop_duplicates(["scale", "branch"])
    rows = table.loc[table.index.repeat(wide.shape[2])].assign(
        channel=np.tile(np.arange(wide.shape[2]), len(table)), weight=wide.ravel()
    )
    large = replace(sweep, stimuli=stimuli, weights=pd.concat([rows, others], ignore_index=True))
    assert len(sweep_page(large).encode()) <= LIMIT


def test_the_command_writes_it(figure_model, figure_pictures, tmp_path, capsys):
    picture = next(figure_pictures.rglob("*.png"))
    words = ["sweep", str(picture), "--model", figure_model, "--scales", "1,2", "--device", "cpu"]
    assert run([*words, "--html", str(tmp_path / "a.html")]) == 0
    assert _data((tmp_path / "a.html").read_text())["scales"] == [1.0, 2.0]
    assert run([*words, "--html", str(tmp_path / "a.pdf")]) == 2
    assert "'a.pdf' must end with .html" in capsys.readouterr().err
