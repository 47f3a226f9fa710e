"""Share: a link to what is shown, and the frame that shows it on another site."""

from __future__ import annotations

import streamlit as st

from sk_viz.app.components.share import share
from sk_viz.language import gettext as _


def button() -> None:
    """A button that opens the link and the frame."""
    with st.popover(_("Share"), icon=":material/share:", type="tertiary", key="share"):
        st.markdown(_("The link opens the same view. The frame shows its figure alone."))
        share()
