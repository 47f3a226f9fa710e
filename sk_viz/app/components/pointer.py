"""The whole picture with the windows that the zoom cuts; a click says where to zoom to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import streamlit as st

from sk_viz.app.components.filmstrip import data_address
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


_CSS = """
.frame { position: relative; line-height: 0; border-radius: 6px; overflow: hidden; }
.frame { margin: 0 auto; }
.frame img { width: 100%; display: block; }
.clickable { cursor: crosshair; }
.window { position: absolute; box-sizing: border-box; border: 1.5px solid #fff;
  outline: 1px solid rgba(0,0,0,.65); pointer-events: none; }
.window.outer { border-style: dashed; }
"""

_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const frame = document.createElement("div");
  frame.className = "frame" + (data.clickable ? " clickable" : "");
  frame.style.width = "min(100%, " + Math.round(240 * data.aspect) + "px)";
  const image = document.createElement("img");
  image.src = data.source;
  image.alt = data.alt;
  image.draggable = false;
  frame.append(image);
  data.windows.forEach((box, i) => {
    const el = document.createElement("div");
    el.className = "window" + (i === 0 && data.windows.length > 1 ? " outer" : "");
    for (const side of ["left", "top", "width", "height"])
      el.style[side] = 100 * box[side] + "%";
    frame.append(el);
  });
  if (data.clickable) frame.onclick = (event) => {
    const seen = image.getBoundingClientRect();
    const share = (v, from, length) => Math.min(1, Math.max(0, (v - from) / length));
    setTriggerValue("clicked", {
      x: share(event.clientX, seen.left, seen.width),
      y: share(event.clientY, seen.top, seen.height),
    });
  };
  const old = parentElement.querySelector(".frame");
  if (old) old.replaceWith(frame); else parentElement.append(frame);
}
"""

_component = st.components.v2.component("sk_viz_pointer", css=_CSS, js=_JS)
