"""What a browser of rankings shows: a state in, ranked rows and attention out; plain data, no widget.

Ranks are counted from 1, and a tie counts against the ground truth, as in `evaluation`. Texts are as in the data,
whatever they hold, and images are their numbers in the split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vslnb.browser.free_text import unknown_in_query
from vslnb.browser.state import BrowserState, check_choices
from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary, tokenize
from vslnb.data.world.captions import SYNONYMS
from vslnb.evaluation.recall_at_k import positive_ranks
from vslnb.evaluation.secondary_content import concepts_of, concepts_of_split
from vslnb.models import Matcher
from vslnb.retrieval.attention import Explanation, explain_pair
from vslnb.retrieval.gallery import Gallery, search
from vslnb.retrieval.similarity import encode_captions
from vslnb.semantics import CaptionSpace

FREE_TEXT_RESULTS = 50


@dataclass(frozen=True)
class Row:
    """One result.

    Args:
        rank: from 1.
        item: its number in the split: of an image, or of a caption.
        image: the image itself, or the one that the caption belongs to.
        caption: the text of a caption, "" for an image.
        similarity: by the model.
        hit: whether it is the ground truth.
        cider: caption similarity (CIDEr) to the query's image, None for a free text.
        pinned: whether it is the ground truth, shown although it ranks beyond the page.
        shared_words: the caption's words for what a miss shares with the query, where that is secondary content
            alone (see `secondary_matches`).
    """

    rank: int
    item: int
    image: int
    caption: str
    similarity: float
    hit: bool
    cider: float | None
    pinned: bool = False
    shared_words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One model's results, and the rank of the ground truth, None for a free text."""

    model: str
    ground_truth_rank: int | None
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class View:
    """What is to be seen: the query, a text or an image, and a column a model.

    `unknown_words` are those of a free text that the models do not know, `pages` is how many there are.
    """

    state: BrowserState
    text: str
    image: int | None
    columns: tuple[Column, ...]
    pages: int
    unknown_words: tuple[str, ...] = ()


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
        self.num_queries = {"text_to_image": len(split.captions), "image_to_text": len(split)}
        self.num_items = {"text_to_image": len(split), "image_to_text": len(split.captions)}
        self.ranks = {name: positive_ranks(s, split.captions_per_image) for name, s in scores.items()}

    @cached_property
    def space(self) -> CaptionSpace:
        """CIDEr over the split's captions."""
        return CaptionSpace.fit(self.split.captions, self.split.captions_per_image, "cider")

    @cached_property
    def concepts(self) -> tuple[list[set], list[set], list[set]]:
        """Main and secondary concepts of every image and those that every caption names (`concepts_of_split`)."""
        return concepts_of_split(self.split)[1]

    def checked(self, state: BrowserState) -> BrowserState:
        """The state with its page within what there is.

        Raises:
            InputError: as `check_choices`.
        """
        check_choices(state, self.scores, self.num_queries)
        return replace(state, page=max(0, min(state.page, self._pages(state) - 1)))

    def view(self, state: BrowserState) -> View:
        """The query and every model's page of results, the ground truth pinned below where it ranks beyond it.

        Raises:
            InputError: as `checked`, and for a free text of which the models know no word.
        """
        state = self.checked(state)
        unknown = unknown_in_query(state.text, self.vocabulary) if state.is_free_text else []
        columns = tuple(self._column(state, name) for name in state.models)
        pages = self._pages(state)
        if state.is_free_text:
            return View(state, state.text, None, columns, pages, tuple(unknown))
        if state.direction == "text_to_image":
            return View(state, self.split.captions[state.query], None, columns, pages)
        return View(state, "", state.query, columns, pages)

    def explanation(self, state: BrowserState, model: str, item: int) -> Explanation:
        """Attention and shares of the words of a query and one result of it."""
        image, caption = self.pair(state, state.query, item)
        text = state.text.strip() or self.split.captions[caption]
        return explain_pair(self.models[model], self.split, self.vocabulary, text, image)

    def pair(self, state: BrowserState, query: int, item: int) -> tuple[int, int]:
        """The image and the caption of a query and a result."""
        return (item, query) if state.direction == "text_to_image" else (query, item)

    def ground_truth(self, state: BrowserState, query: int) -> int:
        """The image of a query: that of the caption, or the image itself."""
        return int(self.split.owner[query]) if state.direction == "text_to_image" else query

    def caption_similarity(
        self, state: BrowserState, items: Sequence[int] | np.ndarray, image: int
    ) -> list[float]:
        """CIDEr between some items, images or captions as the direction has it, and an image."""
        if state.direction == "text_to_image":
            return self.space.image_similarity([image], items)[0].tolist()
        return self.space.caption_image_similarity(items, [image])[:, 0].tolist()

    def shared_concepts(self, image: int, caption: int) -> set[str]:
        """What a caption names that is secondary in an image, where it names nothing that is main there."""
        main, secondary, named = self.concepts
        return set() if named[caption] & main[image] else named[caption] & secondary[image]

    def shared_words(self, image: int, caption: int) -> tuple[str, ...]:
        """`shared_concepts` in the words of the caption; by its own name a concept that has no single word there."""
        shared = self.shared_concepts(image, caption)
        names = shared.union(*(SYNONYMS.get(concept, ()) for concept in shared))
        words = tokenize(self.split.captions[caption])
        used = [word for word in words if word in names or concepts_of(word) & shared]
        return tuple(dict.fromkeys(used)) or tuple(sorted(shared))

    def _pages(self, state: BrowserState) -> int:
        items = self.num_items[state.direction]
        return -(-(min(items, FREE_TEXT_RESULTS) if state.is_free_text else items) // state.top)

    def _ranking(self, state: BrowserState, model: str) -> tuple[np.ndarray, np.ndarray]:
        """Items best first, and their similarities: all of the split, or the first few for a free text."""
        if state.is_free_text:
            matcher = self.models[model]
            (query,) = encode_captions(matcher, *self.vocabulary.encode_all([state.text]))
            return search(matcher, self.galleries[model], query, FREE_TEXT_RESULTS)
        matrix = self.scores[model]
        similarity = matrix[:, state.query] if state.direction == "text_to_image" else matrix[state.query]
        positive = self._images(state) == self.ground_truth(state, state.query)
        order = np.lexsort((positive, -similarity))  # among equals the ground truth comes last
        return order, similarity[order]

    def _images(self, state: BrowserState) -> np.ndarray:
        """The image of every item."""
        return np.arange(len(self.split)) if state.direction == "text_to_image" else self.split.owner

    def _column(self, state: BrowserState, model: str) -> Column:
        items, similarities = self._ranking(state, model)
        images = self._images(state)[items]
        on_page = range(len(items))[state.page * state.top : (state.page + 1) * state.top]

        def row(place: int, cider: float | None, hit: bool, shared_words: tuple[str, ...] = ()) -> Row:
            item = int(items[place])
            return Row(
                rank=place + 1,
                item=item,
                image=int(images[place]),
                caption="" if state.direction == "text_to_image" else self.split.captions[item],
                similarity=float(similarities[place]),
                hit=hit,
                cider=cider,
                pinned=place not in on_page,
                shared_words=shared_words,
            )

        if state.is_free_text:
            return Column(model, None, tuple(row(place, None, False) for place in on_page))
        ground_truth = self.ground_truth(state, state.query)
        best = int(np.flatnonzero(images == ground_truth)[0])
        places = [*on_page] if best in on_page else [*on_page, best]
        ciders = self.caption_similarity(state, items[places], ground_truth)
        rows = []
        for place, cider in zip(places, ciders):
            hit = bool(images[place] == ground_truth)
            shared = () if hit else self.shared_words(*self.pair(state, state.query, int(items[place])))
            rows.append(row(place, cider, hit, shared))
        return Column(model, best + 1, tuple(rows))
