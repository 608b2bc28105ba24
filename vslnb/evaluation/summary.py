"""Everything that one similarity matrix and the files of its split can say."""

from __future__ import annotations

import numpy as np

from vslnb.data.precomp import Split
from vslnb.errors import InputError
from vslnb.evaluation.eccv_caption import applies_to, coco_labels
from vslnb.evaluation.human_ratings import rating_correlations
from vslnb.evaluation.intervals import bootstrap, recalls_by_image
from vslnb.evaluation.ncs import ncs
from vslnb.evaluation.recall_at_k import CUTS, DIRECTIONS, positive_ranks
from vslnb.evaluation.secondary_content import concepts_of_split, secondary_matches
from vslnb.semantics import CaptionSpace

JUDGES = ("tfidf", "cider_d")  # similarities for NCS: at least one was not trained on
NAMES = tuple(f"R@{k} {way.replace('_', ' ')}" for way in DIRECTIONS for k in CUTS) + ("rsum",)


def measure(scores: np.ndarray, split: Split) -> dict:
    """Intervals, NCS, secondary matches, human ratings and COCO's further labels.

    Args:
        scores: (N, Q*N) of the split.
        split: where the captions and, if there are any, planted truth and human ratings come from.

    Returns:
        `intervals`: 95 percent bounds by measure; `ncs`: NCS@10 by similarity, without own captions under
        `NAME, others`; `secondary`: the rule (`planted` or `captions`) and both ways `wrong`, `secondary`, `rate`;
        `ratings`: Kendall's tau with `expert` and `crowd`; `coco`. The last two only where there is such data.
    """
    q = split.captions_per_image
    by_image = bootstrap(recalls_by_image(positive_ranks(scores, q), q))
    result = {
        "intervals": {name: [value.low, value.high] for name, value in zip(NAMES, by_image)},
        "ncs": _meaning(scores, split),
        "secondary": _secondary(scores, split),
    }
    if ratings := rating_correlations(scores, split):
        result["ratings"] = ratings
    if applies_to(scores):
        try:
            result["coco"] = coco_labels(scores)
        except InputError:  # an extra that is not installed is no fault of the matrix
            pass
    return result


def _meaning(scores: np.ndarray, split: Split) -> dict[str, dict[str, float]]:
    result = {}
    for kind in JUDGES:
        space = CaptionSpace.fit(split.captions, split.captions_per_image, kind)
        relevance = space.caption_image_similarity().T
        for name, own in ((kind, True), (f"{kind}, others", False)):
            result[name] = ncs(scores, relevance, 10, own, split.captions_per_image)
    return result


def _secondary(scores: np.ndarray, split: Split) -> dict:
    rule, concepts = concepts_of_split(split)
    found = secondary_matches(scores, *concepts, split.captions_per_image)
    counts = {
        way: {"wrong": len(f["wrong"]), "secondary": len(f["secondary"]), "rate": f["rate"]}
        for way, f in found.items()
    }
    return {"rule": rule, **counts}
