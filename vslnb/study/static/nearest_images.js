// The images whose captions are nearest to those of an image (Eq. 3), by three similarities.

const kinds = Object.keys(data.nearest), results = part("div", "", "vx-images");
let query = 0, kind = kinds[0];

function card(image, title, className) {
  const figure = part("figure", "", className), { picture, captions } = data.images[image], shown = part("img");
  shown.src = picture;
  shown.alt = captions[0];
  figure.append(part("figcaption", title), shown, part("p", captions[0]));
  figure.title = captions.join("\n");
  return figure;
}

function draw() {
  const found = data.nearest[kind][query].map(([image, value]) => card(image, `C ${value.toFixed(3)}`, ""));
  results.replaceChildren(card(query, `image ${query}`, "query"), ...found);
}

const controls = part("div", "", "vx-controls"), label = part("label", "similarity"), select = part("select");
for (const name of kinds) select.append(part("option", name));
select.addEventListener("change", () => { kind = select.value; draw(); });
label.append(select);
const last = data.nearest[kind].length - 1;
controls.append(slider("image", 0, last, 1, query, String, (value) => { query = value; draw(); }), label);
page.append(controls, results, part("p", "The first picture is the chosen one, with the first of its captions. Beside it are the pictures whose captions are most similar.", "vx-note"));
draw();
