"""The filmstrip: one picture a scale, standing over the columns of the map below it.

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
import streamlit as st

from sk_viz.figures.screen.style import LEFT, RIGHT

PNG_UP_TO = 128  # pixels: larger pictures are sent as JPEG


@dataclass(frozen=True)
class Frame:
    """One picture of the strip.

    Attributes:
        column: of the map, from 0.
        scale: the scale it was shown at.
        label: the scale as text.
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
    _, encoded = cv2.imencode(f".{kind}", ready)
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
            "left": LEFT,
            "right": RIGHT,
        },
        on_clicked_change=on_click,
    )


_CSS = """
.strip { overflow-x: auto; font-family: var(--st-font); color: var(--st-text-color); }
.inner { position: relative; }
.row { position: relative; display: flex; }
.gutter { font-size: 12px; line-height: 1.25; opacity: .72; box-sizing: border-box;
  flex: none; padding: 4px 6px 0 8px; }
.cells { position: relative; flex: 1; }
.cell { position: absolute; top: 0; transform: translateX(-50%); box-sizing: border-box;
  padding: 0 2px; text-align: center; }
button { all: unset; display: block; box-sizing: border-box; cursor: pointer; width: 100%;
  aspect-ratio: 1; border-radius: 4px; position: relative; overflow: hidden; }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
button img { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
button.chosen { box-shadow: 0 0 0 2px var(--st-text-color); }
button.place { border: 1px dashed var(--st-border-color); color: var(--st-text-color);
  opacity: .55; font-size: 18px; display: grid; place-items: center; }
button.place:hover { opacity: 1; border-style: solid; }
button.why .under { filter: grayscale(1) contrast(.75); }
.scale { font-size: 12px; opacity: .72; padding-bottom: 2px; }
.chosen-scale { font-weight: 700; opacity: 1; }
.name { font-size: 12px; line-height: 1.2; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }
.changed { font-style: italic; }
.bar { height: 3px; border-radius: 2px; background: var(--st-secondary-background-color);
  margin: 2px 0 1px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--st-text-color); opacity: .65; }
.share { font-size: 12px; line-height: 1.2; opacity: .72; font-variant-numeric: tabular-nums; }
.none { border: 1px dashed var(--st-border-color); border-radius: 4px; margin-bottom: 1px;
  overflow: visible; letter-spacing: -.01em; }
.nearest { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.legend { display: flex; gap: 7px; margin-top: 2px; }
.legend b { font-weight: 400; white-space: nowrap; }
.legend b::before { content: ""; display: inline-block; width: 7px; height: 7px;
  border-radius: 2px; margin-right: 3px; }
.legend .for::before { background: rgb(0,158,80); }
.legend .against::before { background: rgb(170,40,190); }
@media (max-width: 640px) {
  .gutter { display: none; }
  .gutter.keep { display: block; position: sticky; left: 0; max-width: 90vw; padding: 6px 0 4px; }
  .gutter.keep .legend { display: inline-flex; margin: 0 0 0 8px; }
  .row.keep { flex-direction: column; align-items: flex-start; }
  .row.keep .cells { width: 100%; }
}
"""

