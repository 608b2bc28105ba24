"""What a number of seeds can show, against simulation and scipy."""

import numpy as np
import pytest
from scipy import stats

from vslnb.evaluation.intervals import paired_interval
from vslnb.study.power import chance_to_find, detectable, mean_of_independent


def test_the_detectable_effect_is_found_as_often_as_it_says():
    rng, found = np.random.default_rng(0), detectable([-1.0, 0.5, 2.0, 0.0, 1.0])
    spread = np.std([-1.0, 0.5, 2.0, 0.0, 1.0], ddof=1)
    trials = [paired_interval(found + spread * rng.standard_normal(5)) for _ in range(2000)]
    assert np.mean([trial.low > 0 for trial in trials]) == pytest.approx(0.8, abs=0.03)
    for useless in ([1.0], [2.0, 2.0]):
        with pytest.raises(ValueError, match="two seeds"):
            detectable(useless)
    assert chance_to_find([-1.0, 0.5, 2.0, 0.0, 1.0], found) == pytest.approx(0.8)


def test_independent_groups_are_welch():
    a, b = np.random.default_rng(1).normal([[1.0], [0.0]], [[1.0], [3.0]], (2, 6))
    welch = stats.ttest_ind(a, b, equal_var=False)
    found, bounds = mean_of_independent([a, -b]), welch.confidence_interval()
    assert [2 * found.value, 2 * found.low, 2 * found.high] == pytest.approx([np.mean(a - b), *bounds])
    assert found.p == pytest.approx(welch.pvalue)
