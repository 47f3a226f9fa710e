// A button that prints the page.
export default function (component) {
  const { data, parentElement } = component;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "print";
  button.textContent = data.label;
  button.onclick = () => window.print();
  const old = parentElement.querySelector(".print");
  if (old) old.replaceWith(button); else parentElement.append(button);
}
