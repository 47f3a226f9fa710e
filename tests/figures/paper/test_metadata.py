"""What a file carries comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from sk_viz.errors import PictureError
from sk_viz.figures.paper.metadata import KINDS, metadata, read_metadata
from sk_viz.figures.paper.style import new_figure, paper_style, render

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def _write(path, carried):
    with paper_style():
        figure = new_figure("2", 0.5)
        path.write_bytes(
            render(figure, path.suffix[1:], metadata(path.suffix[1:], "title", carried), 50)
        )


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(carried=st.dictionaries(st.text(), VALUES, max_size=4))
def test_any_record_comes_back(tmp_path, kind, carried):
    path = tmp_path / f"figure.{kind}"
    _write(path, carried)
    assert read_metadata(path) == carried


def test_another_reader_finds_it_in_the_pdf(tmp_path):
    _write(tmp_path / "a.pdf", {"record": "(a) \\ b"})
    about = PdfReader(tmp_path / "a.pdf").metadata
    assert about["/Keywords"] == '{"record": "(a) \\\\ b"}'
    assert "/CreationDate" not in about
    assert about["/Creator"].startswith("SK-Viz ")


@pytest.mark.parametrize("name", ["none.pdf", "text.pdf", "text.svg", "plain.png", "other.jpg"])
def test_other_files_are_one_sentence(tmp_path, name):
    (tmp_path / "text.pdf").write_text("%PDF-1.4 nothing here")
    (tmp_path / "text.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    Image.new("RGB", (2, 2)).save(tmp_path / "plain.png")
    Image.new("RGB", (2, 2)).save(tmp_path / "other.jpg")
    with pytest.raises(PictureError) as caught:
        read_metadata(tmp_path / name)
    assert "\n" not in str(caught.value)
