// Small parts of both explorers. Every text is set as text.

function part(tag, text = "", className = "") {
  const node = document.createElement(tag);
  if (text !== "") node.textContent = text;
  if (className) node.className = className;
  return node;
}

// A slider with its value in words beside it; `changed` is called with the number while it moves.
function slider(name, least, most, step, value, words, changed) {
  const label = part("label", name), input = part("input"), output = part("output", words(value));
  Object.assign(input, { type: "range", min: least, max: most, step, value });
  input.addEventListener("input", () => {
    output.textContent = words(Number(input.value));
    changed(Number(input.value));
  });
  label.append(input, output);
  return label;
}
