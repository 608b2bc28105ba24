"""One setting on several architectures: their means, what is drawn and what is said."""

import numpy as np
import pytest
from test_general import TEN, of
from test_strength import run

from general import ARCHITECTURES
from general import SEEDS as PLANNED_SEEDS
from vslnb.study.evidence.across import BESIDE, CONTROL, HYPOTHESES, OVER, PAID, Across
from vslnb.study.evidence.general import PLANNED, SEEDS, General

COSINE = [
    *of("cosine"),
    *of("cosine", 10, rsum=(246, 252, 251), expert=(47, 47.5, 48.5)),
    *of("cosine", 10, "shuffled", rsum=(248, 249, 250), expert=(44, 44, 45)),
]
SAF = [
    *of("saf"),
    *of("saf", 10, rsum=(250, 252, 253), expert=(45, 47, 46)),
    *of("saf", 10, "shuffled", rsum=(251, 250, 252), expert=(46, 46.5, 46)),
]
SCAN = [
    *of("scan-i2t"),
    *of("scan-i2t", 10, expert=(50, 50, 50)),
    *of("scan-i2t", 10, "shuffled", expert=(45, 45, 45)),
]
ONE_SEED = [one for one in SCAN if one["seed"] == 6]
MEANS = [np.mean([3, 3, 3.5]), np.mean([1, 2.5, 1])]  # what experts gain with `cosine` and SAF


def across(runs):
    return Across(General(runs), TEN)


def test_random_effects_weigh_what_is_known_better_more():
    found, asked = across(COSINE + SAF), HYPOTHESES[OVER]
    together = found.together(asked).mean
    assert MEANS[1] < together.value < MEANS[0] and together.value > np.mean(MEANS) + 0.05
    alike = found.alike(asked)
    assert alike.value == pytest.approx(np.mean(MEANS)) and alike.low < MEANS[1]
    assert found.means(asked) == {"mean, each counted once": alike, "mean, random effects": together}
    with pytest.raises(ValueError, match="two"):
        across(COSINE).together(asked)


def test_until_every_architecture_has_two_seeds_each_counts_once():
    found = across(COSINE + SAF + ONE_SEED)
    assert len(found) == 3 and found.fewest == 1
    for asked in HYPOTHESES.values():  # one estimator for all three
        assert found.means(asked) == {"mean, each counted once": found.alike(asked)}
    assert found.alike(HYPOTHESES[OVER]).value == pytest.approx(np.mean([*MEANS, 6]))
    with pytest.raises(ValueError, match="two seeds of every"):
        found.together(HYPOTHESES[OVER])


def test_an_architecture_counts_once_its_control_is_there():
    without = [one for one in SCAN if one["captions"] == "true"]
    assert across(COSINE + SAF + without).table().equals(across(COSINE + SAF).table())
    assert len(across(COSINE + without)) == 1 and across(COSINE + without).summary() == ""
    assert len(across([])) == 0 and across([]).fewest == 0 and across([]).headline()


def test_recall_is_counted_in_percent_of_each_architecture():
    weak = [
        *of("vsrn", rsum=(100, 200, 50)),
        *of("vsrn", 10, rsum=(99, 204, 50)),
        *of("vsrn", 10, "shuffled", rsum=(90, 180, 45)),
    ]
    found = across(COSINE + weak)
    assert found.gaps(HYPOTHESES[PAID])["VSRN"].tolist() == [-1, 2, 0]
    gaps = found.gaps(HYPOTHESES[PAID])["cosine"]
    assert gaps == pytest.approx([100 * (246 / 250 - 1), 100 * (252 / 251 - 1), 100 * (251 / 252 - 1)])
    tau, rsum = (found.gaps(asked) for asked in BESIDE.values())
    assert rsum["VSRN"].tolist() == [-10, -10, -10] and tau["cosine"].tolist() == [0, -0.5, 0]


