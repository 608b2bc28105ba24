"""ECCV Caption and CxC: MSCOCO's 5K test with the matches its captions leave out, from package eccv-caption."""

from __future__ import annotations

from typing import Any

import numpy as np

from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import as_array

IMAGES, CAPTIONS = 5000, 25000
LISTED = 100  # items of a ranking that the package is given; no query has more than 48 positives
MEASURES = ("eccv_r1", "eccv_map_at_r", "eccv_rprecision", "cxc_recalls")


def applies_to(scores: np.ndarray) -> bool:
    """Whether this can be MSCOCO's 5K test, whose captions stand in the field's order."""
    return scores.shape == (IMAGES, CAPTIONS)


def coco_labels(scores: Any) -> dict[str, dict[str, float]]:
    """ECCV Caption (mAP@R, R-precision, R@1) and CxC (R@1, R@5, R@10), in percent.

    Args:
        scores: (5000, 25000), images and captions in the order of the Karpathy split, as in the field's files.

    Returns:
        By measure: `i2t` and `t2i`.

    Raises:
        InputError: for another shape, or where the package is not installed.
    """
    scores = as_array(scores)
    if not applies_to(scores):
        raise InputError("scores", f"{scores.shape} is not MSCOCO's 5K test", "Give --split testall.")
    try:
        from eccv_caption import Metrics
    except ImportError:
        raise InputError(
            "eccv-caption", "the package is not installed", "pip install 'vslnb[coco]'"
        ) from None
    metrics = Metrics()
    captions = metrics.coco_ids
    images = np.array([metrics.coco_gts["t2i"][caption][0] for caption in captions[::5].tolist()])
    found = metrics.compute_all_metrics(
        _ranked(scores, images, captions),
        _ranked(scores.T, captions, images),
        target_metrics=MEASURES,
        Ks=(1, 5, 10),
        verbose=False,
    )
    return {
        name: {direction: 100.0 * float(value) for direction, value in both.items()}
        for name, both in found.items()
    }


def _ranked(scores: np.ndarray, queries: np.ndarray, items: np.ndarray) -> dict[int, list[int]]:
    """The best items of every query; among equal scores the earlier item comes first, on every machine."""
    result = {}
    for query, row in zip(queries.tolist(), scores):
        last = np.partition(row, -LISTED)[-LISTED]
        above = np.flatnonzero(row > last)
        near = np.concatenate([above, np.flatnonzero(row == last)[: LISTED - len(above)]])
        result[query] = items[near[np.argsort(-row[near], kind="stable")]].tolist()
    return result
