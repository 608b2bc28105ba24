"""Runs beside runs: a measure, or the difference of two arms, with the interval its number of seeds allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vslnb.evaluation.intervals import Interval, bootstrap, paired_interval, recalls_by_image
from vslnb.evaluation.recall_at_k import CUTS, DIRECTIONS, positive_ranks
from vslnb.files import read_json, write_json, write_stream

RANKS = "ranks.json"  # of the test split's queries, beside results.json
COUNTS = "captions_per_image"  # beside the ranks where images have unequal numbers of captions
KEPT = "rsum_by_image.npz"  # by config_hash


def measures_of(result: dict) -> dict[str, float]:
    """Every measure on test of one results.json, flat, by a name a reader knows."""
    test, more = result["test"], result["measures"]
    short = {way: way.replace("_", " ") for way in DIRECTIONS}
    flat = {"rsum": test["rsum"]}
    flat |= {f"R@{k} {name}": test[way][f"R@{k}"] for way, name in short.items() for k in CUTS}
    flat |= {f"median rank {name}": test[way]["median_rank"] for way, name in short.items()}
    for kind, both in more["ncs"].items():
        flat |= {f"NCS@10 {kind} {name}": both[way] for way, name in short.items()}
    flat |= {f"secondary matches {name}": more["secondary"][way]["rate"] for way, name in short.items()}
    return flat | {f"tau {who}": tau for who, tau in more.get("ratings", {}).items()}


def value(results: Sequence[dict], measure: str = "rsum") -> Interval:
    """Mean of a measure: Student's interval over runs; for rsum of a single run, over resampled images.

    Where one run allows no interval, its bounds are NaN.
    """
    values = [measures_of(result)[measure] for result in results]
    if len(values) > 1:
        return paired_interval(values)
    low, high = results[0]["measures"]["intervals"].get(measure, (np.nan, np.nan))
    return Interval(values[0], low, high)


def gain(
    before: Sequence[dict], after: Sequence[dict], measure: str = "rsum", folder: str | Path | None = None
) -> Interval:
    """A measure of the runs `after` minus that of `before`, pairs of one seed.

    Args:
        before: results of the runs of one arm, a seed each.
        after: of another, in the same order of seeds.
        measure: a name of `measures_of`.
        folder: where their runs are, for the interval of a single pair.

    Returns:
        Student's interval over the seeds. With one seed, for rsum, that over resampled test images, which knows
        nothing of the noise of training; for other measures, or without the runs, bounds that are NaN.

    Raises:
        ValueError: for lists that do not pair up.
    """
    if [result["seed"] for result in before] != [result["seed"] for result in after]:
        raise ValueError("the runs are not pairs of the same seeds")
    differences = [measures_of(b)[measure] - measures_of(a)[measure] for a, b in zip(before, after)]
    if len(differences) > 1:
        return paired_interval(differences)
    if measure == "rsum" and folder and (found := gain_over_images(before, after, [folder])):
        return found
    return Interval(differences[0], np.nan, np.nan)


def gain_over_images(
    before: Sequence[dict], after: Sequence[dict], folders: Sequence[str | Path]
) -> Interval | None:
    """The difference of rsum, mean over the seeds, with its interval over resampled test images.

    It stands beside the interval over seeds: that one is of the mean over many trainings on these images, this one
    of these trainings on many images.

    Args:
        before: results of one arm, of one module or several.
        after: of another, in the same order of modules and seeds.
        folders: where their runs are, or what `keep_rsum` kept of them.

    Returns:
        None where the ranks of a run are in none of the folders.
    """
    pairs = [[rsum_by_image(run, folders) for run in pair] for pair in zip(before, after)]
    if any(values is None for pair in pairs for values in pair):
        return None
    return bootstrap(np.mean([b - a for a, b in pairs], axis=0)[:, None])[0]


def rsum_by_image(result: dict, folders: Sequence[str | Path]) -> np.ndarray | None:
    """What every test image and its captions add to a run's rsum, (N,), None where that is not kept."""
    for folder in map(Path, folders):
        if (path := folder / result["name"] / RANKS).exists():
            return _by_image(path)[:, -1]
        if (path := folder / KEPT).exists():
            with np.load(path, allow_pickle=False) as kept:
                if result["config_hash"] in kept:
                    return kept[result["config_hash"]].astype(float)
    return None


def keep_rsum(folder: Path, result: dict, run: Path) -> None:
    """Add a run's `rsum_by_image` to what is kept in a folder, for when the run itself is gone."""
    path, kept = folder / KEPT, {}
    if path.exists():
        with np.load(path, allow_pickle=False) as found:
            kept = dict(found)
    kept[result["config_hash"]] = _by_image(run / RANKS)[:, -1].astype(np.float32)
    write_stream(path, lambda stream: np.savez_compressed(stream, **kept))


def write_ranks(run: Path, scores: np.ndarray, captions_per_image: int | Sequence[int]) -> None:
    """Keep the ranks of the test queries, from which paired tests over images can be had."""
    ranks = positive_ranks(scores, captions_per_image)
    unequal = {} if isinstance(captions_per_image, int) else {COUNTS: list(captions_per_image)}
    write_json(run / RANKS, {way: values.tolist() for way, values in ranks.items()} | unequal)


def _by_image(path: Path) -> np.ndarray:
    ranks = read_json(path, "Train the run again.", DIRECTIONS)
    return recalls_by_image({way: np.asarray(ranks[way]) for way in DIRECTIONS}, ranks.get(COUNTS, 5))
