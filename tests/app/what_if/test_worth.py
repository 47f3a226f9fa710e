"""What if over many pictures, driven as a user drives it, with a small random network."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.measures.accuracy import evaluate

OpenPage = Callable[..., AppTest]
FIRST = {"over": "many", "worth_scales": "1,2"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes that the small model has, and one that it does not have."""
    for place, name in enumerate(["thing 0", "thing 1", "thing 2", "no such thing"]):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for seed in range(4):
            pixels = np.random.default_rng((place, seed)).integers(0, 256, (80, 90, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "mine" / name / f"{seed}.png")
    return tmp_path / "mine"


def zipped(folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    return data.getvalue()


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def measure(app: AppTest) -> AppTest:
    return app.button(key="worth.start").click().run()


def test_a_zip_of_labelled_pictures_is_measured(open_page: OpenPage, folder: Path) -> None:
    (folder / "thing 0" / "a_broken_.png").write_bytes(b"no picture")
    app = open_page("what_if", **FIRST)
    assert app.button(key="worth.start").disabled
    app.file_uploader[0].set_value(("mine.zip", zipped(folder), "application/zip")).run()
    measure(app)
    assert not app.exception
    assert not app.error
    top1 = evaluate(sk_viz.load_model("sknet_tiny"), folder).summary()["top1"]
    assert f"right for **{100 * top1:.1f}\u00a0%** of the pictures" in text(app)
    assert "At 2.0×, choosing again" in text(app)
    assert "12 pictures" in text(app)
    assert "untrained" in text(app)
    (shown,) = [e.label.replace("\\", "") for e in app.expander if "found" in e.label]
    assert "17 found: 12 measured" in shown
    assert "4 label unknown to the model, 1 not a picture" in shown
    names = [name for frame in app.dataframe for name in frame.value.get("name", ())]
    assert "thing 0/a_broken_.png" in names


def test_what_cannot_be_measured_is_one_sentence_and_leaves_the_last_result(
    open_page: OpenPage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sk_viz.app.survey.start.on_loopback", lambda: True)
    app = open_page("what_if", **FIRST)
    app.segmented_control(key="worth.how").set_value("A folder on this machine").run()
    app.text_input(key="worth.source").set_value(str(folder)).run()
    measure(app)
    before = text(app)
    assert "choosing is worth" in before
    app.text_input(key="worth.scales").set_value("0.5,1").run()
    assert [e.value for e in app.error] != []
    assert "choosing is worth" in text(app)
    app.text_input(key="worth.scales").set_value("1,2").run()
    app.text_input(key="worth.source").set_value(str(folder / "no such thing")).run()
    assert "folder" in app.error[0].value
