"""Widths, type, and what every figure on paper must be."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from sk_viz.errors import ModelError
from sk_viz.figures.paper.style import (
    SMALL,
    WIDTHS,
    new_figure,
    paper_style,
    render,
    width_inches,
)


def test_widths_are_those_of_the_kits():
    for name, inches in {
        "cvpr-column": 3.25,
        "cvpr-text": 6.875,
        "icml-column": 3.25,
        "icml-text": 6.75,
        "neurips-text": 5.5,
        "eccv-text": 4.8,
        "aaai-column": 3.3,
        "aaai-text": 6.975,
    }.items():
        assert width_inches(name) == WIDTHS[name] == inches
    assert width_inches("4.1") == 4.1


@pytest.mark.parametrize("width", ["cvpr", "0.2", "100", "nan", ""])
def test_other_widths_are_refused(width):
    with pytest.raises(ModelError, match="There is no width"):
        width_inches(width)


def test_the_style_is_left_behind_nowhere():
    before = dict(mpl.rcParams)

    def fail():
        with paper_style():
            assert mpl.rcParams["pdf.fonttype"] == 42
            assert mpl.rcParams["svg.fonttype"] == "none"
            assert mpl.rcParams["font.size"] >= SMALL
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert dict(mpl.rcParams) == before


def test_a_style_of_the_user_does_not_change_a_figure():
    def one() -> bytes:
        with paper_style():
            figure = new_figure("cvpr-column", 1.0)
            figure.add_subplot().plot([1, 2], [3, 4])
            return render(figure, "pdf", {"CreationDate": None})

    plain = one()
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20, "pdf.fonttype": 3}):
        assert one() == plain


def test_latex_that_is_missing_is_one_sentence(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ModelError, match="LaTeX is not installed"), paper_style(latex=True):
        pass


def test_latex_that_lacks_something_is_one_sentence(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")

    def fail() -> None:
        with paper_style(latex=True):
            raise RuntimeError("latex failed\n! LaTeX Error: File `a.sty' not found.\n\nmore")

    with pytest.raises(
        ModelError, match=r"\(LaTeX Error: File `a.sty' not found.\): install"
    ) as caught:
        fail()
    assert "\n" not in str(caught.value)
