"""The app's script: page configuration and navigation."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import streamlit as st
from PIL import Image, ImageColor

from sk_viz.app import warm_up
from sk_viz.app.components.browser import browser
from sk_viz.app.server import log
from sk_viz.app.shared import navigation, present, shell, tour, uploads
from sk_viz.app.state import language
from sk_viz.app.state.settings import Look, current, follow_address, stay
from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.language import gettext as _
from sk_viz.language import mark

# One line a page: title, module, and its path in the address ("" is the first screen).
PAGES = (
    (mark("Explore"), "explore.page", ""),
    (mark("Why"), "why.page", "why"),
    (mark("How far"), "how_far.page", "how-far"),
    (mark("What if"), "what_if.page", "what-if"),
    (mark("Learn"), "learn.page", "learn"),
    (mark("Compare"), "compare.page", "compare"),
    (mark("Survey"), "survey.page", "survey"),
    (mark("Figures"), "figures.page", "figures"),
    (mark("Gallery"), "gallery", "gallery"),
)


def main() -> None:
    """Run the page that the address names."""
    log.start()
    follow_address()
    language.begin()
    look = current(Look)
    st.set_page_config(
        page_title="SK-Viz",
        page_icon=_icon(),
        layout="wide",
        initial_sidebar_state="collapsed" if look.present else "auto",
    )
    pages = {
        title: st.Page(_page(module), title=_(title), url_path=path or None, default=not path)
        for title, module, path in PAGES
    }
    chosen = st.navigation(list(pages.values()), position="hidden")
    st.session_state["pages"] = pages
    shell.style()
    if look.present:
        present.bar(pages, chosen)
    else:
        st.logo(_LOGO, size="large")
        navigation.row(pages)
    if look.tour:
        tour.banner(pages, chosen)
    chosen.run()
    browser(
        lang=language.language(),
        cookie=uploads.cookie(),
        keys=_keys(look),
    )
    shell.settle()
    stay()
    warm_up.over()


def _keys(look: Look) -> dict[str, str] | None:
    """The buttons that the arrow keys press, where they press any."""
    if look.tour:
        return tour.KEYS
    return present.KEYS if look.present else None


def _page(module: str) -> Callable[[], None]:
    """The page of a module, which is imported when the page is first opened."""

    def page() -> None:
        import_module(f"sk_viz.app.{module}").page()

    return page


_LOGO = f"""<svg xmlns="http://www.w3.org/2000/svg" width="112" height="28" viewBox="0 0 112 28">
<rect x="2" y="3" width="22" height="22" fill="none" stroke="{LARGEST}" stroke-width="3"/>
<rect x="9" y="10" width="8" height="8" fill="{SMALLEST}"/>
<text x="33" y="20.5" font-family="Source Sans, Helvetica, Arial, sans-serif" font-size="18"
 font-weight="600" fill="#7D8894">SK-Viz</text></svg>"""


def _icon() -> Image.Image:
    """The small kernel within the large one; drawn, since icons by name come from the net."""
    icon = np.zeros((32, 32, 4), np.uint8)
    icon[1:31, 1:31] = (*ImageColor.getrgb(LARGEST), 255)
    icon[5:27, 5:27] = 0
    icon[10:22, 10:22] = (*ImageColor.getrgb(SMALLEST), 255)
    return Image.fromarray(icon)


if __name__ == "__main__":
    main()
