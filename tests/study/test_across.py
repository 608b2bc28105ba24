"""One setting on several architectures: their means, what is drawn and what is said."""

import numpy as np
import pytest
from test_general import TEN, of
from test_strength import run

from general import ARCHITECTURES
from general import SEEDS as PLANNED_SEEDS
from vslnb.study.evidence.across import ASKED, Across
from vslnb.study.evidence.general import PERCENT, PLANNED, SEEDS, General

RUNS = [
    *of("cosine"),
    *of("cosine", 10, rsum=(246, 252, 251), expert=(47, 47.5, 48.5)),
    *of("cosine", 10, "shuffled", rsum=(248, 249, 250), expert=(44, 44, 45)),
    *of("saf"),
    *of("saf", 10, rsum=(250, 252, 253), expert=(45, 47, 46)),
]
MEANS = [np.mean([3, 3, 3.5]), np.mean([1, 2.5, 1])]  # of `cosine` and SAF in RUNS
ONE_SEED = [one for one in of("scan-i2t") + of("scan-i2t", 10, expert=(50, 50, 50)) if one["seed"] == 6]


def across(runs):
    return Across(General(runs), TEN)


def test_the_mean_weighs_what_is_known_better_more():
    found = across(RUNS)
    together = found.together("experts")
    assert MEANS[1] < together.mean.value < MEANS[0] and together.mean.value > np.mean(MEANS) + 0.05
    assert found.mean("experts") == together.mean
    alike = found.alike("experts")
    assert alike.value == pytest.approx(np.mean(MEANS)) and alike.low < MEANS[1]
    with pytest.raises(ValueError, match="two"):
        across(of("cosine") + of("cosine", 10)).together("experts")


def test_until_every_architecture_has_two_seeds_each_counts_once():
    found = across(RUNS + ONE_SEED)
    assert len(found) == 3
    mean = found.mean("experts")
    assert mean.value == pytest.approx(np.mean([*MEANS, 6])) and mean == found.alike("experts")
    assert found.together("experts").mean == across(RUNS).together("experts").mean


def test_recall_is_counted_in_percent_of_each_architecture():
    weak = of("vsrn", rsum=(100, 200, 50)) + of("vsrn", 10, rsum=(99, 204, 50))
    gaps = across(RUNS + weak).gaps(PERCENT)
    assert gaps["VSRN"].tolist() == [-1, 2, 0]
    assert gaps["cosine"] == pytest.approx(
        [100 * (246 / 250 - 1), 100 * (252 / 251 - 1), 100 * (251 / 252 - 1)]
    )


def test_panels_have_an_architecture_a_row_and_end_with_the_mean():
    panels = across(RUNS).panels()
    assert list(panels) == list(ASKED)
    gaps, intervals = panels["experts' tau minus the triplet's"]
    assert list(gaps) == list(intervals) == ["cosine", "SAF", "mean"] and len(gaps["mean"]) == 0
    assert intervals["mean"].low < intervals["mean"].value < intervals["mean"].high
    control = panels["experts' tau minus that with shuffled captions"]
    assert list(control[0]) == ["cosine"]  # SAF has no control here, and one alone has no mean


def test_the_table_has_levels_beside_what_changes():
    table = across(RUNS + ONE_SEED).table().set_index("architecture")
    assert list(table.index) == ["cosine", "SAF", "SCAN, regions attend", "mean"]
    assert table.loc["cosine", ["seeds", "experts' tau, triplet", "rsum, triplet"]].tolist() == [
        "3",
        "44.5",
        "251.0",
    ]
    over, control, paid = ASKED
    assert table.loc["SCAN, regions attend", over] == "+6.0 (one seed)"
    assert table.loc["SAF", control] == "" and table.loc["mean", control] == ""  # one control has no mean
    assert table.loc["mean", over].startswith("+3.6 (") and table.loc["mean", "seeds"] == ""
    text = across(RUNS + ONE_SEED).block()
    assert text.startswith("With 10 times beta") and text.count("\n| ") == 2 + len(table)
    assert across(of("cosine")).block() == "No architecture but `cosine` is trained with it yet."


def test_what_is_said_counts_architectures_and_calls_few_seeds_no_decision():
    saf = of("saf", 10, "shuffled", expert=(46, 46, 46))
    text = across(RUNS + saf + ONE_SEED).summary()
    assert text.startswith(
        "With 10 times beta (cider, paper ranks), 3 architectures have one seed or more each."
    )
    assert "The experts' tau is above the triplet's in 3 of 3, on average by +3.6 (" in text
    assert "above that with shuffled captions in 1 of 2" in text  # SAF's control is as good
    assert "rsum is below the triplet's in 1 of 3, and changes by -0.1" in text
    assert "so this decides nothing yet" in text
    assert "shuffled" not in across(of("cosine") + of("cosine", 10) + ONE_SEED).summary()
    assert across([]).summary() == across(of("cosine") + of("cosine", 10)).summary() == ""


def test_when_all_is_there_the_spread_among_architectures_is_said():
    runs, rng = [], np.random.default_rng(0)
    for k, name in enumerate(ARCHITECTURES):
        for strength, captions, gain in ((0, "true", 0), (10, "true", 2 + k), (10, "shuffled", 1)):
            for seed in PLANNED_SEEDS:
                rsum, expert = (250, 44 + gain) + rng.normal(0, 0.1, 2)
                one = run(seed, strength, captions, rsum=rsum, expert=expert)
                runs.append(one | {"architecture": name})
    text = across(runs).summary()
    assert "10 architectures have at least 5 seeds each" in text and "decides nothing" not in text
    assert "10 of 10" in text and text.endswith(" percent is more than the spread over seeds explains.")
    assert float(text.split(" percent is more")[0].split()[-1]) > 90  # they gain between 2 and 11


def test_what_is_planned_is_what_decides():
    assert len(ARCHITECTURES) == PLANNED and len(PLANNED_SEEDS) == SEEDS
