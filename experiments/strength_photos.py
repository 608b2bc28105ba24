"""`make strength-photos`: is what experts see carried by a few photos, or by nothing but which photo it is?

Trains nothing: reads the ranks of the rated pairs in figures/flickr8k/expert_ranks.npz, and the ratings of the data.
Into figures/flickr8k/strength_photos.json, an object an arm of strength.json, and general_photos.json, of general.json.
Each has the arm's architecture, similarity, rank, strength, captions, trial and what was trained `instead` of VSL, the
`seeds` that it and its triplet have, and

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
from vslnb.study.evidence.strength import ARM, INSTEAD

RESAMPLES, HALVES, EXCHANGES = 1_000, 100, 20
KEYS = ["architecture", *ARM[1:], INSTEAD]  # what names an arm


class Draws:
    """The rated photos as they are, drawn anew, and in halves: the same draws for every run.

    Args:
        pairs: with P pairs of M photos, and R ratings a pair.
        seed: of the draws.

    Attributes:
        times: (draws, M) how often a draw counts a photo with all its pairs: once each, `RESAMPLES` times drawn with
            replacement, and `HALVES` times one half of them.
    """

    def __init__(self, pairs: ExpertPairs, seed: int = 0) -> None:
        self.pairs = pairs
        self.draw = np.random.default_rng(seed)
        self.photos = [np.flatnonzero(pairs.images == photo) for photo in np.unique(pairs.images)]
        n = len(self.photos)
        chosen = [self.draw.integers(0, n, n) for _ in range(RESAMPLES)]
        chosen += [self.draw.permutation(n)[: n // 2] for _ in range(HALVES)]
        self.times = np.array([np.ones(n, int), *(np.bincount(one, minlength=n) for one in chosen)])
        self.order = np.concatenate(self.photos)  # pairs photo by photo,
        self.starts = np.cumsum([0, *map(len, self.photos)])[:-1]  # of which each begins here
        ratings = pairs.ratings[self.order].astype(int)
        self.sign = np.zeros(
            (len(ratings), len(ratings)), np.int8
        )  # of ratings, summed over all two of two pairs
        for one in ratings.T:
            for other in ratings.T:
                self.sign += np.sign(one[:, None] - other, dtype=int).astype(np.int8)

    def taus(self, scores: np.ndarray) -> np.ndarray:
        """Experts' tau-c of a score a pair (P,), a number a draw, as `ExpertPairs.tau` has it; 0 where all scores are equal.

        Concordant minus discordant observations are summed for any two photos once. For a draw each such sum counts as
        often as both photos do, so that a thousand draws are one matrix product.
        """
        scores = np.unique(scores, return_inverse=True)[1][self.order]
        between = np.empty((len(self.photos), len(self.photos)))
        for photo, rows in enumerate(np.split(np.arange(len(scores)), self.starts[1:])):
            signs = np.sign(scores[rows, None] - scores) * self.sign[rows]
            between[photo] = np.add.reduceat(signs.sum(0), self.starts)
        times = self.times.astype(float)
        surplus = ((times @ between) * times).sum(1) / 2
        ratings = self.pairs.ratings
        counts = times @ [float(ratings[rows].size) for rows in self.photos]
        levels = [[(ratings[rows] == level).any() for level in np.unique(ratings)] for rows in self.photos]
        classes = (times @ np.array(levels, float) > 0).sum(1)
        return 100 * 2 * classes * surplus / (counts**2 * (classes - 1))

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


def of_every_arm(runs: list[dict], taus: dict, exchanged: dict) -> list[dict]:
    """An object an arm of which a seed and its triplet are there.

    Args:
        runs: as in strength.json or general.json.
        taus: experts' taus of every run, a number a draw, by config_hash.
        exchanged: what `Draws.exchanged` says of every run, by config_hash.
    """
    alone = {
        (run["architecture"], run["seed"]): run["config_hash"]
        for run in runs
        if not (run["strength"] or run["instead"])
    }
    arms: dict[tuple, dict[int, str]] = {}
    for run in runs:
        place = run["architecture"], run["seed"]
        if place in alone and run["config_hash"] != alone[place]:
            arms.setdefault(tuple(run[key] for key in KEYS), {})[run["seed"]] = run["config_hash"]
    found = []
    for arm, seeds in arms.items():
        about = dict(zip(KEYS, arm))
        gaps = np.array(
            [taus[key] - taus[alone[about["architecture"], seed]] for seed, key in sorted(seeds.items())]
        )
        checked = {"exchanged": float(np.mean([exchanged[key] for key in seeds.values()]))}
        found.append(about | {"seeds": sorted(seeds)} | over_photos(gaps) | checked)
    return found


def main() -> None:
    """Every arm of both files, as far as they are there."""
    ranks, draws = np.load(RANKS), Draws(ExpertPairs.of(load_split(DATA, "test")))
    for name in ("strength", "general"):
        runs, taus, exchanged = read(f"flickr8k/{name}") or [], {}, {}
        for run in tqdm(runs, desc=name, disable=None):
            scores = ranks[run["config_hash"]].astype(float)
            taus[run["config_hash"]], exchanged[run["config_hash"]] = (
                draws.taus(scores),
                draws.exchanged(scores),
            )
        if runs:
            write_json(RANKS.with_name(f"{name}_photos.json"), of_every_arm(runs, taus, exchanged))


if __name__ == "__main__":
    main()
