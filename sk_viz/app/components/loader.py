"""Components of the page from the script and the style sheet that lie beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

EDGE = 12  # pixels right of the columns of the film and of the map
_HERE = Path(__file__).parent


def component(name: str) -> Any:
    """The renderer of a component without an iframe.

    Args:
        name: of its ``.js`` file, and of its ``.css`` file where it has one.
    """
    style = _HERE / f"{name}.css"
    return st.components.v2.component(
        f"sk_viz_{name}",
        css=style.read_text(encoding="utf-8") if style.exists() else None,
        js=(_HERE / f"{name}.js").read_text(encoding="utf-8"),
    )
