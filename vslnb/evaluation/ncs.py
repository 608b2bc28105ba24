"""NCS@K: how much meaning the first K of a ranking share with the query (Biten et al., WACV 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vslnb.evaluation.recall_at_k import DIRECTIONS, as_array, owners

QUERIES = 256  # sorted at a time


def ncs(
    scores: object,
    relevance: np.ndarray,
    k: int = 10,
    own: bool = True,
    captions_per_image: int | Sequence[int] = 5,
) -> dict[str, float]:
    """Normalized cumulative semantic score: similarity of the first K over that of the best possible K.

    Args:
        scores: (N, Q*N); row = image, column = caption.
        relevance: (N, Q*N), at least 0: how similar in meaning; such as `CaptionSpace.caption_image_similarity().T`.
        k: how many of a ranking count.
        own: whether an image's own captions count; without them the score is about the other items alone.
        captions_per_image: Q, or one count an image.

    Returns:
        By direction, in percent, the mean over the queries for which anything is relevant. Among equal scores the
        less relevant come first.

    Raises:
        ValueError: for shapes that differ.

    >>> ncs([[0.9, 0.1], [0.3, 0.2]], np.array([[1.0, 0.5], [0.5, 1.0]]), k=1, captions_per_image=1)
    {'image_to_text': 75.0, 'text_to_image': 100.0}
    """
    scores = as_array(scores)
    if scores.shape != relevance.shape:
        raise ValueError(f"scores {scores.shape} and relevance {relevance.shape} differ")
    owner, images = owners(len(scores), captions_per_image), np.arange(len(scores))
    image_to_text = _query_scores(scores, relevance, k, None if own else (images, owner))
    text_to_image = _query_scores(scores.T, relevance.T, k, None if own else (owner, images))
    return dict(zip(DIRECTIONS, (image_to_text, text_to_image)))


def _query_scores(
    scores: np.ndarray, relevance: np.ndarray, k: int, owners: tuple[np.ndarray, np.ndarray] | None
) -> float:
    """The mean over queries of reached over best possible relevance, in percent.

    Args:
        scores: (queries, items).
        relevance: (queries, items).
        k: how many items count.
        owners: the image of every query and of every item; items of the query's own image are left out.
    """
    shares = []
    for start in range(0, len(scores), QUERIES):
        queries = slice(start, start + QUERIES)
        block, relevant = (np.array(matrix[queries], dtype=np.float64) for matrix in (scores, relevance))
        if owners:
            own_items = owners[0][queries, None] == owners[1]
            block[own_items], relevant[own_items] = -np.inf, 0.0
        reached = np.take_along_axis(relevant, _top_items(block, relevant, k), 1).sum(1)
        best = -np.sort(np.partition(-relevant, min(k, relevant.shape[1]) - 1, axis=1)[:, :k], axis=1).sum(1)
        shares.append(reached[best > 0] / best[best > 0])
    found = np.concatenate(shares)
    return 100.0 * float(found.mean()) if len(found) else 0.0


def _top_items(scores: np.ndarray, relevance: np.ndarray, k: int) -> np.ndarray:
    """The k best items of every row, best first; among equal scores the less relevant come first.

    Only rows with a tie at the k-th place are sorted as a whole.
    """
    k = min(k, scores.shape[1])
    found = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    last = np.take_along_axis(scores, found, 1).min(1)
    tied = (scores >= last[:, None]).sum(1) > k  # more than k stand at the k-th score or above
    found[tied] = np.lexsort((relevance[tied], -scores[tied]), axis=1)[:, :k]
    keys = [np.take_along_axis(each, found, 1) for each in (relevance, -scores)]
    return np.take_along_axis(found, np.lexsort(keys, axis=1), 1)
