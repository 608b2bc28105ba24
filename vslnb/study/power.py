"""What a number of seeds can show: power, the detectable effect, and an interval for independent modules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vslnb.evaluation.intervals import Interval


def chance_to_find(differences: Sequence[float] | np.ndarray, effect: float, level: float = 0.95) -> float:
    """The probability that Student's paired test finds a true mean difference of `effect`, above zero.

    It takes the spread of the given differences for the true one, so for few seeds it is a rough estimate.

    Args:
        differences: one a seed.
        effect: the true mean difference.
        level: of the interval that must lie above zero.

    Raises:
        ValueError: for fewer than two seeds, or seeds that do not differ.

    >>> round(chance_to_find([1.0, 2.0, 3.0, 4.0, 5.0], 2.0), 2)
    0.57
    """
    from scipy import stats

    values = np.asarray(differences, dtype=float)
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    if not spread > 0:
        raise ValueError("the spread needs at least two seeds that differ")
    freedom = len(values) - 1
    bound = stats.t.ppf((1 + level) / 2, freedom)
    return float(stats.nct.sf(bound, freedom, effect / spread * np.sqrt(len(values))))


def detectable(differences: Sequence[float] | np.ndarray, power: float = 0.8, level: float = 0.95) -> float:
    """The smallest true mean difference that is found with the probability `power`, see `chance_to_find`.

    Raises:
        ValueError: for fewer than two seeds, or seeds that do not differ.

    >>> round(detectable([1.0, 2.0, 3.0, 4.0, 5.0]), 2)
    2.66
    """
    from scipy import optimize

    most = 100 * np.std(differences, ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else 1.0
    return float(optimize.brentq(lambda effect: power - chance_to_find(differences, effect, level), 0, most))


def mean_of_independent(groups: Sequence[Sequence[float] | np.ndarray], level: float = 0.95) -> Interval:
    """The mean of several groups' means, their noise taken as independent: Welch and Satterthwaite's interval.

    `paired_interval` of the means by seed can be narrow because the groups happen to offset each other; this
    interval cannot.

    Args:
        groups: differences by group, such as a module, two or more seeds each.
        level: of the interval.

    >>> [round(x, 2) for x in mean_of_independent([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])]
    [2.0, 0.87, 3.13, 0.01]
    """
    from scipy import stats

    sizes = np.array([len(group) for group in groups])
    parts = np.array([np.var(group, ddof=1) for group in groups]) / sizes / len(groups) ** 2
    value, error = float(np.mean([np.mean(group) for group in groups])), float(np.sqrt(parts.sum()))
    freedom = parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum()
    reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    return Interval(value, value - reach, value + reach, float(2 * stats.t.sf(abs(value) / error, freedom)))


def spread_known_within(seeds: int, level: float = 0.95) -> tuple[float, float]:
    """Between which multiples of the observed spread the true spread of so many seeds lies.

    >>> [round(times, 1) for times in spread_known_within(5)]
    [0.6, 2.9]
    """
    from scipy import stats

    freedom = max(seeds - 1, 1)
    low, high = (np.sqrt(freedom / stats.chi2.ppf(p, freedom)) for p in ((1 + level) / 2, (1 - level) / 2))
    return float(low), float(high)
