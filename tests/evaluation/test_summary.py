"""Intervals, NCS, human ratings, secondary matches and COCO's labels, each against loops or by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import reference
from conftest import shared
from vslnb.data.precomp import load_split
from vslnb.errors import InputError
from vslnb.evaluation import recall_at_k, secondary_content, summary
from vslnb.evaluation.eccv_caption import coco_labels
from vslnb.evaluation.human_ratings import rating_correlations, read_ratings
from vslnb.evaluation.intervals import bootstrap, paired_interval, recalls_by_image
from vslnb.evaluation.measures import MeasureName
from vslnb.evaluation.ncs import ncs
from vslnb.evaluation.ranks_file import read_recalls_by_image, write_ranks
from vslnb.evaluation.recall_at_k import fold_mean, positive_ranks, recall
from vslnb.evaluation.secondary_content import caption_concepts, secondary_matches
from vslnb.evaluation.summary import NAMES, evaluate, evaluate_runs
from vslnb.evaluation.tables import further_lines, recall_table

sizes = (st.integers(1, 6), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.integers(0, 999))


@settings(max_examples=50, deadline=None)
@given(*sizes)
def test_ncs_equals_the_loops(images, per_image, k, own, seed):
    rng = np.random.default_rng(seed)
    shape = images, images * per_image
    scores, relevance = rng.integers(0, 4, shape).astype(float), rng.integers(0, 3, shape) / 2
    found = ncs(scores, relevance, k, own, per_image)
    np.testing.assert_allclose(list(found.values()), reference.ncs(scores, relevance, k, own, per_image))


def test_ncs_of_the_best_order_is_100_and_never_more():
    relevance = np.random.default_rng(0).random((6, 30))
    assert ncs(relevance, relevance) == pytest.approx({"image_to_text": 100, "text_to_image": 100})
    assert all(value < 100 for value in ncs(-relevance, relevance, 3).values())
    with pytest.raises(ValueError, match="differ"):
        ncs(relevance, relevance[:5])


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


def test_secondary_matches_by_captions_by_hand():
    captions = ["a dog runs", "the dog on grass", "two cats", "a cat beside grass"]
    main, secondary, named = caption_concepts(captions, 2)
    assert main == [{"dog"}, {"cat"}] and secondary == [{"run", "grass"}, {"grass"}]
    # Both captions that mention grass take the other image: met in grass alone, which one caption names.
    scores = np.array([[0.9, 0.1, 0.0, 0.8], [0.0, 0.9, 0.9, 0.1]])
    found = secondary_matches(scores, main, secondary, named, 2)["text_to_image"]
    assert found["wrong"].tolist() == found["secondary"].tolist() == [1, 3]


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


def test_the_labels_of_coco():
    from eccv_caption import Metrics

    labels = Metrics()
    columns = {caption: k for k, caption in enumerate(labels.coco_ids.tolist())}
    rows = {labels.coco_gts["t2i"][caption][0]: k // 5 for caption, k in columns.items()}
    scores = np.zeros((5000, 25000), dtype=np.float32)
    for image, found in labels.eccv_gts["i2t"].items():
        scores[rows[image], [columns[caption] for caption in found if caption in columns]] = 1
    perfect = coco_labels(scores)  # two of the 22,550 labels name captions of other images
    assert perfect["eccv_r1"]["i2t"] == 100 > perfect["eccv_map_at_r"]["i2t"] > 99.9
    assert perfect["eccv_map_at_r"]["t2i"] < 100
    own = np.repeat(np.eye(5000, dtype=np.float32), 5, axis=1)
    assert min(coco_labels(own)["cxc_r1"].values()) > 99.9  # a few own captions were rated a poor match
    with pytest.raises(InputError, match="testall"):
        coco_labels(scores[:10])


def random_scores(seed):
    return np.random.default_rng(seed).random((10, 50)).astype(np.float32)


def test_everything_of_a_split(dataset):
    split, scores = load_split(dataset, "test"), random_scores(0)
    found = evaluate(scores, split)
    assert found.recall == recall(scores)
    assert set(found.to_json()) == {"intervals", "ncs", "secondary"}
    assert tuple(found.intervals) == NAMES
    assert found.intervals["rsum"].low < found.recall["rsum"] < found.intervals["rsum"].high
    assert found.secondary_rule == "captions" and len(found.ncs) == 4
    rows = {row.name: row.value for row in found.measures}
    assert rows[MeasureName("R@5", "", "text_to_image")] == found.recall["text_to_image"]["R@5"]
    assert (
        rows[MeasureName("NCS@10", "tfidf, others", "image_to_text")]
        == found.ncs["tfidf, others"]["image_to_text"]
    )
    assert (
        rows[MeasureName("secondary matches", "", "image_to_text")]
        == found.secondary["image_to_text"]["rate"]
    )
    assert len(rows) == len(found.measures) == 1 + 6 + 2 + 8 + 2


def test_a_matrix_is_ranked_once(dataset, monkeypatch):
    calls = []
    for module in (summary, secondary_content, recall_at_k):
        monkeypatch.setattr(
            module, "positive_ranks", lambda *given: calls.append(1) or positive_ranks(*given)
        )
    evaluate(random_scores(0), load_split(dataset, "test"))
    assert len(calls) == 1


def test_several_runs_stand_beside_the_first_and_their_ensemble_is_the_mean(dataset):
    split = load_split(dataset, "test")
    matrices = {"a": random_scores(0), "b": random_scores(1)}
    found = evaluate_runs(iter(matrices.items()), split, ensemble=True)
    assert list(found) == ["a", "b", "ensemble"] and found["a"].gain is None
    assert found["ensemble"].recall == recall((matrices["a"] + matrices["b"]) / 2)
    for name in ("b", "ensemble"):
        difference = found[name].recall["rsum"] - found["a"].recall["rsum"]
        assert found[name].gain.value == pytest.approx(difference)
    table = recall_table({name: one.recall for name, one in found.items()}).splitlines()
    assert len(table) == 5 and table[2].endswith(f"{found['a'].recall['rsum']:.1f}")
    assert len(further_lines(found["a"])) == 7 and len(further_lines(found["b"])) == 8


def test_a_mean_over_folds_is_recall_alone(dataset):
    split, scores = load_split(dataset, "test"), random_scores(0)
    found = evaluate_runs([("a", scores)], split, folds=2)["a"]
    assert found.recall == fold_mean(scores, 2) and further_lines(found) == []
    with pytest.raises(InputError, match="folds"):
        evaluate_runs([("a", scores)], split, folds=3)


def test_ranks_come_back_from_their_file(tmp_path):
    ranks = positive_ranks(random_scores(0))
    write_ranks(tmp_path, ranks)
    np.testing.assert_array_equal(read_recalls_by_image(tmp_path), recalls_by_image(ranks))
    (tmp_path / "ranks.json").unlink()
    with pytest.raises(InputError, match="ranks.json"):
        read_recalls_by_image(tmp_path)
