"""What a browser of rankings shows: a state in, ranked rows with marks and attention out; no widget.

Ranks are counted from 1, and a tie counts against the truth, as in `evaluation`. Everything that comes out is
plain data: text is text, whatever it holds, and pictures are numbers of images of the split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from urllib.parse import parse_qsl, urlencode

import numpy as np

from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary, tokenize
from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import DIRECTIONS, positive_ranks
from vslnb.evaluation.secondary_content import concepts_of, concepts_of_split, secondary_matches
from vslnb.models import Matcher
from vslnb.retrieval.attention import caption_attention
from vslnb.retrieval.gallery import Gallery, encode_captions, search
from vslnb.semantics import CaptionSpace

SECONDARY = "wrong through secondary content"
LISTS = {  # what each holds, the most telling first
    "missed by A, found by B": "the truth is B's first result and not A's",
    "largest gain": "the truth ranks higher under B than under A",
    "largest loss": "the truth ranks lower under B than under A",
    SECONDARY: "by its captions, A's first result shares mainly what is beside the point: the words in purple",
    "hardest": "the truth ranks low under both",
}
TOPS = (5, 10, 20, 50)
LONGEST = 5000  # characters of a query
FOUND = 50  # results of a free text
REMEDY = "Copy the whole link, or choose anew."


@dataclass(frozen=True)
class BrowserState:
    """All that a view depends on. `models` are one or two names, A and B; `text` replaces the query's number.

    >>> state = BrowserState(("a", "b"), query=3)
    >>> BrowserState.from_link(state.link()) == state
    True
    """

    models: tuple[str, ...]
    way: str = "text_to_image"
    query: int = 0
    text: str = ""
    top: int = 10
    page: int = 0
    curated: str = ""  # the list that the query is from

    def link(self) -> str:
        """The state as the query part of an address, which restores the view."""
        return "?" + urlencode(asdict(self) | {"models": "\n".join(self.models)})

    @classmethod
    def from_link(cls, link: str) -> BrowserState:
        """The inverse of `link`.

        Raises:
            InputError: for a link that is not one.
        """
        found = dict(parse_qsl(link.lstrip("?"), keep_blank_values=True))
        try:
            numbers = {name: int(found[name]) for name in ("query", "top", "page")}
            words = {name: found[name] for name in ("way", "text", "curated")}
            return cls(tuple(found["models"].split("\n")), **words, **numbers)
        except (KeyError, ValueError):
            raise InputError(link[:200], "not a link to a view", REMEDY) from None


@dataclass(frozen=True)
class Row:
    """One result: its rank, its number in the split, what it is, and how it stands to the query.

    `cider` is the similarity of captions to those of the query's image, None for a free text. `pinned` marks the
    truth shown although it ranks beyond the page. `through` are the caption's words for what a wrong result shares
    with the query, where that is secondary content alone (see `secondary_matches`).
    """

    rank: int
    item: int
    image: int
    caption: str
    score: float
    hit: bool
    cider: float | None
    pinned: bool = False
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One model's results and the rank of the truth, None for a free text."""

    model: str
    truth: int | None
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class View:
    """What is to be seen: the query, and a column a model. `pages` is how many there are."""

    state: BrowserState
    query: str
    image: int | None
    columns: tuple[Column, ...]
    pages: int


