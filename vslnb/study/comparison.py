"""Runs beside runs: a measure, or the difference of two arms, with the interval its number of seeds allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vslnb.evaluation.intervals import Interval, bootstrap, paired_interval
from vslnb.evaluation.measures import RSUM, MeasureName, measure_of
from vslnb.evaluation.ranks_file import read_recalls_by_image
from vslnb.run_folder import RunFolder
from vslnb.storage import write_stream

KEPT = "rsum_by_image.npz"  # what every image adds to rsum, by config_hash


def interval_over_seeds(values: Sequence[float] | np.ndarray) -> Interval:
    """Mean of a number a seed with Student's interval; bounds that are NaN for a single seed.

    >>> interval_over_seeds([1.5])
    Interval(value=1.5, low=nan, high=nan, p=nan)
    """
    if len(values) > 1:
        return paired_interval(values)
    return Interval(float(values[0]), np.nan, np.nan)


def value(results: Sequence[dict[str, Any]], measure: MeasureName = RSUM) -> Interval:
    """Mean of a measure: Student's interval over several runs, over resampled images for a single one.

    Where a single run has no interval of this measure, the bounds are NaN.
    """
    values = [measure_of(result, measure) for result in results]
    if len(values) > 1:
        return paired_interval(values)
    low, high = results[0]["measures"]["intervals"].get(str(measure), (np.nan, np.nan))
    return Interval(values[0], low, high)


def gain(
    before: Sequence[dict[str, Any]],
    after: Sequence[dict[str, Any]],
    measure: MeasureName = RSUM,
    folder: str | Path | None = None,
) -> Interval:
    """A measure of the runs `after` minus that of `before`, pairs of one seed.

    Args:
        before: results of the runs of one arm, a seed each.
        after: of another, in the same order of seeds.
        measure: such as `RSUM`.
        folder: where their runs are, for the interval of a single pair.

    Returns:
        Student's interval over the seeds. For rsum and one seed the interval over resampled test images, which
        does not include the noise of training. For other measures, or without the runs, bounds that are NaN.

    Raises:
        ValueError: for lists that do not pair up.
    """
    if [result["seed"] for result in before] != [result["seed"] for result in after]:
        raise ValueError("the runs are not pairs of the same seeds")
    differences = [measure_of(b, measure) - measure_of(a, measure) for a, b in zip(before, after)]
    if len(differences) > 1:
        return paired_interval(differences)
    if measure == RSUM and folder and (found := gain_over_images(before, after, [folder])):
        return found
    return Interval(differences[0], np.nan, np.nan)


def gain_over_images(
    before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], folders: Sequence[str | Path]
) -> Interval | None:
    """The difference of rsum, mean over the seeds, with its interval over resampled test images.

    The interval over seeds is about many trainings on these images, this one about these trainings on many images.

    Args:
        before: results of one arm, of one module or several.
        after: of another, in the same order of modules and seeds.
        folders: where their runs are, or what `keep_rsum` kept of them.

    Returns:
        None where the ranks of a run are in none of the folders.
    """
    differences = []
    for pair in zip(before, after):
        a, b = (rsum_by_image(run, folders) for run in pair)
        if a is None or b is None:
            return None
        differences.append(b - a)
    return bootstrap(np.mean(differences, axis=0)[:, None])[0]


def rsum_by_image(result: dict[str, Any], folders: Sequence[str | Path]) -> np.ndarray | None:
    """What every test image and its captions add to a run's rsum, (N,); None where that is not kept."""
    for folder in map(Path, folders):
        if RunFolder(folder / result["name"]).ranks_file.exists():
            return read_recalls_by_image(folder / result["name"])[:, -1]
        if (path := folder / KEPT).exists():
            with np.load(path, allow_pickle=False) as kept:
                if result["config_hash"] in kept:
                    return kept[result["config_hash"]].astype(float)
    return None


def keep_rsum(folder: Path, result: dict[str, Any], run: Path) -> None:
    """Add a run's `rsum_by_image` to what is kept in a folder, for when the run itself is gone."""
    path, kept = folder / KEPT, {}
    if path.exists():
        with np.load(path, allow_pickle=False) as found:
            kept = dict(found)
    kept[result["config_hash"]] = read_recalls_by_image(run)[:, -1].astype(np.float32)
    write_stream(path, lambda stream: np.savez_compressed(stream, **kept))
