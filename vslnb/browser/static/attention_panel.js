// The attention panel: pictures with their regions, and the words of a caption: where each attends, what it adds.

const FULL = 50; // percent of a word's attention that is drawn in full colour; less is paler in proportion

// Draw a node by a weight in percent, on the same scale for every word and picture.
function drawWeight(node, percent) {
  const weight = Math.min(1, percent / FULL);
  node.style.setProperty("--weight", weight);
  node.classList.toggle("strong", weight > 0.5);
}

// What colours, bars and strokes mean, as far as the panel has them.
function panelKey(sides) {
  const key = element("div", "vb-key");
  const entry = (node, meaning) => {
    const part = element("span");
    part.append(node, ` ${meaning}`);
    key.append(part);
  };
  const swatch = (className, percent) => {
    const node = element("span", `vb-swatch ${className}`);
    drawWeight(node, percent);
    return node;
  };
  if (sides[0].weights.length) {
    entry(swatch("", 5), "5 % of a word's attention");
    entry(swatch("", 25), "25 %");
    entry(swatch("", FULL), `${FULL} % or more`);
    entry(swatch("strongest", 0), "strongest or chosen region");
  }
  if (sides[0].shares.length) {
    entry(element("span", "vb-bar-share"), "the word raises the similarity");
    entry(element("span", "vb-bar-share lowers"), "lowers it");
  }
  if (sides.some((side) => side.shared.length)) entry(element("span", "vb-shared", "purple"), "shared secondary content");
  if (sides.some((side) => side.unknown.some(Boolean))) entry(element("s", "", "struck"), "not in the model's vocabulary");
  return key;
}

// A bar and a number below a word: what it adds to the score, on one scale for all words and pictures.
function shareOf(share, most) {
  const node = element("span", "vb-share"), bar = element("span", `vb-bar-share ${share < 0 ? "lowers" : ""}`);
  bar.style.width = `${100 * Math.abs(share) / most}%`;
  node.append(bar, `${share < 0 ? "−" : "+"}${Math.abs(share).toFixed(3)}`);
  return node;
}

function regionButton(box, r) {
  const region = element("button", "vb-region");
  region.type = "button";
  region.tabIndex = r ? -1 : 0; // one stop for the tabulator; up and down go on
  region.style.left = `${100 * box[0]}%`;
  region.style.top = `${100 * box[1]}%`;
  region.style.width = `${100 * (box[2] - box[0])}%`;
  region.style.height = `${100 * (box[3] - box[1])}%`;
  region.setAttribute("aria-label", `region ${r + 1}`);
  return region;
}

// A picture and the words of its caption; `most` is the largest share, `onWord(w, panel)` is called when the reader
// chooses a word.
function attentionPanel(side, most, onWord) {
  const panel = element("figure", "vb-panel");
  const caption = element("figcaption", "", side.title);
  caption.append(element("span", "vb-file", side.file));
  const stage = element("div", "vb-stage");
  stage.append(picture(side.picture, side.alternative, "vb-large"));
  const words = element("div", "vb-words");
  const note = element("div", "vb-note");
  const attends = side.weights.length > 0;
  const regions = (attends ? side.boxes : []).map(regionButton);
  regions.forEach((region, r) => {
    region.addEventListener("click", () => showRegion(r));
    region.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      regions[(r + step + regions.length) % regions.length].focus();
    });
  });
  const area = (r) => (side.boxes[r][2] - side.boxes[r][0]) * (side.boxes[r][3] - side.boxes[r][1]);
  const order = regions.map((_, r) => r).sort((a, b) => area(b) - area(a)); // the smallest on top
  stage.append(...order.map((r) => regions[r]));
  const buttons = side.words.map((word, w) => {
    const minor = /^<|^[^\p{L}\p{N}]+$/u.test(word); // the ends of a sentence, a comma
    const node = element("button", "vb-word");
    node.append(element("span", "vb-token", word));
    node.type = "button";
    node.classList.toggle("minor", minor);
    node.classList.toggle("unknown", side.unknown[w] && !minor);
    node.classList.toggle("shared", side.shared.includes(w));
    if (side.shares.length) node.append(shareOf(side.shares[w], most));
    node.addEventListener("click", () => onWord(w, panel));
    words.append(node);
    return node;
  });

  function showWord(w) {
    buttons.forEach((node, k) => {
      node.setAttribute("aria-pressed", k === w);
      drawWeight(node, 0);
    });
    if (!attends) {
      note.textContent = "This model has no attention: it compares one vector of the picture with one of the caption.";
      return;
    }
    const weights = side.weights[w], most = Math.max(...weights), even = 100 / weights.length;
    regions.forEach((region, r) => {
      drawWeight(region, weights[r]);
      region.classList.toggle("strongest", weights[r] === most);
      region.title = `${weights[r]} %`;
    });
    const spread = most < 2 * even ? `, hardly more than an even ${even.toFixed(0)} % each` : "";
    note.textContent = `“${side.words[w]}” gave its strongest region ${most.toFixed(0)} % of its attention${spread}. Click another word, or a region.`;
  }

  function showRegion(r) {
    const weights = side.weights.map((ofWord) => ofWord[r]);
    const most = Math.max(...weights);
    buttons.forEach((node, w) => {
      node.setAttribute("aria-pressed", false);
      drawWeight(node, weights[w]);
    });
    regions.forEach((region, k) => {
      drawWeight(region, 0);
      region.classList.toggle("strongest", k === r);
    });
    const hardly = most < 1 ? "Hardly any word attends here: " : "";
    note.textContent = `${hardly}“${side.words[weights.indexOf(most)]}” gave it most (region ${r + 1}): ${most.toFixed(0)} % of that word's attention.`;
  }

  panel.append(caption, words, element("div", "vb-shares-note", side.shares_note), stage, note);
  panel.showWord = showWord;
  panel.chosen = side.word;
  if (side.words.length) showWord(side.word);
  return panel;
}

// Two pictures of one caption share their words: a word chosen on one is chosen on both.
function attentionPanels(sides) {
  const most = Math.max(1e-9, ...sides.flatMap((side) => side.shares.map(Math.abs)));
  const together = sides.every((side) => side.words.join(" ") === sides[0].words.join(" "));
  const panels = sides.map((side) => {
    return attentionPanel(side, most, (w, panel) => (together ? panels : [panel]).forEach((one) => one.showWord(w)));
  });
  if (together) panels.slice(1).forEach((panel) => panel.showWord(panels[0].chosen));
  return panels;
}
