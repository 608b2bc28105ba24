"""Recall in both directions, ranks, rsum, and the five-fold mean of COCO 1K.

Ties never help the model: a positive ranks behind every negative with the same score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vslnb.errors import InputError

DIRECTIONS = ("image_to_text", "text_to_image")
CUTS = (1, 5, 10)


def as_array(scores: Any) -> np.ndarray:
    """Scores as an array, from a list, an array or a tensor on any device, with or without a gradient."""
    if hasattr(scores, "detach"):
        scores = scores.detach().cpu()
        scores = scores.float() if scores.dtype.itemsize < 4 else scores  # numpy knows no bfloat16
    return np.asarray(scores)


def owners(images: int, captions_per_image: int | Sequence[int] | np.ndarray) -> np.ndarray:
    """The image of every caption, from Q or one count an image.

    >>> owners(2, [1, 2])
    array([0, 1, 1])
    """
    return np.repeat(np.arange(images), captions_per_image)


def positive_ranks(scores: object, captions_per_image: int | Sequence[int] = 5) -> dict[str, np.ndarray]:
    """0-based rank of the best positive of every query.

    Args:
        scores: (N, Q*N) array or tensor; row = image, column = caption.
        captions_per_image: Q, or one count an image; the columns are then their sum.

    Returns:
        `image_to_text` (N,) and `text_to_image` (Q*N,): how many negatives score at least as high.

    Raises:
        ValueError: for another shape, or scores that are not finite.

    >>> positive_ranks([[0.9, 0.5], [0.5, 0.5]], captions_per_image=1)["text_to_image"]
    array([0, 1])
    """
    scores = as_array(scores)
    counts = np.atleast_1d(np.asarray(captions_per_image))
    counts = np.full(len(scores), counts[0]) if np.ndim(captions_per_image) == 0 else counts
    if (
        scores.ndim != 2
        or not scores.size
        or (len(counts), counts.sum()) != scores.shape
        or counts.min() < 1
        or counts.dtype.kind not in "iu"
    ):
        wanted = f"{captions_per_image} * N" if np.ndim(captions_per_image) == 0 else f"{counts.sum()}"
        raise ValueError(f"scores must be (N, {wanted}) with one row an image, got {scores.shape}")
    images, captions = scores.shape
    owner = owners(images, counts)
    own = scores[owner, np.arange(captions)]
    best = np.maximum.reduceat(own, np.cumsum(counts) - counts)
    by_image = np.zeros(images, dtype=np.int64)
    by_caption = np.zeros(captions, dtype=np.int64)
    for start in range(0, images, 256):  # bounded: a block of rows at a time, never N * Q*N booleans
        block = scores[start : start + 256]
        if not np.isfinite(block).all():
            row, column = np.argwhere(~np.isfinite(block))[0]
            raise ValueError(f"the score of image {start + row} and caption {column} is not finite")
        rows = np.arange(start, start + len(block))
        negative = owner[None, :] != rows[:, None]
        by_image[rows] = ((block >= best[rows, None]) & negative).sum(1)
        by_caption += ((block >= own[None, :]) & negative).sum(0)
    return dict(zip(DIRECTIONS, (by_image, by_caption)))


def summarise(ranks: np.ndarray) -> dict[str, float]:
    """R@1, R@5, R@10 in percent, median (floor of the median of 0-based ranks, plus 1) and mean rank.

    >>> summarise(np.array([0, 0, 6, 20]))
    {'R@1': 50.0, 'R@5': 50.0, 'R@10': 75.0, 'median_rank': 4.0, 'mean_rank': 7.5}
    """
    recalls = {f"R@{k}": 100.0 * float((ranks < k).mean()) for k in CUTS}
    return {
        **recalls,
        "median_rank": float(np.floor(np.median(ranks)) + 1),
        "mean_rank": float(ranks.mean() + 1),
    }


def recall(scores: object, captions_per_image: int | Sequence[int] = 5) -> dict[str, Any]:
    """Recall at 1, 5, 10 in both directions, ranks, and rsum, the sum of the six recalls.

    Args and Raises as `positive_ranks`.

    >>> recall([[0.9, 0.1], [0.2, 0.8]], captions_per_image=1)["rsum"]
    600.0
    """
    return recall_of_ranks(positive_ranks(scores, captions_per_image))


def recall_of_ranks(ranks: dict[str, np.ndarray]) -> dict[str, Any]:
    """What `recall` returns, from the ranks that `positive_ranks` returns.

    >>> recall_of_ranks({"image_to_text": np.array([0]), "text_to_image": np.array([3])})["rsum"]
    500.0
    """
    result: dict[str, Any] = {name: summarise(ranks[name]) for name in DIRECTIONS}
    result["rsum"] = sum(result[name][f"R@{k}"] for name in DIRECTIONS for k in CUTS)
    return result


def recall_by_chance(images: int, captions_per_image: int | Sequence[int] = 5) -> dict[str, Any]:
    """What `recall` is on average where the scores say nothing: the recalls and rsum.

    Of few images it is high: of ten, the first ten results hold the right one whatever a model does.

    >>> found = recall_by_chance(1000, 5)
    >>> round(found["rsum"], 1), round(found["text_to_image"]["R@10"], 1), round(recall_by_chance(10)["rsum"])
    (3.2, 1.0, 281)
    """
    counts = np.full(images, captions_per_image) if np.ndim(captions_per_image) == 0 else captions_per_image
    counts = np.asarray(counts, dtype=np.int64)
    captions = int(counts.sum())
    found: dict[str, Any] = {name: {} for name in DIRECTIONS}
    for k in CUTS:
        first = np.arange(min(k, captions))  # the results that are looked at, one after the other
        left = np.maximum(captions - counts[:, None] - first, 0) / (captions - first)
        found["image_to_text"][f"R@{k}"] = 100.0 * float(np.mean(1 - left.prod(1)))
        found["text_to_image"][f"R@{k}"] = 100.0 * min(k, images) / images
    return found | {"rsum": sum(sum(side.values()) for side in found.values())}


def fold_mean(
    scores: object,
    folds: int = 5,
    captions_per_image: int | Sequence[int] = 5,
    measure: Callable[[object, int | Sequence[int]], dict[str, Any]] = recall,
) -> dict[str, Any]:
    """COCO 1K: the mean over `folds` equal parts of the gallery, each searched by its own queries.

    >>> fold_mean(np.eye(10), captions_per_image=1)["rsum"]
    600.0
    """
    scores = as_array(scores)
    if folds < 1 or len(scores) % folds:
        raise InputError(
            "folds", f"{len(scores)} images do not divide into {folds} of them", "Give a divisor."
        )
    size = len(scores) // folds
    owner, parts = owners(len(scores), captions_per_image), []
    for k in range(folds):
        rows = slice(k * size, (k + 1) * size)
        counts = captions_per_image
        if not isinstance(counts, int | np.integer):
            counts = counts[rows]
        parts.append(measure(scores[rows, owner // size == k], counts))
    return _mean(parts)


def _mean(parts: list) -> Any:
    if isinstance(parts[0], dict):
        return {key: _mean([part[key] for part in parts]) for key in parts[0]}
    return float(np.mean(parts))
