"""`make strength-photos`: is what experts see carried by a few photos, or by nothing but which photo it is?

Trains nothing: reads the ranks of the rated pairs in figures/flickr8k/expert_ranks.npz, and the ratings of the data.
Into figures/flickr8k/strength_photos.json, an object an arm of strength.json, with its module, similarity, rank,
strength and captions, the `seeds` that it and its triplet have, and

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


def gain(pairs: ExpertPairs, runs: list[tuple[np.ndarray, np.ndarray]], rows: np.ndarray) -> float:
    """Experts' tau of an arm minus that of its triplet on some of the pairs, mean over runs.

    Args:
        pairs: P rated pairs.
        runs: a score a pair, (P,), of the arm and of the triplet, a seed each.
        rows: which pairs count; one may be there several times.
    """
    chosen = ExpertPairs(pairs.images[rows], pairs.captions[rows], pairs.ratings[rows])
    return float(np.mean([chosen.tau(arm[rows]) - chosen.tau(alone[rows]) for arm, alone in runs]))


def over_photos(pairs: ExpertPairs, runs: list[tuple[np.ndarray, np.ndarray]], seed: int = 0) -> dict:
    """What stands in the JSON of one arm: its gain, over photos drawn anew and in halves; see `gain`."""
    draw = np.random.default_rng(seed)
    photos = [np.flatnonzero(pairs.images == photo) for photo in np.unique(pairs.images)]
    n = len(photos)
    drawn = [
        gain(pairs, runs, np.concatenate([photos[k] for k in draw.integers(0, n, n)]))
        for _ in range(RESAMPLES)
    ]
    halves = [
        gain(pairs, runs, np.concatenate([photos[k] for k in draw.permutation(n)[: n // 2]]))
        for _ in range(HALVES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    exchanged = [
        exchange(pairs, photos, draw).within_photos(arm) for _ in range(EXCHANGES) for arm, _ in runs
    ]
    return {
        "gain": gain(pairs, runs, np.arange(len(pairs.images))),
        "low": float(low),
        "high": float(high),
        "half": 100 * float(np.mean(np.array(halves) > 0)),
        "exchanged": float(np.mean(exchanged)),
    }


def exchange(pairs: ExpertPairs, photos: list[np.ndarray], draw: np.random.Generator) -> ExpertPairs:
    """The same pairs, of which those of one photo have exchanged their ratings."""
    ratings = pairs.ratings.copy()
    for rows in photos:
        ratings[rows] = ratings[draw.permutation(rows)]
    return ExpertPairs(pairs.images, pairs.captions, ratings)


def main() -> None:
    """Every arm of which a seed and its triplet are there."""
    runs, ranks = read("flickr8k/strength"), np.load(RANKS)
    pairs = ExpertPairs.of(load_split(DATA, "test"))
    alone = {(run["module"], run["seed"]): run["config_hash"] for run in runs if not run["strength"]}
    arms: dict[tuple, dict[int, str]] = {}
    for run in runs:
        if run["strength"] and (run["module"], run["seed"]) in alone:
            arms.setdefault(tuple(run.get(key, "") for key in ARM), {})[run["seed"]] = run["config_hash"]
    found = []
    for arm, seeds in tqdm(arms.items(), desc="arms", disable=None):
        keys = sorted(seeds)
        both = [(ranks[seeds[seed]].astype(float), ranks[alone[arm[0], seed]].astype(float)) for seed in keys]
        found.append(dict(zip(ARM, arm)) | {"seeds": keys} | over_photos(pairs, both))
    write_json(RANKS.with_name("strength_photos.json"), found)


if __name__ == "__main__":
    main()
