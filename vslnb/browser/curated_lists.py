"""Lists of queries worth a look; their names and rules are `state.LISTS`."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vslnb.browser.rankings import Browser
from vslnb.browser.state import SECONDARY, BrowserState
from vslnb.evaluation.secondary_content import secondary_matches


def curated_queries(browser: Browser, state: BrowserState, name: str, most: int = 50) -> list[int]:
    """Queries of a list, the clearest case first.

    Args:
        browser: the rankings.
        state: its models are A and B (with one model, B is A), its direction counts.
        name: one of `LISTS`.
        most: how many at most.

    Raises:
        InputError: as `Browser.checked`.
    """
    state = browser.checked(replace(state, text="", curated=name))
    if name == SECONDARY:
        return _secondary(browser, state)[:most]
    a, b = (browser.ranks[model][state.direction] for model in (state.models[0], state.models[-1]))
    gain = np.log1p(a) - np.log1p(b)  # from rank 2 to 1 is more than from 102 to 101
    sort_key, belongs = {
        "missed by A, found by B": (-a, (a > 0) & (b == 0)),
        "largest gain": (-gain, gain > 0),
        "largest loss": (gain, gain < 0),
        "hardest": (-np.minimum(a, b), np.minimum(a, b) > 0),
    }[name]
    queries = np.flatnonzero(belongs)
    return queries[np.argsort(sort_key[queries], kind="stable")][:most].tolist()


class _Clarity(NamedTuple):
    """Sort key of secondary matches: the smaller, the clearer the mistake."""

    shares_subject: bool  # what is shared is the main content of the caption's own image
    shares_one_concept: bool  # rather than two or more
    share_of_caption: float  # of the caption's concepts, how many the image shares
    caption_similarity: float  # CIDEr of the result to the ground truth
    query: int


def _secondary(browser: Browser, state: BrowserState) -> list[int]:
    """Queries whose first result is a secondary match.

    At most one query per ground-truth image, ordered by `_Clarity`.
    """
    main, _, named = browser.concepts
    scores = browser.scores[state.models[0]]
    found = secondary_matches(scores, *browser.concepts, browser.split.captions_per_image)[state.direction]
    first_result = dict(zip(np.asarray(found["wrong"]).tolist(), np.asarray(found["retrieved"]).tolist()))
    keys = []
    for query in np.asarray(found["secondary"]).tolist():
        result = first_result[query]
        image, caption = browser.pair(state, query, result)
        shared = browser.shared_concepts(image, caption)
        similarity = browser.caption_similarity(state, [result], browser.ground_truth(state, query))[0]
        keys.append(
            _Clarity(
                shares_subject=bool(shared & main[browser.split.owner[caption]]),
                shares_one_concept=len(shared) < 2,
                share_of_caption=len(shared) / len(named[caption]),
                caption_similarity=similarity,
                query=query,
            )
        )
    queries: dict[int, int] = {}  # by ground-truth image, the first of each
    for key in sorted(keys):
        queries.setdefault(browser.ground_truth(state, key.query), key.query)
    return list(queries.values())
