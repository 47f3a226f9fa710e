"""The row above every page: the pages, the language, and what else is one tap away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sk_viz.app.shared import controls, sharing, tour
from sk_viz.app.state.language import language, languages
from sk_viz.app.state.settings import Look, Settings, address_of, change
from sk_viz.language import gettext as _


def row(pages: Mapping[str, Any]) -> None:
    """Draw it.

    Args:
        pages: by title.
    """
    with st.container(key="nav", horizontal=True, vertical_alignment="center", gap="small"):
        for title, page in pages.items():
            st.page_link(page, label=_(title), query_params=address_of(Settings))
        with st.container(
            key="nav-more", horizontal=True, horizontal_alignment="right", width="content"
        ):
            tour.button(pages)
            sharing.button()
            _present()
            _languages()


def _present() -> None:
    st.button(
        _("Present"),
        key="present",
        type="tertiary",
        icon=":material/slideshow:",
        help=_("Large type, no sidebar; the arrow keys step through scales and pages."),
        on_click=lambda: change(Look, present=True),
    )


def _languages() -> None:
    names = languages()
    if len(names) < 2:
        return
    st.segmented_control(
        "Language · 语言",
        list(names),
        format_func=lambda tag: names[tag],
        required=True,
        label_visibility="collapsed",
        **controls.bound("lang", language(), Look, "lang"),
    )
