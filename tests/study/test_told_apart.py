"""Which ratings VSL tells apart better, from results that are made here."""

import json

import pytest
from test_strength import run

from vslnb.study.evidence.strength import Choice, Strength
from vslnb.study.evidence.told_apart import NEIGHBOURS, ToldApart


def arm(strength, captions="true", gains=(6.0, 3.0, -2.0)):
    about = {"architecture": "cosine", "instead": "", "similarity": "cider", "rank": "paper", "trial": ""}
    told = {two: {"gain": gain, "low": gain - 1, "high": gain + 1} for two, gain in zip(NEIGHBOURS, gains)}
    return about | {"strength": strength, "captions": captions, "told_apart": told}


@pytest.fixture
def found(tmp_path):
    photos, similarities = tmp_path / "photos.json", tmp_path / "similarities.json"
    photos.write_text(json.dumps([arm(10.0), arm(10.0, "shuffled", (0.5, 0.0, 0.2)), arm(3.0)]))
    similarities.write_text(json.dumps({"cider": {"experts": 44.1}, "sentence": {"experts": 55.2}}))
    return ToldApart(Strength([run(1), run(1, 10, expert=47.5)]), photos, similarities)


def test_a_row_a_strength_and_a_panel_two_ratings(found):
    panels = found.panels()
    assert list(panels) == list(NEIGHBOURS.values())
    differences, intervals = panels["almost right (3) from right (4)"]
    assert (
        list(differences)
        == list(intervals)
        == ["3 times beta", "10 times beta", "10 times, shuffled captions"]
    )
    assert intervals["10 times beta"] == (-2.0, -3.0, -1.0) and differences["3 times beta"] == []
    assert intervals["10 times, shuffled captions"][0] == 0.2


def test_the_same_in_words(found, tmp_path):
    text = found.block()
    assert "Unrelated (1) from minor aspects (2): +6.0 (+5.0 to +7.0)." in text
    assert "Almost right (3) from right (4): -2.0 (-3.0 to -1.0)" in text
    assert (
        "44.1 for `cider` and 55.2 for `sentence`; `cosine` with ten times beta (cider, paper ranks) reaches 47.5."
        in text
    )
    assert found.summary(Choice("sentence", "paper", 10.0)) == ""
    assert (
        ToldApart(Strength([]), tmp_path / "none.json", tmp_path / "none.json").block() == "Not computed yet."
    )
