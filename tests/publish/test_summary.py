from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import sk_viz
from sk_viz.pictures import Picture
from sk_viz.publish.summary import html, text

ROOT = Path(sk_viz.__file__).parent.parent


@pytest.fixture(scope="module")
def results(figure_model):
    model = sk_viz.load_model(figure_model, "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    picture = Picture(pixels, "cd" * 32, "<script>alert(1)</script>.png", "PNG")
    unit = model.units[-1].name
    return {
        "sweep": sk_viz.sweep(model, picture, (1.0, 1.5)),
        "attribution": sk_viz.attribute(model, picture, "saliency", unit),
        "field": sk_viz.receptive_field(model, unit, picture),
        "effect": sk_viz.intervene(model, picture, {unit: "largest"}),
    }


KINDS = ("sweep", "attribution", "field", "effect")


def _parsed(result):
    """As XML, which a front end that cleans HTML understands too."""
    made = re.sub(r"<img([^>]*)>", r"<img\1/>", result._repr_html_()).replace("<br>", "<br/>")
    return ElementTree.fromstring(made)


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_gets_one_element_without_script_or_request(results, kind):
    made = results[kind]._repr_html_()
    root = _parsed(results[kind])
    assert root.tag == "div"
    assert not {element.tag for element in root.iter()} & {"script", "link", "iframe", "style"}
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("src", "href"):
                assert value.startswith("data:image/")
    assert len(made) < 150_000


@pytest.mark.parametrize("kind", KINDS)
def test_it_shows_the_record_and_says_that_weights_are_random(results, kind):
    result = replace(results[kind], record={**results[kind].record, "model_note": "Random & <b>"})
    root = _parsed(result)
    record = next(element.text for element in root.iter("pre"))
    assert json.loads(record) == result.record
    assert "Random & <b>" in unescape(" ".join(root.itertext()))
    assert "Random & <b>" in " ".join(text(result).split())


def test_a_sweep_shows_its_differences(results):
    sweep = results["sweep"]
    cells = [cell.text for cell in _parsed(sweep).iter("td")]
    for value in sweep.differences["difference"]:
        assert f"{value:.4g}" in cells
        assert f"{value:.4g}" in text(sweep)


@pytest.mark.parametrize("kind", ["sweep", "attribution", "field"])
def test_its_picture_is_one_and_is_described(results, kind):
    (image,) = _parsed(results[kind]).iter("img")
    data = base64.b64decode(image.get("src").split(",")[1])
    with Image.open(io.BytesIO(data)) as opened:
        assert np.asarray(opened.convert("L")).std() > 5  # not empty
    assert len(image.get("alt")) > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_terminal_gets_text_that_fits(results, kind, capsys):
    results[kind].show()
    shown = capsys.readouterr().out
    assert shown.startswith(text(results[kind]).splitlines()[0])
    assert max(len(line) for line in shown.splitlines()) <= 100


def test_a_kernel_gets_html(results, monkeypatch):
    displayed = []
    ipython = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=object()),
        display=SimpleNamespace(display=displayed.append),
    )
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    results["effect"].show()
    assert displayed == [results["effect"]]


def test_marimo_gets_html(results, monkeypatch):
    displayed = []
    marimo = SimpleNamespace(
        running_in_notebook=lambda: True,
        output=SimpleNamespace(append=displayed.append),
        Html=lambda made: made,
    )
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    results["effect"].show()
    assert displayed == [html(results["effect"])]


def test_measuring_imports_nothing_that_draws():
    code = (
        "import sys, sk_viz.measures.sweep.run, sk_viz.measures.result\n"
        "print([m for m in ('matplotlib', 'plotly', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
