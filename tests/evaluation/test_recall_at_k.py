import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from conftest import GOLDEN
from vslnb.evaluation.recall_at_k import CUTS, fold_mean, positive_ranks, recall, recall_by_chance


def test_golden_metrics_exactly():
    golden = np.load(GOLDEN / "metrics.npz")
    result = recall(golden["similarity"])
    for direction in ("image_to_text", "text_to_image"):
        assert list(result[direction].values()) == golden[direction].tolist()
    six = [golden[direction][k] for direction in ("image_to_text", "text_to_image") for k in range(3)]
    assert result["rsum"] == pytest.approx(sum(six))
    assert recall(torch.from_numpy(golden["similarity"])) == result


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.integers(1, 5), st.integers(0, 999))
def test_ranks_equal_sorting_with_positives_last(images, per_image, levels, seed):
    scores = np.random.default_rng(seed).integers(0, levels, (images, images * per_image)).astype(float)
    to_text, to_image = reference.best_ranks(scores, per_image)
    ranks = positive_ranks(scores, per_image)
    assert ranks["image_to_text"].tolist() == to_text.tolist()
    assert ranks["text_to_image"].tolist() == to_image.tolist()


def test_equal_scores_earn_nothing():
    assert recall(np.ones((20, 100)))["rsum"] == 0


def test_five_folds_by_hand():
    scores = np.zeros((10, 50))
    for i in range(10):
        scores[i, 5 * i : 5 * i + 5] = 1
    scores[0, :5], scores[0, 5:10], scores[1, 5:10] = 0.0, 2.0, 1.0
    # Fold 0 holds images 0 and 1: image 0 misses, the five captions of image 1 prefer image 0, and those
    # of image 0 tie with image 1. The four other folds are perfect.
    result = fold_mean(scores)
    assert result["image_to_text"]["R@1"] == pytest.approx((50 + 4 * 100) / 5)
    assert result["text_to_image"]["R@1"] == pytest.approx((0 + 4 * 100) / 5)
    six = [result[direction][f"R@{k}"] for direction in ("image_to_text", "text_to_image") for k in CUTS]
    assert result["rsum"] == pytest.approx(sum(six))
    with pytest.raises(ValueError, match="folds"):
        fold_mean(np.zeros((7, 35)))


@pytest.mark.parametrize("bad", [np.zeros((3, 14)), np.zeros(5), np.zeros((0, 0))])
def test_shapes_are_checked(bad):
    with pytest.raises(ValueError, match="scores must be"):
        recall(bad)


def test_a_nan_is_named():
    scores = np.zeros((2, 10))
    scores[1, 3] = np.nan
    with pytest.raises(ValueError, match="image 1 and caption 3"):
        recall(scores)


def test_tensors_of_every_kind_are_taken():
    scores = torch.rand(6, 30)
    wanted = recall(scores.numpy())
    assert recall(scores.clone().requires_grad_()) == wanted
    assert recall(scores.bfloat16()) == recall(scores.bfloat16().float().numpy())
    assert recall(scores.double()) == wanted


@pytest.mark.parametrize("counts", [5, 1, (1, 4, 2, 6, 3, 3, 5)])
def test_recall_by_chance_is_the_mean_over_scores_that_say_nothing(counts):
    images = 7
    rng, captions = np.random.default_rng(0), int(np.sum(np.full(images, counts)))
    found = [recall(rng.random((images, captions)), counts) for _ in range(3000)]
    wanted = recall_by_chance(images, counts)
    for direction in ("image_to_text", "text_to_image"):
        for name, value in wanted[direction].items():
            assert value == pytest.approx(np.mean([one[direction][name] for one in found]), abs=1.2)
    assert wanted["rsum"] == pytest.approx(np.mean([one["rsum"] for one in found]), abs=3)


def test_recall_by_chance_counted_by_hand():
    # Two images of one caption each: the first result is right every other time, the first five always.
    assert recall_by_chance(2, 1)["rsum"] == pytest.approx(2 * (50 + 100 + 100))
    # Three images with two captions each: of the first caption 2 in 6 are right.
    assert recall_by_chance(3, 2)["image_to_text"]["R@1"] == pytest.approx(100 / 3)
    assert recall_by_chance(1, 5)["rsum"] == pytest.approx(600)
