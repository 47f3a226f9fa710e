"""Gallery: views worth seeing, each with a sentence and a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from sk_viz.app.shared import shell
from sk_viz.app.state.settings import address_of, write_address
from sk_viz.language import gettext as _
from sk_viz.language import mark
from sk_viz.version import __version__

COLUMNS = 3


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        page: title of the page that shows it.
        picture: id of the sample on its card.
        text: what is to be seen.
        address: parameters of the link.
        turns: the answer at the smallest scale differs from that at the largest.
    """

    page: str
    picture: str
    text: str
    address: Mapping[str, str] = field(default_factory=dict)
    turns: bool = False


VIEWS = (
    View(
        "Explore",
        "cutout-goldfish",
        mark("The goldfish gets another name when it is small."),
        {"picture": "cutout-goldfish"},
        turns=True,
    ),
    View(
        "Explore",
        "cutout-hedgehog",
        mark("A hedgehog from afar, and what it becomes up close."),
        {"picture": "cutout-hedgehog"},
        turns=True,
    ),
    View(
        "Explore",
        "cutout-great-pyramid",
        mark("A pyramid needs its size to be a pyramid."),
        {"picture": "cutout-great-pyramid"},
        turns=True,
    ),
    View(
        "Explore",
        "cutout-goldfish",
        mark("The same fish in front of a forest: does the background change the choice?"),
        {"picture": "cutout-goldfish", "background": "forest-stream"},
    ),
    View(
        "Explore",
        "panda",
        mark("How much of a zoom is only blur? Compare the solid lines with the dashed ones."),
        {"picture": "panda", "protocol": "zoom"},
    ),
    View(
        "Why",
        "red-panda",
        mark("The pixels that decide a unit's choice are not those that decide the answer."),
        {"picture": "red-panda", "protocol": "zoom", "unit": "SK_4_1"},
    ),
    View(
        "How far",
        "panda",
        mark("In theory a unit sees the whole picture. Measured, it sees far less."),
        {"picture": "panda", "protocol": "zoom", "unit": "SK_4_3"},
    ),
    View(
        "What if",
        "cutout-goldfish",
        mark("Freeze one unit: which of these choices holds the answer up?"),
        {"picture": "cutout-goldfish", "scale": "2"},
    ),
    View(
        "Compare",
        "panda",
        mark("Zoom against blur: what is left of the change when the size stays the same?"),
        {"picture": "panda", "protocol": "zoom"},
    ),
    View(
        "Learn",
        "cutout-goldfish",
        mark("Push one number and watch a channel change its mind."),
        {"step": "select", "push": "3"},
    ),
    View(
        "Survey",
        "hedgehog",
        mark("Is it true of 254 photographs? Effects with their intervals."),
    ),
    View(
        "Figures",
        "panda",
        mark("The paper's Figure 3, drawn for this network and this picture."),
        {"picture": "panda", "protocol": "zoom", "figure": "fig3"},
    ),
)


def page() -> None:
    """Draw the page."""
    shell.begin()
    write_address()
    shell.question(_("What is worth seeing first?"))
    _cards()
    st.caption(f"SK-Viz {__version__}")  # here is no sidebar to say it


def _cards() -> None:
    pages = st.session_state.get("pages", {})
    for start in range(0, len(VIEWS), COLUMNS):
        for column, view in zip(
            st.columns(COLUMNS, gap="medium"), VIEWS[start : start + COLUMNS], strict=False
        ):
            with column, st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.image(shell.sample(view.picture).pixels, width=72, alt="")
                with st.container():
                    st.markdown(_(view.text))
                    if view.page in pages:
                        st.page_link(
                            pages[view.page],
                            label=_("Open in {page}").format(page=_(view.page)),
                            icon=":material/arrow_forward:",
                            query_params=address_of() | dict(view.address),
                        )
