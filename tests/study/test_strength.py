"""The runs of a stronger VSL beside their triplets, on runs made here."""

import json

import pytest

from vslnb.study.evidence.strength import STRENGTHS, Choice, Strength, over_photos


def run(
    seed,
    strength=0.0,
    captions="true",
    rsum=250.0,
    expert=44.0,
    module="cosine",
    similarity="cider",
    ncs=40.0,
):
    recalls = {side: dict.fromkeys(("R@1", "R@5", "R@10", "median_rank"), 1.0) for side in
               ("image_to_text", "text_to_image")}  # fmt: skip
    return {
        "module": module,
        "similarity": similarity,
        "rank": "paper",
        "strength": strength,
        "captions": captions,
        "seed": seed,
        "dev": {"rsum": rsum + 100},
        "curve": [330.0, rsum + 100],
        "test": recalls | {"rsum": rsum},
        "measures": {
            "ratings": {"expert": expert, "crowd": 28.0},
            "secondary": {"image_to_text": {"rate": 14.0}, "text_to_image": {"rate": 12.0}},
        },
        "within_photos": 47.0,
        "centred": 44.0,
        "ncs_dev": {"image_to_text": ncs, "text_to_image": ncs + 2},
        "ncs_sentence": {"image_to_text": 40.0, "text_to_image": 42.0},
    } | ({"gradient_share": 0.1} if strength else {})


def test_a_run_is_compared_with_the_triplet_of_its_own_seed_and_module():
    found = Strength(
        [run(1), run(2, rsum=260.0), run(1, 10, expert=47.0), run(2, 10, rsum=257.0, expert=48.0)]
    )
    gaps = found.differences().set_index("seed")
    assert gaps["test rsum"].to_dict() == {1: 0.0, 2: -3.0}
    assert gaps["experts"].to_dict() == {1: 3.0, 2: 4.0}
    (row,) = found.table().to_dict("records")
    assert row["seeds"] == 2 and row["experts"] == "+3.5" and row["gradient share"] == pytest.approx(10)


def test_a_run_without_its_triplet_says_nothing():
    found = Strength([run(1), run(2, 10), run(1, 10, module="saf")])
    assert found and found.differences().empty and found.table().empty
    assert not Strength([])


def test_true_and_shuffled_captions_are_two_arms():
    found = Strength([run(1), run(1, 10), run(1, 10, "shuffled")])
    assert sorted(found.table()["captions"]) == ["shuffled", "true"]


def test_sentences_do_not_judge_what_was_trained_on_sentences():
    rows = Strength([run(1), run(1, 10), run(1, 10, similarity="sentence")]).table().set_index("similarity")
    assert rows["NCS by sentence"].to_dict() == {"cider": "+0.0", "sentence": ""}


def test_a_trial_is_an_arm_of_its_own():
    found = Strength([run(1), run(1, 10, expert=47.0), run(1, 10, expert=48.0) | {"trial": "tau 0.05"}])
    assert found.table().set_index("trial")["experts"].to_dict() == {"": "+3.0", "tau 0.05": "+4.0"}
    assert found.gaps("experts", Choice("cider", "paper", 10.0)).tolist() == [3]
    assert [x.tolist() for x in found.curves("cosine")["cider, paper ranks"][10]] == [[0], [3]]


def test_a_setting_beside_its_triplet_and_its_control():
    found = Strength(
        [run(1), run(2), run(1, 10, expert=47.0, rsum=245.0), run(2, 10, expert=48.0), run(1, 10, "shuffled", expert=44.5)]
    )  # fmt: skip
    setting = Choice("cider", "paper", 10.0)
    assert found.gaps("experts", setting).tolist() == [3, 4]
    assert found.gaps("test rsum", setting).tolist() == [-5, 0]
    assert found.gaps("experts", setting, against="shuffled").tolist() == [2.5]  # seed 2 has no control
    assert found.gaps("experts", Choice("sentence", "paper", 10.0)).tolist() == []
    (row,) = found.examples([setting]).to_dict("records")
    assert row["seeds"] == 2 and row["experts' tau, over the triplet"] == "+3.5 (-2.9 to +9.9)"
    assert row["test rsum, over shuffled captions"] == "-5.0 (one seed)"


def test_a_curve_follows_the_strength_of_an_arm():
    listed = [
        run(1),
        run(2),
        run(1, 10, expert=47.0, rsum=245.0),
        run(1, 3, expert=45.0),
        run(2, 3, expert=46.0),
    ]
    curves = Strength(
        [*listed, run(1, 10, "shuffled"), run(1, 10, module="saf"), run(1, module="saf")]
    ).curves("cosine")
    assert list(curves) == ["cider, paper ranks", "cider, paper ranks, shuffled captions"]
    assert list(curves["cider, paper ranks"]) == [3, 10]
    paid, bought = curves["cider, paper ranks"][3]
    assert paid.tolist() == [0.0, 0.0] and bought.tolist() == [1.0, 2.0]
    assert [x.tolist() for x in curves["cider, paper ranks"][10]] == [[-5.0], [3.0]]


def setting(similarity, rank, gaps, ncs=40.0, expert=44.0):
    """Three seeds of all four strengths; `gaps` of dev rsum to the triplet's 350, by strength, -20 elsewhere."""
    return [
        run(seed, strength, rsum=250 + gap, similarity=similarity, ncs=ncs, expert=expert) | {"rank": rank}
        for strength in STRENGTHS
        for seed, gap in zip((1, 2, 3), gaps.get(strength, (-20, -20, -19)))
    ]


