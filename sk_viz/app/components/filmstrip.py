"""The filmstrip: one picture per scale, standing over the columns of the map below it.

A component of its own because a row of ordinary page columns would stack on a phone, could not
stand over a plot's columns, and could not be clicked. All text is set as text, never as HTML.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sk_viz.app.components.loader import EDGE, component
from sk_viz.figures.screen.style import LEFT
from sk_viz.language import gettext as _

PNG_UP_TO = 128  # pixels: larger pictures are sent as JPEG


@dataclass(frozen=True)
class Frame:
    """One picture of the strip.

    Attributes:
        column: of the map, from 0.
        scale: the scale it was shown at.
        label: the scale as text.
        says: what the button says to those who hear it: the scale and the prediction.
        source: the picture as a data address.
        name: the likeliest class.
        probability: of that class, in [0, 1].
        share: the probability as text.
        none: the picture is likely of none of the classes.
        others: the likeliest classes as text, for the hover.
        changed: the class differs from the one at the first scale.
        chosen: it is the scale that is looked at.
        explained: its attribution is asked for.
        heat: the attribution's layer as a data address, None while there is none.
    """

    column: int
    scale: float
    label: str
    says: str
    source: str
    name: str
    probability: float
    share: str
    none: bool
    others: str
    changed: bool
    chosen: bool
    explained: bool
    heat: str | None = None


def data_address(pixels: npt.NDArray[np.uint8]) -> str:
    """An RGB or RGBA picture as a ``data:`` address: PNG, or JPEG for large opaque ones."""
    if pixels.shape[2] == 4:
        kind, ready = "png", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA)
    else:
        kind = "png" if max(pixels.shape[:2]) <= PNG_UP_TO else "jpeg"
        ready = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(f".{kind}", ready)[1]
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"


def filmstrip(
    frames: Sequence[Frame],
    *,
    columns: int,
    strength: float,
    explanation: str,
    on_click: Callable[[], None],
    key: str,
) -> None:
    """Show the strip. A click leaves ``{"scale", "row"}`` in ``st.session_state[key].clicked``.

    Args:
        frames: in order of scale.
        columns: of the map below.
        strength: of the attribution's layer, in [0, 1].
        explanation: what the attributions explain, for their row's label; "" leaves the row out.
        on_click: called when a picture (row "picture") or a place for an attribution (row
            "attribution") was clicked.
        key: of the component.
    """
    _component(
        key=key,
        data={
            "frames": [asdict(frame) for frame in frames],
            "columns": columns,
            "strength": strength,
            "explanation": explanation,
            "words": _words(),
            "left": LEFT,
            "right": EDGE,
        },
        on_clicked_change=on_click,
    )


def _words() -> dict[str, str]:
    """What the strip says by itself."""
    return {
        "shown": _("what the network is shown"),
        "picture": _("the picture at scale"),
        "prediction": _("prediction"),
        "none": _("likely none"),
        "attribute": _("show the attribution at scale"),
        "remove": _("remove the attribution at scale"),
        "attribution": _("attribution at scale"),
        "for": _("for"),
        "against": _("against"),
    }


_component = component("filmstrip")
