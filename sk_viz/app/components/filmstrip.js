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
  // A picture smaller than this shows nothing: then the strip scrolls sideways instead.
  const LEAST = 56;
  const room = () => parentElement.host?.clientWidth ?? parentElement.clientWidth
    ?? strip.clientWidth;
  const each = () => (room() - data.left - data.right) / data.frames.length;
  const narrow = () => each() < LEAST + 4;
  const cellWidth = () => narrow() ? 72 : Math.min(73, each());
  const words = data.words;
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
  addRow(words.shown, (cell, frame) => {
    const el = button(frame, "picture", frame.chosen ? "chosen" : "",
      frame.says);
    el.setAttribute("aria-pressed", String(frame.chosen));
    el.title = frame.others;
    el.append(image(frame.source, "", words.picture + " " + frame.label));
    cell.append(el);
  });
  addRow(words.prediction, (cell, frame) => {
    cell.title = frame.others;
    if (frame.none) {
      cell.append(make("div", "name none", words.none),
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
        const el = button(frame, "attribution", "place", words.attribute + " " + frame.label);
        el.textContent = "+";
        cell.append(el);
        return;
      }
      const el = button(frame, "attribution", "why", words.remove + " " + frame.label);
      el.append(image(frame.source, "under", ""));
      if (frame.heat) {
        const heat = image(frame.heat, "", words.attribution + " " + frame.label);
        heat.style.opacity = data.strength;
        el.append(heat);
      }
      cell.append(el);
    });
    const legend = make("span", "legend");
    legend.append(make("b", "for", words.for), make("b", "against", words.against));
    gutter.append(legend);
    gutter.classList.add("keep");
    gutter.parentElement.classList.add("keep");
  }
  const place = () => {
    const width = cellWidth();
    const few = data.frames.length;
    const slim = narrow();
    strip.classList.toggle("slim", slim);
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
