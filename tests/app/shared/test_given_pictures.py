"""A picture that makes its decoder crash, given on the page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from sk_viz.pictures.decoding import isolated

CRASHING = """
import ctypes
from sk_viz.pictures.decoding import worker as decoder
real = decoder.decode
def decode(data, format_, name):
    return ctypes.string_at(0) if name.startswith("crash") else real(data, format_, name)
decoder.decode = decode
decoder.serve()
"""


@pytest.fixture
def _crashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    decoders = isolated.Decoders(program=CRASHING)
    monkeypatch.setattr(isolated, "_decoders", decoders)
    yield
    decoders.close()


def given(name: str) -> tuple[str, bytes, str]:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((48, 48)).save(file, "PNG")
    return name, file.getvalue(), "image/png"


def _shown(app: AppTest) -> str:
    (picture,) = app.session_state["uploads"].values()
    return str(picture.name)


@pytest.mark.usefixtures("_crashing")
def test_a_crash_is_one_sentence_and_the_page_goes_on(
    open_app: Callable[..., AppTest], calls: Any
) -> None:
    app = open_app(protocol="zoom", method="none", scales="1:2:3")
    app.button_group(key="source").set_value("Upload").run()
    app.file_uploader(key="uploaded").set_value(given("first.png")).run()
    before = isolated._decoders.processes()
    swept = len(calls.sweeps)
    app.file_uploader(key="uploaded").set_value(given("crash.png")).run()
    assert not app.exception
    (sentence,) = (box.value.replace("\\", "") for box in app.error)
    assert sentence.startswith("'crash.png' made the decoder of PNG files crash")
    assert len(calls.sweeps) == swept
    assert _shown(app) == "first.png"
    app.file_uploader(key="uploaded").set_value(given("next.png")).run()
    assert not app.exception
    assert not app.error
    assert _shown(app) == "next.png"
    assert isolated._decoders.processes() != before


def test_a_picture_that_shows_nothing_is_noted_beside_the_answer(
    open_app: Callable[..., AppTest],
) -> None:
    """An X-ray of 12 bits in 16, under a name that no program for pictures would take."""
    app = open_app(protocol="zoom", method="none", scales="1:2:3")
    app.button_group(key="source").set_value("Upload").run()
    assert [box.value for box in app.warning] == []
    file = io.BytesIO()
    values = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) % 4096
    Image.fromarray(values).save(file, "PNG")
    given_ = ("xray.dat", file.getvalue(), "application/octet-stream")
    app.file_uploader(key="uploaded").set_value(given_).run()
    assert not app.exception
    (note,) = (box.value.replace("\\", "") for box in app.warning)
    assert "'xray.dat' is nearly black" in note
