"""One call for each figure: a result in, a figure out, with the numbers of the result."""

from __future__ import annotations

import inspect
import io
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

import sk_viz
from sk_viz.figures import paper, screen
from sk_viz.figures.paper.animation import make_animation
from sk_viz.measures.choice.intervention import which_choice_mattered
from sk_viz.networks import sknet_tiny
from sk_viz.pictures import Picture


@pytest.fixture(scope="module")
def results(figure_model):
    model = sk_viz.load_model(figure_model, "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    picture = Picture(pixels, "cd" * 32, "a.png", "PNG")
    scales = (1.0, 1.5, 2.0)
    return {
        "sweep": sk_viz.sweep(model, picture, scales),
        "control": sk_viz.sweep(model, picture, scales, protocol="blur"),
        "attribution": sk_viz.attribute(model, picture, "saliency"),
        "attributions": [sk_viz.attribute(model, picture, "saliency", scale=s) for s in scales],
        "field": sk_viz.receptive_field(model, "SK_3_1", picture),
        "effect": sk_viz.intervene(model, picture, {"all": "largest"}),
        "choices": which_choice_mattered(model, picture),
    }


def _calls(r):
    return {
        paper.sweep_map: (r["sweep"],),
        paper.sweep_channels: (r["sweep"],),
        paper.sweep_strip: (r["sweep"], r["attributions"]),
        paper.field_figure: (r["field"], r["sweep"].stimuli[0].rgb),
        screen.sweep_map: (r["sweep"],),
        screen.sweep_lines: (r["sweep"], r["control"]),
        screen.sweep_channels: (r["sweep"],),
        screen.attribution_map: (r["attribution"],),
        screen.effect_bars: (r["effect"],),
        screen.choice_map: (r["choices"],),
    }


def test_every_call_returns_a_figure_and_has_an_example(results):
    calls = _calls(results)
    public = [getattr(module, name) for module in (paper, screen) for name in module.__all__]
    assert set(public) == set(calls)
    for call, given in calls.items():
        figure = call(*given)
        assert isinstance(
            figure, Figure if call.__module__.startswith(paper.__name__) else go.Figure
        )
        assert "Example:" in inspect.getdoc(call)
        assert f"sk_viz.figures.{call.__module__.split('.')[2]}.{call.__name__}(" in call.__doc__


def test_a_screen_figure_holds_the_numbers(results):
    sweep = results["sweep"]
    maps = [trace for trace in screen.sweep_map(sweep).data if trace.type == "heatmap"]
    values = np.concatenate([np.ravel(trace.z) for trace in maps])
    expected = np.concatenate([sweep.unit_differences(unit) for unit in sweep.units])
    np.testing.assert_allclose(np.sort(values), np.sort(expected))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_screen_figure_has_the_ground_of_its_theme(results, theme):
    figure = screen.sweep_map(results["sweep"], theme=theme)
    assert figure.layout.paper_bgcolor == ("#FFFFFF" if theme == "light" else "#14181D")


def test_a_paper_figure_keeps_its_style_wherever_it_is_written(results):
    written = []
    for size in (10.0, 30.0):
        with mpl.rc_context({"font.size": size, "pdf.fonttype": 3, "svg.fonttype": "path"}):
            before = dict(mpl.rcParams)
            figure = paper.sweep_map(results["sweep"], "cvpr-column")
            buffer = io.BytesIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None})
            assert dict(mpl.rcParams) == before
        written.append(buffer.getvalue())
    assert written[0] == written[1]
    assert b"<text" in written[0]  # real text, not outlines


def test_a_paper_figure_shows_itself_in_a_notebook(results):
    with Image.open(io.BytesIO(paper.sweep_map(results["sweep"])._repr_png_())) as image:
        assert image.width > 900


def test_what_cannot_be_drawn_is_one_sentence(results, tmp_path):
    again = sk_viz.Sweep.load(results["sweep"].save(tmp_path / "a.json"))
    with pytest.raises(sk_viz.ModelError, match="save it as parquet"):
        screen.sweep_map(again)
    with pytest.raises(sk_viz.ModelError, match="has no pictures"):
        paper.sweep_strip(again)
    with pytest.raises(sk_viz.ModelError, match="one attribution for each scale"):
        paper.sweep_strip(results["sweep"], results["attributions"][:2])
    with pytest.raises(sk_viz.ModelError, match="There is no unit"):
        paper.sweep_channels(results["sweep"], "SK_9_9")
    fewer = replace(again, differences=again.differences[again.differences["scale"] < 2])
    with pytest.raises(sk_viz.ModelError, match="same scales"):
        paper.sweep_channels([results["sweep"], fewer])


def test_a_network_without_classes_is_drawn_without_them(tmp_path):
    class Features(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = sknet_tiny(classes=3).eval()
            self.network.wake()

        def forward(self, x):
            return {"features": self.network(x)}

    model = sk_viz.load_model(Features().eval(), "cpu", input_size=32)
    assert not model.predicts
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    picture = Picture(pixels, "cd" * 32, "a.png", "PNG")
    sweep = sk_viz.sweep(model, picture, (1.0, 2.0))
    assert sweep.predictions.empty
    maps = [sk_viz.attribute(model, picture, "saliency", "SK_3_1", s) for s in sweep.scales]
    paper.sweep_strip(sweep, maps).savefig(tmp_path / "strip.svg")
    make_animation(sweep, tmp_path / "film.gif")
    assert "names no classes" in sweep.to_html(tmp_path / "a.html").read_text()
    assert "likeliest" not in sweep._repr_html_()
    sweep.show()
