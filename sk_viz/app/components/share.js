// The link to what is shown and the frame around it; the address is read when it is copied, so it
// is always that of the view on screen.
export default function (component) {
  const { data, parentElement } = component;
  const make = (tag, cls, text) => {
    const el = document.createElement(tag);
    if (cls) el.className = cls;
    if (text !== undefined) el.textContent = text;
    return el;
  };
  const root = make("div", "share");
  const link = () => location.href.split("#")[0];
  const frame = () => {
    const address = new URL(link());
    address.searchParams.set("embed", "1");
    return '<iframe src="' + address.href.replaceAll("&", "&amp;")
      + '" width="720" height="420" style="border:0" loading="lazy"></iframe>';
  };
  const said = make("div", "said");
  said.setAttribute("role", "status");
  const field = make("textarea");
  field.readOnly = true;
  field.rows = 3;
  field.setAttribute("aria-label", data.words.text);
  const copy = (text) => async () => {
    field.value = text();
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = data.words.copied;
    } catch {
      field.select();
      said.textContent = data.words.select;
    }
  };
  const buttons = make("div", "buttons");
  for (const [label, text] of [[data.words.link, link], [data.words.frame, frame]]) {
    const button = make("button", "", label);
    button.type = "button";
    button.onclick = copy(text);
    buttons.append(button);
  }
  field.value = link();
  root.append(buttons, field, said);
  const old = parentElement.querySelector(".share");
  if (old) old.replaceWith(root); else parentElement.append(root);
}