class Browser:
    """Rankings of a split under several models.

    Args:
        split: N images with Q captions each.
        vocabulary: of the models.
        models: by name, in eval mode.
        scores: by name, the model's similarity matrix (N, Q*N) of the split.
        galleries: by name, the images of the split as the model encoded them; free texts are searched there.
    """

    def __init__(
        self,
        split: Split,
        vocabulary: Vocabulary,
        models: Mapping[str, Matcher],
        scores: Mapping[str, np.ndarray],
        galleries: Mapping[str, Gallery],
    ):
        self.split, self.vocabulary, self.models = split, vocabulary, models
        self.scores, self.galleries = scores, galleries
        self.ranks = {name: positive_ranks(s, split.captions_per_image) for name, s in self.scores.items()}

    @cached_property
    def space(self) -> CaptionSpace:
        """CIDEr over the split's captions."""
        return CaptionSpace.fit(self.split.captions, self.split.captions_per_image, "cider")

    @cached_property
    def concepts(self) -> tuple[list[set], list[set], list[set]]:
        """Main, secondary and named concepts, planted or by captions."""
        return concepts_of_split(self.split)[1]

    def checked(self, state: BrowserState) -> BrowserState:
        """The state with its page within what there is.

        Raises:
            InputError: for a model, a direction, a query, a list or a number of rows that is not there.
        """
        free = bool(state.text.strip())
        queries = self.queries(state.way) if state.way in DIRECTIONS else 0
        wrong = [
            (
                not 1 <= len(set(state.models)) == len(state.models) <= 2
                or not set(state.models) <= set(self.scores),
                "models",
                state.models,
            ),
            (state.way not in DIRECTIONS, "direction", state.way),
            (state.query < 0, "query", state.query),
            (state.top not in TOPS, "number of rows", state.top),
            (state.curated not in ("", *LISTS), "list", state.curated),
            (len(state.text) > LONGEST, "text", f"{len(state.text)} characters"),
            (
                free and state.way != "text_to_image",
                "direction of a free text",
                state.way,
            ),
        ]
        if 0 < queries <= state.query:
            raise InputError(
                f"query {state.query}", "there is no such query", f"They go from 0 to {queries - 1}."
            )
        for bad, what, value in wrong:
            if bad:
                raise InputError(f"{what} {value!r}"[:200], "not in this browser", REMEDY)
        return replace(state, page=max(0, min(state.page, self._pages(state) - 1)))

    def view(self, state: BrowserState) -> View:
        """The query and every model's page of results, the truth pinned below where it ranks beyond it.

        Raises:
            InputError: as `checked`.
        """
        state = self.checked(state)
        free = bool(state.text.strip())
        captions = state.way == "text_to_image"
        owner = None if free else int(self.split.owner[state.query]) if captions else state.query
        text = state.text if free else self.split.captions[state.query] if captions else ""
        columns = tuple(self._column(state, name, owner) for name in state.models)
        return View(state, text, None if captions else owner, columns, self._pages(state))

    def curated(self, state: BrowserState, name: str, most: int = 50) -> list[int]:
        """Queries worth a look, the most telling first.

        Args:
            state: its models are A and B (with one model, B is A), its direction counts.
            name: one of `LISTS`.
            most: how many at most.
        """
        state = self.checked(replace(state, text=""))
        a, b = (self.ranks[model][state.way] for model in (state.models[0], state.models[-1]))
        gain = np.log1p(a) - np.log1p(b)  # from rank 2 to 1 is more than from 102 to 101
        if name == SECONDARY:
            return self._through_secondary(state)[:most]
        order, kept = {
            "missed by A, found by B": (-a, (a > 0) & (b == 0)),
            "largest gain": (-gain, gain > 0),
            "largest loss": (gain, gain < 0),
            "hardest": (-np.minimum(a, b), np.minimum(a, b) > 0),
        }[name]
        queries = np.flatnonzero(kept)
        return queries[np.argsort(order[queries], kind="stable")][:most].tolist()

    def _through_secondary(self, state: BrowserState) -> list[int]:
        """One of every truth: first what is beside the point on both sides, then two shared words or more, then
        where least of the caption is found at all.
        """
        main, _, named = self.concepts
        found = secondary_matches(self.scores[state.models[0]], *self.concepts, self._q)[state.way]
        answers = dict(zip(found["wrong"].tolist(), found["retrieved"].tolist()))
        told = []
        for query in found["secondary"].tolist():
            owner = int(self.split.owner[query]) if state.way == "text_to_image" else query
            image, caption = self._pair(state, query, answers[query])
            shared = self._shared(image, caption)
            subject = bool(shared & main[self.split.owner[caption]])  # of the caption's own picture
            alike = self._cider(state, np.array([answers[query]]), owner)[0]
            told.append((subject, len(shared) < 2, len(shared) / len(named[caption]), alike, query, owner))
        seen: set[int] = set()
        return [query for *_, query, owner in sorted(told) if not (owner in seen or seen.add(owner))]

    def _pair(self, state: BrowserState, query: int, item: int) -> tuple[int, int]:
        """The image and the caption of a query and a result."""
        return (item, query) if state.way == "text_to_image" else (query, item)

    def _shared(self, image: int, caption: int) -> set:
        """What a caption names that is secondary in an image, where it names nothing that is main there."""
        main, secondary, named = self.concepts
        return set() if named[caption] & main[image] else named[caption] & secondary[image]

    def _through(self, image: int, caption: int) -> tuple[str, ...]:
        """`_shared` as the caption words it; by its own name what the caption has no single word for."""
        shared = {str(concept) for concept in self._shared(image, caption)}
        words = tokenize(self.split.captions[caption])
        return tuple(dict.fromkeys(word for word in words if concepts_of(word) & shared)) or tuple(
            sorted(shared)
        )

    def attention(self, state: BrowserState, model: str, item: int) -> tuple[list[str], np.ndarray]:
        """Words of the caption of a result and their weights (W, R) over the regions of its picture.

        Raises:
            InputError: for a model that aligns nothing.
        """
        captions = state.way == "text_to_image"
        caption = (
            (state.text.strip() or self.split.captions[state.query])
            if captions
            else self.split.captions[item]
        )
        image = item if captions else state.query
        words, weights = caption_attention(self.models[model], self.split, self.vocabulary, caption, [image])
        return words, weights[0]

    def queries(self, way: str) -> int:
        """How many queries a direction has."""
        return self._sizes(way)[0]

    def _pages(self, state: BrowserState) -> int:
        items = self._sizes(state.way)[1]
        return -(-(min(items, FOUND) if state.text.strip() else items) // state.top)

    @property
    def _q(self) -> int:
        return self.split.captions_per_image

    def _sizes(self, way: str) -> tuple[int, int]:
        images, captions = len(self.split), len(self.split.captions)
        return (captions, images) if way == "text_to_image" else (images, captions)

    def _ordered(self, state: BrowserState, name: str, owner: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Items best first, and their scores: all of the split, or the found of a free text."""
        if owner is None:
            model = self.models[name]
            (asked,) = encode_captions(model, *self.vocabulary.encode_all([state.text]))
            return search(model, self.galleries[name], asked, FOUND)
        matrix = self.scores[name]
        given = matrix[:, state.query] if state.way == "text_to_image" else matrix[state.query]
        order = np.lexsort((self._owners(state) == owner, -given))  # among equals the truth comes last
        return order, given[order]

    def _owners(self, state: BrowserState) -> np.ndarray:
        """The image of every item."""
        items = np.arange(self._sizes(state.way)[1])
        return items if state.way == "text_to_image" else self.split.owner

    def _column(self, state: BrowserState, name: str, owner: int | None) -> Column:
        order, given = self._ordered(state, name, owner)
        owners = self._owners(state)[order]
        places = list(range(len(order))[state.page * state.top : (state.page + 1) * state.top])
        shown, truth = len(places), None
        if owner is not None:
            truth = int(np.flatnonzero(owners == owner)[0])
            places += [truth] if truth not in places else []
        ciders = [None] * len(places) if owner is None else self._cider(state, order[places], owner)
        rows = tuple(
            Row(
                rank=place + 1,
                item=int(order[place]),
                image=int(owners[place]),
                caption="" if state.way == "text_to_image" else self.split.captions[order[place]],
                score=float(given[place]),
                hit=bool(owners[place] == owner),
                cider=cider,
                pinned=k >= shown,
                through=()
                if owner is None or owners[place] == owner
                else self._through(*self._pair(state, state.query, int(order[place]))),
            )
            for k, (place, cider) in enumerate(zip(places, ciders))
        )
        return Column(name, None if truth is None else truth + 1, rows)

    def _cider(self, state: BrowserState, items: np.ndarray, owner: int) -> list[float]:
        if state.way == "text_to_image":
            return self.space.image_similarity([owner], items)[0].tolist()
        return self.space.caption_image_similarity(items, [owner])[:, 0].tolist()
