"""Everything that similarity matrices and the files of their split can say; each matrix is ranked once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vslnb.data.precomp import Split
from vslnb.errors import InputError
from vslnb.evaluation.eccv_caption import applies_to, coco_labels
from vslnb.evaluation.human_ratings import rating_correlations
from vslnb.evaluation.intervals import Interval, bootstrap, recalls_by_image
from vslnb.evaluation.measures import RECALLS, RSUM, Measure, measures_of
from vslnb.evaluation.ncs import ncs
from vslnb.evaluation.recall_at_k import as_array, fold_mean, positive_ranks, recall_of_ranks
from vslnb.evaluation.secondary_content import concepts_of_split, secondary_matches
from vslnb.semantics import CaptionSpace

JUDGES = ("tfidf", "cider_d")  # similarities for NCS: at least one was not trained on
NAMES = (*map(str, RECALLS), str(RSUM))  # of the columns of `recalls_by_image`


@dataclass(frozen=True)
class Evaluation:
    """What one similarity matrix says; of a mean over folds only `recall` is known.

    Attributes:
        recall: as `vslnb.evaluation.recall` returns it.
        ranks: as `positive_ranks` returns them.
        by_image: (N, 7), as `recalls_by_image` returns it.
        intervals: the six recalls and rsum with 95 percent bounds over resampled images, by the measure's name.
        ncs: NCS@10 by judge and direction; `NAME, others` leaves own captions out.
        secondary_rule: what says which content is secondary, `planted` or `captions`.
        secondary: by direction the number of `wrong` first results, of `secondary` matches, and their `rate`.
        ratings: Kendall's tau with `expert` and `crowd`; empty where a split has no ratings.
        coco: ECCV Caption and CxC by measure; empty for every other data set.
        gain: rsum minus that of the first matrix, over resampled images; None for the first.
    """

    recall: dict[str, Any]
    ranks: dict[str, np.ndarray] = field(default_factory=dict)
    by_image: np.ndarray = field(default_factory=lambda: np.zeros((0, 7)))
    intervals: dict[str, Interval] = field(default_factory=dict)
    ncs: dict[str, dict[str, float]] = field(default_factory=dict)
    secondary_rule: str = ""
    secondary: dict[str, dict[str, float]] = field(default_factory=dict)
    ratings: dict[str, float] = field(default_factory=dict)
    coco: dict[str, dict[str, float]] = field(default_factory=dict)
    gain: Interval | None = None

    @property
    def measures(self) -> list[Measure]:
        """All of it as rows: metric, judge, direction, value."""
        return measures_of({"test": self.recall, "measures": self.to_json()})

    def to_json(self) -> dict[str, Any]:
        """The `measures` of results.json: everything beyond recall."""
        found: dict[str, Any] = {
            "intervals": {name: [bounds.low, bounds.high] for name, bounds in self.intervals.items()},
            "ncs": self.ncs,
        }
        if self.secondary:
            found["secondary"] = {"rule": self.secondary_rule, **self.secondary}
        optional = {"ratings": self.ratings, "coco": self.coco}
        return found | {name: values for name, values in optional.items() if values}


def evaluate(scores: object, split: Split) -> Evaluation:
    """Recall, intervals, NCS, secondary matches, human ratings and COCO's further labels of one matrix.

    Args:
        scores: (N, Q*N) of the split.
        split: where the captions and, if there are any, planted truth and human ratings come from.

    Raises:
        ValueError: for another shape, or scores that are not finite.
    """
    scores, q = as_array(scores), split.captions_per_image
    ranks = positive_ranks(scores, q)
    by_image = recalls_by_image(ranks, q)
    rule, concepts = concepts_of_split(split)
    return Evaluation(
        recall=recall_of_ranks(ranks),
        ranks=ranks,
        by_image=by_image,
        intervals=dict(zip(NAMES, bootstrap(by_image))),
        ncs=_ncs_by_judge(scores, split),
        secondary_rule=rule,
        secondary={
            direction: {
                "wrong": len(found["wrong"]),
                "secondary": len(found["secondary"]),
                "rate": found["rate"],
            }
            for direction, found in secondary_matches(scores, *concepts, q, ranks).items()
        },
        ratings=rating_correlations(scores, split),
        coco=_coco_labels(scores),
    )


def evaluate_runs(
    matrices: Iterable[tuple[str, np.ndarray]], split: Split, folds: int = 1, ensemble: bool = False
) -> dict[str, Evaluation]:
    """Evaluate several matrices of one split, and each against the first.

    Args:
        matrices: name and scores (N, Q*N), one at a time; none is kept.
        split: their captions.
        folds: more than 1 gives the mean recall over so many parts of the gallery, and nothing else.
        ensemble: also evaluate the mean of all matrices, under the name `ensemble`.

    Raises:
        InputError: for a number of folds that does not divide the images.
    """
    found: dict[str, Evaluation] = {}
    total: Any = 0
    count = 0

    def add(name: str, scores: np.ndarray) -> None:
        if folds > 1:
            found[name] = Evaluation(fold_mean(scores, folds, split.captions_per_image))
            return
        one = evaluate(scores, split)
        first = next(iter(found.values()), one)
        gain = bootstrap(one.by_image - first.by_image)[-1] if found else None
        found[name] = replace(one, gain=gain)

    for name, scores in matrices:
        add(name, scores)
        if ensemble:
            total, count = total + scores, count + 1
    if ensemble:
        add("ensemble", total / count)
    return found


def _ncs_by_judge(scores: np.ndarray, split: Split) -> dict[str, dict[str, float]]:
    found, q = {}, split.captions_per_image
    for kind in JUDGES:
        relevance = CaptionSpace.fit(split.captions, q, kind).caption_image_similarity().T
        found[kind] = ncs(scores, relevance, 10, True, q)
        found[f"{kind}, others"] = ncs(scores, relevance, 10, False, q)
    return found


def _coco_labels(scores: np.ndarray) -> dict[str, dict[str, float]]:
    """Empty for other data; also where the extra is not installed, which is no fault of the matrix."""
    if not applies_to(scores):
        return {}
    try:
        return coco_labels(scores)
    except InputError:
        return {}
