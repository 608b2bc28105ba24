"""Evaluations of one matrix and of several runs."""

import numpy as np
import pytest

from vslnb.data.precomp import load_split
from vslnb.errors import InputError
from vslnb.evaluation import recall_at_k, secondary_content, summary
from vslnb.evaluation.measures import MeasureName
from vslnb.evaluation.recall_at_k import fold_mean, positive_ranks, recall
from vslnb.evaluation.summary import NAMES, evaluate, evaluate_runs
from vslnb.evaluation.tables import further_lines, recall_table


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
    assert len(further_lines(found["a"])) == 5 and len(further_lines(found["b"])) == 6
    assert not any("others" in line for line in further_lines(found["b"]))  # a name of ours, for files


def test_a_mean_over_folds_is_recall_alone(dataset):
    split, scores = load_split(dataset, "test"), random_scores(0)
    found = evaluate_runs([("a", scores)], split, folds=2)["a"]
    assert found.recall == fold_mean(scores, 2) and further_lines(found) == []
    with pytest.raises(InputError, match="folds"):
        evaluate_runs([("a", scores)], split, folds=3)
