"""Intervals over queries and over seeds, by hand and against the normal law."""

import numpy as np
import pytest
from scipy.stats import norm

from vslnb.evaluation.intervals import bootstrap, paired_interval, recalls_by_image
from vslnb.evaluation.recall_at_k import positive_ranks, recall


def test_recalls_by_image_average_to_recall():
    scores = np.random.default_rng(0).random((40, 200))
    values = recalls_by_image(positive_ranks(scores)).mean(0)
    result = recall(scores)
    wanted = [
        result[direction][f"R@{k}"] for direction in ("image_to_text", "text_to_image") for k in (1, 5, 10)
    ]
    np.testing.assert_allclose(values, [*wanted, result["rsum"]])


def test_bootstrap_bounds_are_those_of_the_normal_law_and_p_is_that_of_a_sign():
    values = np.random.default_rng(1).normal(0.2, 1, (400, 1))
    (found,) = bootstrap(values)
    reach = 1.96 * values.std() / 20
    assert found.value == values.mean()
    assert abs(found.low - (found.value - reach)) < 0.1 * reach
    assert abs(found.high - (found.value + reach)) < 0.1 * reach
    assert abs(found.p - 2 * norm.sf(found.value / (reach / 1.96))) < 0.01
    assert bootstrap(np.zeros((5, 1)))[0] == (0, 0, 0, 1)
    assert bootstrap(values) == bootstrap(values)


def test_a_bootstrap_interval_holds_the_truth_as_often_as_it_says():
    rng, held = np.random.default_rng(2), 0
    for trial in range(200):
        (found,) = bootstrap(rng.exponential(1, (60, 1)), seed=trial)
        held += found.low <= 1 <= found.high
    assert 176 <= held <= 200  # 95 percent of 200, three deviations, and the skew of a small sample


def test_student_by_hand():
    found = paired_interval([1.0, 2.0, 3.0, 6.0])
    assert found.value == 3 and found.p == pytest.approx(0.0691, abs=1e-4)
    reach = 3.18245 * np.sqrt(14 / 3) / 2
    assert (found.low, found.high) == pytest.approx((3 - reach, 3 + reach), abs=1e-4)
    assert np.isnan(paired_interval([0.1] * 3)[1:]).all() and paired_interval([0.1] * 3).known()["p"] is None
    with pytest.raises(ValueError, match="two seeds"):
        paired_interval([1.0])
