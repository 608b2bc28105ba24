"""A browser's views as JSON for `static/view.js`, in a notebook or on exported pages; still no widget."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from vslnb.browser.rankings import LISTS, TOPS, Browser, BrowserState, Column, Row
from vslnb.data.changes import notice_changes
from vslnb.data.precomp import Split, load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.figures.rankings import read_picture
from vslnb.retrieval.attention import telling_word
from vslnb.retrieval.gallery import gallery_of
from vslnb.retrieval.similarity import kept_scores
from vslnb.training.run import data_of, load_matcher

SMALL, LARGE = 128, 448  # pixels of the longer side


def load_browser(
    runs: Sequence[str | Path], data: str | Path | None = None, split: str = "test", progress: bool = True
) -> Browser:
    """A browser over trained runs; matrices and galleries are kept beside the runs, for the next time.

    Args:
        runs: folders of trained runs.
        data: their data set, by default the one they were trained on.
        split: whose test queries are browsed.
        progress: show progress bars.

    Raises:
        InputError: for a folder without a trained run, or a data set the models do not fit.
    """
    paths = [Path(run) for run in runs]
    if not paths or len({path.name for path in paths}) < len(paths):
        raise InputError(
            f"runs {[str(path) for path in paths]}", "none, or two of one name", "Give each once."
        )
    data = data or data_of(paths)
    notice_changes(data, needed=True)
    part, vocabulary = load_split(data, split), load_vocabulary(data)
    models = {path.name: load_matcher(path, part, vocabulary, "cpu") for path in paths}
    scores, galleries = {}, {}
    for path in paths:
        model = models[path.name]
        scores[path.name] = kept_scores(path, model, part, vocabulary, progress)
        galleries[path.name] = gallery_of(path, model, part, vocabulary, "images")
    return Browser(part, vocabulary, models, scores, galleries)


def shrunk(split: Split, image: int, size: int) -> bytes:
    """The picture of an image as a JPEG no larger than `size` pixels."""
    picture = Image.fromarray(read_picture(split, image))
    picture.thumbnail((size, size))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=82)
    return stream.getvalue()


def inline(split: Split) -> Callable[[int, int], str]:
    """Addresses that hold the picture itself; each is made once."""

    @lru_cache(maxsize=4096)
    def address(image: int, size: int) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(shrunk(split, image, size)).decode()

    return address


class Session:
    """What one reader sees: `view` and `look` are JSON, `ask` changes them.

    Args:
        browser: the rankings.
        address: where the picture of (image, longer side in pixels) is to be had.
        state: where to begin, by default the first query under the first two models.
    """

    def __init__(
        self, browser: Browser, address: Callable[[int, int], str], state: BrowserState | None = None
    ):
        self.browser, self.address = browser, address
        self.state = browser.checked(state or BrowserState(tuple(browser.models)[:2]))
        self.rng, self.look = np.random.default_rng(0), {}
        self.queries = browser.curated(self.state, self.state.curated) if self.state.curated else []
        self.view = self._present("")

    def ask(self, request: dict) -> None:
        """Answer a request of view.js; one that cannot be served becomes the view's `error`."""
        kind, error = request.get("kind"), ""
        try:
            if kind == "look":
                self.look = self._look(str(request.get("model")), request.get("item"))
                return
            self._move(kind, request)
        except InputError as fault:
            error = str(fault)
        self.view = self._present(error)
        self.look = self._looked_on() if self.look.get("sides") and not error else {}

    def _looked_on(self) -> dict:
        """Who had a result open sees the next query's first miss open, under the same model."""
        columns = self.view["columns"]
        column = next((c for c in columns if c["model"] == self.look["model"]), columns[0])
        row = next((r for r in column["rows"] if not r["hit"]), column["rows"][0])
        return self._look(column["model"], row["item"])

    def _move(self, kind: object, request: dict) -> None:
        state, count = self.state, self.browser.queries(self.state.way)
        if kind == "state":
            state = _state_of(request.get("state"))
            same = (state.way, state.models, state.curated) == (
                self.state.way,
                self.state.models,
                self.state.curated,
            )
            state = self.browser.checked(state)
            self.queries = self.queries if same else self._listed(state)
            if not same and self.queries:
                state = replace(state, query=self.queries[0])
        elif kind == "list":
            state = self.browser.checked(replace(state, curated=str(request.get("name")), text="", page=0))
            self.queries = self._listed(state)
            state = replace(state, query=self.queries[0] if self.queries else state.query)
        elif kind == "step":
            by = -1 if request.get("by") == -1 else 1
            if self.queries and state.query in self.queries:
                place = (self.queries.index(state.query) + by) % len(self.queries)
                state = replace(state, query=self.queries[place], text="", page=0)
            else:
                state = replace(state, query=(state.query + by) % count, text="", page=0)
        elif kind == "random":
            state = replace(state, query=int(self.rng.integers(count)), text="", page=0, curated="")
            self.queries = []
        else:
            raise InputError(f"request {kind!r}"[:100], "there is no such request", "Use the controls.")
        self.state = state

    def _listed(self, state: BrowserState) -> list[int]:
        found = self.browser.curated(state, state.curated) if state.curated else []
        if state.curated and not found:
            raise InputError(f"list {state.curated!r}", "it is empty for these models", "Take another.")
        return found

    def _present(self, error: str) -> dict:
        view, count = self.browser.view(self.state), self.browser.queries(self.state.way)
        state, free = view.state, bool(view.state.text.strip())
        place = f"query {state.query:,} (0 to {count - 1:,})"
        if self.queries and state.query in self.queries:
            place = f"{self.queries.index(state.query) + 1} of {len(self.queries)} in this list"
        if free:
            place = "your own words"
        query = {"text": view.query, "picture": None, "alternative": ""}
        if view.image is not None:
            query |= {"picture": self.address(view.image, LARGE), "alternative": self._about(view.image)}
        offers = {"models": list(self.browser.models), "lists": list(LISTS), "tops": TOPS, "free": True}
        return {
            "state": asdict(state) | {"models": list(state.models)},
            "link": state.link(),
            "offers": offers,
            "place": place,
            "rule": LISTS.get(state.curated, ""),
            "free": free,
            "query": query,
            "columns": [self._column(column, state) for column in view.columns],
            "pages": view.pages,
            "error": error,
        }

    def _column(self, column: Column, state: BrowserState) -> dict:
        rows = []
        for row in column.rows:
            shown = asdict(row)
            if state.way == "text_to_image":
                shown |= {"picture": self.address(row.image, SMALL), "alternative": self._about(row.image)}
            rows.append(shown)
        return {"model": column.model, "truth": column.truth, "rows": rows}

    def _about(self, image: int) -> str:
        return self.browser.split.captions[self.browser.split.starts[image]]

    def _look(self, model: str, item: object) -> dict:
        """Attention of a result and, beside it, of the truth."""
        column = next((c for c in self.browser.view(self.state).columns if c.model == model), None)
        row = next((r for r in column.rows if r.item == item), None) if column else None
        if row is None:
            return {"error": "This result is not in the view any more."}
        truth = next((r for r in column.rows if r.hit), None)
        sides = [row] if truth is None or row.hit else [row, truth]
        try:
            return {"model": model, "item": row.item, "sides": [self._side(model, side) for side in sides]}
        except InputError as fault:
            return {"error": str(fault)}

    def _side(self, model: str, row: Row) -> dict:
        captions = self.state.way == "text_to_image"
        words, weights = self.browser.attention(self.state, model, row.item)
        image, boxes = row.image if captions else self.state.query, self.browser.split.boxes()
        shared = [k for k, word in enumerate(words) if word in row.through]
        word = "" if self.view["free"] else ", the truth" if row.hit else ", a miss"
        title = f"rank {row.rank} of {model}{word}"
        return {
            "image": image,
            "title": title if captions else f"{title}: {row.caption}",
            "picture": self.address(image, LARGE),
            "alternative": self._about(image),
            "boxes": [] if boxes is None else np.round(boxes[image].astype(float), 4).tolist(),
            "words": words,
            "unknown": [word not in self.browser.vocabulary for word in words],
            "shared": shared,
            "weights": np.round(100 * weights.astype(float), 1).tolist(),  # percent
            "word": shared[0] if shared else telling_word(words, weights),
        }


def _state_of(content: object) -> BrowserState:
    """The state that came back from the page.

    Raises:
        InputError: for one that no page of ours sends.
    """
    wanted = {field.name for field in fields(BrowserState)}
    kinds = {"query": int, "top": int, "page": int, "way": str, "text": str, "curated": str, "models": list}
    if not isinstance(content, dict) or set(content) != wanted:
        raise InputError("state", "not a state of this browser", "Use the controls.")
    if any(type(content[name]) is not kind for name, kind in kinds.items()):
        raise InputError("state", "not a state of this browser", "Use the controls.")
    return BrowserState(**content | {"models": tuple(map(str, content["models"]))})
