"""Means of two trainings beside the mean of two triplets, by numbers that are worked out by hand."""

from unittest.mock import Mock

import pytest

import strength_means
from strength import COSINE, TRIPLET
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
    assert found.change(TEN, "itself", "test rsum") == pytest.approx(-6)
    assert found.change(TEN, "itself", "experts") == pytest.approx(3.5)
    assert found.change(TEN, "triplet", "test rsum") == pytest.approx(-0.5)
    assert found.change(TEN, "triplet", "experts") == pytest.approx(2.5)
    assert "by +3.5 and rsum by -6.0; one with VSL and one without, by +2.5 and -0.5." in found.summary(TEN)
    assert found.summary(Choice("sentence", "paper", 10.0)) == ""


def test_the_table_names_what_was_averaged():
    table = Means(FOUND).table().set_index(["captions", "mean of"])
    assert table.loc[("true", "both with VSL"), "test rsum"] == "-6.0"
    assert table.loc[("true", "one with VSL"), "pairs"] == 2
    assert table.loc[("shuffled", "both with VSL"), "test rsum"] == "+1.0"
    assert len(table) == 3 and Means([]).table().empty and not Means([])


def test_a_curve_leaves_out_weights_that_never_saw_vsl():
    curves = Means([*FOUND, mean((1, 2), 30, rsum=200.0, epoch=1)]).curves("cider", "paper")
    assert set(curves) == {"both with VSL", "one with VSL"}
    paid, bought = curves["both with VSL"][10]
    assert list(curves["both with VSL"]) == [10] and paid.tolist() == [-8, -4] and bought.tolist() == [4, 3]
    assert Means(FOUND).curves("sentence", "paper") == {}


def test_every_mean_is_planned_once_and_its_triplets_come_with_it():
    means = planned()
    names = [tuple(map(str, one.about().values())) for one in means]
    assert len(set(names)) == len(names) == len(PAIRS) * (2 * len(COSINE) - 1)
    assert all(tuple(one.about()) == KEYS for one in means)
    by_partner = [one for one in means if one.about()["beside"] == "triplet"]
    assert all(one.other == TRIPLET != one.arm for one in by_partner)
    assert folder(TRIPLET, 2).name == "cosine-triplet-s2"


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
