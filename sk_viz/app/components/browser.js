// What only the browser can do for the page: the document's language, one step of its history per
// action, a cookie that survives a reload, and the arrow keys of a presentation.
function watchHistory() {
  if (window.skVizHistory) return;
  const state = { action: 0, pushed: 0 };
  window.skVizHistory = state;
  const begin = () => { state.action += 1; };
  window.addEventListener("pointerdown", begin, true);
  window.addEventListener("keydown", (event) => { if (!event.repeat) begin(); }, true);
  const push = history.pushState.bind(history);
  // A slider that is dragged reports every place it passes, and a change of page writes its
  // address twice: what belongs to one action replaces its own entry.
  history.pushState = (data, unused, url) => {
    if (state.pushed === state.action) {
      history.replaceState(data, unused, url);
      return;
    }
    state.pushed = state.action;
    push(data, unused, url);
  };
}

function follow(event, data) {
  if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const target = event.composedPath()[0];
  if (target.closest?.("input, textarea, select, [role=slider], [role=grid], [role=radiogroup], [role=tablist], [contenteditable]")) return;
  const button = document.querySelector(
    event.key === "ArrowRight" ? data.next : data.back);
  if (button && !button.disabled) {
    event.preventDefault();
    button.click();
  }
}

export default function (component) {
  const { data } = component;
  watchHistory();
  // Streamlit keeps this parameter to itself, so the page's own style sheet hides the rest.
  const embedded = new URLSearchParams(location.search).has("embed");
  document.documentElement.classList.toggle("sk-embed", embedded);
  document.documentElement.lang = data.lang;
  if (data.cookie) {
    document.cookie = "sk_viz=" + data.cookie + "; path=/; SameSite=Lax"
      + (location.protocol === "https:" ? "; Secure" : "");
  }
  if (!data.keys) return undefined;
  const listen = (event) => follow(event, data.keys);
  window.addEventListener("keydown", listen);
  return () => window.removeEventListener("keydown", listen);
}
