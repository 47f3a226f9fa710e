"""A presentation: large type, no sidebar, and the arrow keys for the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sk_viz.app.state.settings import Look, Settings, change, current
from sk_viz.errors import ScaleError
from sk_viz.language import gettext as _

KEYS = {"next": ".st-key-present-next button", "back": ".st-key-present-back button"}


def bar(pages: Mapping[str, Any], chosen: Any) -> None:
    """The buttons that the arrow keys press: through the scales, then to the next page."""
    titles = list(pages)
    here = next((place for place, page in enumerate(pages.values()) if page == chosen), 0)
    with st.container(key="present-bar", horizontal=True, vertical_alignment="center"):
        back = st.button(
            _("Previous"), key="present-back", icon=":material/arrow_back:", type="tertiary"
        )
        st.markdown(f"**SK-Viz** · {_(titles[here])}")
        forth = st.button(
            _("Next"), key="present-next", icon=":material/arrow_forward:", type="tertiary"
        )
        st.button(
            _("End"),
            key="present-end",
            type="tertiary",
            icon=":material/close:",
            on_click=lambda: change(Look, present=False),
        )
    if not (back or forth):
        return
    step = 1 if forth else -1
    scale = _scale(step)
    if scale is not None:
        change(Settings, scale=scale)
        st.rerun()
    there = here + step
    if 0 <= there < len(titles):
        change(Settings, scale=0.0 if step > 0 else _ends()[-1])
        st.switch_page(pages[titles[there]])


def _scale(step: int) -> float | None:
    """The scale after or before the one that is looked at; None at either end."""
    scales = _ends()
    at = current(Settings).scale
    place = scales.index(at) if at in scales else 0
    return scales[place + step] if 0 <= place + step < len(scales) else None


def _ends() -> tuple[float, ...]:
    """The scales as they are chosen; one where they make no sense, which the page says."""
    try:
        return current(Settings).scale_values
    except ScaleError:
        return (0.0,)