def test_panels_have_an_architecture_a_row_and_end_with_the_means():
    panels = across(COSINE + SAF).panels()
    assert list(panels) == list(HYPOTHESES)
    gaps, intervals = panels[OVER]
    assert list(gaps) == list(intervals)
    assert list(gaps) == ["cosine", "SAF", "mean, each counted once", "mean, random effects"]
    assert len(gaps["mean, random effects"]) == 0 and gaps["SAF"].tolist() == [1, 2.5, 1]
    assert panels[CONTROL][0]["SAF"].tolist() == [-1, 0.5, 0]
    assert list(across(COSINE).panels()[OVER][0]) == ["cosine"]  # one alone has no mean


def test_the_table_has_levels_beside_what_changes_and_what_shuffled_captions_do():
    table = across(COSINE + SAF + ONE_SEED).table().set_index("architecture")
    assert list(table.index) == ["cosine", "SAF", "SCAN, regions attend", "mean, each counted once"]
    levels = ["seeds", "experts' tau, triplet", "rsum, triplet"]
    assert table.loc["cosine", levels].tolist() == ["3", "44.5", "251.0"]
    assert table.loc["SCAN, regions attend", OVER] == "+6.0 (one seed)"
    tau, rsum = BESIDE
    assert table.loc["SCAN, regions attend", [CONTROL, tau, rsum]].tolist() == [
        "+5.0 (one seed)",
        "+1.0 (one seed)",
        "+0.0 (one seed)",
    ]
    assert table.loc["mean, each counted once", OVER].startswith("+3.6 (")
    text = across(COSINE + SAF + ONE_SEED).block()
    assert text.startswith("Trained so far with 10 times beta") and text.count("\n| ") == 2 + len(table)
    assert across(COSINE).block() == "No architecture but `cosine` is trained with it yet."


def test_what_is_said_counts_architectures_and_calls_few_seeds_no_decision():
    found = across(COSINE + SAF + ONE_SEED)
    text = found.summary()
    assert "seeds in brackets: cosine (3), SAF (3), SCAN, regions attend (1)." in text
    assert "The experts' tau is above the triplet's in 3 of 3, on average by +3.6 (" in text
    assert "It is above the tau with shuffled captions in 2 of 3, by" in text  # SAF's control is better
    assert "rsum changes by -0.1" in text and "lie above -1. It does not." in text
    assert "over architectures, each counted once" in text and text.endswith("so this decides nothing yet.")
    assert found.headline().endswith("experts agree more in 3 of 3 architectures (1 to 3 seeds each)")
    assert "by random effects" in across(COSINE + SAF).summary()


def whole(gains, control=1.0, rsum=250.0):
    """All that the design plans: gains of the experts' tau by architecture, some noise a seed."""
    rng = np.random.default_rng(0)
    arms = ((0, "true", 250), (10, "true", rsum), (10, "shuffled", 249))
    return [
        run(seed, strength, captions, rsum=level + noise[0], expert=44 + gain + noise[1])
        | {"architecture": name}
        for name, own in zip(ARCHITECTURES, gains)
        for (strength, captions, level), gain in zip(arms, (0, own, control))
        for seed in PLANNED_SEEDS
        for noise in [rng.normal(0, 0.1, 2)]
    ]


def test_when_all_is_there_the_hypotheses_are_decided_in_their_order():
    text = across(whole(range(2, 12))).summary()
    assert "10 of 10" in text and "decides nothing" not in text
    assert "**H1 holds.** **H2 holds.** **H3 holds.** Seeds alone explain 0 percent" in text
    even = across(whole([3] * 10)).summary()  # architectures do not differ
    assert float(even.split("Seeds alone explain ")[1].split()[0]) > 50
    assert "**H2 holds.** **H3 is not shown.**" in across(whole([3] * 10, rsum=240)).summary()
    assert "**H2 is not shown.** **H3 does not count.**" in across(whole([3] * 10, control=3)).summary()
    fewer = [one for one in whole([3] * 10) if not (one["captions"] == "shuffled" and one["seed"] > 8)]
    assert "decides nothing yet" in across(fewer).summary()  # of which controls are missing


def test_what_is_planned_is_what_decides():
    assert len(ARCHITECTURES) == PLANNED and len(PLANNED_SEEDS) == SEEDS
