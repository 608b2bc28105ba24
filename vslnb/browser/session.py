"""One reader's browser: requests of `static/view.js` in, views and attention as JSON out; no widget.

A click, from top to bottom: `handle` takes the request; `_attention` opens a result, or `_move` goes to another
state, of which `_show` makes the view, and `_keep_panel_open` opens the next result.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from vslnb.browser.attention_word import telling_word
from vslnb.browser.curated_lists import curated_queries
from vslnb.browser.free_text import unknown_in_query
from vslnb.browser.rankings import Browser, Column, Row, View
from vslnb.browser.state import LISTS, PAGE_SIZES, BrowserState
from vslnb.browser.thumbnails import LARGE, SMALL, Address
from vslnb.errors import InputError
from vslnb.retrieval.attention import Explanation


class Session:
    """What one reader sees: `view` and `attention` are JSON, `handle` changes them.

    Args:
        browser: the rankings.
        address: where the picture of (image, longer side in pixels) is to be had.
        state: where to begin, by default the first query under the first two models.

    Raises:
        InputError: for a state that the browser does not hold.
    """

    def __init__(self, browser: Browser, address: Address, state: BrowserState | None = None):
        self.browser, self.address = browser, address
        self.state = browser.checked(state or BrowserState(tuple(browser.models)[:2]))
        self.queries = self._curated(self.state)  # of the list that is open
        self.rng = np.random.default_rng(0)
        self.attention: dict = {}
        self._show()

    def handle(self, request: dict) -> None:
        """Answer one request of view.js; what cannot be served becomes the view's `error`."""
        if request.get("kind") == "attention":
            self.attention = self._attention(str(request.get("model")), request.get("item"))
            return
        before = self.state, self.queries
        try:
            self._move(request)
            self._show()  # refuses a free text of unknown words alone
        except InputError as fault:
            self.state, self.queries = before
            self._show(error=str(fault))
            self.attention = {}
            return
        self._keep_panel_open()

    def warning(self, text: str) -> dict:
        """What to say of a free text while it is typed, before it ranks anything."""
        try:
            unknown = unknown_in_query(text, self.browser.vocabulary) if text.strip() else []
        except InputError as fault:
            return {"unknown": [], "refused": str(fault)}
        return {"unknown": unknown, "refused": ""}

    def _attention(self, model: str, item: object) -> dict:
        """The attention panel: a result and, beside it, the ground truth."""
        column = next((column for column in self.shown.columns if column.model == model), None)
        row = next((row for row in column.rows if row.item == item), None) if column else None
        if column is None or row is None:
            return {"error": "This result is not on the page any more. Click one of the results above."}
        ground_truth = next((row for row in column.rows if row.hit), None)
        rows = [row] if ground_truth is None or row.hit else [row, ground_truth]
        matcher = self.browser.models[model]
        if not matcher.has_attention and not matcher.shares_of:
            name = matcher.config.module
            return {
                "error": f"{name} makes one vector of a whole caption: its words look at nothing, one by one."
            }
        return {"model": model, "item": row.item, "sides": [self._side(model, row) for row in rows]}

    def _keep_panel_open(self) -> None:
        """If a result was open, open the first miss of the next query, under the same model."""
        if not self.attention.get("sides"):
            self.attention = {}
            return
        columns = self.shown.columns
        column = next((column for column in columns if column.model == self.attention["model"]), columns[0])
        row = next((row for row in column.rows if not row.hit), column.rows[0])
        self.attention = self._attention(column.model, row.item)

    def _move(self, request: dict) -> None:
        """Go to the state that a request asks for.

        Raises:
            InputError: for an unknown request, a state that the browser does not hold or an empty list.
        """
        kind, state = request.get("kind"), self.state
        if kind == "state":
            self._go_to(self.browser.checked(BrowserState.from_page(request.get("state"))))
        elif kind == "list":
            state = replace(state, curated=str(request.get("name")), text="", page=0)
            self._open_list(self.browser.checked(state))
        elif kind == "step":
            self.state = replace(
                state, query=self._next(-1 if request.get("by") == -1 else 1), text="", page=0
            )
        elif kind == "random":
            query = int(self.rng.integers(self.browser.num_queries[state.direction]))
            self.state, self.queries = replace(state, query=query, text="", page=0, curated=""), []
        else:
            where = f"request {kind!r}"[:100]
            raise InputError(where, "there is no such request", "Use the controls of the browser.")

    def _go_to(self, state: BrowserState) -> None:
        """A state that the page sent; where it changes what its list holds, the list is opened anew."""
        old = self.state
        if (state.direction, state.models, state.curated) == (old.direction, old.models, old.curated):
            self.state = state
        else:
            self._open_list(state)

    def _open_list(self, state: BrowserState) -> None:
        """A state at the first query of its list, or at its own query where it has no list."""
        queries = self._curated(state)
        if state.curated and not queries:
            remedy = "Choose another list, or other models."
            raise InputError(f"list {state.curated!r}", "it is empty for these models", remedy)
        self.state = replace(state, query=queries[0]) if queries else state
        self.queries = queries

    def _curated(self, state: BrowserState) -> list[int]:
        return curated_queries(self.browser, state, state.curated) if state.curated else []

    def _next(self, step: int) -> int:
        """The query before or after the present one, in the list that is open or by number."""
        if self.state.query in self.queries:
            return self.queries[(self.queries.index(self.state.query) + step) % len(self.queries)]
        return (self.state.query + step) % self.browser.num_queries[self.state.direction]

    def _show(self, error: str = "") -> None:
        """Make the view of the state: `shown` as the view model has it, `view` as JSON."""
        self.shown = self.browser.view(self.state)
        self.view = self._as_json(self.shown) | {"error": error}

    def _as_json(self, view: View) -> dict:
        state = view.state
        return {
            "state": asdict(state) | {"models": list(state.models)},
            "link": state.link(),
            "offers": {
                "models": list(self.browser.models),
                "lists": list(LISTS),
                "page_sizes": PAGE_SIZES,
                "free": True,
            },
            "place": self._place(state),
            "rule": LISTS.get(state.curated, ""),
            "free": state.is_free_text,
            "query": {"text": view.text, "unknown": view.unknown_words, **self._picture(view.image, LARGE)},
            "columns": [self._column(column, state) for column in view.columns],
            "pages": view.pages,
        }

    def _place(self, state: BrowserState) -> str:
        """Where the reader is, in words."""
        if state.is_free_text:
            total = self.browser.num_items[state.direction]
            return f"your own words, among the {total:,} pictures of {self.browser.split.name}"
        if state.query in self.queries:
            return f"{self.queries.index(state.query) + 1} of {len(self.queries)} in this list"
        return f"query {state.query:,} (0 to {self.browser.num_queries[state.direction] - 1:,})"

    def _column(self, column: Column, state: BrowserState) -> dict:
        rows = []
        for row in column.rows:
            image = row.image if state.direction == "text_to_image" else None
            file = {"file": self._file(row.image)}
            rows.append(asdict(row) | self._picture(image, SMALL) | file)
        return {"model": column.model, "ground_truth_rank": column.ground_truth_rank, "rows": rows}

    def _picture(self, image: int | None, size: int) -> dict:
        """An image: where its picture is, a caption instead of it, and its file; nothing for None."""
        if image is None:
            return {"picture": None, "alternative": "", "file": ""}
        caption = self.browser.split.captions[self.browser.split.starts[image]]
        return {"picture": self.address(image, size), "alternative": caption, "file": self._file(image)}

    def _file(self, image: int) -> str:
        """The name of an image's file; its id where a data set comes without pictures."""
        files = self.browser.split.pictures()
        return f"image {self.browser.split.ids[image]}" if files is None else files[image].name

    def _side(self, model: str, row: Row) -> dict:
        """One picture of the attention panel with its regions, and the words with their weights in percent."""
        state = self.shown.state
        found = self.browser.explanation(state, model, row.item)
        words, weights, strengths = found.words, found.weights, found.weights
        if strengths is None:
            assert found.shares is not None  # else the panel does not open
            strengths = np.abs(found.shares)[:, None]
        image = row.image if state.direction == "text_to_image" else state.query
        boxes = self.browser.split.boxes()
        shared = [k for k, word in enumerate(words) if word in row.shared_words]
        kind = "" if state.is_free_text else ", ground truth" if row.hit else ", a miss"
        title = f"rank {row.rank} of {model}{kind}"
        return {
            "image": image,
            "title": title if state.direction == "text_to_image" else f"{title}: {row.caption}",
            "boxes": [] if boxes is None else np.round(boxes[image].astype(float), 4).tolist(),
            "words": words,
            "unknown": [word not in self.browser.vocabulary for word in words],
            "shared": shared,
            "weights": [] if weights is None else np.round(100 * weights.astype(float), 1).tolist(),
            "shares": [] if found.shares is None else np.round(found.shares.astype(float), 3).tolist(),
            "shares_note": shares_note(found),
            "word": shared[0] if shared else telling_word(words, strengths),
            **self._picture(image, LARGE),
        }


def shares_note(found: Explanation) -> str:
    """What the numbers under the words are, and what they add up to.

    >>> shares_note(Explanation(["a", "dog"], None, np.array([0.1, 0.3]), 0.0, "score"))
    'Below each word stands what it adds to the similarity: together 0.400.'
    """
    if found.shares is None:
        return "The similarity of this model is no sum over words, so no word has a share of its own."
    total = float(found.shares.sum()) + found.rest
    if found.shares_of == "score":
        return f"Below each word stands what it adds to the similarity: together {total:.3f}."
    return (
        f"Below each word stands what it adds. With {found.rest:+.2f} from picture and sentence as wholes and a "
        f"constant, the sum is {total:+.2f}, and its sigmoid is the similarity, {1 / (1 + np.exp(-total)):.3f}."
    )
