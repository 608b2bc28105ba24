// Stands in for the notebook's kernel on exported pages: answers view.js from what data.js holds.

const { views, attention, lists, boxes, rules } = window.VSLNB;
const listeners = {};
let place = { direction: "text_to_image", list: Object.keys(lists.text_to_image)[0], index: 0 };

const model = {
  values: {},
  get(name) {
    return this.values[name];
  },
  set(name, value) {
    this.values[name] = value;
  },
  save_changes() {
    answer(this.values.request);
  },
  on(event, listener) {
    listeners[event] = listener;
  },
};

function show(next) {
  place = next;
  const queries = lists[place.direction][place.list];
  const view = views[`${place.direction} ${queries[place.index]}`];
  model.values.view = {
    ...view,
    state: { ...view.state, curated: place.list },
    place: `${place.index + 1} of ${queries.length} in this list`,
    rule: rules[place.list] ?? "",
  };
  const { model: before, sides } = model.values.attention ?? {};
  model.values.attention = {};
  if (sides) keepPanelOpen(view, queries, before);
  history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify(place))}`);
  listeners["change:view"]?.();
  listeners["change:attention"]?.();
}

// If a result was open, open the first miss of the next query, under the same model.
function keepPanelOpen(view, queries, name) {
  const column = view.columns.find((one) => one.model === name) ?? view.columns[0];
  const row = column.rows.find((one) => !one.hit) ?? column.rows[0];
  model.values.attention = attentionOf(`${place.direction} ${queries[place.index]} ${column.model} ${row.item}`);
}

function attentionOf(key) {
  const found = attention[key] ?? { error: "The attention of this result was not exported. Click one of the first three results or the ground truth." };
  return { ...found, sides: found.sides?.map((side) => ({ ...side, boxes: boxes[side.image] })) };
}

function answer(request) {
  const queries = lists[place.direction][place.list];
  if (request.kind === "step") {
    show({ ...place, index: (place.index + request.by + queries.length) % queries.length });
  } else if (request.kind === "list" && lists[place.direction][request.name]) {
    show({ ...place, list: request.name, index: 0 });
  } else if (request.kind === "state" && request.state.direction !== place.direction) {
    const there = lists[request.state.direction];
    show({ direction: request.state.direction, list: place.list in there ? place.list : Object.keys(there)[0], index: 0 });
  } else if (request.kind === "attention") {
    model.values.attention = attentionOf(`${place.direction} ${queries[place.index]} ${request.model} ${request.item}`);
    listeners["change:attention"]();
  }
}

function restored() {
  try {
    const found = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    if (lists[found.direction][found.list][found.index] !== undefined) return found;
  } catch {
    // no link, or not one of ours: begin at the beginning
  }
  return place;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => document.body.classList.toggle("vslnb-dark", dark.matches);
dark.addEventListener("change", shade);
shade();
view.render({ model, el: document.getElementById("browser") });
show(restored());
