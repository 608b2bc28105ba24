"""Human ratings of Flickr8k: by hand, damaged, and as the literature counts them."""

import numpy as np
import pytest

from conftest import shared
from vslnb.data.precomp import load_split
from vslnb.errors import InputError
from vslnb.evaluation.human_ratings import rating_correlations, read_ratings


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
