"""`make strength-photos`: is what experts see carried by a few photos, or by nothing but which photo it is?

Trains nothing: reads the ranks of the rated pairs in figures/flickr8k/expert_ranks.npz, and the ratings of the data.
Into figures/flickr8k/strength_photos.json, an object an arm of strength.json, with its module, similarity, rank,
strength, captions and trial, the `seeds` that it and its triplet have, and

- `gain`: experts' tau minus that of the triplet of the same seed, mean over seeds, with `low` and `high`, an interval
  at 95 % over photos, which are drawn anew with all their rated captions while the trainings stay as they are;
- `half`: of a hundred random halves of the photos, how many show a gain above zero;
- `exchanged`: concordance within photos if the ratings of one photo are exchanged at random, mean over exchanges and
  seeds. It has to be near zero.
"""

from __future__ import annotations

import numpy as np
from tqdm.auto import tqdm

from store import read
from strength import DATA, RANKS
from vslnb.data.precomp import load_split
from vslnb.evaluation.human_ratings import ExpertPairs
from vslnb.storage import write_json
from vslnb.study.evidence.strength import ARM

RESAMPLES, HALVES, EXCHANGES = 1_000, 100, 20


class Draws:
    """The rated photos as they are, drawn anew, and in halves: the same draws for every run.

    Attributes:
        rows: which pairs count, an array a draw: all of them, `RESAMPLES` times photos drawn with all their pairs, and
            `HALVES` times half of the photos.
    """

    def __init__(self, pairs: ExpertPairs, seed: int = 0) -> None:
        self.pairs = pairs
        self.draw = np.random.default_rng(seed)
        self.photos = [np.flatnonzero(pairs.images == photo) for photo in np.unique(pairs.images)]
        n = len(self.photos)
        chosen = [self.draw.integers(0, n, n) for _ in range(RESAMPLES)]
        chosen += [self.draw.permutation(n)[: n // 2] for _ in range(HALVES)]
        anew = (np.concatenate([self.photos[k] for k in one]) for one in chosen)
        self.rows = [np.arange(len(pairs.images)), *anew]

    def taus(self, scores: np.ndarray) -> np.ndarray:
        """Experts' tau of a score a pair (P,), a number a draw."""
        pairs = self.pairs
        return np.array(
            [
                ExpertPairs(pairs.images[rows], pairs.captions[rows], pairs.ratings[rows]).tau(scores[rows])
                for rows in self.rows
            ]
        )

    def exchanged(self, scores: np.ndarray) -> float:
        """Concordance within photos once the ratings of one photo are exchanged at random, mean over exchanges."""
        return float(np.mean([self.exchange().within_photos(scores) for _ in range(EXCHANGES)]))

    def exchange(self) -> ExpertPairs:
        """The same pairs, of which those of one photo have exchanged their ratings."""
        ratings = self.pairs.ratings.copy()
        for rows in self.photos:
            ratings[rows] = ratings[self.draw.permutation(rows)]
        return ExpertPairs(self.pairs.images, self.pairs.captions, ratings)


def over_photos(gaps: np.ndarray) -> dict[str, float]:
    """What stands in the JSON of one arm: from its taus minus those of its triplet, (seeds, draws)."""
    mean = gaps.mean(0)
    low, high = np.quantile(mean[1 : 1 + RESAMPLES], [0.025, 0.975])
    half = 100 * float((mean[1 + RESAMPLES :] > 0).mean())
    return {"gain": float(mean[0]), "low": float(low), "high": float(high), "half": half}


def main() -> None:
    """Every arm of which a seed and its triplet are there."""
    runs, ranks = read("flickr8k/strength"), np.load(RANKS)
    draws = Draws(ExpertPairs.of(load_split(DATA, "test")))
    taus, exchanged = {}, {}
    for run in tqdm(runs, desc="runs", disable=None):
        scores = ranks[run["config_hash"]].astype(float)
        taus[run["config_hash"]], exchanged[run["config_hash"]] = draws.taus(scores), draws.exchanged(scores)
    alone = {(run["module"], run["seed"]): run["config_hash"] for run in runs if not run["strength"]}
    arms: dict[tuple, dict[int, str]] = {}
    for run in runs:
        if run["strength"] and (run["module"], run["seed"]) in alone:
            arms.setdefault(tuple(run.get(key, "") for key in ARM), {})[run["seed"]] = run["config_hash"]
    found = []
    for arm, seeds in arms.items():
        gaps = np.array([taus[key] - taus[alone[arm[0], seed]] for seed, key in sorted(seeds.items())])
        checked = {"exchanged": float(np.mean([exchanged[key] for key in seeds.values()]))}
        found.append(dict(zip(ARM, arm)) | {"seeds": sorted(seeds)} | over_photos(gaps) | checked)
    write_json(RANKS.with_name("strength_photos.json"), found)


if __name__ == "__main__":
    main()
