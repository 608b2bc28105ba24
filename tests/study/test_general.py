"""Settings of VSL on several architectures, on runs made here."""

import pytest
from test_strength import design, run

from vslnb.recipes import INSTEAD
from vslnb.study.evidence.general import INSTEAD_NAMES, PAPER, General
from vslnb.study.evidence.strength import Choice, Strength

SEEDS = (6, 7, 8)
TEN = Choice("cider", "paper", 10)


def of(architecture, strength=0.0, captions="true", rsum=(250, 251, 252), expert=(44, 44.5, 45), **more):
    return [
        run(seed, strength, captions, rsum=one, expert=tau, **more) | {"architecture": architecture}
        for seed, one, tau in zip(SEEDS, rsum, expert)
    ]


def instead(name, runs):
    return [one | {"instead": name} for one in runs]


RUNS = [
    *of("cosine"),
    *of("cosine", 10, rsum=(246, 252, 251), expert=(47, 47.5, 48.5)),
    *of("cosine", 10, "shuffled", rsum=(248, 249, 250), expert=(44, 44, 45)),
    *of("saf"),
    *of("saf", 10, expert=(45, 47, 46)),
    *of("cosine", 1, expert=(60, 60, 60)),
    *of("cosine", 1, expert=(50, 50, 50), similarity="sentence"),
    *instead("slack", of("cosine", expert=(46, 46, 46))),
]


def test_runs_are_compared_within_architecture_setting_and_seed():
    found = General(RUNS)
    gaps = found.gaps("experts", TEN)
    assert {name: gap.tolist() for name, gap in gaps.items()} == {"cosine": [3, 3, 3.5], "saf": [1, 2.5, 1]}
    assert found.gaps("experts", TEN, "shuffled")["cosine"].tolist() == [3, 3.5, 3.5]
    assert list(found.gaps("experts", TEN, "shuffled")) == ["cosine"]  # saf has no control
    assert found.gaps("test rsum", PAPER)["cosine"].tolist() == [0, 0, 0]
    # Two settings of one strength are two settings.
    assert found.gaps("experts", PAPER)["cosine"].tolist() == [16, 15.5, 15]
    assert found.gaps("experts", Choice("sentence", "paper", 1))["cosine"].tolist() == [6, 5.5, 5]
    assert found.gaps("experts", "slack")["cosine"].tolist() == [2, 1.5, 1]
    assert not General([]) and General([]).gaps("experts", TEN) == {}
    with pytest.raises(ValueError, match="twice"):
        General(RUNS + RUNS[:1]).gaps("experts", TEN)


def five(strength=0.0, captions="true", rsum=(250, 251, 252, 250, 251), expert=(44, 44.5, 45, 44, 44.5)):
    """Runs of `cosine` with all the seeds that decide."""
    return [
        run(seed, strength, captions, rsum=one, expert=tau) | {"architecture": "cosine"}
        for seed, one, tau in zip(range(6, 11), rsum, expert)
    ]


UP = (47, 47.5, 48.5, 47, 48)


def test_the_hypotheses_hold_in_turn():
    def held(rsum, expert=UP, control=(44, 44, 45, 44, 44.5)):
        runs = five() + five(10, rsum=rsum, expert=expert) + five(10, "shuffled", expert=control)
        return General(runs).hypotheses(TEN)

    # rsum may fall by 2.5: by one it does not fall too far, by 2.4 with that spread it might.
    close, wide = held((249, 250, 251.1, 249, 250)), held((246, 250, 252, 246, 248))
    assert [ok for _, ok in close.values()] == [True, True, True]
    assert close["H1"][0].value == pytest.approx(3.2) and close["H3"][0].value == pytest.approx(-0.98)
    assert [ok for _, ok in wide.values()] == [True, True, False] and wide["H3"][0].low < -2.51
    # No gain over the control: H3 does not count by itself.
    assert [ok for _, ok in held((249, 250, 251.1, 249, 250), control=UP).values()] == [True, False, False]


