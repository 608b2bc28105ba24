// Eq. 4 and Eq. 5 on random scores S and caption similarities C of a batch; `data[n]` holds both for n pairs.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const each = (m, rank) => m.map((row, i) => row.map((_, j) => rank(i, j)));
const variants = {
  paper: { about: "Eq. 4: the best has the highest rank", of: (m, tau) => each(m, (i, j) => 1 + sum(m[i].map((other) => sigmoid((m[i][j] - other) / tau)))) },
  descending: { about: "the best has rank 1", of: (m, tau) => each(m, (i, j) => 0.5 + sum(m[i].map((other) => sigmoid((other - m[i][j]) / tau)))) },
  released: {
    about: "row i of S among its column i",
    of: (m, tau) => each(m, (i, j) => 1 + sum(m.map((row, k) => (k === j ? 0 : sigmoid(Math.max(-50, Math.min(50, (row[i] - m[i][j]) / tau))))))),
  },
};
const loss = (a, b) => {
  const ratios = a.flatMap((row, i) => row.map((value, j) => Math.min(value, b[i][j]) / Math.max(value, b[i][j])));
  return 1 - sum(ratios) / ratios.length;
};

let exponent = -2, size = 5;
const given = part("div", "", "vx-row"), results = part("div", "", "vx-row");

// A matrix as coloured squares; the colours always go from `least` to `most`, so that flattening shows as paleness.
function matrix(title, about, values, least, most, digits) {
  const figure = part("figure"), caption = part("figcaption", title), grid = part("div", "", "vx-matrix");
  caption.append(part("small", about));
  const side = size > 8 ? 22 : 38;
  grid.style.gridTemplateColumns = `repeat(${size}, minmax(0, ${side}px))`;
  for (const value of values.flat()) {
    const depth = (value - least) / (most - least), cell = part("span", size > 8 ? "" : value.toFixed(digits));
    cell.style.setProperty("--p", 0.06 + 0.74 * Math.max(0, Math.min(1, depth)));
    cell.classList.toggle("deep", depth > 0.6);
    cell.title = value.toFixed(3);
    grid.append(cell);
  }
  figure.append(caption, grid);
  return figure;
}

function draw() {
  const tau = 10 ** exponent, [scores, captions] = data[size];
  given.replaceChildren(
    matrix("S", "scores of the model", scores, 0, 1, 2),
    matrix("C", "similarity of the captions", captions, 0, 1, 2),
  );
  results.replaceChildren(
    ...Object.entries(variants).map(([name, { about, of }]) => {
      const ranks = of(scores, tau), value = loss(ranks, of(captions, tau));
      const figure = matrix(`rank of S, ${name}`, about, ranks, 1, size + 0.5, 1);
      figure.dataset.rank = name;
      figure.append(part("div", `VSL ${value.toFixed(3)}`, "vx-loss"));
      return figure;
    }),
  );
}

const controls = part("div", "", "vx-controls");
controls.append(
  slider("tau", -5, 0, 0.25, exponent, (value) => (10 ** value).toPrecision(2), (value) => { exponent = value; draw(); }),
  slider("batch", 2, 12, 1, size, String, (value) => { size = value; draw(); }),
);
page.append(controls, given, results, part("p", "Random scores, so the loss has nothing to find. At a large tau all ranks of a row become equal, and the loss falls although nothing was learned.", "vx-note"));
draw();
