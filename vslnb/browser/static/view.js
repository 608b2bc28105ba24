// Shows a view that Python made (vslnb/presenting.py) and says what the reader asks for next. No logic of
// its own, and every text is set as text. The same file serves the notebook and the exported pages.

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

function controls(view, ask) {
  const { state, offers } = view;
  const change = (changes) => ask({ kind: "state", state: { ...state, page: 0, ...changes } });
  const bar = element("div", "vb-bar");
  const names = offers.models.map((name) => [name, name]);
  const ways = [["text_to_image", "caption → pictures"], ["image_to_text", "picture → captions"]];
  bar.append(choice("direction", ways, state.direction, (direction) => change({ direction, query: 0, text: "", curated: "" })));
  const [a, b] = state.models;
  const first = (name) => change({ models: name === b ? [b, a] : b ? [name, b] : [name] }); // never one model twice
  const second = [["", "none"], ...names.filter(([name]) => name !== a)];
  const other = (name) => change({ models: name ? [a, name] : [a] });
  if (names.length) bar.append(choice("A", names, a, first), choice("B", second, b ?? "", other));
  const lists = [...(offers.free ? [["", "all, by number"]] : []), ...offers.lists.map((name) => [name, name])];
  bar.append(choice("list", lists, state.curated, (name) => ask({ kind: "list", name })));
  if (offers.tops.length > 1) {
    bar.append(choice("results", offers.tops.map((n) => [n, n]), state.top, (top) => change({ top: Number(top) })));
  }
  const row = element("div", "vb-bar");
  row.append(button("← previous", "previous query (left arrow key)", () => ask({ kind: "step", by: -1 })));
  row.append(element("span", "vb-place", view.place));
  row.append(button("next →", "next query (right arrow key)", () => ask({ kind: "step", by: 1 })));
  if (offers.free) {
    row.append(button("random", "any query", () => ask({ kind: "random" })));
    const number = element("input", "vb-number");
    number.type = "number";
    number.min = 0;
    number.value = state.query;
    number.setAttribute("aria-label", "number of the query");
    number.title = "number of the query";
    number.addEventListener("change", () => change({ query: Number(number.value), text: "", curated: "" }));
    row.append(number);
    const free = element("input", "vb-free");
    free.type = "search";
    free.placeholder = "pictures for your own words, Enter";
    free.value = state.text;
    free.setAttribute("aria-label", "free text");
    free.addEventListener("keydown", (event) => {
      if (event.key === "Enter") change({ text: free.value, direction: "text_to_image", curated: "" });
    });
    row.append(free);
  }
  if (view.rule) row.append(element("span", "vb-rule", view.rule));
  return [bar, row];
}

function result(view, column, row, ask) {
  const word = view.free ? "" : row.hit ? "hit" : "miss";
  const mark = view.free ? "" : row.hit ? "✓" : "✗";
  const card = element("button", `vb-card ${word} ${row.pinned ? "pinned" : ""}`);
  card.type = "button";
  card.dataset.item = row.item;
  const head = element("span", "vb-head");
  head.append(element("span", "vb-rank", `${row.rank}`), element("span", `vb-mark ${word}`, mark));
  if (row.pinned) head.append(element("span", "vb-pin", "the truth"));
  card.append(head);
  if (row.picture) card.append(picture(row.picture, row.alternative, "vb-thumb"));
  else card.append(element("span", "vb-caption", row.caption));
  const numbers = element("span", "vb-numbers");
  numbers.append(element("span", "", `score ${row.score.toFixed(3)}`));
  if (row.cider !== null) numbers.append(element("span", "", `CIDEr ${row.cider.toFixed(2)}`));
  numbers.title = "the model's score; CIDEr: how alike the captions are to those of the query's picture";
  card.append(numbers);
  if (row.through.length) card.append(element("span", "vb-through", row.through.join(", ")));
  const about = row.picture ? row.alternative : row.caption;
  card.setAttribute("aria-label", `rank ${row.rank}, ${word || "result"}: ${about}`);
  card.title = "where did the words look?";
  card.dataset.model = column.model;
  card.addEventListener("click", () => ask({ kind: "look", model: column.model, item: row.item }));
  return card;
}

function columns(view, ask) {
  const grid = element("div", "vb-columns");
  view.columns.forEach((column, k) => {
    const part = element("section", "vb-column");
    const truth = column.truth === null ? "" : `: truth at rank ${column.truth}`;
    part.append(element("h3", "vb-model", `${"AB"[k]} · ${column.model}${truth}`));
    const cards = element("div", view.state.direction === "text_to_image" ? "vb-pictures" : "vb-texts");
    column.rows.forEach((row) => cards.append(result(view, column, row, ask)));
    part.append(cards);
    grid.append(part);
  });
  return grid;
}

