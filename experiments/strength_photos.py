"""`make strength-photos`: is what experts see carried by a few photos, or by nothing but which photo it is?

Trains nothing: reads the ranks of the rated pairs in figures/flickr8k/expert_ranks.npz, and the ratings of the data.
Into figures/flickr8k/strength_photos.json, an object an arm of strength.json, and general_photos.json, of general.json.
Each has the arm's architecture, similarity, rank, strength, captions, trial and what was trained `instead` of VSL, the
`seeds` that it and its triplet have, and

- `gain`: experts' tau minus that of the triplet of the same seed, mean over seeds, with `low` and `high`, an interval
  at 95 % over photos, which are drawn anew with all their rated captions while the trainings stay as they are;
- `half`: of a hundred random halves of the photos, how many show a gain above zero;
- `told_apart`: how much better two neighbouring ratings are told apart than by the triplet, with the same interval;
- `exchanged`: concordance within photos if the ratings of one photo are exchanged at random, mean over exchanges and
  seeds. It has to be near zero.

strength_similarities.json has what experts say of the similarities themselves, which read a photo's own captions.
"""

from __future__ import annotations

import sys
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from store import read
from strength import DATA, RANKS
from vslnb.data.precomp import Split, load_split
from vslnb.evaluation.human_ratings import ExpertPairs
from vslnb.semantics import CaptionSpace
from vslnb.storage import write_json
from vslnb.study.evidence.strength import ARM, INSTEAD, SIMILARITIES

