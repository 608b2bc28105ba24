"""`make strength-means`: does averaging the scores of two trainings move what is bought against what is paid?

Trains nothing: reads the weights of strength.py's runs of `cosine`, keeps their scores beside them, and averages those
of two seeds. Into figures/flickr8k/strength_means.json, an object a mean, with the arm (`similarity`, `rank`,
`strength`, `captions`), the two `seeds` and

- `beside`: `itself` where both trainings are of the arm, `triplet` where the second one is the triplet alone;
- `epoch`: the one, from 1, whose weights count in the arm's trainings, of two the earlier one;
- `dev rsum` on the photos that choose the epoch, `test rsum`, and agreement with `experts` and the `crowd`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from store import read
from strength import COSINE, DATA, HOME, RANKS, TRIPLET, Arm, plan
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.evaluation.human_ratings import rating_correlations
from vslnb.evaluation.recall_at_k import recall
from vslnb.recipes import run_name
from vslnb.retrieval.similarity import kept_scores
from vslnb.storage import write_json
from vslnb.study.evidence.means import SETTING
from vslnb.study.evidence.strength import best_epoch
from vslnb.training.run import Run, load_run

PAIRS = (1, 2), (2, 3), (3, 1)  # of seeds; in a mean with the triplet the second seed is the triplet's
KEYS = (*SETTING, "beside", "seeds")  # what names a mean


class Scores:
    """The scores of trained runs on the photos of dev that choose the epoch, and on test."""

    def __init__(self) -> None:
        self.vocabulary = load_vocabulary(DATA)
        dev = load_split(DATA, "dev").head(plan("cosine", TRIPLET, 1).training.dev_images)
        self.splits = [dev, load_split(DATA, "test")]

    def of(self, arm: Arm, seed: int) -> list[np.ndarray]:
        """Those of a run, a matrix a split."""
        model, _ = load_run(folder(arm, seed), "cpu")
        return [kept_scores(folder(arm, seed), model, split, self.vocabulary) for split in self.splits]

    def measures(self, one: list[np.ndarray], other: list[np.ndarray]) -> dict[str, float]:
        """What is asked of the mean of two runs."""
        dev, test = (np.add(*both) / 2 for both in zip(one, other, strict=True))
        people = rating_correlations(test, self.splits[1])
        return {
            "dev rsum": recall(dev, self.splits[0].captions_per_image)["rsum"],
            "test rsum": recall(test, self.splits[1].captions_per_image)["rsum"],
            "experts": people["expert"],
            "crowd": people["crowd"],
        }


class Mean(NamedTuple):
    """Two trainings whose scores are averaged: of an arm, and of the same arm or the triplet."""

    arm: Arm
    other: Arm
    seeds: tuple[int, int]

    def runs(self) -> list[tuple[Arm, int]]:
        """Both trainings, an arm and a seed each."""
        return [(self.arm, self.seeds[0]), (self.other, self.seeds[1])]

    def about(self) -> dict[str, Any]:
        """What strength_means.json says of it before its measures."""
        setting = {key: getattr(self.arm, key) for key in SETTING}
        beside = "itself" if self.other == self.arm else "triplet"
        return setting | {"beside": beside, "seeds": list(self.seeds)}


def planned() -> list[Mean]:
    """Every mean of the design, whether its runs are there or not."""
    itself = [Mean(arm, arm, seeds) for seeds in PAIRS for arm in COSINE]
    return itself + [Mean(arm, TRIPLET, seeds) for seeds in PAIRS for arm in COSINE if arm != TRIPLET]


def folder(arm: Arm, seed: int) -> Path:
    """Of a run of strength.py."""
    return HOME / run_name(plan("cosine", arm, seed))


def main() -> None:
    """Every mean whose two runs have their weights here; what is known of the others stays."""
    listed = {
        json.dumps({key: one[key] for key in KEYS}): one for one in read("flickr8k/strength_means") or []
    }
    trained = {run for mean in planned() for run in mean.runs() if (folder(*run) / "results.json").exists()}
    means = [mean for mean in planned() if trained.issuperset(mean.runs())]
    if left_out := len(planned()) - len(means):
        print(f"{left_out} of {len(planned())} means are left out: their runs are not all in {HOME}.")
    scores = Scores()
    matrices = cache(scores.of)  # 25 MB a run, each of which is in several means
    for mean in tqdm(means, desc="means", disable=None):
        about = mean.about()
        epoch = min(best_epoch(Run(folder(*run)).results()) for run in mean.runs() if run[0] == mean.arm)
        measures = scores.measures(*(matrices(*run) for run in mean.runs()))
        listed[json.dumps(about)] = about | {"epoch": epoch} | measures
    write_json(RANKS.with_name("strength_means.json"), list(listed.values()))


if __name__ == "__main__":
    main()
