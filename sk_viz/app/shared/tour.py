"""The guided tour: five steps, each a view with a sentence or two and a link of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from sk_viz.app.state.settings import Look, Settings, change, current
from sk_viz.language import gettext as _
from sk_viz.language import mark

KEYS = {"next": ".st-key-tour-next button", "back": ".st-key-tour-back button"}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        page: title of the page that it is on.
        text: what to look at, as Markdown.
        settings: what differs from the first screen.
    """

    page: str
    text: str
    settings: Mapping[str, Any] = field(default_factory=dict)


STEPS = (
    Step(
        "Explore",
        mark(
            "**The same thing, small and large.** From left to right the object is drawn larger. "
            "Below each picture is the network's answer. It changes although nothing but the size "
            "does."
        ),
    ),
    Step(
        "Explore",
        mark(
            "**The map.** Each row is one unit, each column one size. Blue: the unit uses its "
            "small window more. Orange: its wide window. Follow the marked row from left to right: "
            "as the object grows, the choice moves towards the wide window."
        ),
        {"unit": "SK_5_1", "scale": 2.0},
    ),
    Step(
        "Why",
        mark(
            "**Which pixels decide?** Green pixels push the unit towards its wide window, purple "
            "ones towards its small window. Compare them with the pixels that decide the answer."
        ),
        {"unit": "SK_5_1", "scale": 2.0},
    ),
    Step(
        "What if",
        mark(
            "**Does the choice matter?** Freeze one unit to one window and see whether the answer "
            "changes. Each cell of the map is one such experiment."
        ),
        {"scale": 2.0},
    ),
    Step(
        "Survey",
        mark(
            "**One picture is an anecdote.** Over hundreds of photographs each unit's change has a "
            "size and a 95 % interval. Compare it with the blur control: what goes beyond blur is "
            "not explained by lost detail."
        ),
    ),
)


def button(pages: Mapping[str, Any]) -> None:
    """A button that starts the tour."""
    if st.button(
        _("Tour"),
        key="tour-start",
        type="tertiary",
        icon=":material/tour:",
        help=_("Five steps, two minutes."),
    ):
        _go(1, pages)


def banner(pages: Mapping[str, Any], chosen: Any) -> None:
    """The step that the address names, with buttons for the next one."""
    number = min(current(Look).tour, len(STEPS))
    step = STEPS[number - 1]
    if chosen != pages.get(step.page):
        # A step's link opens its own page; who goes elsewhere has left the tour.
        change(Look, tour=0)
        return
    with st.container(key="tour", border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":small[{number} / {len(STEPS)}] {_(step.text)}", width="stretch")
        back = number > 1 and st.button(
            _("Previous"), key="tour-back", type="tertiary", icon=":material/arrow_back:"
        )
        last = number == len(STEPS)
        forth = st.button(
            _("Finish") if last else _("Next"), key="tour-next", icon=":material/arrow_forward:"
        )
        if not last:
            st.button(
                _("Skip the tour"),
                key="tour-skip",
                type="tertiary",
                on_click=lambda: change(Look, tour=0),
            )
    if back:
        _go(number - 1, pages)
    if forth:
        _go(0 if last else number + 1, pages)


def _go(number: int, pages: Mapping[str, Any]) -> None:
    """To a step, or with 0 out of the tour and to the first screen."""
    step = STEPS[max(number - 1, 0)]
    change(Look, tour=number)
    st.session_state["settings.Settings"] = Settings(
        model=current(Settings).model, **dict(step.settings)
    )
    st.switch_page(pages[step.page])
