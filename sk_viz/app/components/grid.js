export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const make = (tag, cls, text) => {
    const el = document.createElement(tag);
    if (cls) el.className = cls;
    if (text !== undefined) el.textContent = text;
    return el;
  };
  const stops = data.colours.map(([at, hex]) =>
    [at, [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))]);
  const colour = (value) => {
    const at = Math.min(1, Math.max(0, (value / data.limit + 1) / 2));
    let next = stops.findIndex(([place]) => place >= at);
    if (next < 1) next = 1;
    const [[from, a], [to, b]] = [stops[next - 1], stops[next]];
    const share = (at - from) / (to - from);
    return a.map((v, i) => Math.round(v + share * (b[i] - v)));
  };
  // Black or white, whichever stands out more.
  const textOn = (rgb) => {
    const light = rgb.map((v) => {
      const c = v / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.179 ? "#000" : "#fff";
  };
  const root = parentElement.getRootNode();
  const focused = root.activeElement?.dataset?.place;
  const old = parentElement.querySelector(".grid");
  const grid = make("div", "grid" + (data.tall ? " tall" : "") + (data.clickable ? " clickable" : ""));
  grid.style.setProperty("--frame", data.frame);
  grid.style.setProperty("--guide", data.guide);
  const narrow = window.matchMedia("(max-width: 640px)").matches;
  const left = narrow ? 66 : data.left;
  const right = narrow ? 0 : data.right;
  const template = left + "px minmax(0, 1fr) " + right + "px";
  const columns = "repeat(" + data.columns.length + ", minmax(0, 1fr))";
  const body = make("div", "body");
  body.setAttribute("role", "grid");
  body.setAttribute("aria-label", data.label);
  body.setAttribute("aria-rowcount", data.rows.length);
  const said = make("div", "said");
  const chosenRow = data.rows.findIndex((row) => row.id === data.row);
  const chosenColumn = data.columns.findIndex((column) => column.id === data.column);
  const say = (r, c) => { said.textContent = data.texts[r][c]; };
  const rest = () => {
    if (chosenRow >= 0 && chosenColumn >= 0) say(chosenRow, chosenColumn);
    else said.textContent = "";
  };
  const choose = (r, c) => {
    if (data.clickable)
      setTriggerValue("clicked", { row: data.rows[r].id, column: data.columns[c].id });
  };
  const cells = [];
  let group, name;
  data.rows.forEach((row, r) => {
    if (!group || row.group !== name) {
      group = make("div", "group");
      group.setAttribute("role", "rowgroup");
      name = row.group;
      if (name) {
        const stage = make("div", "stage", name);
        stage.setAttribute("aria-hidden", "true");
        group.append(stage);
      }
      body.append(group);
    }
    const line = make("div", "line");
    line.setAttribute("role", "row");
    line.style.gridTemplateColumns = template;
    const here = r === chosenRow;
    const header = make("div");
    header.setAttribute("role", "rowheader");
    header.style.minWidth = "0";
    header.style.display = "grid";
    const head = make(data.clickable ? "button" : "div", "head" + (here ? " chosen" : ""), row.label);
    if (data.clickable) {
      head.type = "button";
      head.dataset.place = "head" + r;
      head.tabIndex = -1;
      head.onclick = () => choose(r, Math.max(0, chosenColumn));
    }
    header.append(head);
    line.append(header);
    const strip = make("div", "cells" + (here && !data.tall ? " chosen" : ""));
    strip.setAttribute("role", "presentation");
    strip.style.gridTemplateColumns = columns;
    cells.push(data.columns.map((column, c) => {
      const rgb = colour(data.values[r][c]);
      const both = here && c === chosenColumn;
      const cell = make("div", "cell" + (c === chosenColumn && !data.tall ? " column" : "")
        + (both ? " chosen" : ""), data.marks.length ? data.marks[r][c] : undefined);
      cell.style.background = "rgb(" + rgb + ")";
      cell.style.color = textOn(rgb);
      cell.setAttribute("role", "gridcell");
      const shown = data.marks.length ? data.marks[r][c] + ". " : "";
      cell.setAttribute("aria-label", shown + data.texts[r][c]);
      cell.setAttribute("aria-selected", String(both));
      cell.dataset.place = r + "," + c;
      cell.tabIndex = -1;
      cell.onclick = () => choose(r, c);
      cell.onpointerenter = () => say(r, c);
      cell.onpointerleave = rest;
      cell.onfocus = () => say(r, c);
      strip.append(cell);
      return cell;
    }));
    line.append(strip);
    group.append(line);
  });
  const start = cells[Math.max(0, chosenRow)]?.[Math.max(0, chosenColumn)];
  if (start) start.tabIndex = 0;
  body.onkeydown = (event) => {
    const place = event.target.dataset?.place;
    if (!place || place.startsWith("head")) return;
    let [r, c] = place.split(",").map(Number);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(r, c);
      return;
    }
    if (event.key === "ArrowRight") c += 1;
    else if (event.key === "ArrowLeft") c -= 1;
    else if (event.key === "ArrowDown") r += 1;
    else if (event.key === "ArrowUp") r -= 1;
    else if (event.key === "Home") c = 0;
    else if (event.key === "End") c = data.columns.length - 1;
    else return;
    event.preventDefault();
    event.stopPropagation();
    r = Math.min(data.rows.length - 1, Math.max(0, r));
    c = Math.min(data.columns.length - 1, Math.max(0, c));
    for (const cell of body.querySelectorAll(".cell[tabindex='0']")) cell.tabIndex = -1;
    cells[r][c].tabIndex = 0;
    cells[r][c].focus();
  };
  const foot = make("div", "foot");
  foot.style.gridTemplateColumns = template;
  foot.setAttribute("aria-hidden", "true");
  foot.append(make("div", "corner", data.corner));
  const names = make("div", "names");
  names.style.gridTemplateColumns = columns;
  data.columns.forEach((column, c) =>
    names.append(make("span", c === chosenColumn ? "chosen" : "", column.label)));
  foot.append(names);
  const bottom = make("div", "bottom");
  bottom.style.marginLeft = narrow ? "0" : left + "px";
  const bar = make("span", "bar");
  const ramp = make("i");
  ramp.style.background = "linear-gradient(to right, "
    + data.colours.map(([at, hex]) => hex + " " + 100 * at + "%").join(", ") + ")";
  const digits = data.limit < 0.1 ? 3 : 2;
  bar.append(make("span", "", data.low + " −" + data.limit.toFixed(digits)), ramp,
    make("span", "", "+" + data.limit.toFixed(digits) + " " + data.high));
  bottom.append(bar, said);
  grid.append(body, foot, bottom);
  if (data.note) grid.append(make("div", "note", data.note));
  rest();
  if (old) old.replaceWith(grid); else parentElement.append(grid);
  if (focused) grid.querySelector('[data-place="' + focused + '"]')?.focus();
}
