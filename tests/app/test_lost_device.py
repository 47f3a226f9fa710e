"""A device that gives up while a page computes: a sentence, and the result before stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

import sk_viz


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), "stopped working"),
        (torch.OutOfMemoryError("CUDA out of memory."), "too small for this"),
        (RuntimeError("a bug"), "Something went wrong"),
    ],
)
def test_the_page_says_so_and_goes_on(
    error: Exception,
    says: str,
    open_app: Callable[..., AppTest],
    calls: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = open_app(method="none", scales="1:2:3")
    drawn = len(app.get("plotly_chart"))
    assert drawn
    real = sk_viz.sweep

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sk_viz, "sweep", fails)
    app.slider(key="point.x").set_value(0.25).run()
    assert not app.exception
    assert [says in box.value.replace("\\", "") for box in app.error] == [True]
    assert len(app.get("plotly_chart")) == drawn
    monkeypatch.setattr(sk_viz, "sweep", real)
    app.slider(key="point.x").set_value(0.75).run()
    assert not app.error
