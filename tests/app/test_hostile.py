"""Names and addresses made to be run, rendered or followed: shown as text, and followed nowhere."""

from __future__ import annotations

import dataclasses
import importlib
import io
import os
import pkgutil
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import sk_viz.app
from sk_viz.app.entry import PAGES
from sk_viz.app.survey import access as surveys_at_hand
from sk_viz.app.survey import page as survey_page
from sk_viz.surveys import run as survey_run
from sk_viz.surveys import shelf

Open = Callable[..., AppTest]
MARK = "hostile-mark"
# Every name that any page takes from the address.
NAMES = sorted(
    {
        field.metadata["name"]
        for info in pkgutil.walk_packages(sk_viz.app.__path__, "sk_viz.app.")
        if not info.name.endswith(".entry")
        for kind in vars(importlib.import_module(info.name)).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
        for field in dataclasses.fields(kind)
        if "name" in field.metadata
    }
)
HTML = "<img src=x onerror=alert(1)><script>alert(2)</script>"
MARKDOWN = "[x](javascript:alert(3)) ![y](http://elsewhere.invalid/z) $\\frac{1}{2}$ :red[r] **b**"

_seen: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(("open", "os.", "subprocess.", "shutil.", "glob.", "pathlib.")):
        text = " ".join(map(str, arguments))
        if MARK in text:
            _seen.append(f"{event} {text}")


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the file system is asked for with the mark in it."""
    if not hasattr(sys, "_sk_viz_audited"):
        sys.addaudithook(_audit)  # for good: there is no way to take one off
        sys._sk_viz_audited = True  # type: ignore[attr-defined]
    for name in ("stat", "lstat"):  # not audited by Python
        real = getattr(os, name)

        def looking(path: Any, *args: Any, _real: Any = real, **settings: Any) -> Any:
            if MARK in str(path):
                _seen.append(f"stat {path}")
            return _real(path, *args, **settings)

        monkeypatch.setattr(os, name, looking)
    _seen.clear()
    yield _seen
    _seen.clear()


@pytest.fixture(autouse=True)
def _own_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path / "cache"))


def test_the_watch_sees(touched: list[str], tmp_path: Path) -> None:
    assert {"picture", "model", "survey", "source", "background"} <= set(NAMES)
    (tmp_path / MARK).exists()
    (tmp_path / MARK).write_text("x")
    assert len(touched) >= 2


@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize("page", [(path or "explore").replace("-", "_") for _, _, path in PAGES])
def test_no_path_of_an_address_reaches_the_file_system(
    page: str,
    loopback: bool,
    open_page: Open,
    touched: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even to look whether it is there, also on one's own machine."""
    for module in ("survey.page", "survey.start", "survey.access", "figures.page"):
        monkeypatch.setattr(f"sk_viz.app.{module}.on_loopback", lambda: loopback)
    for path in (f"{tmp_path}/{MARK}", f"../../{MARK}", f"~/{MARK}", f"file:///{MARK}"):
        app = open_page(page, **dict.fromkeys(NAMES, path))
        assert not app.exception
        assert touched == []


@pytest.mark.parametrize(
    ("settings", "alone"),
    [
        ({"server.address": "127.0.0.1"}, True),
        ({"server.address": "::1", "browser.serverAddress": "localhost"}, True),
        ({"server.address": "localhost"}, True),
        ({}, False),
        ({"server.address": "0.0.0.0"}, False),
        ({"server.address": "192.168.1.7"}, False),
        ({"server.address": "127.0.0.1", "browser.serverAddress": "skviz.example.org"}, False),
        ({"server.address": "127.0.0.1", "server.corsAllowedOrigins": ["https://x.org"]}, False),
    ],
)
def test_a_server_behind_a_proxy_is_not_alone(
    settings: dict[str, Any], alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its page takes no paths and lists nobody's surveys."""
    monkeypatch.setattr(surveys_at_hand.st, "get_option", settings.get)
    assert surveys_at_hand.on_loopback() is alone


def rendered(app: AppTest) -> str:
    """All that the page shows as Markdown or HTML."""
    parts = [*app.markdown, *app.caption, *app.error, *app.info, *app.warning, *app.success]
    texts = [element.value for element in parts]
    texts += [element.proto.body for element in app.get("html")]
    texts += [e.label for e in app.expander] + [b.label for b in app.button]
    return "\n".join(texts)


def assert_plain(app: AppTest) -> None:
    """Nothing of the two names stands there unescaped."""
    assert not app.exception
    text = rendered(app)
    for alive in ("<img src=x", "<script>alert", "[x](java", "![y](", ":red[", "**b**"):
        assert alive not in text, text
    assert not re.search(r"(?<!\\)\$\\", text)


def png() -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", [HTML, MARKDOWN])
def test_a_file_name_is_shown_as_text(name: str, open_app: Open) -> None:
    app = open_app(method="none", picture="upload", scales="1:2:3")
    for content in (png(), b"broken"):
        uploader = next(u for u in app.file_uploader if u.label == "Your picture")
        uploader.set_value((f"{name}.png".replace("/", "|"), content, "image/png")).run()
        assert_plain(app)
        if content == b"broken":
            assert "alert" in rendered(app) or "frac" in rendered(app)


@pytest.mark.parametrize("name", [HTML, MARKDOWN])
def test_the_address_is_shown_as_text(name: str, open_page: Open) -> None:
    for page in ("explore", "survey", "figures", "what_if"):
        assert_plain(open_page(page, **dict.fromkeys(NAMES, name)))


def test_labels_of_a_survey_are_shown_as_text(
    open_page: Open, calls: Any, monkeypatch: Any
) -> None:
    """Its classes and its files; in the page, in the report, and in the report's figures."""
    monkeypatch.setattr(survey_run, "load_model", sk_viz.load_model)
    label, formula = "<svg onload=alert(1)>", "=HYPERLINK(1) $\\frac{1$"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(12):
            pixels = np.random.default_rng(n).integers(0, 256, (70, 80, 3), dtype=np.uint8)
            picture = io.BytesIO()
            Image.fromarray(pixels).save(picture, "PNG")
            archive.writestr(f"{(label, formula)[n % 2]}/{n}.png", picture.getvalue())
        archive.writestr(f"{label}/<b>broken.png", b"not a picture")
    app = open_page("survey", survey="", survey_scales="1,2")
    app.file_uploader[0].set_value((f"{HTML}.zip".replace("/", ""), buffer.getvalue(), "")).run()
    app.button(key="survey.start").click().run()
    run = survey_page.runs().of(app.selectbox(key="survey.which").value)
    assert run is not None
    assert run.wait(60)
    app.run()
    assert_plain(app)
    assert "<svg onload" not in rendered(app)
    (kept,) = shelf.stored_surveys()
    assert re.fullmatch(r"[A-Za-z0-9-]+", kept.name)
    report = (kept.survey / "report.html").read_text(encoding="utf-8")
    assert "&lt;svg onload=alert(1)&gt;" in report
    assert "<svg onload" not in report
    assert "<b>broken" not in report
    assert "<script" not in report
