"""A button that prints the page."""

from __future__ import annotations

from sk_viz.app.components.loader import component
from sk_viz.language import gettext as _


def print_button() -> None:
    """Show it."""
    _component(key="print", data={"label": _("Print this page")})


_component = component("printing")
