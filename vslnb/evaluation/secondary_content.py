"""Wrong matches that rest on secondary content alone: the mistake the paper is about (notebook 06)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from vslnb.data.precomp import Split
from vslnb.evaluation.recall_at_k import as_array, owners, positive_ranks
from vslnb.storage import read_json


class Mistakes(TypedDict):
    """Queries with a wrong first result in one direction, and which of them rest on secondary content alone."""

    wrong: np.ndarray  # indices of the queries
    secondary: np.ndarray  # those of them whose first result is a secondary match
    retrieved: np.ndarray  # the first result of every wrong query
    rate: float  # secondary / wrong, percent


def secondary_matches(
    scores: object,
    main: list[set],
    secondary: list[set],
    named: list[set],
    captions_per_image: int | Sequence[int] = 5,
    ranks: dict[str, np.ndarray] | None = None,
) -> dict[str, Mistakes]:
    """Wrong top-1s that meet the query in secondary content alone (notebook 06).

    A wrong match of image A and caption c (of another image) is *secondary* when a concept that c names is
    secondary in A and none that it names is main in A. No overlap at all is not secondary. In
    `image_to_text` A is the query, in `text_to_image` A is what was retrieved.

    Args:
        scores: (N, Q*N).
        main: N sets of concepts, the main content of every image.
        secondary: N sets, the secondary content.
        named: Q*N sets, the concepts every caption names.
        captions_per_image: Q, or one count an image.
        ranks: what `positive_ranks` returns for these scores, where it is known already.

    Returns:
        By direction: the wrong queries and what they retrieved.

    >>> scores = [[0.1, 0.9], [0.2, 0.8]]
    >>> found = secondary_matches(scores, [{"dog"}, {"cat"}], [{"cat"}, set()], [{"dog"}, {"cat"}], 1)
    >>> found["image_to_text"]["secondary"].tolist(), found["image_to_text"]["rate"]
    ([0], 100.0)
    """
    scores = np.array(as_array(scores), dtype=np.float32)
    ranks = ranks or positive_ranks(scores, captions_per_image)
    owner = owners(len(scores), captions_per_image)
    scores[owner, np.arange(scores.shape[1])] = -np.inf  # a wrong top-1 is the best negative
    result: dict[str, Mistakes] = {}
    for axis, direction in ((1, "image_to_text"), (0, "text_to_image")):
        wrong = np.flatnonzero(ranks[direction] > 0)
        retrieved = scores.argmax(axis)[wrong]
        images, captions = (wrong, retrieved) if axis else (retrieved, wrong)
        hits = [bool(named[c] & secondary[a]) and not named[c] & main[a] for a, c in zip(images, captions)]
        rate = 100.0 * float(np.mean(hits)) if hits else 0.0
        result[direction] = Mistakes(
            wrong=wrong, secondary=wrong[hits] if hits else wrong, retrieved=retrieved, rate=rate
        )
    return result


def concepts_of(caption: str) -> set[str]:
    """The content words of a caption: no stop word (scikit-learn's), three letters or more, plural s dropped.

    >>> sorted(concepts_of("Two dogs run through the grass ."))
    ['dog', 'grass', 'run']
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # a second to load

    words = re.findall(r"[^\W\d_]{3,}", caption.lower())
    kept = (word for word in words if word not in ENGLISH_STOP_WORDS)
    return {re.sub(r"(?<=[^s]{2})s$", "", word) for word in kept}


def caption_concepts(
    captions: Sequence[str], captions_per_image: int | Sequence[int] = 5
) -> tuple[list[set], list[set], list[set]]:
    """Main, secondary and named concepts where nothing was planted: what captions agree on, and what they do not.

    Args:
        captions: Q*N, Q consecutive ones an image.
        captions_per_image: Q, or one count an image.

    Returns:
        As `secondary_matches` takes them: N sets of concepts that two or more captions of an image name, N sets
        of those that one alone names, and for every caption the concepts in it. A match is then secondary when
        it meets the image only in what a single one of its captions mentions.

    >>> main, secondary, named = caption_concepts(["a dog by a tree", "the dog"], 2)
    >>> main, secondary
    ([{'dog'}], [{'tree'}])
    """
    named = [concepts_of(caption) for caption in captions]
    images = (
        len(named) // captions_per_image if isinstance(captions_per_image, int) else len(captions_per_image)
    )
    counts: list[Counter] = [Counter() for _ in range(images)]
    for image, concepts in zip(owners(images, captions_per_image), named):
        counts[image].update(concepts)
    main = [{concept for concept, count in image.items() if count > 1} for image in counts]
    return main, [set(image) - agreed for image, agreed in zip(counts, main)], named


def concepts_of_split(split: Split) -> tuple[str, tuple[list[set], list[set], list[set]]]:
    """The rule, `planted` or `captions`, and main, secondary and named concepts by it.

    A world has its planted truth in truth.json; elsewhere the captions say what is main.
    """
    truth = split.folder / "truth.json"
    if not truth.exists():
        return "captions", caption_concepts(split.captions, split.captions_per_image)
    from vslnb.data.world.build import concept_sets

    return "planted", concept_sets(read_json(truth, "Make the world again.")["splits"][split.name])
