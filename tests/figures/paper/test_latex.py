"""What a paper needs beside a figure."""

from __future__ import annotations

import pytest

from sk_viz.figures.paper.latex import escape, snippet


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("SK_2_2 -0.0107, +0.5", r"SK\_2\_2 $-$0.0107, +0.5"),
        ("between -.2 and -1", "between $-$.2 and $-$1"),
        ("red-panda.jpg, x-2, 2019-2020", "red-panda.jpg, x-2, 2019-2020"),
        ("5 % & more", r"5 \% \& more"),
    ],
)
def test_numbers_have_a_minus_and_words_their_hyphen(text, latex):
    assert escape(text) == latex


def test_a_figure_is_included_by_what_can_read_it():
    assert r"\includegraphics{a.pdf}" in snippet("a.pdf", "A.", "make", spans=False)
    text = snippet("my.map.svg", "A.", "make", spans=True)
    assert r"\includesvg{my.map}  % \usepackage{svg}" in text
    assert "includegraphics" not in text
