"""What a picture of one's own can be recognised as: the model's classes, searchable."""

from __future__ import annotations

import streamlit as st

from sk_viz.app.shared import shell
from sk_viz.app.state.settings import Settings
from sk_viz.language import gettext as _

MOST = 40


def search(settings: Settings) -> None:
    """A button that opens the list of classes with a field to search it."""
    try:
        names = list(shell.model(settings).classes)
    except ValueError:
        return  # the page says why
    title = _("What can it recognise?")
    with st.popover(title, icon=":material/search:", width="stretch"):
        st.markdown(
            _(
                "This model knows **{count} classes**. A picture of something else gets the name "
                "of one of them."
            ).format(count=len(names))
        )
        wanted = st.text_input(_("Search the classes"), key="classes.wanted").strip().lower()
        found = [name for name in names if wanted in name.lower()]
        if not found:
            st.markdown(_("No class contains {text}.").format(text=f"**{shell.plain(wanted)}**"))
            return
        shown = ", ".join(shell.plain(name) for name in found[:MOST])
        if len(found) > MOST:
            shown += _(" … and {count} more").format(count=len(found) - MOST)
        st.markdown(f":small[{shown}]")