RESAMPLES, HALVES, EXCHANGES = 1_000, 100, 20
FILES = ("strength", "general")
LEVELS = (1, 2, 3, 4)  # of the ratings
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
        ratings = pairs.ratings[self.order]
        self.counts = np.array(
            [(ratings == level).sum(1) for level in LEVELS]
        )  # (4, P), of each level in a pair
        by_photo = np.add.reduceat(self.counts, self.starts, axis=1)
        self.observations = self.times @ by_photo.T  # (draws, 4), of each level in a draw
        self.exchanges = [self.exchange() for _ in range(EXCHANGES)]  # the same for every run

    def surplus(self, scores: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
        """Concordant minus discordant observations, by a lower and a higher rating, a number a draw.

        They are summed for any two photos. For a draw each such sum counts as often as both photos do, so that a
        thousand draws are one matrix product.

        Args:
            scores: one a pair (P,).
        """
        scores = np.unique(scores, return_inverse=True)[1][self.order]
        above = np.empty((len(LEVELS), len(LEVELS), len(self.photos), len(self.photos)))
        for photo, rows in enumerate(np.split(np.arange(len(scores)), self.starts[1:])):
            signs = self.counts[:, rows] @ np.sign(
                scores[rows, None] - scores
            )  # (4, P), by the level of this photo
            above[:, :, photo] = np.add.reduceat(signs[:, None] * self.counts, self.starts, axis=2)
        times = self.times.astype(float)
        return {
            (low, high): ((times @ above[high - 1, low - 1]) * times).sum(1)
            for low, high in combinations(LEVELS, 2)
        }

    def taus(self, surplus: dict[tuple[int, int], np.ndarray]) -> np.ndarray:
        """Experts' tau-c, a number a draw, as `ExpertPairs.tau`; 0 where all scores are equal."""
        classes = (self.observations > 0).sum(1)
        return 100 * 2 * classes * sum(surplus.values()) / (self.observations.sum(1) ** 2 * (classes - 1))

    def told_apart(self, surplus: dict[tuple[int, int], np.ndarray], low: int, high: int) -> np.ndarray:
        """How well the scores tell two ratings apart, in percent, a number a draw.

        Of all two observations with these ratings, the share of which the higher one has the higher score, minus the
        share in the other order.
        """
        return 100 * surplus[low, high] / (self.observations[:, low - 1] * self.observations[:, high - 1])

    def exchanged(self, scores: np.ndarray) -> float:
        """Concordance within photos once the ratings of one photo are exchanged at random, mean over exchanges."""
        return float(np.mean([pairs.within_photos(scores) for pairs in self.exchanges]))

    def exchange(self) -> ExpertPairs:
        """The same pairs, of which those of one photo have exchanged their ratings."""
        ratings = self.pairs.ratings.copy()
        for rows in self.photos:
            ratings[rows] = ratings[self.draw.permutation(rows)]
        return ExpertPairs(self.pairs.images, self.pairs.captions, ratings)


def interval(gaps: np.ndarray) -> dict[str, float]:
    """The mean of differences over seeds and its interval over photos: from (seeds, draws)."""
    mean = gaps.mean(0)
    low, high = np.quantile(mean[1 : 1 + RESAMPLES], [0.025, 0.975])
    return {"gain": float(mean[0]), "low": float(low), "high": float(high)}


def half(gaps: np.ndarray) -> float:
    """Of a hundred random halves of the photos, how many show a gain above zero."""
    return 100 * float((gaps.mean(0)[1 + RESAMPLES :] > 0).mean())


class Asked(NamedTuple):
    """What is asked of a run: a number a draw, and one check."""

    taus: np.ndarray
    told_apart: dict[str, np.ndarray]  # by two ratings, such as `1 and 2`
    exchanged: float


def ask(draws: Draws, scores: np.ndarray) -> Asked:
    """All of it, of a score a pair."""
    surplus = draws.surplus(scores)
    told_apart = {f"{low} and {high}": draws.told_apart(surplus, low, high) for low, high in pairwise(LEVELS)}
    return Asked(draws.taus(surplus), told_apart, draws.exchanged(scores))


def of_every_arm(runs: list[dict], asked: dict[str, Asked]) -> list[dict]:
    """An object an arm of which a seed and its triplet are there.

    Args:
        runs: as in strength.json or general.json.
        asked: by config_hash.
    """
    alone = {
        (run["architecture"], run["seed"]): asked[run["config_hash"]]
        for run in runs
        if not (run["strength"] or run["instead"])
    }
    arms: dict[tuple, dict[int, Asked]] = {}
    for run in runs:
        if (run["strength"] or run["instead"]) and (run["architecture"], run["seed"]) in alone:
            arms.setdefault(tuple(run[key] for key in KEYS), {})[run["seed"]] = asked[run["config_hash"]]
    found = []
    for arm, seeds in arms.items():
        about = dict(zip(KEYS, arm)) | {"seeds": sorted(seeds)}
        pairs = [(one, alone[about["architecture"], seed]) for seed, one in sorted(seeds.items())]
        taus = np.array([one.taus - base.taus for one, base in pairs])
        told_apart = {
            two: interval(np.array([one.told_apart[two] - base.told_apart[two] for one, base in pairs]))
            for two in pairs[0][0].told_apart
        }
        exchanged = float(np.mean([one.exchanged for one, _ in pairs]))
        found.append(
            about | interval(taus) | {"half": half(taus), "told_apart": told_apart, "exchanged": exchanged}
        )
    return found


def of_similarities(test: Split, draws: Draws) -> dict[str, dict]:
    """What experts say of the similarities on which VSL is trained, between a caption and a photo's own captions."""
    found = {}
    for kind in SIMILARITIES:
        space = CaptionSpace.fit(test.captions, test.captions_per_image, kind)
        scores = space.caption_image_similarity().T[draws.pairs.images, draws.pairs.captions]
        asked = ask(draws, np.asarray(scores, float))
        levels = {two: float(values[0]) for two, values in asked.told_apart.items()}
        found[kind] = {"experts": float(asked.taus[0]), "told_apart": levels}
    return found


def main() -> None:
    """Every arm of both files as far as they are there, or of the one that is named: `strength_photos.py general`."""
    if unknown := set(sys.argv[1:]) - set(FILES):
        raise SystemExit(f"not known here: {', '.join(unknown)}. Known: {', '.join(FILES)}.")
    test = load_split(DATA, "test")
    ranks, draws = np.load(RANKS), Draws(ExpertPairs.of(test))
    write_json(RANKS.with_name("strength_similarities.json"), of_similarities(test, draws))
    for name in sys.argv[1:] or FILES:
        runs = read(f"flickr8k/{name}") or []
        asked = {
            run["config_hash"]: ask(draws, ranks[run["config_hash"]].astype(float))
            for run in tqdm(runs, desc=name, disable=None)
        }
        if runs:
            write_json(RANKS.with_name(f"{name}_photos.json"), of_every_arm(runs, asked))


if __name__ == "__main__":
    main()
