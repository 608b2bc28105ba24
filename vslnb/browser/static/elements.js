// Small parts of the page.

function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== "") node.textContent = text;
  return node;
}

function choice(label, options, value, changed) {
  const box = element("label", "vb-choice", label + " ");
  const select = element("select");
  for (const [key, name] of options) {
    const option = element("option", "", name);
    option.value = key;
    option.selected = String(key) === String(value);
    select.append(option);
  }
  select.setAttribute("aria-label", label);
  select.addEventListener("change", () => changed(select.value));
  box.append(select);
  return box;
}

function button(text, title, pressed, disabled = false) {
  const node = element("button", "vb-button", text);
  node.title = title;
  node.type = "button";
  node.setAttribute("aria-disabled", disabled); // not `disabled`, which would lose the focus
  node.addEventListener("click", () => disabled || pressed());
  return node;
}

function picture(source, alternative, className) {
  const image = element("img", className);
  image.src = source;
  image.alt = alternative;
  image.draggable = false;
  return image;
}