def test_nothing_is_decided_before_all_five_seeds_are_there():
    with pytest.raises(LookupError, match="cosine, experts over triplet: 3 of 5 seeds"):
        General(RUNS).hypotheses(TEN)
    with pytest.raises(LookupError, match="cosine, experts over shuffled: 0 of 5 seeds"):
        General(five() + five(10)).hypotheses(TEN)
    with pytest.raises(LookupError, match="0 of 5"):
        General([]).hypotheses(TEN)


def test_what_became_of_the_hypotheses_is_said_in_words():
    runs = five() + five(10, rsum=(249, 250, 251.1, 249, 250), expert=UP) + five(10, "shuffled")
    text = General(runs).decided(TEN)
    assert text.startswith("Dev chose cider, paper ranks, 10 times beta. With cosine it is trained again")
    assert "**H1 holds.** The experts' tau, minus the triplet's: +3.2 (+2.9 to +3.5)." in text
    assert (
        "**H3 holds.** Recall (rsum), minus the triplet's: -1.0 (-1.0 to -0.9). H3 asks for an interval above -2.5."
        in text
    )
    text = General(five() + five(10, expert=UP, rsum=(240,) * 5) + five(10, "shuffled")).decided(TEN)
    assert (
        "**H2 holds.**" in text
        and "**H3 is not shown.**" in text
        and "above -2.5; the whole interval lies" in text
    )
    text = General(five() + five(10, expert=UP) + five(10, "shuffled", expert=UP)).decided(TEN)
    assert "**H2 is not shown.**" in text and "**H3 does not count, as one before it is not shown.**" in text
    few = General(RUNS).decided(TEN)
    assert (
        "Nothing is decided yet, because 3 of 5 seeds are there: the experts' tau, minus the triplet's: +3.2"
        in few
    )
    alone = General(RUNS).decided(TEN, "saf")  # which has no control
    assert (
        "With SAF" in alone
        and "shuffled" not in alone
        and "recall (rsum), minus the triplet's: +0.0" in alone
    )
    assert General([]).decided(TEN) == ""


def test_every_arm_of_an_architecture_stands_beside_its_triplet():
    gaps, intervals = General(RUNS).arms_panel("experts", TEN)
    assert {name: gap.tolist() for name, gap in gaps.items()} == {
        "VSL, 10 times beta": [3, 3, 3.5],
        "VSL, 10 times beta, shuffled": [0, -0.5, 0],
        "VSL, as in the paper": [16, 15.5, 15],
        "margins by similarity": [2, 1.5, 1],
    }
    assert list(intervals) == list(gaps) and intervals["VSL, 10 times beta"].low > 0
    assert list(General(RUNS).arms_panel("experts", PAPER)[0]) == [
        "VSL, as in the paper",
        "margins by similarity",
    ]


def test_everything_instead_of_vsl_has_a_name():
    assert tuple(INSTEAD_NAMES) == tuple(INSTEAD)


def test_the_table_names_architectures_and_arms_and_the_page_says_what_was_chosen():
    runs = RUNS + of("scan-i2t") + of("scan-i2t", 10, expert=(47, 47, 47))
    table = General(runs).table(TEN).set_index(["architecture", "arm"])
    assert len(table) == 6 and table.loc[("cosine", "VSL, 10 times beta"), "seeds"] == 3
    assert table.loc[("SAF", "VSL, 10 times beta"), "experts' tau, over the triplet"].startswith("+1.5 (")
    assert table.loc[("cosine", "VSL, 10 times beta"), "experts' tau, over shuffled captions"].startswith(
        "+3.3"
    )
    assert table.loc[("cosine", "margins by similarity"), "experts' tau, over shuffled captions"] == ""
    assert table.loc[("SCAN, regions attend", "VSL, 10 times beta"), "seeds"] == 3
    explored = Strength(design({10: (1, 2, 3)}, {}))
    text = General(runs).block(explored)
    assert (
        "Nothing is decided yet, because 3 of 5 seeds" in text
        and text.count("\n| cosine |") == 4
        and "SAF" not in text
    )
    assert General(runs).block(Strength(design({}, {}))) == "No setting qualifies on dev."
    assert General([]).block() == "None of its runs has been made yet."
