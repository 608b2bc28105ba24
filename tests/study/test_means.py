"""Means of two trainings beside the mean of two triplets, by numbers that are worked out by hand."""

import json
from unittest.mock import Mock

import numpy as np
import pytest

import strength_means
from strength import COSINE, TRIPLET, Arm
from strength_means import KEYS, PAIRS, folder, planned
from vslnb.study.evidence.means import Means
from vslnb.study.evidence.strength import Choice

TEN = Choice("cider", "paper", 10.0)


def mean(seeds, strength=0, beside="itself", rsum=260.0, experts=45.0, captions="true", epoch=5):
    return {
        "similarity": "cider",
        "rank": "paper",
        "strength": strength,
        "captions": captions,
        "beside": beside,
        "seeds": list(seeds),
        "epoch": epoch,
        "dev rsum": rsum + 100,
        "test rsum": rsum,
        "experts": experts,
        "crowd": 29.0,
    }


FOUND = [
    mean((1, 2)),
    mean((2, 3), rsum=270.0, experts=44.0),
    mean((1, 2), 10, rsum=252.0, experts=49.0),
    mean((2, 3), 10, rsum=266.0, experts=47.0),
    mean((1, 2), 10, "triplet", rsum=259.0, experts=47.0),
    mean((2, 3), 10, "triplet", rsum=270.0, experts=47.0),
    mean((1, 2), 10, "itself", rsum=261.0, captions="shuffled"),
    mean((3, 1), 10, rsum=999.0),  # its triplets are not there
]


def test_a_mean_stands_beside_the_two_triplets_of_its_seeds():
    found = Means(FOUND)
    assert len(found.differences()) == 5
    assert found.change(TEN, "itself", "test rsum").to_dict() == {(1, 2): -8, (2, 3): -4}
    assert found.change(TEN, "triplet", "experts").to_dict() == {(1, 2): 2, (2, 3): 3}
    assert (
        "by +3.5 and rsum by -6.0. One with VSL and one without change them by +2.5 and -0.5."
        in found.summary(TEN)
    )
    assert found.block() == found.summary(TEN) and found.summary(Choice("sentence", "paper", 10.0)) == ""
    assert Means([]).block() == "None of them has been computed yet."


def test_a_sentence_compares_the_same_seeds():
    text = Means(
        [one for one in FOUND if one["beside"] == "triplet" or one["seeds"] != [2, 3] or not one["strength"]]
    )
    assert (
        "by +4.0 and rsum by -8.0. One with VSL and one without change them by +2.0 and -1.0."
        in text.summary(TEN)
    )


def test_the_table_names_what_was_averaged():
    table = Means(FOUND).table().set_index(["captions", "mean of"])
    assert table.loc[("true", "both with VSL"), "test rsum"] == "-6.0"
    assert table.loc[("true", "one with VSL"), "pairs"] == 2
    assert table.loc[("shuffled", "both with VSL"), "test rsum"] == "+1.0"
    assert len(table) == 3 and Means([]).table().empty and not Means([])


def test_a_curve_leaves_out_weights_that_never_saw_vsl():
    curves = Means([*FOUND, mean((1, 2), 30, rsum=200.0, epoch=1)]).curves("cider", "paper", 30)
    assert set(curves) == {"both with VSL", "one with VSL"}
    paid, bought = curves["both with VSL"][10]
    assert list(curves["both with VSL"]) == [10] and paid.tolist() == [-8, -4] and bought.tolist() == [4, 3]
    assert Means(FOUND).curves("sentence", "paper") == {} == Means(FOUND).curves("cider", "paper", 3)


def test_every_mean_is_planned_once_and_its_triplets_come_with_it():
    means = planned()
    names = [tuple(map(str, one.about().values())) for one in means]
    assert len(set(names)) == len(names) == len(PAIRS) * (2 * len(COSINE) - 1)
    assert all(tuple(one.about()) == KEYS for one in means)
    by_partner = [one for one in means if one.about()["beside"] == "triplet"]
    assert all(one.other == TRIPLET != one.arm for one in by_partner)
    assert folder(TRIPLET, 2).name == "cosine-triplet-s2"


class Matrices:
    """Scores of runs that nobody trained: one number that says which run it is."""

    def of(self, arm, seed):
        return [np.array([[arm.strength + seed / 10]])] * 2

    def measures(self, one, other):
        return {"test rsum": float((one[1] + other[1]).item() / 2)}


def test_a_mean_is_of_the_first_seed_of_the_arm_and_the_second_of_its_partner(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(strength_means, "HOME", tmp_path)
    monkeypatch.setattr(strength_means, "Scores", Matrices)
    monkeypatch.setattr(strength_means, "read", lambda name: {})
    monkeypatch.setattr(strength_means, "write_json", lambda path, found: written.extend(found))
    ten = Arm("cider", "paper", 10)
    for arm, seed, best in ((TRIPLET, 1, 2), (TRIPLET, 2, 0), (ten, 1, 3), (ten, 2, 4), (ten, 3, 1)):
        folder(arm, seed).mkdir()
        curve = [float(epoch == best) for epoch in range(5)]
        (folder(arm, seed) / "results.json").write_text(
            json.dumps({"curve": curve, "config_hash": "", "dev": {}, "test": {}})
        )
    strength_means.main()
    found = {
        (one["strength"], one["beside"], *one["seeds"]): (one["test rsum"], one["epoch"]) for one in written
    }
    assert found == {
        (0, "itself", 1, 2): (pytest.approx(0.15), 1),
        (10, "itself", 1, 2): (pytest.approx(10.15), 4),
        (10, "itself", 2, 3): (pytest.approx(10.25), 2),
        (10, "itself", 3, 1): (pytest.approx(10.2), 2),
        (10, "triplet", 1, 2): (pytest.approx(5.15), 4),
        (10, "triplet", 3, 1): (pytest.approx(5.2), 2),
    }


def test_the_mean_of_two_matrices_is_what_is_measured(monkeypatch):
    scores = object.__new__(strength_means.Scores)
    scores.splits = [Mock(captions_per_image=1)] * 2
    monkeypatch.setattr(strength_means, "recall", lambda matrix, _: {"rsum": float(matrix.sum())})
    monkeypatch.setattr(
        strength_means, "rating_correlations", lambda matrix, _: {"expert": matrix[0, 0], "crowd": 0.0}
    )
    one, other = (
        [np.array([[2.0, 4.0]]), np.array([[6.0, 0.0]])],
        [np.array([[0.0, 2.0]]), np.array([[2.0, 0.0]])],
    )
    found = scores.measures(one, other)
    assert (found["dev rsum"], found["test rsum"], found["experts"]) == (4.0, 4.0, 4.0)


def test_what_is_known_of_means_without_weights_stays(tmp_path, monkeypatch, capsys):
    kept, written = [mean((1, 2), 10)], []
    monkeypatch.setattr(strength_means, "HOME", tmp_path)
    monkeypatch.setattr(strength_means, "Scores", Mock)
    monkeypatch.setattr(strength_means, "read", lambda name: kept)
    monkeypatch.setattr(strength_means, "write_json", lambda path, found: written.extend(found))
    strength_means.main()
    assert (
        written == kept
        and f"{len(planned())} of {len(planned())} means are left out" in capsys.readouterr().out
    )
