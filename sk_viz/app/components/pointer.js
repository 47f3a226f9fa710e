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