def design(cider, sentence, **more):
    """All sixteen settings; those with descending ranks qualify nowhere."""
    return [
        *[run(seed) for seed in (1, 2, 3)],
        *setting("cider", "paper", cider, **more),
        *setting("sentence", "paper", sentence, ncs=41.0),
        *setting("cider", "descending", {}, ncs=99.0),
        *setting("sentence", "descending", {}, ncs=99.0),
    ]


# The standard error of (-2, 0, 1) is 0.88, its mean -0.33; that of (-4, -3, -2) is 0.58, its mean -3.
CIDER, SENTENCE = {1: (5, 5, 6), 3: (-2, 0, 1), 10: (-4, -3, -2)}, {1: (1, 2, 3)}


def test_the_largest_strength_that_costs_no_more_than_a_standard_error_is_chosen_by_dev_alone():
    assert Strength(design(CIDER, {})).choice() == ("cider", "paper", 3)
    assert Strength(design(CIDER, SENTENCE)).choice() == ("sentence", "paper", 1)  # more NCS on dev
    # Neither people's ratings nor test rsum nor shuffled captions have a say.
    assert Strength(design(CIDER, SENTENCE, expert=90.0)).choice() == ("sentence", "paper", 1)
    test = [
        one | {"test": one["test"] | {"rsum": 600.0 - one["dev"]["rsum"]}} for one in design(CIDER, SENTENCE)
    ]
    assert Strength(test).choice() == ("sentence", "paper", 1)
    shuffled = [run(seed, 30, "shuffled", rsum=300.0, ncs=90.0) for seed in (1, 2, 3)]
    trials = [run(seed, 10, rsum=300.0, ncs=90.0) | {"trial": "tau 0.05"} for seed in (1, 2, 3)]
    assert Strength(design(CIDER, {}) + shuffled + trials).choice() == ("cider", "paper", 3)


def test_a_setting_of_which_a_run_collapsed_is_not_chosen_for_its_spread():
    """Its best epoch is the one before VSL began, so dev rsum alone would let it pass."""
    runs = design(CIDER | {30: (-23, 2, 2)}, {})
    assert Strength(runs).choice() == ("cider", "paper", 30)
    (hit,) = [one for one in runs if one["strength"] == 30 and one["seed"] == 1 and one["similarity"] == "cider" and
              one["rank"] == "paper"]  # fmt: skip
    hit["curve"] = [330.0, 5.0]
    assert Strength(runs).choice() == ("cider", "paper", 3)
    runs = [one for one in runs if one["strength"] != 30 or one["seed"] == 1 or one["similarity"] != "cider" or
            one["rank"] != "paper"]  # fmt: skip
    assert Strength(runs).choice() == ("cider", "paper", 3)  # its other seeds cannot bring it back
    weaker = [
        one for one in runs if one["strength"] != 1 or one["similarity"] != "cider" or one["rank"] != "paper"
    ]
    assert len(weaker) == len(runs) - 3 and Strength(weaker).choice() == ("cider", "paper", 3)


def test_nothing_is_chosen_while_a_run_is_missing_or_where_nothing_qualifies():
    with pytest.raises(LookupError, match="cosine, sentence, descending ranks, 30 x beta"):
        Strength(design(CIDER, SENTENCE)[:-1]).choice()
    with pytest.raises(LookupError, match="cider, paper ranks, 30 x beta"):
        Strength([]).choice()
    needed = [one for one in design(CIDER, {}) if one["strength"] != 10 or one["similarity"] != "cider"]
    with pytest.raises(LookupError, match="cider, paper ranks, 10 x beta"):
        Strength(needed).choice()
    assert Strength(design({}, {})).choice() is None


def test_whether_a_few_photos_carry_a_gain(tmp_path):
    arm = {
        "architecture": "cosine",
        "instead": "",
        "similarity": "cider",
        "rank": "paper",
        "strength": 10,
        "captions": "true",
        "trial": "",
    }
    found = {"seeds": [1], "gain": 3.0, "low": 2.0, "high": 4.0, "half": 100.0, "exchanged": -0.2}
    path, setting = tmp_path / "photos.json", Choice("cider", "paper", 10.0)
    assert over_photos(setting, path=path) == ""
    path.write_text(json.dumps([arm | found, arm | found | {"captions": "shuffled", "low": -5.0}]))
    assert (
        "At 10 times beta, with one seed, the experts' gain does not come from a few photos"
        in over_photos(setting, path=path)
    )
    assert "between +2.0 and +4.0" in over_photos(setting, path=path)
    path.write_text(json.dumps([arm | found | {"low": -1.0}]))
    assert "may come from a few photos" in over_photos(setting, path=path)


def test_weights_that_never_saw_vsl_are_in_the_table_and_not_in_the_figure():
    early = run(1, 30, rsum=200.0) | {"curve": [330.0, 300.0, 310.0]}
    found = Strength([run(1), run(1, 10), early])
    assert list(found.curves("cosine")["cider, paper ranks"]) == [10]
    assert found.table().set_index("strength")["epoch"].to_dict() == {10: "2", 30: "1"}
