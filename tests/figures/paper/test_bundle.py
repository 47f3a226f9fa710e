"""A figure in every form at once: the same bytes as one by one, also from what is at hand."""

from __future__ import annotations

import pytest

import sk_viz
from sk_viz.errors import PictureError
from sk_viz.publish.make import make_bundle, make_figure
from sk_viz.publish.request import AtHand, FigureRequest


def test_every_form_is_the_file_of_its_own(tmp_path, figure_model, figure_pictures):
    file = str(figure_pictures / "light & bright" / "2.png")
    request = FigureRequest("heatmap", (file,), model=figure_model, scales=(1.0, 2.0))
    bundle = make_bundle(request, "figure")
    for kind in ("pdf", "svg", "png"):
        made = make_figure(
            "heatmap", file, tmp_path / f"figure.{kind}", model=figure_model, scales=(1.0, 2.0)
        )
        assert getattr(bundle, kind) == made.figure.read_bytes(), kind
        assert bundle.table == made.table.read_bytes()
        assert bundle.bibliography == made.bibliography.read_bytes()
        if kind == "pdf":
            assert bundle.snippet == made.snippet.read_bytes()
            assert bundle.command == made.command


def test_what_is_at_hand_stands_for_its_name(figure_model, figure_pictures, figure_survey):
    file = figure_pictures / "light & bright" / "2.png"
    model = sk_viz.load_model(figure_model, "cpu")
    at_hand = AtHand(
        {"mine.png": sk_viz.read_picture(file.read_bytes(), "mine.png")},
        {"my survey": figure_survey},
        model,
    )
    request = FigureRequest("fig3", ("mine.png", "my survey"), model="a name", unit="SK_3_1")
    bundle = make_bundle(request, "figure", at_hand)
    assert "mine.png 'my survey'" in bundle.command
    assert str(figure_survey) not in bundle.command
    assert b"mine.png" in bundle.svg
    with pytest.raises(PictureError, match=r"There is no file 'other\.png'"):
        make_bundle(FigureRequest("heatmap", ("other.png",)), "figure", at_hand)


def test_a_sample_is_named_by_its_id(figure_model):
    sample = sk_viz.pictures.samples("photo")[0]
    request = FigureRequest("heatmap", (sample.id,), model=figure_model, scales=(1.0, 2.0))
    by_file = FigureRequest("heatmap", (str(sample.path),), model=figure_model, scales=(1.0, 2.0))
    assert make_bundle(request, "a").table == make_bundle(by_file, "a").table
