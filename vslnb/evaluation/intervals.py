"""Confidence intervals: over queries by bootstrap, over seeds by Student's t."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vslnb.evaluation.recall_at_k import CUTS, DIRECTIONS

RESAMPLES, BLOCK = 2000, 200


class Interval(NamedTuple):
    """A value, the bounds of its interval, and for a difference the p-value of there being none."""

    value: float
    low: float
    high: float
    p: float = float("nan")

    def known(self) -> dict[str, float | None]:
        """For JSON, which has no NaN: an unknown number is None."""
        return {name: None if np.isnan(number) else number for name, number in self._asdict().items()}


def paired_interval(differences: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Mean of paired differences, one a seed, with Student's interval and test.

    Raises:
        ValueError: for fewer than two seeds.

    >>> [round(x, 2) for x in paired_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48, 0.07]
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2:
        raise ValueError("an interval needs at least two seeds")
    from scipy import stats  # a second to load, which workers that only train do without

    mean = float(values.mean())
    if np.ptp(values) <= 1e-9 * abs(mean):  # seeds that agree to the last digit say nothing of their spread
        return Interval(mean, np.nan, np.nan)
    test = stats.ttest_1samp(values, 0.0)
    low, high = test.confidence_interval(level)
    return Interval(mean, float(low), float(high), float(test.pvalue))


def recalls_by_image(ranks: dict[str, np.ndarray], captions_per_image: int | Sequence[int] = 5) -> np.ndarray:
    """What every image adds to the six recalls and to rsum, in percent.

    An image and its Q captions stay together, for their ranks are not independent.

    Args:
        ranks: as `evaluation.positive_ranks` returns them.
        captions_per_image: one count an image where images have unequal numbers; any Q says the same.

    Returns:
        (N, 7): R@1, R@5, R@10 image to text, the same text to image, rsum. Its mean over images is the result.

    >>> recalls_by_image({"image_to_text": np.array([0, 7]), "text_to_image": np.array([0, 3])})[:, 6]
    array([600., 300.])
    """
    images = len(ranks[DIRECTIONS[0]])
    if np.ndim(captions_per_image):
        owner, captions = np.repeat(np.arange(images), captions_per_image), len(ranks[DIRECTIONS[1]])
        found = [100.0 * (ranks[DIRECTIONS[0]] < k) for k in CUTS]
        hits = [np.bincount(owner, ranks[DIRECTIONS[1]] < k, images) for k in CUTS]
        columns = found + [100.0 * images / captions * each for each in hits]
    else:
        columns = [
            100.0 * (ranks[direction].reshape(images, -1) < k).mean(1)
            for direction in DIRECTIONS
            for k in CUTS
        ]
    return np.stack([*columns, sum(columns)], axis=1)


def bootstrap(values: np.ndarray, level: float = 0.95, seed: int = 0) -> list[Interval]:
    """Mean of every column with its percentile interval; for differences, the p-value of there being none.

    Args:
        values: (N, M), a row for each unit that is resampled, such as an image with its captions.
        level: share of the resamples between the bounds.
        seed: of the resampling.

    >>> [round(x, 2) for x in bootstrap(np.array([[0.0], [1.0]] * 50))[0]][:3]
    [0.5, 0.41, 0.6]
    """
    values = np.asarray(values, dtype=float)
    rng, n = np.random.default_rng(seed), len(values)
    means = np.concatenate(
        [rng.multinomial(n, np.full(n, 1 / n), BLOCK) @ values / n for _ in range(RESAMPLES // BLOCK)]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    # One more than counted: so few resamples cannot say that there is no chance at all.
    tail = (np.minimum((means <= 0).sum(0), (means >= 0).sum(0)) + 1) / (RESAMPLES + 1)
    rows = zip(values.mean(0), low, high, np.minimum(1, 2 * tail))
    return [Interval(*map(float, row)) for row in rows]
