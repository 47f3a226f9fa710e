"""The server's log: what is in it, and what is not."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.app.server import log

OpenApp = Callable[..., AppTest]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What goes to the log meanwhile."""
    log.start()
    events = logging.getLogger("sk_viz.events")
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    events.addHandler(handler)
    yield text
    events.removeHandler(handler)


def test_work_and_pictures_are_one_line_each_and_nothing_of_them_is_told(
    open_app: OpenApp, written: io.StringIO
) -> None:
    app = open_app(method="none", picture="upload", scales="1:2:3")
    data = io.BytesIO()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(data, "PNG")
    uploader = next(u for u in app.file_uploader if u.label == "Your picture")
    uploader.set_value(("secret holiday.png", data.getvalue(), "image/png")).run()
    uploader = next(u for u in app.file_uploader if u.label == "Your picture")
    uploader.set_value(("secret broken.png", b"no picture", "image/png")).run()
    assert not app.exception
    lines = written.getvalue().splitlines()
    assert "secret" not in written.getvalue()
    assert sum(line.startswith("session ") for line in lines) == 1
    work = r'work session="?[0-9a-f]{8}"? what="Sweeping the scales" outcome="?done"? '
    assert any(re.match(work + r'seconds="?[0-9.]+', line) for line in lines)
    assert f"picture outcome=taken bytes={len(data.getvalue())}" in lines
    assert "picture outcome=refused bytes=10" in lines


def test_a_failure_is_one_line_with_its_place_and_not_what_it_says(
    monkeypatch: pytest.MonkeyPatch, open_app: OpenApp, written: io.StringIO
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("cannot read secret holiday.png\nat all")

    monkeypatch.setattr(sk_viz, "sweep", fail)
    app = open_app(method="none")
    assert any("Something went wrong" in error.value for error in app.error)
    (line,) = (x for x in written.getvalue().splitlines() if x.startswith("page "))
    place = r'at="[\w.]+:\d+( [\w.]+:\d+)* test_log.py:\d+"'
    assert re.fullmatch(rf"page page=explore error=RuntimeError {place}", line)
    assert "secret" not in written.getvalue()
    assert "outcome=failed" in written.getvalue()


def test_starting_twice_writes_once(written: io.StringIO) -> None:
    log.start()
    handlers = logging.getLogger("sk_viz.events").handlers
    own = [h for h in handlers if type(h) is logging.StreamHandler and h.formatter is not None]
    assert len(own) == 1
