"use strict";
// Draws a sweep from the JSON on the page. Nothing here makes a request.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const state = { scale: 0, unit: 0, branch: 0, channel: 0 };
  const count = data.scales.length;

  // ---- numbers -------------------------------------------------------------------------------

  // The shortest text of a double is that of Python's repr, which the CSV has.
  const exact = (value) => String(value);

  // Weights are float32: the shortest text that becomes the same float32 again, as in the CSV.
  function exact32(value) {
    for (let digits = 1; digits <= 9; digits += 1) {
      const text = value.toPrecision(digits);
      if (Math.fround(Number(text)) === value) return String(Number(text));
    }
    return String(value);
  }

  // At least one decimal, no more than needed.
  const scaleText = (scale) => `${scale.toFixed(3).replace(/(\.\d+?)0+$/, "$1")}×`;
  const kernelText = (kernel) => `${kernel}×${kernel}`;
  const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(3)}`;

  // The weights (M, C, S) of a unit, unpacked when the unit is first looked at.
  function weightsOf(unit) {
    if (!unit.weights) return null;
    if (typeof unit.weights === "string") {
      const bytes = Uint8Array.from(atob(unit.weights), (letter) => letter.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      const values = new Float32Array(bytes.length / 4);
      for (let n = 0; n < values.length; n += 1) values[n] = view.getFloat32(4 * n, true);
      unit.weights = values;
    }
    return unit.weights;
  }

  const weightAt = (unit, branch, channel, scale) =>
    weightsOf(unit)[(branch * unit.count + channel) * count + scale];

  // ---- colours -------------------------------------------------------------------------------

  const limit = Math.max(0.01, ...data.units.flatMap((unit) => unit.differences.map(Math.abs)));

  const parts = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));

  function differenceColour(value) {
    const stops = data.ink[dark.matches ? "dark" : "light"].stops;
    const place = Math.min(1, Math.max(0, 0.5 + value / (2 * limit)));
    let upper = stops.findIndex(([stop]) => stop >= place);
    upper = Math.max(1, upper);
    const [from, low] = stops[upper - 1];
    const [to, high] = stops[upper];
    const share = (place - from) / (to - from);
    const [a, b] = [parts(low), parts(high)];
    return `rgb(${a.map((x, n) => Math.round(x + (b[n] - x) * share)).join(",")})`;
  }

  // ---- a value at the pointer ----------------------------------------------------------------

  const tip = find("tip");

  function showTip(event, text) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const at = event.clientX === undefined ? event.target.getBoundingClientRect() : null;
    const x = at ? at.right : event.clientX;
    const y = at ? at.bottom : event.clientY;
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - box.height - 8))}px`;
  }

  const hideTip = () => { tip.hidden = true; };

  // ---- the map -------------------------------------------------------------------------------

  const cells = [];

  function makeMap() {
    const table = find("map");
    const head = table.createTHead().insertRow();
    head.appendChild(document.createElement("th"));
    const every = Math.ceil(count / 12);
    data.scales.forEach((scale, s) => {
      const label = document.createElement("th");
      label.scope = "col";
      label.textContent = s % every === 0 ? scaleText(scale) : "";
      head.appendChild(label);
    });
    const body = table.createTBody();
    const stage = (unit) => unit.name.split("_")[1];
    data.units.forEach((unit, u) => {
      const row = body.insertRow();
      if (u && stage(unit) !== stage(data.units[u - 1])) row.className = "stage";
      const label = document.createElement("th");
      label.scope = "row";
      label.textContent = unit.name;
      row.appendChild(label);
      cells.push(unit.differences.map((value, s) => {
        const cell = row.insertCell();
        const text = `${unit.name} at ${exact(data.scales[s])}×: difference ${exact(value)}`;
        cell.setAttribute("aria-label", text);
        cell.addEventListener("pointermove", (event) => showTip(event, text));
        cell.addEventListener("pointerleave", hideTip);
        cell.addEventListener("focus", (event) => showTip(event, text));
        cell.addEventListener("blur", hideTip);
        cell.addEventListener("click", () => choose({ unit: u, scale: s }));
        cell.addEventListener("keydown", (event) => moveInMap(event));
        return cell;
      }));
    });
    find("legend-low").textContent = `${signed(-limit)} smallest kernel`;
    find("legend-high").textContent = `${signed(limit)} largest kernel`;
  }

  function moveInMap(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const unit = Math.min(data.units.length - 1, Math.max(0, state.unit + step[0]));
    const scale = Math.min(count - 1, Math.max(0, state.scale + step[1]));
    choose({ unit, scale });
    cells[unit][scale].focus();
  }

  function colourMap() {
    cells.forEach((row, u) => row.forEach((cell, s) => {
      cell.style.background = differenceColour(data.units[u].differences[s]);
    }));
    const middle = [-1, -0.5, 0, 0.5, 1].map((share) => differenceColour(share * limit));
    find("legend-bar").style.background = `linear-gradient(to right, ${middle.join(",")})`;
  }

  function markMap() {
    cells.forEach((row, u) => {
      row[0].parentElement.classList.toggle("chosen", u === state.unit);
      row.forEach((cell, s) => {
        cell.classList.toggle("now", s === state.scale);
        cell.tabIndex = u === state.unit && s === state.scale ? 0 : -1;
      });
    });
  }

  // ---- plots ---------------------------------------------------------------------------------

  let WIDTH = 720; // the plots' own, so that their text keeps its size on a telephone
  const LEFT = 52;
  const RIGHT = 64;

  function draw(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (text !== undefined) made.textContent = text;
    parent.appendChild(made);
    return made;
  }

  const low = Math.min(...data.scales);
  const high = Math.max(...data.scales);
  const xOfScale = (scale) =>
    LEFT + (WIDTH - LEFT - RIGHT) * (high > low ? (scale - low) / (high - low) : 0.5);

  // An empty plot with a vertical axis that covers the values; returns value -> y.
  function frame(svg, height, values) {
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    let bottom = Math.min(...values);
    let top = Math.max(...values);
    const room = Math.max(0.004, 0.08 * (top - bottom));
    bottom = Math.max(0, bottom - room);
    top = Math.min(1, top + room);
    const y = (value) => height - 24 - (height - 34) * ((value - bottom) / (top - bottom || 1));
    const digits = Math.max(2, Math.min(6, Math.ceil(-Math.log10(top - bottom)) + 1));
    [bottom, (bottom + top) / 2, top].forEach((value) => {
      draw(svg, "line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) });
      draw(svg, "text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(digits));
    });
    return y;
  }

  function scaleAxis(svg, height) {
    const every = Math.ceil(count / Math.max(2, Math.floor((WIDTH - LEFT - RIGHT) / 44)));
    data.scales.forEach((scale, s) => {
      if (s % every) return;
      draw(svg, "text", { x: xOfScale(scale), y: height - 6, "text-anchor": "middle" }, scaleText(scale));
    });
    const x = xOfScale(data.scales[state.scale]);
    draw(svg, "line", { class: "cursor", x1: x, x2: x, y1: 8, y2: height - 22 });
  }

  // Lines over the scales: [{label, colour, values, text}]; text(value) is what a pointer reads.
  function overScales(svg, lines) {
    const height = 190;
    const y = frame(svg, height, lines.flatMap((line) => [...line.values]));
    scaleAxis(svg, height);
    const order = data.scales.map((_, s) => s).sort((a, b) => data.scales[a] - data.scales[b]);
    lines.forEach((line) => {
      const points = order.map((s) => `${xOfScale(data.scales[s])},${y(line.values[s])}`);
      draw(svg, "polyline", { class: "line", stroke: line.colour, points: points.join(" ") });
      data.scales.forEach((scale, s) => {
        const dot = draw(svg, "circle", {
          cx: xOfScale(scale), cy: y(line.values[s]), r: s === state.scale ? 5 : 3.5, fill: line.colour,
        });
        const text = `${line.label} at ${exact(scale)}×: ${line.text(line.values[s])}`;
        dot.addEventListener("pointermove", (event) => showTip(event, text));
        dot.addEventListener("pointerleave", hideTip);
        dot.addEventListener("click", () => choose({ scale: s }));
      });
      const last = order[count - 1];
      draw(svg, "text", { x: xOfScale(high) + 9, y: y(line.values[last]) + 4, class: "name" }, line.short);
    });
  }

  function drawUnit() {
    WIDTH = Math.max(280, Math.round(document.querySelector(".unit").clientWidth));
    const unit = data.units[state.unit];
    if (unit.means.length) {
      overScales(find("lines"), unit.means.map((values, b) => ({
        label: `${unit.name}, mean weight of ${kernelText(unit.kernels[b])}`,
        short: kernelText(unit.kernels[b]),
        colour: unit.colours[b],
        values,
        text: exact,
      })));
    }
    find("channel-part").hidden = !unit.count;
    if (!unit.count) return;
    drawChannels(unit);
    const { branch, channel } = state;
    const values = data.scales.map((_, s) => weightAt(unit, branch, channel, s));
    overScales(find("channel-line"), [{
      label: `${unit.name}, channel ${channel}, weight of ${kernelText(unit.kernels[branch])}`,
      short: kernelText(unit.kernels[branch]),
      colour: unit.colours[branch],
      values,
      text: exact32,
    }]);
    find("channel-now").textContent = `${channel}: ${exact32(values[state.scale])}`;
  }

  function drawChannels(unit) {
    const svg = find("channels");
    const height = 170;
    const { branch, scale } = state;
    // One axis for all scales, so that what moves is the weight.
    const all = weightsOf(unit).subarray(branch * unit.count * count, (branch + 1) * unit.count * count);
    let [least, most] = [1, 0];
    all.forEach((value) => { least = Math.min(least, value); most = Math.max(most, value); });
    const y = frame(svg, height, [least, most]);
    const step = (WIDTH - LEFT - RIGHT) / unit.count;
    const x = (channel) => LEFT + (channel + 0.5) * step;
    const radius = Math.max(1.3, Math.min(4, step * 0.4));
    for (let channel = 0; channel < unit.count; channel += 1) {
      const value = weightAt(unit, branch, channel, scale);
      draw(svg, "circle", {
        cx: x(channel), cy: y(value), r: channel === state.channel ? radius + 2 : radius,
        fill: unit.colours[branch], class: channel === state.channel ? "chosen" : "",
      });
    }
    draw(svg, "text", { x: LEFT, y: height - 6 }, "channel 0");
    draw(svg, "text", { x: WIDTH - RIGHT, y: height - 6, "text-anchor": "end" }, `channel ${unit.count - 1}`);
    // The nearest channel is read, wherever the pointer is in the plot.
    const channelAt = (event) => {
      const box = svg.getBoundingClientRect();
      const place = ((event.clientX - box.left) / box.width) * WIDTH;
      return Math.min(unit.count - 1, Math.max(0, Math.floor((place - LEFT) / step)));
    };
    svg.onpointermove = (event) => {
      const channel = channelAt(event);
      const value = weightAt(unit, branch, channel, scale);
      showTip(event, `${unit.name}, ${kernelText(unit.kernels[branch])}, channel ${channel} at `
        + `${exact(data.scales[scale])}×: weight ${exact32(value)}`);
    };
    svg.onpointerleave = hideTip;
    svg.onclick = (event) => choose({ channel: channelAt(event) });
  }

  // ---- what is shown at a scale --------------------------------------------------------------

  function drawShown() {
    const image = find("picture");
    if (data.pictures.length) {
      image.src = data.pictures[state.scale];
      image.alt = `What the network is shown at ${scaleText(data.scales[state.scale])}`;
      find("picture-text").textContent = image.alt;
    }
    const list = find("predictions");
    list.replaceChildren(...data.predictions[state.scale].map((prediction) => {
      const item = document.createElement("li");
      const bar = document.createElement("i");
      bar.style.width = `${100 * prediction.probability}%`;
      const name = document.createElement("span");
      name.textContent = prediction.name;
      const share = document.createElement("span");
      share.textContent = `${(100 * prediction.probability).toFixed(1)} %`;
      item.append(bar, name, share);
      const text = `${prediction.name}: ${exact32(Math.fround(prediction.probability))}`;
      item.addEventListener("pointermove", (event) => showTip(event, text));
      item.addEventListener("pointerleave", hideTip);
      return item;
    }));
    find("scale-now").textContent = scaleText(data.scales[state.scale]);
    find("scale").value = state.scale;
    find("scale").setAttribute("aria-valuetext", scaleText(data.scales[state.scale]));
  }

  function choose(change) {
    const before = state.unit;
    Object.assign(state, change);
    const unit = data.units[state.unit];
    if (before !== state.unit || change.start) {
      state.channel = 0;
      state.branch = Math.max(0, unit.kernels.indexOf(Math.max(...unit.kernels)));
      find("branch").replaceChildren(...unit.kernels.map((kernel, b) => new Option(kernelText(kernel), b)));
      find("channel").max = Math.max(0, unit.count - 1);
    }
    find("unit").value = state.unit;
    find("branch").value = state.branch;
    find("channel").value = state.channel;
    drawShown();
    markMap();
    drawUnit();
  }

  // ---- start ---------------------------------------------------------------------------------

  let film = null;

  function play() {
    const button = find("play");
    if (film) {
      clearInterval(film);
      film = null;
    } else {
      film = setInterval(() => choose({ scale: (state.scale + 1) % count }), 500);
    }
    button.textContent = film ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(Boolean(film)));
  }

  find("scale").max = count - 1;
  find("unit").append(...data.units.map((unit, u) => new Option(unit.name, u)));
  find("scale").addEventListener("input", (event) => choose({ scale: Number(event.target.value) }));
  find("unit").addEventListener("change", (event) => choose({ unit: Number(event.target.value) }));
  find("branch").addEventListener("change", (event) => choose({ branch: Number(event.target.value) }));
  find("channel").addEventListener("input", (event) => choose({ channel: Number(event.target.value) }));
  find("play").addEventListener("click", play);
  dark.addEventListener("change", colourMap);
  addEventListener("resize", drawUnit);
  makeMap();
  colourMap();
  choose({ unit: data.units.findIndex((unit) => unit.name === data.first), start: true });
})();
