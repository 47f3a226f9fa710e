"""Share: a link to what is shown, and the frame that shows it on another site."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import streamlit as st

from sk_viz.language import gettext as _


def button() -> None:
    """A button that opens the link and the frame, each with a button to copy it."""
    with st.popover(_("Share"), icon=":material/share:", type="tertiary", key="share"):
        st.markdown(_("The address of this page opens the same view. Copy it from here:"))
        st.code(_address({}), language=None, wrap_lines=True)
        st.markdown(_("To show the figure alone on another page, paste this frame there:"))
        st.code(
            f'<iframe src="{_address({"embed": "1"})}" width="720" height="480" '
            'style="border:0" loading="lazy"></iframe>',
            language="html",
            wrap_lines=True,
        )


def _address(more: dict[str, str]) -> str:
    from urllib.parse import urlencode

    place = urlsplit(st.context.url or "")
    query = urlencode(st.query_params.to_dict() | more, safe=",:")
    return urlunsplit((place.scheme, place.netloc, place.path, query, ""))
