"""The combined effect against published numbers and a literal loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vslnb.study.random_effects import random_effects

# Thirteen trials of the BCG vaccine (Colditz et al. 1994): logarithms of relative risks and their variances, as they
# are printed in textbooks of meta-analysis.
EFFECTS = [
    -0.8893,
    -1.5854,
    -1.3481,
    -1.4416,
    -0.2175,
    -0.7861,
    -1.6209,
    0.0120,
    -0.4694,
    -1.3713,
    -0.3394,
    0.4459,
]
EFFECTS += [-0.0173]
VARIANCES = [
    0.3256,
    0.1946,
    0.4154,
    0.0200,
    0.0512,
    0.0069,
    0.2230,
    0.0040,
    0.0564,
    0.0730,
    0.0124,
    0.5325,
    0.0714,
]


def test_the_bcg_trials_give_the_published_mean_spread_and_heterogeneity():
    found = random_effects(EFFECTS, VARIANCES)
    assert found.mean.value == pytest.approx(-0.7141, abs=5e-4)
    assert found.between**2 == pytest.approx(0.3088, abs=1e-3)
    assert found.heterogeneity == pytest.approx(92.12, abs=0.05)
    assert found.mean.low < -1.05 and -0.38 < found.mean.high < -0.3 and found.mean.p < 0.01


def literal(effects, variances):
    """Sums written out, one study after the other."""
    total = weighted = squares = 0.0
    for effect, variance in zip(effects, variances):
        total += 1 / variance
        weighted += effect / variance
        squares += 1 / variance**2
    spread = sum((effect - weighted / total) ** 2 / variance for effect, variance in zip(effects, variances))
    between = max(0.0, (spread - (len(effects) - 1)) / (total - squares / total))
    weights = [1 / (variance + between) for variance in variances]
    mean = sum(weight * effect for weight, effect in zip(weights, effects)) / sum(weights)
    return mean, math.sqrt(between)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0.01, 9)), min_size=2, max_size=12))
def test_the_mean_is_that_of_the_literal_sums(studies):
    effects, variances = zip(*studies)
    mean, between = literal(effects, variances)
    found = random_effects(effects, variances)
    assert found.mean.value == pytest.approx(mean, abs=1e-9)
    assert found.between == pytest.approx(between, abs=1e-7)
    assert min(effects) - 1e-9 <= found.mean.value <= max(effects) + 1e-9
    assert 0 <= found.heterogeneity <= 100


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        variances = rng.uniform(0.2, 2, 9)
        found = random_effects(2 + rng.normal(0, 1, 9) + rng.normal(0, np.sqrt(variances)), variances)
        held += found.mean.low < 2 < found.mean.high
    assert 0.92 < held / 400 < 0.98


@pytest.mark.parametrize("wrong", [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, 2.0], [1.0, 0.0])])
def test_what_cannot_be_combined_is_refused(wrong):
    with pytest.raises(ValueError):
        random_effects(*wrong)
