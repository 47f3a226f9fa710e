"""Buttons that copy the link to what is shown, and a frame that shows it on another site."""

from __future__ import annotations

from sk_viz.app.components.loader import component
from sk_viz.language import gettext as _


def share() -> None:
    """Show them."""
    _component(
        key="share-link",
        data={
            "words": {
                "link": _("Copy the link"),
                "frame": _("Copy a frame for a web page"),
                "text": _("Text to copy"),
                "copied": _("Copied."),
                "select": _("Press Ctrl+C to copy."),
            }
        },
    )


_component = component("share")
