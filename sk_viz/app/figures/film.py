"""For slides: the zoom as a film, on the page Figures."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from sk_viz.app.shared import shell
from sk_viz.app.shared.scene import scene
from sk_viz.app.state.settings import Settings
from sk_viz.language import gettext as _
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep


def film(settings: Settings) -> None:
    """For slides: the sweep of the sidebar's scales, as a GIF, when it is asked for."""
    asked: set[Hashable] = st.session_state.setdefault("figures.films", set())
    key: Hashable = ("film", settings.picture, settings.model, settings.protocol, settings.scales)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_("**For slides**: an animation over the sidebar's scales."))
        if key not in asked:
            st.button(
                _("Make the GIF"),
                key="figures.film",
                icon=":material/animation:",
                on_click=lambda: asked.add(key),
            )
    if key not in asked:
        return
    made = shell.last_good("figures.film", lambda: _moving(settings))
    if made is None:
        return
    st.image(made, width=640, alt=_("The picture over the scales, and every unit beside it."))
    st.download_button(
        "GIF",
        made,
        file_name="sk-viz.gif",
        mime="image/gif",
        on_click="ignore",
        icon=":material/download:",
        key="figures.file.GIF",
    )


def _moving(settings: Settings) -> bytes:
    now = scene(settings)
    key = ("gif", *now.inputs, settings.protocol, now.sweep.scales, now.presentation.point)
    return shell.result(key, _("Drawing the animation"), partial(_gif, now.sweep))


def _gif(sweep: Sweep, _report: Progress) -> bytes:
    from sk_viz.figures.paper.animation import make_animation

    with tempfile.TemporaryDirectory() as folder:
        return make_animation(sweep, Path(folder) / "film.gif").read_bytes()
