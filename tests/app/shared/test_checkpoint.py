"""A checkpoint opened on the page."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import safetensors.torch
import torch
from streamlit.testing.v1 import AppTest

from sk_viz.networks.sknet import sknet_tiny
from sk_viz.zoo.catalogue import UNTRAINED_NOTE
from sk_viz.zoo.checkpoints import saved

Open = Callable[..., AppTest]
QUICK = {"protocol": "zoom", "method": "none", "scales": "1:2:3"}


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value.replace("\\", "") for box in app.error]


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def weights() -> bytes:
    network = sknet_tiny(classes=5)
    network.wake()
    return saved(network)


def state() -> dict[str, torch.Tensor]:
    return safetensors.torch.load(weights())


def pickled(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def given(name: str, content: bytes) -> tuple[str, bytes, str]:
    return name, content, "application/octet-stream"


def test_a_checkpoint_is_opened_and_swept(open_app: Open, calls: Any) -> None:
    app = open_app(**QUICK)
    given = ("of mine.safetensors", weights(), "application/octet-stream")
    app.file_uploader(key="checkpoint.given").set_value(given).run()
    assert errors(app) == []
    assert app.selectbox(key="model").value == "upload"
    assert "of mine.safetensors" in text(app)
    assert "/tmp" not in text(app)
    assert app.query_params["model"] == "upload"


def test_what_is_no_checkpoint_leaves_the_model_before(open_app: Open, calls: Any) -> None:
    app = open_app(**QUICK)
    for name, content in (
        ("mine.safetensors", b"\x00" * 64),
        ("mine.pth", b"no pickle"),
        ("mine.pt", weights()[: 1 << 16]),
    ):
        given = (name, content, "application/octet-stream")
        app.file_uploader(key="checkpoint.given").set_value(given).run()
        (sentence,) = errors(app)
        assert name in sentence
        assert "sk-viz-" not in sentence
        assert app.selectbox(key="model").value == "sknet_tiny"
        assert UNTRAINED_NOTE[:20] in text(app)


def test_a_pickle_that_runs_code_is_refused(open_app: Open, calls: Any, tmp_path: Any) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (open, (str(tmp_path / "ran"), "w"))  # type: ignore[return-value]

    file = tmp_path / "evil.pt"
    torch.save({"weight": Runs()}, file)
    app = open_app(**QUICK)
    given = ("evil.pt", file.read_bytes(), "application/octet-stream")
    app.file_uploader(key="checkpoint.given").set_value(given).run()
    assert len(errors(app)) == 1
    assert not (tmp_path / "ran").exists()


def test_hostile_files_are_named_and_the_running_model_is_kept(open_app: Open, calls: Any) -> None:
    app = open_app(**QUICK)
    app.file_uploader(key="checkpoint.given").set_value(given("mine.pt", pickled(state()))).run()
    assert errors(app) == []
    swept = len(calls.sweeps)
    running = app.session_state["checkpoint"].sha256
    one = torch.zeros(1)
    for name, content, says in (
        ("larger.pth", {"head.weight": one.as_strided((10**6, 10**6), (0, 0))}, "is shorter"),
        ("nan.pt", {"head.bias": one.expand(5) * torch.nan}, "head.bias holds values that"),
        ("whole.pt", {"head.weight": torch.ones(5, 640).to(torch.int8)}, "head.weight is int8"),
        ("long.pth", {"x\n" * 9999: one}, "x\\n"),
    ):
        file = given(name, pickled({**state(), **content}))
        app.file_uploader(key="checkpoint.given").set_value(file).run()
        (sentence,) = errors(app)
        assert name in sentence
        assert says.replace("\\", "") in sentence
        assert len(sentence) < 400
        assert app.session_state["checkpoint"].sha256 == running
        assert app.selectbox(key="model").value == "upload"
        assert "mine.pt" in text(app)
    assert len(calls.sweeps) == swept


def test_a_link_to_a_checkpoint_asks_for_it(open_app: Open, calls: Any) -> None:
    app = open_app(model="upload", **QUICK)
    assert any("open the checkpoint again" in sentence for sentence in errors(app))