// How strongly a node is lit, 0 to 1.
function strength(node, share) {
  node.style.setProperty("--weight", share);
  node.classList.toggle("strong", share > 0.5);
}

// A picture and the words that looked at it; `told` says which word was chosen here.
function lookPanel(side, told) {
  const panel = element("figure", "vb-look");
  panel.append(element("figcaption", "", side.title));
  const stage = element("div", "vb-stage");
  stage.append(picture(side.picture, side.alternative, "vb-large"));
  const words = element("div", "vb-words");
  const note = element("div", "vb-note");
  const regions = side.boxes.map((box, r) => {
    const region = element("button", "vb-region");
    region.type = "button";
    region.tabIndex = r ? -1 : 0; // one stop for the tabulator; up and down go on
    region.style.left = `${100 * box[0]}%`;
    region.style.top = `${100 * box[1]}%`;
    region.style.width = `${100 * (box[2] - box[0])}%`;
    region.style.height = `${100 * (box[3] - box[1])}%`;
    region.setAttribute("aria-label", `region ${r + 1}`);
    region.addEventListener("click", () => showRegion(r));
    region.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      regions[(r + by + regions.length) % regions.length].focus();
    });
    return region;
  });
  const area = (r) => (side.boxes[r][2] - side.boxes[r][0]) * (side.boxes[r][3] - side.boxes[r][1]);
  const order = regions.map((_, r) => r).sort((a, b) => area(b) - area(a)); // the smallest on top
  stage.append(...order.map((r) => regions[r]));
  const buttons = side.words.map((word, w) => {
    const minor = /^<|^[^\p{L}\p{N}]+$/u.test(word); // the ends of a sentence, a comma
    const node = element("button", "vb-word", word);
    node.type = "button";
    node.classList.toggle("minor", minor);
    node.classList.toggle("unknown", side.unknown[w] && !minor);
    node.classList.toggle("shared", side.shared.includes(w));
    node.addEventListener("click", () => told(w, panel));
    words.append(node);
    return node;
  });
  const legend = words.querySelector(".unknown") ? " Struck through: not in the model's vocabulary." : "";
  function showWord(w) {
    const given = side.weights[w], most = Math.max(...given), even = 100 / given.length;
    regions.forEach((region, r) => {
      strength(region, given[r] / most); // against this picture's strongest, else a spread look could not be seen
      region.classList.toggle("strongest", given[r] === most);
      region.title = `${given[r]} %`;
    });
    buttons.forEach((node, k) => {
      node.setAttribute("aria-pressed", k === w);
      strength(node, 0);
    });
    const spread = most < 2 * even ? `: nearly even, ${even.toFixed(0)} % each would be quite even` : "";
    note.textContent = `“${side.words[w]}” gave its strongest region (outlined) ${most.toFixed(0)} % of its attention${spread}. Click another word, or a region.${legend}`;
  }
  function showRegion(r) {
    const given = side.weights.map((weights) => weights[r]);
    const most = Math.max(...given);
    buttons.forEach((node, w) => {
      node.setAttribute("aria-pressed", false);
      strength(node, given[w] / Math.max(most, 1));
    });
    regions.forEach((region, k) => {
      strength(region, k === r ? 0.5 : 0);
      region.classList.toggle("strongest", k === r);
    });
    const hardly = most < 1 ? "Hardly any word looked here: " : "";
    note.textContent = `${hardly}“${side.words[given.indexOf(most)]}” gave it most (region ${r + 1}): ${most.toFixed(0)} % of that word's attention.`;
  }
  panel.append(words, stage, note);
  panel.showWord = showWord;
  panel.chosen = side.word;
  if (side.words.length) showWord(side.word);
  return panel;
}

// Two pictures of one caption share their words: a word chosen on one is chosen on both.
function lookPanels(sides) {
  const together = sides.every((side) => side.words.join(" ") === sides[0].words.join(" "));
  const panels = sides.map((side) => {
    return lookPanel(side, (w, panel) => (together ? panels : [panel]).forEach((one) => one.showWord(w)));
  });
  if (together) panels.slice(1).forEach((panel) => panel.showWord(panels[0].chosen));
  return panels;
}

