"""Each figure, from its inputs to its files, and the same again from a file."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.text
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from pypdf import PdfReader

import sk_viz
from sk_viz.cli import run
from sk_viz.cli.options import parse_point
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.figures.paper.fig3 import group_means
from sk_viz.figures.paper.metadata import KINDS, read_metadata
from sk_viz.figures.paper.style import SMALL, WIDTHS, paper_style
from sk_viz.pictures import parse_scales
from sk_viz.publish.make import NAMES, make_again, make_bundle, make_figure
from sk_viz.publish.request import FigureRequest, Measured
from sk_viz.zoo.catalogue import SPLIT_NOTE, UNTRAINED_NOTE


@pytest.fixture
def inputs_of(figure_pictures, figure_survey):
    picture = str(figure_pictures / "light & bright" / "0.png")
    survey = str(figure_survey)
    return {
        "fig3": (picture, survey),
        "fig4": (survey,),
        "size": (picture,),
        "heatmap": (survey,),
        "strip": (picture,),
        "rf": (picture,),
    }


@pytest.fixture
def make(figure_model, inputs_of):
    def make(name, out, **options):
        options = {"model": figure_model, "device": "cpu"} | options
        return make_figure(name, options.pop("inputs", inputs_of[name]), out, **options)

    return make


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_and_the_same_again_are_equal_to_the_byte(tmp_path, make, name, kind):
    made = make(name, tmp_path / f"one.{kind}")
    (tmp_path / "again").mkdir()
    second = make_again(made.figure, tmp_path / "again" / f"one.{kind}")
    for one, two in (
        (made.figure, second.figure),
        (made.table, second.table),
        (made.snippet, second.snippet),
        (made.bibliography, second.bibliography),
    ):
        assert one.read_bytes() == two.read_bytes()


def test_another_process_makes_the_same_bytes(tmp_path, make):
    made = make("fig3", tmp_path / "one.pdf")
    before = made.figure.read_bytes()
    script = "import sys; from sk_viz.publish.make import make_again; make_again(sys.argv[1])"
    # Sums over channels depend on how many threads share them, in the last digit.
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run([sys.executable, "-c", script, str(made.figure)], check=True, env=threads)
    assert made.figure.read_bytes() == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", ["cvpr-column", "cvpr-text", "eccv-text"])
def test_text_is_large_enough_and_inside(figure_model, inputs_of, name, width):
    request = FigureRequest(name, inputs_of[name], width, model=figure_model, device="cpu")
    measured = NAMES[name](request)
    with paper_style():
        figure, _ = measured.draw()
        figure.canvas.draw()
        assert figure.get_size_inches()[0] == WIDTHS[width]
        frame = figure.bbox.padded(1.5)
        hidden = [t for axes in figure.axes if not axes.axison for t in _labels(axes)]
        outside = [t for axes in figure.axes for t in _labels(axes) if not _in_view(axes, t)]
        texts = set(figure.findobj(matplotlib.text.Text)) - {*hidden, *outside}
        shown = [t for t in texts if t.get_visible() and t.get_text().strip()]
        assert len(shown) > 4
        for text in shown:
            assert text.get_fontsize() >= SMALL, text.get_text()
            box = text.get_window_extent()
            assert frame.containsx(box.x0), text.get_text()
            assert frame.containsx(box.x1), text.get_text()
            assert frame.containsy(box.y0), text.get_text()
            assert frame.containsy(box.y1), text.get_text()


def _labels(axes):
    return [*axes.get_xticklabels(), *axes.get_yticklabels()]


def _in_view(axes, label):
    """Ticks beyond the limits of an axis are kept, and not drawn."""
    x, y = label.get_position()
    low, high = sorted(axes.get_xlim() if label in axes.get_xticklabels() else axes.get_ylim())
    return low <= (x if label in axes.get_xticklabels() else y) <= high


@pytest.mark.parametrize("name", NAMES)
def test_no_labels_lie_on_each_other(figure_model, inputs_of, name):
    """Tick labels of one axis, and titles and labels of all axes, keep clear of one another."""
    request = FigureRequest(name, inputs_of[name], model=figure_model, device="cpu")
    measured = NAMES[name](request)
    with paper_style():
        figure, _ = measured.draw()
        figure.canvas.draw()
        words = []
        for axes in figure.axes:
            words += [axes.title]
            if axes.axison:
                words += [axes.xaxis.label, axes.yaxis.label]
                words += [t for t in _labels(axes) if t.get_visible() and _in_view(axes, t)]
        boxes = [w.get_window_extent() for w in words if w.get_text().strip()]
    for n, one in enumerate(boxes):
        for other in boxes[n + 1 :]:
            width = min(one.x1, other.x1) - max(one.x0, other.x0)
            height = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert width <= 1 or height <= 1


def test_svg_has_real_text_and_pdf_true_type(tmp_path, make):
    svg = make("fig3", tmp_path / "a.svg").figure.read_bytes()
    words = [e.text for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert "mean difference" in words
    assert any("5x5" in (word or "") for word in words)
    pdf = make("fig3", tmp_path / "a.pdf").figure.read_bytes()
    assert b"/FontFile2" in pdf  # TrueType, fonttype 42
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf


def test_png_has_the_dpi_asked_for(tmp_path, make):
    made = make("heatmap", tmp_path / "a.png", dpi=150)
    with Image.open(made.figure) as image:
        assert image.width == int(3.25 * 150)
        assert image.info["dpi"][0] == pytest.approx(150, abs=0.1)


def test_the_record_is_in_the_file(tmp_path, make, figure_model):
    carried = read_metadata(make("fig3", tmp_path / "a.svg").figure)
    model = sk_viz.load_model(figure_model, "cpu")
    assert [r["measure"] for r in carried["records"]] == ["sweep", "survey"]
    for record in carried["records"]:
        assert record["model_sha256"] == model.sha256
        assert record["scales"] == [1.0, 1.5, 2.0]
    words = shlex.split(carried["command"])
    assert words[:3] == ["sk-viz", "figure", "fig3"]
    assert words[words.index("--out") + 1] == "a.svg"


@pytest.mark.parametrize(
    "scales", [(1.0, 4 / 3, 5 / 3), parse_scales("1:2:4"), (1.0, 1.0000001), (1.0, 2**0.5, 10.0)]
)
def test_the_command_keeps_every_digit(tmp_path, make, inputs_of, scales):
    point = (1 / 3, 2 / 3)
    made = make("heatmap", tmp_path / "a.pdf", inputs=inputs_of["rf"], scales=scales, point=point)
    words = shlex.split(made.command)
    assert parse_scales(words[words.index("--scales") + 1]) == scales
    assert parse_point(words[words.index("--point") + 1]) == point
    assert read_metadata(made.figure)["records"][0]["scales"] == list(scales)


def test_the_printed_command_makes_the_same_bytes(tmp_path, make, inputs_of, monkeypatch):
    made = make("heatmap", tmp_path / "a.pdf", inputs=inputs_of["rf"], scales=parse_scales("1:2:4"))
    before = made.figure.read_bytes()
    made.figure.unlink()
    monkeypatch.chdir(tmp_path)
    assert run(shlex.split(made.command)[1:]) == 0
    assert made.figure.read_bytes() == before


def test_a_figure_is_measured_while_another_is_drawn(figure_model, inputs_of):
    """One visitor's figure must not wait for another's: what measures needs no lock."""
    with paper_style(), ThreadPoolExecutor(1) as pool:
        request = FigureRequest("strip", inputs_of["strip"], model=figure_model, device="cpu")
        measured = pool.submit(NAMES["strip"], request).result(60)
    with paper_style():
        assert len(measured.draw()[1])


class _StopError(Exception):
    pass


@pytest.mark.parametrize("name", ["fig3", "heatmap", "strip", "rf"])
def test_a_figure_can_be_stopped_while_it_is_measured(tmp_path, make, inputs_of, name):
    told = []

    def stop(done, total):
        told.append((done, total))
        raise _StopError

    inputs = inputs_of["strip" if name == "heatmap" else name]
    with pytest.raises(_StopError):
        make(name, tmp_path / "a.pdf", inputs=inputs, progress=stop)
    assert len(told) == 1
    assert not list(tmp_path.iterdir())
    steps = []
    make(name, tmp_path / "a.pdf", inputs=inputs, progress=lambda *step: steps.append(step))
    shares = [done / total for done, total in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_strips_table_holds_the_maps_and_its_caption_how_they_are_drawn(
    make, tmp_path, figure_model, inputs_of
):
    made = make("strip", tmp_path / "a.pdf", method="saliency")
    drawn = pd.read_csv(made.table)
    pixels = drawn[drawn["kind"] == "map"]
    model = sk_viz.load_model(figure_model, "cpu")
    picture = sk_viz.read_picture(inputs_of["strip"][0])
    for scale, rows in pixels.groupby("scale"):
        found = sk_viz.attribute(model, picture, "saliency", scale=scale).heatmap
        assert rows["row"].iloc[-1] == found.shape[0] - 1
        values = np.zeros_like(found)
        values[rows["row"].astype(int), rows["column"].astype(int)] = rows["value"]
        np.testing.assert_allclose(values, found, rtol=1e-6)
    assert len(drawn[drawn["kind"] == "prediction"]) == 15
    assert "square root" in made.snippet.read_text()


def test_the_fields_table_holds_the_map(make, tmp_path, figure_model, inputs_of):
    made = make("rf", tmp_path / "a.pdf", unit="SK_3_1")
    drawn = pd.read_csv(made.table)
    rows = drawn[drawn["kind"] == "map"]
    model = sk_viz.load_model(figure_model, "cpu")
    field = sk_viz.receptive_field(model, "SK_3_1", sk_viz.read_picture(inputs_of["rf"][0]))
    np.testing.assert_allclose(rows["value"], field.effective.ravel(), rtol=1e-6)
    assert "square root" in made.snippet.read_text()


def test_fig3_draws_the_sweep_and_the_survey(tmp_path, make, figure_model, inputs_of):
    drawn = pd.read_csv(make("fig3", tmp_path / "a.pdf").table)
    model = sk_viz.load_model(figure_model, "cpu")
    picture = sk_viz.read_picture(inputs_of["fig3"][0])
    sweep = sk_viz.sweep(model, picture, (1.0, 1.5, 2.0))
    one = drawn[(drawn["panel"] == "(a)") & (drawn["plot"] == "channels")]
    expected = [group_means(w) for w in sweep.unit_weights("SK_3_1")[:, 1].astype(float)]
    np.testing.assert_allclose(one["value"], np.concatenate(expected), atol=1e-6)
    from sk_viz.surveys.results import SurveyResults

    results = SurveyResults.open(inputs_of["fig3"][1])
    many = drawn[(drawn["panel"] == "(b)") & (drawn["plot"] == "difference")]
    for _, row in many.iterrows():
        values = results.differences(row["unit"])[:, results.column_of("zoom", row["scale"])]
        assert row["value"] == pytest.approx(values.mean())
        assert row["sd"] == pytest.approx(values.std(ddof=1))


def test_fig4_draws_the_means_of_the_classes(tmp_path, make, inputs_of):
    from sk_viz.surveys.results import SurveyResults

    drawn = pd.read_csv(make("fig4", tmp_path / "a.pdf").table)
    results = SurveyResults.open(inputs_of["fig4"][0])
    labels = results.pictures["label"].to_numpy()
    assert list(drawn["label"].unique()) == [c for c in results.classes if c in set(labels)]
    for _, row in drawn.iterrows():
        values = results.differences(row["unit"])[:, results.column_of("zoom", row["scale"])]
        assert row["difference"] == pytest.approx(values[labels == row["label"]].mean())
        assert row["n"] == 6


def test_a_changed_picture_is_not_drawn_as_the_old_one(tmp_path, make, inputs_of):
    picture = tmp_path / "mine.png"
    picture.write_bytes(Path(inputs_of["rf"][0]).read_bytes())
    made = make("rf", tmp_path / "a.pdf", inputs=(str(picture),))
    before = made.figure.read_bytes()
    Image.new("RGB", (60, 60), "red").save(picture)
    with pytest.raises(PictureError, match="not what it was"):
        make_again(made.figure)
    assert made.figure.read_bytes() == before


def test_latex_snippet_and_bibliography(tmp_path, make):
    made = make("strip", tmp_path / "my strip.pdf", width="cvpr-text")
    text = made.snippet.read_text()
    assert "\\begin{figure*}" in text
    assert "\\includegraphics{my strip.pdf}" in text
    body = re.sub(r"^%.*$", "", text, flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)[&%#_]", body)
    cited = re.findall(r"\\cite\{(\w+)\}", text)
    bibliography = made.bibliography.read_text()
    assert cited
    assert all(f"{{{key}," in bibliography for key in cited)


@pytest.mark.parametrize(
    ("kind", "note", "said"),
    [
        ("bundled", "Trained here.", False),
        ("untrained", UNTRAINED_NOTE, True),
        ("checkpoint", f"Weights from a.pth. {SPLIT_NOTE}", True),
    ],
)
def test_a_caption_says_what_is_no_trained_network_of_the_papers(monkeypatch, kind, note, said):
    record = {"model_kind": kind, "model_note": note}
    empty = (Figure(), pd.DataFrame({"x": [1.0]}))
    measured = Measured(lambda: empty, "A caption.", [record, record])
    monkeypatch.setitem(NAMES, "heatmap", lambda *_: measured)
    caption = make_bundle(FigureRequest("heatmap", ("a.png",)), "a").caption
    assert caption == (f"A caption. {note}" if said else "A caption.")


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (ModelError, {"name": "fig5"}),
        (PictureError, {"out": "a.jpg"}),
        (PictureError, {"inputs": ()}),
        (PictureError, {"inputs": ("nowhere.png",)}),
        (ModelError, {"width": "wide"}),
        (PictureError, {"dpi": 3}),
        (ModelError, {"unit": "SK_9_9"}),
        (ModelError, {"gate": "open"}),
        (ScaleError, {"protocol": "sideways"}),
        (ModelError, {"colour": "red"}),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path, figure_model, inputs_of, error, arguments):
    given = {
        "name": "rf",
        "inputs": inputs_of["rf"],
        "out": "a.pdf",
        "model": figure_model,
        "device": "cpu",
    } | arguments
    given["out"] = tmp_path / given["out"]
    with pytest.raises(error) as caught:
        make_figure(**given)
    assert "\n" not in str(caught.value)
    assert not given["out"].exists()


def test_paper_values_need_the_papers_units(tmp_path, make):
    with pytest.raises(ModelError, match="The paper has values"):
        make("fig3", tmp_path / "a.pdf", paper=True)


@pytest.fixture
def cutout(tmp_path):
    """A red disc on transparency."""
    y, x = np.mgrid[:60, :60]
    rgba = np.zeros((60, 60, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[..., 3] = 255 * ((x - 30) ** 2 + (y - 30) ** 2 < 25**2)
    path = tmp_path / "disc.png"
    Image.fromarray(rgba).save(path)
    return path


def test_the_chosen_point_is_drawn(tmp_path, make, figure_model, inputs_of):
    """Sweep, attributions and field look where the request says, and so does the same again."""
    (picture,) = inputs_of["strip"]
    model = sk_viz.load_model(figure_model, "cpu")
    for name in ("heatmap", "strip", "rf"):
        made = make(name, tmp_path / f"{name}.pdf", inputs=(picture,), point=(0.2, 0.8))
        before = made.figure.read_bytes()
        assert " --point 0.2,0.8" in made.command
        assert make_again(made.figure).figure.read_bytes() == before
        for record in read_metadata(made.figure)["records"]:
            assert record["point"] == [0.2, 0.8]
    drawn = pd.read_csv(tmp_path / "heatmap.csv")
    for point, same in (((0.2, 0.8), True), ((0.5, 0.5), False)):
        sweep = sk_viz.sweep(
            model, sk_viz.read_picture(picture), sorted(set(drawn["scale"])), point=point
        )
        expected = np.concatenate([sweep.unit_differences(unit) for unit in sweep.units])
        assert np.allclose(drawn["difference"], expected, atol=1e-6) == same


def test_an_object_has_its_background(tmp_path, make, cutout, inputs_of):
    object_on = {"inputs": (str(cutout),), "protocol": "object", "scales": (1.0, 1.5)}
    (behind,) = inputs_of["strip"]
    tables = {}
    for background in (None, "255,255,255", behind):
        name = f"on-{len(tables)}.pdf"
        made = make("heatmap", tmp_path / name, background=background, **object_on)
        tables[background] = made.table.read_text()
        before = made.figure.read_bytes()
        assert make_again(made.figure).figure.read_bytes() == before
        (record,) = read_metadata(made.figure)["records"]
        kept = record["background"]
        assert (kept["picture"] if background == behind else kept) in (None, [255] * 3, "0.png")
    assert len(set(tables.values())) == 3
    with pytest.raises(PictureError, match="Only the protocol object has a background"):
        make("heatmap", tmp_path / "a.pdf", inputs=(behind,), background="255,255,255")
    with pytest.raises(PictureError, match="from 0 to 255"):
        make("heatmap", tmp_path / "a.pdf", background="1,2,300", **object_on)


def test_a_changed_background_is_not_drawn_as_the_old_one(tmp_path, make, cutout, inputs_of):
    behind = tmp_path / "behind.png"
    behind.write_bytes(Path(inputs_of["strip"][0]).read_bytes())
    made = make(
        "heatmap", tmp_path / "a.pdf", inputs=(str(cutout),), protocol="object",
        scales=(1.0, 1.5), background=str(behind),
    )  # fmt: skip
    Image.new("RGB", (60, 60), "red").save(behind)
    with pytest.raises(PictureError, match="The background is not what it was"):
        make_again(made.figure)


def test_signs_of_tex_are_drawn_as_they_stand(tmp_path, make, inputs_of):
    """Without LaTeX: a dollar is no formula, and a percent sign no comment."""
    picture = tmp_path / "5$ & 6$.png"
    picture.write_bytes(Path(inputs_of["strip"][0]).read_bytes())
    svg = make("heatmap", tmp_path / "a.svg", inputs=(str(picture),)).figure.read_bytes()
    words = [e.text for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert "5$ & 6$.png, zoom" in words


@pytest.mark.skipif(
    not all(map(shutil.which, ("latex", "dvipng", "kpsewhich"))), reason="needs LaTeX"
)
@pytest.mark.parametrize("name", NAMES)
def test_latex_sets_the_text_when_asked(tmp_path, make, inputs_of, name):
    picture = tmp_path / "50% of_5$ & #6.png"
    picture.write_bytes(Path(inputs_of["strip"][0]).read_bytes())
    inputs = tuple(str(picture) if one.endswith(".png") else one for one in inputs_of[name])
    made = make(name, tmp_path / "a.pdf", inputs=inputs, latex=True)
    assert "--latex" in shlex.split(made.command)
    reader = PdfReader(made.figure)
    text = reader.pages[0].extract_text()
    assert "SK" in text or name == "strip"
    if name in ("strip", "fig4"):
        assert "%" in text
    fonts = {str(font["/BaseFont"]) for font in _fonts(reader)}
    assert fonts
    assert all("DejaVu" not in font for font in fonts)


def _fonts(reader):
    return [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]
