"""The state of a browser of rankings: what is chosen, as a link and as the page sends it, and what may be chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from urllib.parse import parse_qsl, urlencode

from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import DIRECTIONS

SECONDARY = "secondary matches"
LISTS = {  # name and rule; see `curated_lists`
    "missed by A, found by B": "B ranks the ground truth first, A does not",
    "largest gain": "B ranks the ground truth higher than A",
    "largest loss": "B ranks the ground truth lower than A",
    SECONDARY: "A's first result shares only secondary content with the query: the words in purple",
    "hardest": "A and B both rank the ground truth low",
}
PAGE_SIZES = (5, 10, 20, 50)
MAX_TEXT = 5000  # characters of a free text


@dataclass(frozen=True)
class BrowserState:
    """All that a view depends on.

    Args:
        models: one or two names, A and B.
        direction: `text_to_image` or `image_to_text`.
        query: number of the query in its direction: of a caption, or of an image.
        text: a free text, which is searched instead of the query.
        top: results a page.
        page: counted from 0.
        curated: name of the list that the query is from, "" for none.

    >>> state = BrowserState(("a", "b"), query=3)
    >>> BrowserState.from_link(state.link()) == state
    True
    """

    models: tuple[str, ...]
    direction: str = "text_to_image"
    query: int = 0
    text: str = ""
    top: int = 10
    page: int = 0
    curated: str = ""

    @property
    def is_free_text(self) -> bool:
        """Whether a free text is searched, which has no ground truth."""
        return bool(self.text.strip())

    def link(self) -> str:
        """The state as the query part of an address, which restores the view."""
        return "?" + urlencode(asdict(self) | {"models": "\n".join(self.models)})

    @classmethod
    def from_link(cls, link: str) -> BrowserState:
        """The inverse of `link`.

        Raises:
            InputError: if a part of the state is missing or is not a number where it must be.
        """
        found = dict(parse_qsl(link.lstrip("?"), keep_blank_values=True))
        try:
            return cls(
                models=tuple(found["models"].split("\n")),
                direction=found["direction"],
                query=int(found["query"]),
                text=found["text"],
                top=int(found["top"]),
                page=int(found["page"]),
                curated=found["curated"],
            )
        except (KeyError, ValueError):
            remedy = "Copy the whole link that a browser shows below its results."
            raise InputError(link[:200], "this is not a link to a view", remedy) from None

    @classmethod
    def from_page(cls, content: object) -> BrowserState:
        """The state as view.js sends it.

        Raises:
            InputError: if a field is missing, unknown or of another type.
        """
        types = {
            "models": list,
            "direction": str,
            "query": int,
            "text": str,
            "top": int,
            "page": int,
            "curated": str,
        }
        remedy = "Use the controls of the browser."
        if not isinstance(content, dict) or set(content) != {field.name for field in fields(cls)}:
            raise InputError("state", "the page sent an incomplete state", remedy)
        for name, kind in types.items():
            if type(content[name]) is not kind:
                raise InputError(f"state, {name}", f"the page sent no {kind.__name__}", remedy)
        return cls(**content | {"models": tuple(map(str, content["models"]))})


def check_choices(state: BrowserState, models: Collection[str], num_queries: Mapping[str, int]) -> None:
    """Check a state against what a browser holds.

    Args:
        state: any state.
        models: the names that can be chosen.
        num_queries: queries by direction.

    Raises:
        InputError: for a model, a direction, a query, a list, a page size or a text that cannot be shown.
    """
    chosen = state.models
    if not 1 <= len(chosen) <= 2 or len(set(chosen)) < len(chosen) or not set(chosen) <= set(models):
        where = f"models {', '.join(chosen) or 'none'}"[:200]
        raise InputError(
            where, f"this browser holds {', '.join(models)}", "Choose one, or two different ones."
        )
    if state.direction not in DIRECTIONS:
        where = f"direction {state.direction!r}"[:200]
        raise InputError(where, "there is no such direction", f"Choose {' or '.join(DIRECTIONS)}.")
    last = num_queries[state.direction] - 1
    if not 0 <= state.query <= last:
        raise InputError(
            f"query {state.query}", "there is no such query", f"Choose a number from 0 to {last}."
        )
    if state.top not in PAGE_SIZES:
        remedy = f"Choose one of {', '.join(map(str, PAGE_SIZES))}."
        raise InputError(f"{state.top} results a page", "there is no such page size", remedy)
    if state.curated not in ("", *LISTS):
        where = f"list {state.curated!r}"[:200]
        raise InputError(where, "there is no such list", f"Choose one of: {'; '.join(LISTS)}.")
    if len(state.text) > MAX_TEXT:
        problem = f"{len(state.text):,} characters, more than {MAX_TEXT:,}"
        raise InputError("free text", problem, "Shorten it.")
    if state.is_free_text and state.direction != "text_to_image":
        raise InputError("free text", "it finds images, not captions", "Set the direction to text_to_image.")
