"""What a stronger VSL buys in the bundled world, by runs that are worked out by hand."""

import numpy as np
import pytest

from vslnb.study.evidence.known_relevance import FITS, RSUM, SHARED, KnownRelevance
from vslnb.study.evidence.strength import Choice


def run(seed, strength=0, rank="paper", captions="true", rsum=400.0, fits=50.0, shared=60.0, module="cosine"):
    return {
        "module": module,
        "seed": seed,
        "strength": strength,
        "rank": rank if strength else "",
        "captions": captions,
        "test": {"rsum": rsum},
        "fits": {"R@1": fits, "R@5": 80.0, "R@10": 90.0},
        "shared": {"image_to_text": shared - 1, "text_to_image": shared + 1},
    }


RUNS = [
    *(run(seed, rsum=400.0 + seed, fits=50.0 + seed) for seed in range(3)),
    *(run(seed, 3, rsum=402.0 + seed, fits=52.0 + 2 * seed, shared=61 + seed / 2) for seed in range(3)),
    *(run(seed, 3, captions="shuffled", fits=50.5 + seed, shared=(60, 61, 63)[seed]) for seed in range(3)),
    *(run(seed, 3, "descending", fits=49.0 + seed) for seed in range(3)),
]


def test_every_measure_is_compared_with_the_triplet_and_the_control_of_the_same_seed():
    found, setting = KnownRelevance(RUNS), Choice("cider", "paper", 3.0)
    np.testing.assert_allclose(found.gaps(RSUM, setting), [2, 2, 2])
    np.testing.assert_allclose(found.gaps(FITS, setting), [2, 3, 4])
    np.testing.assert_allclose(found.gaps(FITS, setting, against="shuffled"), [1.5, 2.5, 3.5])
    np.testing.assert_allclose(found.gaps(SHARED, setting, against="shuffled"), [1, 0.5, -1])


def test_the_table_has_a_row_a_setting_and_says_what_is_not_there():
    table = KnownRelevance(RUNS).table().set_index(["module", "ranks", "strength"])
    assert len(table) == 16
    paper, descending = (
        table.loc["cosine", "paper", "3 x beta"],
        table.loc["cosine", "descending", "3 x beta"],
    )
    assert paper["seeds"] == 3 and paper["the first picture fits, over the triplet"] == "+3.0 (+0.5 to +5.5)"
    assert descending["the first picture fits, over shuffled captions"] == ""
    assert table.loc["SAF", "paper", "3 x beta"]["seeds"] == 0


def test_settings_that_gain_over_one_and_over_both_baselines_are_counted():
    found = KnownRelevance(RUNS)
    assert found.gained(FITS) == (1, 1, 1) and found.gained(SHARED) == (1, 0, 1)
    assert found.summary_of(SHARED) == (
        "In *shared main event*, 1 of 1 settings gains over the triplet, and none over both the triplet and shuffled "
        "captions."
    )


def test_a_single_seed_shows_nothing_and_is_not_counted():
    assert KnownRelevance([one for one in RUNS if one["seed"] == 0]).gained(FITS) == (0, 0, 0)


def test_a_series_has_the_gain_of_true_and_of_shuffled_captions():
    series = KnownRelevance(RUNS).series(FITS)
    assert list(series) == ["cosine, VSL", "cosine, shuffled captions"]
    assert series["cosine, VSL"]["3"].value == pytest.approx(3)
    assert series["cosine, shuffled captions"]["3"].value == pytest.approx(0.5)


def test_a_seed_without_a_control_is_no_pair():
    runs = [one for one in RUNS if (one["captions"], one["seed"]) != ("shuffled", 0)]
    found = KnownRelevance(runs)
    assert found.gaps(FITS, Choice("cider", "paper", 3.0), against="shuffled").tolist() == [2.5, 3.5]
    assert found.series(FITS)["cosine, VSL"]["3"].value == pytest.approx(3)


def test_without_runs_the_page_says_so():
    assert KnownRelevance([]).block() == "None of its runs has been made yet."
