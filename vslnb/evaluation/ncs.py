"""NCS@K: how much meaning the first K of a ranking share with the query (Biten et al., WACV 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vslnb.evaluation.recall_at_k import DIRECTIONS, as_array, owners

QUERIES = 256  # whose order is worked out at a time


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
        relevance: (N, Q*N), how near in meaning, at least 0; such as `CaptionSpace.caption_image_similarity().T`.
        k: how many of a ranking count.
        own: whether an image and its own captions count; without them the score says how good the rest is.
        captions_per_image: Q, or one count an image.

    Returns:
        Both ways, in percent, mean over the queries for which anything is relevant. Among equal scores the
        less relevant come first.

    Raises:
        ValueError: for shapes that differ.

    >>> ncs([[0.9, 0.1], [0.3, 0.2]], np.array([[1.0, 0.5], [0.5, 1.0]]), k=1, captions_per_image=1)
    {'image_to_text': 75.0, 'text_to_image': 100.0}
    """
    scores = as_array(scores)
    if scores.shape != relevance.shape:
        raise ValueError(f"scores {scores.shape} and relevance {relevance.shape} differ")
    owner = owners(len(scores), captions_per_image)
    result = {}
    for way, transpose in zip(DIRECTIONS, (False, True)):
        lanes = (scores.T, relevance.T) if transpose else (scores, relevance)
        shares = []
        for start in range(0, len(lanes[0]), QUERIES):
            block, worth = (np.array(lane[start : start + QUERIES], dtype=np.float64) for lane in lanes)
            if not own:
                queries = np.arange(start, start + len(block))
                mine = (
                    owner[queries][:, None] == np.arange(len(scores))
                    if transpose
                    else queries[:, None] == owner
                )
                block[mine], worth[mine] = -np.inf, 0.0
            reached = np.take_along_axis(worth, _first(block, worth, k), 1).sum(1)
            best = -np.sort(np.partition(-worth, min(k, worth.shape[1]) - 1, axis=1)[:, :k], axis=1).sum(1)
            shares.append(reached[best > 0] / best[best > 0])
        shares = np.concatenate(shares)
        result[way] = 100.0 * float(shares.mean()) if len(shares) else 0.0
    return result


def _first(scores: np.ndarray, worth: np.ndarray, k: int) -> np.ndarray:
    """The k best of every row, best first, among equals the less worthy first; whole rows are sorted for ties alone."""
    k = min(k, scores.shape[1])
    found = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    last = np.take_along_axis(scores, found, 1).min(1)
    tied = (scores >= last[:, None]).sum(1) > k  # more than k stand at the k-th score or above
    found[tied] = np.lexsort((worth[tied], -scores[tied]), axis=1)[:, :k]
    near = [np.take_along_axis(each, found, 1) for each in (worth, -scores)]
    return np.take_along_axis(found, np.lexsort(near, axis=1), 1)
