"""Learn on one sheet: a handout to print, and the five questions as a quiz."""

from __future__ import annotations

import streamlit as st

from sk_viz.app.components.printing import print_button
from sk_viz.app.learn.facts import Walk, facts
from sk_viz.app.learn.steps import draw_equations
from sk_viz.app.learn.text import Text
from sk_viz.app.shared import shell, terms
from sk_viz.language import gettext as _

HANDOUT, QUIZ = "handout", "quiz"
_ON_IT = ("unit", "branch", "kernel", "branch weight", "difference", "receptive field")


def handout(walk: Walk, text: Text) -> None:
    """One page: the terms, the equations with the numbers on screen, and the questions."""
    print_button()
    st.markdown(
        _(
            "A selective kernel unit looks through several windows and chooses, for every channel, "
            "how much to use of each: Split, Fuse, Select. The numbers below are those of {unit} "
            "for the picture on screen."
        ).format(unit=shell.plain(walk.trace.unit.name))
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(terms.definitions(*_ON_IT))
    with right:
        for step in ("split", "fuse", "select", "sum"):
            st.markdown(f"**{text.steps[step].name}**")
            draw_equations(walk, step)
    st.markdown(_("**Five questions**"))
    named = facts(walk, text.joined)
    st.markdown(
        "\n".join(f"{n}. {one.ask.format(**named)}" for n, one in enumerate(text.questions, 1))
    )


def quiz(walk: Walk, text: Text) -> None:
    """The five questions, each with its answer behind a tap."""
    named = facts(walk, text.joined)
    for number, one in enumerate(text.questions, start=1):
        st.markdown(f"**{number}.** {one.ask.format(**named)}")
        with st.expander(_("Answer")):
            st.markdown(one.answer.format(**named))
