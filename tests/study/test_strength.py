"""The runs of a stronger VSL beside their triplets, on runs made here."""

import pytest

from vslnb.study.evidence.strength import Strength


def run(seed, strength=0.0, captions="true", rsum=250.0, expert=44.0, module="cosine"):
    recalls = {side: dict.fromkeys(("R@1", "R@5", "R@10", "median_rank"), 1.0) for side in
               ("image_to_text", "text_to_image")}  # fmt: skip
    return {
        "module": module,
        "similarity": "cider",
        "rank": "paper",
        "strength": strength,
        "captions": captions,
        "seed": seed,
        "dev": {"rsum": rsum + 100},
        "test": recalls | {"rsum": rsum},
        "measures": {"ratings": {"expert": expert, "crowd": 28.0}},
        "within_photos": 47.0,
        "ncs_sentence": {"image_to_text": 40.0, "text_to_image": 42.0},
    } | ({"gradient_share": 0.1} if strength else {})


def test_a_run_is_compared_with_the_triplet_of_its_own_seed_and_module():
    found = Strength(
        [run(1), run(2, rsum=260.0), run(1, 10, expert=47.0), run(2, 10, rsum=257.0, expert=48.0)]
    )
    gaps = found.differences().set_index("seed")
    assert gaps["test rsum"].to_dict() == {1: 0.0, 2: -3.0}
    assert gaps["experts"].to_dict() == {1: 3.0, 2: 4.0}
    interval = found.intervals("experts")["cosine", "cider", "paper", 10, "true"]
    assert interval.value == pytest.approx(3.5) and interval.low < 3.5 < interval.high
    (row,) = found.table().to_dict("records")
    assert row["seeds"] == 2 and row["experts"] == "+3.5" and row["gradient share"] == pytest.approx(10)


def test_a_run_without_its_triplet_says_nothing():
    found = Strength([run(1), run(2, 10), run(1, 10, module="saf")])
    assert found and found.differences().empty and found.table().empty
    assert not Strength([])


def test_true_and_shuffled_captions_are_two_arms():
    found = Strength([run(1), run(1, 10), run(1, 10, "shuffled")])
    assert sorted(found.table()["captions"]) == ["shuffled", "true"]


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
    assert list(curves) == ["cider, paper", "cider, paper, shuffled captions"]
    assert list(curves["cider, paper"]) == ["3 x beta", "10 x beta"]
    paid, bought = curves["cider, paper"]["3 x beta"]
    assert paid.tolist() == [0.0, 0.0] and bought.tolist() == [1.0, 2.0]
    assert [x.tolist() for x in curves["cider, paper"]["10 x beta"]] == [[-5.0], [3.0]]
