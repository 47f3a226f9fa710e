"""Gallery: views worth seeing, each a link."""

from __future__ import annotations

from sk_viz.app.shared import shell
from sk_viz.language import gettext as _


def page() -> None:
    """Draw the page."""
    shell.begin()
    shell.question(_("What is worth seeing first?"))
