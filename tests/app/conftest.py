"""A small random network in place of the bundled one, and the app driven without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.app.entry import PAGES
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.catalogue import UNTRAINED_NOTE
from sk_viz.zoo.model import Model, as_model

ENTRY = Path(sk_viz.__file__).parent / "app" / "entry.py"


def small_model(kernels: tuple[int, ...] = (3, 5), model_id: str = "sknet_tiny") -> Model:
    config = SKNetConfig(
        depths=(1, 2),
        unit_widths=(16, 32),
        out_widths=(16, 32),
        stem_width=8,
        stem="small",
        kernels=kernels,
        groups=4,
        classes=7,
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = SKNet(config)
    network.wake()
    return as_model(
        network,
        id=model_id,
        preprocessing=Preprocessing(64, 1.0),
        classes=[ClassName(f"thing {i}") for i in range(7)],
        kind="untrained",
        note=UNTRAINED_NOTE,
        device=torch.device("cpu"),
    )


class Calls:
    """What the page asked of the library."""

    def __init__(self) -> None:
        self.sweeps: list[dict[str, Any]] = []
        self.attributions: list[dict[str, Any]] = []


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """The library with a small model, its measures counted; nothing kept from other tests."""
    counted = Calls()
    sweep, attribute, load = sk_viz.sweep, sk_viz.attribute, sk_viz.load_model

    def load_small(model_id: str, device: str = "auto") -> Model:
        if model_id == "sknet26":  # stands for a network with three branches
            return small_model((3, 5, 7), model_id)
        return small_model() if model_id == "sknet_tiny" else load(model_id, device)

    def counting_sweep(*args: Any, **settings: Any) -> Any:
        counted.sweeps.append(settings)
        return sweep(*args, **settings)

    def counting_attribute(*args: Any, **settings: Any) -> Any:
        counted.attributions.append(settings)
        return attribute(*args, **settings)

    monkeypatch.setattr(sk_viz, "load_model", load_small)
    monkeypatch.setattr(sk_viz, "sweep", counting_sweep)
    monkeypatch.setattr(sk_viz, "attribute", counting_attribute)
    st.cache_resource.clear()
    yield counted
    st.cache_resource.clear()


@pytest.fixture
def open_app(calls: Calls) -> Callable[..., AppTest]:
    """Open the app at an address, such as ``open_app(method="none")``."""

    def open_(**parameters: str) -> AppTest:
        app = AppTest.from_file(str(ENTRY), default_timeout=120)
        for name, value in parameters.items():
            app.query_params[name] = value
        return app.run()

    return open_


@pytest.fixture
def open_page(calls: Calls) -> Callable[..., AppTest]:
    """Open one page at an address, such as ``open_page("why", scale="1.5")``."""

    def open_(page: str, **parameters: str) -> AppTest:
        module = next(
            module for _, module, path in PAGES if page == (path or "explore").replace("-", "_")
        )
        script = (
            f"import sk_viz.app.{module} as page\nfrom sk_viz.app.shared import shell\n"
            "shell.style()\npage.page()\n"
        )
        app = AppTest.from_string(script, default_timeout=120)
        for name, value in parameters.items():
            app.query_params[name] = value
        return app.run()

    return open_
