"""What a paper needs beside a figure."""

from __future__ import annotations

import re

import pytest

from sk_viz.figures.paper.latex import escape, escape_file, snippet


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


_KERNEL = {"@percentchar": "%", "@backslashchar": "\\", "@charlb": "{", "@charrb": "}"}


def expanded(written: str) -> str:
    """What TeX makes of it: control words, which swallow a space, and ``\\string``."""
    found, rest = "", written
    while rest:
        if match := re.match(r"\\csname (@\w+)\\endcsname ", rest):
            found += _KERNEL[match[1]]
        elif match := re.match(r"\\string(.)", rest):
            found += match[1]
        elif match := re.match(r"\\space ", rest):
            found += " "
        else:
            match = re.match(r"[^\\%#{}$&^~]", rest)
            assert match, rest
            found += match[0]
        rest = rest[match.end() :]
    return found


@pytest.mark.parametrize(
    "name", ["map 50% of #1_a.pdf", "50%of.pdf", "100% {a} \\b.pdf", "a&b$c^d~e.pdf", "plain_1.pdf"]
)
def test_a_name_of_any_characters_is_that_of_the_file(name):
    assert expanded(escape_file(name)) == name
    assert f"includegraphics{{{escape_file(name)}}}" in snippet(name, "A.", "make", spans=False)


def test_a_plain_name_stays_as_it_is():
    assert escape_file("my_map-2.pdf") == "my_map-2.pdf"
