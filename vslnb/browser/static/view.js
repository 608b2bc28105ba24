// Shows a view that Python made (browser/session.py) and sends what the reader asks for next. No logic of its
// own, and every text is set as text. The same file serves the notebook and the exported pages.

function controls(view, ask, draft) {
  const { state, offers } = view;
  const change = (changes) => ask({ kind: "state", state: { ...state, page: 0, ...changes } });
  const bar = element("div", "vb-bar");
  const names = offers.models.map((name) => [name, name]);
  const directions = [["text_to_image", "text to image"], ["image_to_text", "image to text"]];
  bar.append(choice("direction", directions, state.direction, (direction) => change({ direction, query: 0, text: "", curated: "" })));
  const [a, b] = state.models;
  const first = (name) => change({ models: name === b ? [b, a] : b ? [name, b] : [name] }); // never one model twice
  const second = [["", "none"], ...names.filter(([name]) => name !== a)];
  const other = (name) => change({ models: name ? [a, name] : [a] });
  if (names.length) bar.append(choice("A", names, a, first), choice("B", second, b ?? "", other));
  const lists = [...(offers.free ? [["", "all, by number"]] : []), ...offers.lists.map((name) => [name, name])];
  bar.append(choice("list", lists, state.curated, (name) => ask({ kind: "list", name })));
  if (offers.page_sizes.length > 1) {
    bar.append(choice("results", offers.page_sizes.map((n) => [n, n]), state.top, (top) => change({ top: Number(top) })));
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
    free.placeholder = "images for your own words, Enter";
    free.value = view.error && draft.text ? draft.text : state.text; // what was refused can be mended
    free.setAttribute("aria-label", "free text");
    free.addEventListener("input", () => draft.typed(free.value));
    free.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      draft.asked();
      change({ text: free.value, direction: "text_to_image", curated: "" });
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
  if (row.pinned) head.append(element("span", "vb-pin", "ground truth"));
  card.append(head);
  if (row.picture) card.append(picture(row.picture, row.alternative, "vb-thumb"), element("span", "vb-file", row.file));
  else card.append(element("span", "vb-caption", row.caption));
  const numbers = element("span", "vb-numbers");
  numbers.append(element("span", "", `similarity ${row.similarity.toFixed(3)}`));
  if (row.cider !== null) numbers.append(element("span", "", `CIDEr ${row.cider.toFixed(2)}`));
  card.append(numbers);
  if (row.shared_words.length) card.append(element("span", "vb-shared", row.shared_words.join(", ")));
  const about = row.picture ? row.alternative : row.caption;
  card.setAttribute("aria-label", `rank ${row.rank}, ${word || "result"}: ${about}`);
  card.title = `${row.file}: click to see what each word looks at and adds`;
  card.dataset.model = column.model;
  card.addEventListener("click", () => ask({ kind: "attention", model: column.model, item: row.item }));
  return card;
}

function columns(view, ask) {
  const grid = element("div", "vb-columns");
  view.columns.forEach((column, k) => {
    const part = element("section", "vb-column");
    const rank = column.ground_truth_rank === null ? "" : `: ground truth at rank ${column.ground_truth_rank}`;
    part.append(element("h3", "vb-model", `${"AB"[k]} · ${column.model}${rank}`));
    const cards = element("div", view.state.direction === "text_to_image" ? "vb-pictures" : "vb-texts");
    column.rows.forEach((row) => cards.append(result(view, column, row, ask)));
    part.append(cards);
    grid.append(part);
  });
  return grid;
}

function unknownWords(words, ranked) {
  const listed = words.map((word) => `“${word}”`).join(", ");
  const meaning = words.length > 1 ? "these words mean" : "this word means";
  return `The models do not know ${listed}: ${ranked ? "the ranking below ignores" : "a ranking would ignore"} what ${meaning}.`;
}

// What marks, colours and numbers mean; a free text has no ground truth.
function legend(view) {
  const line = element("div", "vb-legend");
  const entry = (className, term, meaning) => {
    const part = element("span");
    part.append(element("span", className, term), ` ${meaning}`);
    line.append(part);
  };
  if (!view.free) {
    entry("vb-mark hit", "✓ hit", "ground truth, in a solid frame");
    const other = view.state.direction === "text_to_image" ? "picture, even one that the caption fits" : "caption, even one that fits";
    entry("vb-mark miss", "✗ miss", `any other ${other}, in a dashed frame`);
    entry("vb-shared", "purple", "secondary content, all that a miss shares with the query, in the caption's word");
    entry("vb-term", "CIDEr", "similarity to the captions of the query's image");
  }
  entry("vb-term", "similarity", "by the model");
  return line;
}

function render({ model, el }) {
  const root = element("div", "vslnb-browser");
  root.tabIndex = 0;
  root.setAttribute("role", "application");
  root.setAttribute("aria-label", "browser of rankings; arrow keys go to the next query");
  const places = ["vb-controls", "vb-draft", "vb-query", "vb-error", "vb-results", "vb-pages", "vb-attention"].map((name) => element("div", name));
  const [top, hint, query, error, results, pages, panels] = places;
  error.setAttribute("role", "alert");
  hint.setAttribute("aria-live", "polite");
  root.append(...places);
  el.append(root);
  const ask = (request) => {
    const number = (model.get("request")?.number ?? 0) + 1; // a request like the last one is still a request
    asked = request.kind === "attention";
    model.set("request", { ...request, number });
    model.save_changes();
  };

  // A free text while it is typed: Python says which of its words are unknown, before anything is ranked.
  const draft = {
    text: "",
    timer: 0,
    typed(text) {
      this.text = text;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        model.set("typed", text);
        model.save_changes();
      }, 200);
    },
    asked() {
      clearTimeout(this.timer);
      hint.replaceChildren();
    },
  };
  function warn() {
    const { unknown = [], refused = "" } = model.get("warning") ?? {};
    const text = refused || (unknown.length ? unknownWords(unknown, false) : "");
    hint.replaceChildren(...(text ? [element("span", "vb-unknown", text)] : []));
  }

  function draw() {
    const view = model.get("view");
    if (!view || !view.state) return;
    const inside = root.contains(document.activeElement);
    const named = (node) => node.getAttribute("aria-label") || node.title;
    const focus = inside ? named(document.activeElement) : null;
    top.replaceChildren(...controls(view, ask, draft));
    hint.replaceChildren();
    error.textContent = view.error;
    query.replaceChildren(element("span", "vb-what", view.free ? "Your words:" : "Query:"));
    if (view.query.picture) {
      query.append(picture(view.query.picture, view.query.alternative, "vb-thumb"), element("span", "vb-file", view.query.file));
    }
    if (view.query.text) query.append(element("span", "vb-sentence", view.query.text));
    if (view.query.unknown.length) query.append(element("span", "vb-unknown", unknownWords(view.query.unknown, true)));
    results.replaceChildren(legend(view), columns(view, ask));
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
    const found = model.get("attention") ?? {};
    return [...root.querySelectorAll(".vb-card")].find((card) => card.dataset.model === found.model && card.dataset.item === String(found.item));
  };
  // Where one is, beside the open result: what says so above may have scrolled out of sight.
  function reminder(found) {
    const view = model.get("view"), line = element("p", "vb-reminder", view.place);
    const rows = view.columns.find((column) => column.model === found.model)?.rows ?? [];
    const shared = rows.find((row) => row.item === found.item)?.shared_words ?? [];
    if (view.query.text) line.append(element("span", "vb-sentence", view.query.text));
    if (shared.length) line.append(element("span", "vb-shared", `shared: ${shared.join(", ")}`));
    return line;
  }
  function mark() {
    root.querySelectorAll(".vb-card").forEach((card) => card.setAttribute("aria-pressed", false));
    opened()?.setAttribute("aria-pressed", true);
  }

  function drawAttention() {
    const found = model.get("attention");
    const inside = panels.contains(document.activeElement);
    panels.replaceChildren(...(found?.sides ? [reminder(found), panelKey(found.sides), ...attentionPanels(found.sides)] : []));
    if (found?.error) panels.append(element("p", "vb-note", found.error));
    mark();
    if (inside) root.focus({ preventScroll: true });
    if (!asked) return;
    asked = false;
    panels.querySelector(".vb-word[aria-pressed=true]")?.focus({ preventScroll: true });
    const pictures = [...panels.querySelectorAll("img")].map((one) => one.decode().catch(() => {}));
    Promise.all(pictures).then(() => panels.scrollIntoView({ block: "nearest" }));
  }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation(); // the notebook has meanings of its own for plain keys
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const field = event.target.tagName; // a list is chosen with up and down: left and right still go on
    if (field === "INPUT" || (field === "SELECT" && !(event.key in steps))) return;
    const view = model.get("view");
    if (event.key === "Escape" && panels.contains(event.target)) opened()?.focus();
    else if (event.key in steps) ask({ kind: "step", by: steps[event.key] });
    else if (event.key === "PageDown" && view.state.page + 1 < view.pages) ask({ kind: "state", state: { ...view.state, page: view.state.page + 1 } });
    else if (event.key === "PageUp" && view.state.page > 0) ask({ kind: "state", state: { ...view.state, page: view.state.page - 1 } });
    else return;
    event.preventDefault();
  });
  model.on("change:view", draw);
  model.on("change:attention", drawAttention);
  model.on("change:warning", warn);
  draw();
  drawAttention();
}

export default { render };
