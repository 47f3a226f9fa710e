"""The whole picture with the windows that the zoom cuts; a click says where to zoom to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from sk_viz.app.components.filmstrip import data_address
from sk_viz.app.components.loader import component
from sk_viz.pictures import Box, Picture

LONGEST = 560  # pixels of the picture as it is sent: twice what the sidebar shows


def pointer(
    picture: Picture,
    windows: Sequence[Box],
    *,
    clickable: bool,
    on_click: Callable[[], None],
    key: str,
) -> None:
    """Show it. A click leaves ``{"x", "y"}`` in [0, 1] in ``st.session_state[key].clicked``.

    Args:
        picture: shown whole.
        windows: what is seen at the smallest and the largest scale, in the picture's pixels.
        clickable: whether a click means anything with this protocol.
        on_click: called after a click.
        key: of the component.
    """
    shrink = min(1.0, LONGEST / max(picture.width, picture.height))
    size = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
    small = np.asarray(cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    _component(
        key=key,
        data={
            "source": data_address(small),
            "alt": f"{picture.name}, {picture.width} by {picture.height} pixels",
            "windows": [
                {
                    "left": box.left / picture.width,
                    "top": box.top / picture.height,
                    "width": box.width / picture.width,
                    "height": box.height / picture.height,
                }
                for box in windows
            ],
            "clickable": clickable,
            "aspect": picture.width / picture.height,
        },
        on_clicked_change=on_click,
    )


_component = component("pointer")