_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const make = (tag, cls, text) => {
    const el = document.createElement(tag);
    if (cls) el.className = cls;
    if (text !== undefined) el.textContent = text;
    return el;
  };
  const old = parentElement.querySelector(".strip");
  const focused = parentElement.activeElement?.dataset?.id
    ?? parentElement.getRootNode().activeElement?.dataset?.id;
  const strip = make("div", "strip");
  const inner = make("div", "inner");
  strip.append(inner);
  const narrow = () => window.matchMedia("(max-width: 640px)").matches;
  const cellWidth = () => {
    const room = parentElement.host?.clientWidth ?? parentElement.clientWidth
      ?? strip.clientWidth;
    return narrow() ? 72 : Math.min(73, (room - data.left - data.right) / data.frames.length);
  };
  const image = (source, cls, alt) => {
    const el = make("img", cls);
    el.src = source; el.alt = alt; el.draggable = false;
    return el;
  };
  const button = (frame, row, cls, label) => {
    const el = make("button", cls);
    el.type = "button";
    el.dataset.id = row + frame.column;
    el.setAttribute("aria-label", label);
    el.onclick = () => setTriggerValue("clicked", { scale: frame.scale, row });
    return el;
  };
  const rows = [];
  const addRow = (label, fill) => {
    const row = make("div", "row");
    const gutter = make("div", "gutter", label);
    const cells = make("div", "cells");
    row.append(gutter, cells);
    const made = data.frames.map((frame) => {
      const cell = make("div", "cell");
      fill(cell, frame);
      cells.append(cell);
      return cell;
    });
    inner.append(row);
    rows.push({ row, gutter, cells, made });
    return gutter;
  };
  addRow("", (cell, frame) => cell.append(
    make("div", "scale" + (frame.chosen ? " chosen-scale" : ""), frame.label)));
  addRow("what the network is shown", (cell, frame) => {
    const el = button(frame, "picture", frame.chosen ? "chosen" : "",
      "look at scale " + frame.label);
    el.setAttribute("aria-pressed", String(frame.chosen));
    el.title = frame.others;
    el.append(image(frame.source, "", "the picture at scale " + frame.label));
    cell.append(el);
  });
  addRow("prediction", (cell, frame) => {
    cell.title = frame.others;
    if (frame.none) {
      cell.append(make("div", "name none", "likely none"),
        make("div", "share nearest", frame.name + " " + frame.share));
      return;
    }
    const name = make("div", "name" + (frame.changed ? " changed" : ""), frame.name);
    const bar = make("div", "bar");
    const fill = make("i");
    fill.style.width = 100 * frame.probability + "%";
    bar.append(fill);
    cell.append(name, bar, make("div", "share", frame.share));
  });
  if (data.explanation) {
    const gutter = addRow(data.explanation, (cell, frame) => {
      if (!frame.explained) {
        const el = button(frame, "attribution", "place", "attribute at scale " + frame.label);
        el.textContent = "+";
        cell.append(el);
        return;
      }
      const el = button(frame, "attribution", "why", "remove attribution at " + frame.label);
      el.append(image(frame.source, "under", ""));
      if (frame.heat) {
        const heat = image(frame.heat, "", "attribution at scale " + frame.label);
        heat.style.opacity = data.strength;
        el.append(heat);
      }
      cell.append(el);
    });
    const legend = make("span", "legend");
    legend.append(make("b", "for", "for"), make("b", "against", "against"));
    gutter.append(legend);
    gutter.classList.add("keep");
    gutter.parentElement.classList.add("keep");
  }
  const place = () => {
    const width = cellWidth();
    const few = data.frames.length;
    const slim = narrow();
    // Each over its column, unless some stand closer than they are wide: then side by side.
    const column = (strip.clientWidth - data.left - data.right) / data.columns;
    const free = data.frames.every((frame, i) => !i
      || (frame.column - data.frames[i - 1].column) * column >= width - 0.5);
    const share = (frame, i) => free ? (frame.column + 0.5) / data.columns : (i + 0.5) / few;
    inner.style.minWidth = slim ? few * width + "px" : "";
    for (const { row, gutter, cells, made } of rows) {
      gutter.style.width = slim ? "auto" : data.left + "px";
      cells.style.marginRight = slim ? "0" : data.right + "px";
      made.forEach((cell, i) => {
        cell.style.width = width + "px";
        cell.style.left = slim ? (i + 0.5) * width + "px"
          : 100 * share(data.frames[i], i) + "%";
      });
      cells.style.minHeight = Math.max(...made.map((cell) => cell.offsetHeight)) + 4 + "px";
    }
  };
  if (old) old.replaceWith(strip); else parentElement.append(strip);
  place();
  if (old) strip.scrollLeft = old.dataset.left ?? 0;
  strip.onscroll = () => { strip.dataset.left = strip.scrollLeft; };
  if (old) strip.dataset.left = old.dataset.left ?? 0;
  if (focused) strip.querySelector('[data-id="' + focused + '"]')?.focus();
  const observer = new ResizeObserver(place);
  observer.observe(strip);
  return () => observer.disconnect();
}
"""

_component = st.components.v2.component("sk_viz_filmstrip", css=_CSS, js=_JS)
