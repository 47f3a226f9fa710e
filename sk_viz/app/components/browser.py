"""What only the browser can do for the page; draws nothing."""

from __future__ import annotations

from sk_viz.app.components.loader import component


def browser(lang: str, cookie: str = "", keys: dict[str, str] | None = None) -> None:
    """Set up the browser.

    Args:
        lang: of the document, as a BCP 47 tag.
        cookie: word by which this browser finds its uploads after a reload; "" sets none.
        keys: selectors of the buttons that the right ("next") and left ("back") arrow press; None
            leaves the arrows alone.
    """
    _component(key="browser", data={"lang": lang, "cookie": cookie, "keys": keys})


_component = component("browser")
