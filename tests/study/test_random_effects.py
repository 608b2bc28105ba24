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


@pytest.mark.parametrize("between", [0.3, 1.0])
def test_the_interval_holds_the_true_mean_about_as_often_as_it_says(between):
    """As it is used: ten architectures, each with the mean and the spread of five seeds."""
    rng = np.random.default_rng(0)
    spreads = np.geomspace(0.3, 3, 10)[:, None]
    held = 0
    for _ in range(600):
        seeds = 2 + rng.normal(0, between, (10, 1)) + rng.normal(0, 1, (10, 5)) * spreads
        found = random_effects(seeds.mean(1), seeds.var(1, ddof=1) / 5)
        held += found.mean.low < 2 < found.mean.high
    assert 0.9 < held / 600 < 0.98


def test_studies_that_happen_to_agree_are_not_taken_for_certain():
    found = random_effects([1.0, 1.01, 0.99], [1.0, 1.0, 1.0])
    assert found.mean.high - found.mean.value > 2 * math.sqrt(1 / 3)
    same = random_effects([1.0, 1.0], [1.0, 1.0])
    assert same.mean.low < 0 < same.mean.high and 0 < same.mean.p < 1


@pytest.mark.parametrize("wrong", [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, 2.0], [1.0, 0.0])])
def test_what_cannot_be_combined_is_refused(wrong):
    with pytest.raises(ValueError):
        random_effects(*wrong)
