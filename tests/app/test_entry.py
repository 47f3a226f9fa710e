"""What holds for all pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.app.entry import PAGES


@pytest.mark.parametrize("module", [(path or "explore").replace("-", "_") for _, _, path in PAGES])
def test_every_page_says_its_version(open_page: Callable[..., AppTest], module: str) -> None:
    app = open_page(module, method="none", scales="1,2")
    assert not app.exception
    said = [c.value for c in (*app.caption, *app.sidebar.caption)]
    assert any(f"SK-Viz {sk_viz.__version__}" in text for text in said)