function render({ model, el }) {
  const root = element("div", "vslnb-browser");
  root.tabIndex = 0;
  root.setAttribute("role", "application");
  root.setAttribute("aria-label", "browser of rankings; arrow keys go to the next query");
  const places = ["vb-controls", "vb-query", "vb-error", "vb-results", "vb-pages", "vb-looks"].map((name) => element("div", name));
  const [top, query, error, results, pages, looks] = places;
  error.setAttribute("role", "alert");
  root.append(...places);
  el.append(root);
  const ask = (request) => {
    const number = (model.get("request")?.number ?? 0) + 1; // a request like the last one is still a request
    asked = request.kind === "look";
    model.set("request", { ...request, number });
    model.save_changes();
  };

  function draw() {
    const view = model.get("view");
    if (!view || !view.state) return;
    const inside = root.contains(document.activeElement);
    const named = (node) => node.getAttribute("aria-label") || node.title;
    const focus = inside ? named(document.activeElement) : null;
    top.replaceChildren(...controls(view, ask));
    error.textContent = view.error;
    query.replaceChildren(element("span", "vb-what", view.free ? "Your words:" : "Query:"));
    if (view.query.picture) query.append(picture(view.query.picture, view.query.alternative, "vb-thumb"));
    if (view.query.text) query.append(element("span", "vb-sentence", view.query.text));
    results.replaceChildren(columns(view, ask));
    const turn = (by) => ask({ kind: "state", state: { ...view.state, page: view.state.page + by } });
    const { page } = view.state;
    pages.replaceChildren();
    if (view.pages > 1) {
      const first = page * view.state.top + 1;
      pages.append(button("▲ better ranks", "page up", () => turn(-1), page === 0));
      pages.append(element("span", "vb-place", `ranks ${first}–${first + Number(view.state.top) - 1}, page ${page + 1} of ${view.pages}`));
      pages.append(button("▼ next ranks", "page down", () => turn(1), page + 1 === view.pages));
    }
    const link = element("input", "vb-link");
    link.readOnly = true;
    link.value = view.link;
    link.setAttribute("aria-label", "link to this view");
    link.title = "RetrievalBrowser(..., link=...) restores this view";
    const label = element("label", "vb-choice vb-linked", "link ");
    label.append(link);
    link.addEventListener("focus", () => link.select());
    if (view.link) pages.append(label);
    const again = focus && [...root.querySelectorAll("[aria-label], [title]")].find((node) => named(node) === focus);
    if (again) again.focus();
    else if (inside) root.focus();
    mark();
  }

  // The open result's card, and whether the reader opened it just now.
  let asked = false;
  const opened = () => {
    const found = model.get("look") ?? {};
    return [...root.querySelectorAll(".vb-card")].find((card) => card.dataset.model === found.model && card.dataset.item === String(found.item));
  };
  // Where one is, beside the open result: what says so above may have scrolled out of sight.
  function reminder(found) {
    const view = model.get("view"), line = element("p", "vb-reminder", view.place);
    const rows = view.columns.find((column) => column.model === found.model)?.rows ?? [];
    const through = rows.find((row) => row.item === found.item)?.through ?? [];
    if (view.query.text) line.append(element("span", "vb-sentence", view.query.text));
    if (through.length) line.append(element("span", "vb-through", `shared: ${through.join(", ")}`));
    return line;
  }
  function mark() {
    root.querySelectorAll(".vb-card").forEach((card) => card.setAttribute("aria-pressed", false));
    opened()?.setAttribute("aria-pressed", true);
  }

  function look() {
    const found = model.get("look");
    const inside = looks.contains(document.activeElement);
    looks.replaceChildren(...(found?.sides ? [reminder(found), ...lookPanels(found.sides)] : []));
    if (found?.error) looks.append(element("p", "vb-note", found.error));
    mark();
    if (inside) root.focus({ preventScroll: true });
    if (!asked) return;
    asked = false;
    looks.querySelector(".vb-word[aria-pressed=true]")?.focus({ preventScroll: true });
    const pictures = [...looks.querySelectorAll("img")].map((one) => one.decode().catch(() => {}));
    Promise.all(pictures).then(() => looks.scrollIntoView({ block: "nearest" }));
  }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation(); // the notebook has meanings of its own for plain keys
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const field = event.target.tagName; // a list is chosen with up and down: left and right still go on
    if (field === "INPUT" || (field === "SELECT" && !(event.key in steps))) return;
    const view = model.get("view");
    if (event.key === "Escape" && looks.contains(event.target)) opened()?.focus();
    else if (event.key in steps) ask({ kind: "step", by: steps[event.key] });
    else if (event.key === "PageDown" && view.state.page + 1 < view.pages) ask({ kind: "state", state: { ...view.state, page: view.state.page + 1 } });
    else if (event.key === "PageUp" && view.state.page > 0) ask({ kind: "state", state: { ...view.state, page: view.state.page - 1 } });
    else return;
    event.preventDefault();
  });
  model.on("change:view", draw);
  model.on("change:look", look);
  draw();
  look();
}

export default { render };
