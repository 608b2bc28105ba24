"""Human ratings of Flickr8k: by hand, damaged, and as the literature counts them."""

import numpy as np
import pytest

from conftest import shared
from vslnb.data.precomp import load_split
from vslnb.errors import InputError
from vslnb.evaluation.human_ratings import ExpertPairs, centred, rating_correlations, read_ratings


def annotated(folder, experts, crowd="", split="test"):
    (folder / "ExpertAnnotations.txt").write_text(experts)
    if crowd:
        (folder / "CrowdFlowerAnnotations.txt").write_text(crowd)
    return load_split(folder, split)


def test_ratings_by_hand(dataset):
    experts = "test_0\ttest_1#0\t1\t2\t1\ntest_0\ttest_2#4\t3\t4\t4\ntest_1\ttest_1#0\t4\t4\t4\n"
    crowd = "test_0\ttest_1#0\t0.0\t0\t3\ntest_0\ttest_0#1\t1.0\t3\t0\n"
    split = annotated(dataset, experts + "elsewhere\ttest_0#0\t1\t1\t1\n", crowd)
    images, captions, ratings = read_ratings(dataset / "ExpertAnnotations.txt", split, 3)
    assert images.tolist() == [0, 0, 1] and captions.tolist() == [5, 14, 5]
    assert ratings.tolist() == [[1, 2, 1], [3, 4, 4], [4, 4, 4]]
    scores = np.zeros((10, 50))
    scores[0, 14], scores[0, 1] = 1, 1
    # Nine pairs of observations go across the two scores, all in order; tau-c = 2 * 9 / 6^2 / ((2 - 1) / 2).
    assert rating_correlations(scores, split) == pytest.approx({"expert": 100, "crowd": 100})
    assert rating_correlations(-scores, split) == pytest.approx({"expert": -100, "crowd": -100})


@pytest.mark.parametrize(
    "line", ["no tabs", "a\tb#x\t1\t1\t1", "a\tb#9\t1\t1\t1", "a\tb#1\t1\t1", "a\tb#1\tx\t1\t1"]
)
def test_a_damaged_rating_is_named(dataset, line):
    split = annotated(dataset, "test_0\ttest_1#0\t1\t2\t1\n" + line + "\n")
    with pytest.raises(InputError, match="ExpertAnnotations.txt, line 2"):
        rating_correlations(np.zeros((10, 50)), split)


def test_the_ratings_of_flickr8k_are_those_of_the_literature():
    home = shared("data/flickr8k")
    names = (home / "Flickr_8k.testImages.txt").read_text().split()

    class Test:
        folder, ids, captions_per_image = home, names, 5

    images, captions, _ = read_ratings(home / "ExpertAnnotations.txt", Test, 3)
    assert len(images) == 5822 and (images != captions // 5).sum() == 5664  # as CLIPScore counts them
    assert len(read_ratings(home / "CrowdFlowerAnnotations.txt", Test, 1)[0]) == 47830


def test_concordance_within_photos_by_a_loop_over_all_pairs():
    draw = np.random.default_rng(0)
    images, ratings = draw.integers(0, 6, 40), draw.integers(1, 5, (40, 3)).astype(float)
    given = draw.integers(0, 9, 40).astype(float)  # with ties
    better = worse = compared = 0
    for a in range(40):
        for b in range(40):
            if images[a] == images[b] and ratings[a].sum() > ratings[b].sum():
                compared += 1
                better += given[a] > given[b]
                worse += given[a] < given[b]
    pairs = ExpertPairs(images, np.arange(40), ratings)
    assert pairs.within_photos(given) == pytest.approx(100 * (better - worse) / compared)
    shifted = given + 100 * images  # another mean a photo changes nothing
    assert pairs.within_photos(shifted) == pytest.approx(pairs.within_photos(given))
    assert np.isnan(ExpertPairs(np.arange(40), np.arange(40), ratings).within_photos(given))


def test_centred_scores_have_no_mean_of_an_image_or_a_caption():
    scores = np.random.default_rng(0).normal(size=(4, 20))
    found = centred(scores + np.arange(4)[:, None] * 3)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(found.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(found, centred(scores), atol=1e-12)
