"""Which pairs are clean: a mixture of two normal distributions over the losses of all pairs."""

from __future__ import annotations

import warnings

import numpy as np

ITERATIONS, TOLERANCE, VARIANCE = 10, 1e-2, 5e-4  # of NCR's program; the last is added to both variances
ENFORCED = 100  # one pair in so many is called noisy where the mixture calls none so


def clean_probabilities(losses: np.ndarray) -> np.ndarray:
    """The probability that each pair belongs to the component with the smaller losses.

    Args:
        losses: (C,), finite, at least two.

    Returns:
        (C,), all 1 where all losses are equal.

    >>> clean_probabilities(np.array([0.1, 0.1, 0.2, 0.9, 1.0])).round(2).tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    # Here, because scikit-learn takes a second to load and every start of a training would wait for it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    span = losses.max() - losses.min()
    if not span:
        return np.ones_like(losses)
    scaled = ((losses - losses.min()) / span)[:, None]
    mixture = GaussianMixture(
        2, max_iter=ITERATIONS, tol=TOLERANCE, reg_covar=VARIANCE, random_state=0
    )  # a fixed state, so that the same losses are always split in the same way
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are what was published
        found = mixture.fit(scaled).predict_proba(scaled)
    return found[:, mixture.means_.argmin()].astype(losses.dtype)


def called_clean(probabilities: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Which pairs (C,) are called clean, bool; where none is below the threshold, the least probable 1 % are not.

    >>> called_clean(np.array([0.9, 0.2, 0.8])).tolist()
    [True, False, True]
    >>> called_clean(np.array([0.9, 0.7, 0.8])).tolist()
    [True, False, True]
    """
    if probabilities.min() <= threshold:
        return probabilities > threshold
    clean = np.ones(len(probabilities), dtype=bool)
    clean[np.argsort(probabilities, kind="stable")[: len(probabilities) // ENFORCED + 1]] = False
    return clean
