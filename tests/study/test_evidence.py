"""What notebook 08 shows, recomputed from the committed results by other means, and small studies by hand."""

import json
import statistics

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vslnb.evaluation.measures import RSUM
from vslnb.recipes import arm_recipe, recipe
from vslnb.study.evidence import effects, mechanism, page, readings
from vslnb.study.evidence.dose import OVER_SHUFFLED, Dose
from vslnb.study.evidence.further import Further
from vslnb.study.evidence.general import General
from vslnb.study.evidence.known_relevance import KnownRelevance
from vslnb.study.evidence.means import Means
from vslnb.study.evidence.record import record
from vslnb.study.evidence.runs import FIGURES, SHUFFLED, TITLES, TRIPLET, VSL, Study, load_study
from vslnb.study.evidence.strength import Strength
from vslnb.study.power import detectable
from vslnb.study.profiles import load_profile

MODULES = ("saf", "sgr", "cosine")
DIRECTIONS = ("image_to_text", "text_to_image")


def read(name):
    return json.loads((FIGURES / "flickr8k" / f"{name}.json").read_text())


def student(values):
    """Mean and bounds."""
    mean, spread = statistics.mean(values), statistics.stdev(values)
    reach = stats.t.ppf(0.975, len(values) - 1) * spread / len(values) ** 0.5
    return pytest.approx([mean, mean - reach, mean + reach])


@pytest.fixture(scope="module")
def study():
    return load_study()


@pytest.fixture(scope="module")
def runs():
    """Results by module, arm and seed."""
    return {(run["module"], run["arm"], run["seed"]): run for run in read("runs")}


def result(rsum):
    """A results.json whose only measure that matters is rsum."""
    sides = {side: {"R@1": 1.0, "R@5": 2.0, "R@10": 3.0, "median_rank": 4.0} for side in DIRECTIONS}
    return {"test": sides | {"rsum": rsum}, "dev": sides | {"rsum": rsum + 1}}


def small_study(tmp_path, seeds, missing=()):
    """rsum is 100 for the triplet and 102 and more with VSL, the seed added."""
    design = {"dataset": "flickr8k", "modules": list(MODULES), "arms": [TRIPLET, VSL], "seeds": [0, 1, 2]}
    empty, found = Study(design, {}, tmp_path), {}
    for seed in seeds:
        for k, module in enumerate(("saf", "sgr", "cosine", "sgraf")):
            for arm in (TRIPLET, VSL):
                if (module, arm, seed) not in missing:
                    gain = (2 + seed + k) * (arm == VSL)
                    found[empty.hash_of(module, arm, seed)] = result(100.0 + gain)
    return Study(design, found, tmp_path)


def test_a_seed_counts_when_every_module_has_every_arm_and_the_pilot_while_it_is_alone(tmp_path):
    whole = small_study(tmp_path, [0, 1, 2])
    assert (whole.complete, whole.seeds, whole.decided, whole.planned) == ([0, 1, 2], [1, 2], True, 2)
    assert whole.state == "seeds 1 to 2"
    part = small_study(tmp_path, [0, 1, 2], {("sgraf", VSL, 2)})
    assert (part.complete, part.seeds, part.decided, part.state) == ([0, 1], [1], False, "1 of 2 seeds")
    assert small_study(tmp_path, [0]).state == "the pilot, none of 2 seeds"
    with pytest.raises(ValueError, match="make evidence"):
        load_study(tmp_path)


def test_differences_pair_seeds_and_average_modules(tmp_path):
    whole = small_study(tmp_path, [0, 1, 2])
    assert whole.differences("sgr", VSL).tolist() == [4, 5]
    assert whole.differences("mean", VSL).tolist() == [4, 5]  # of gains 3, 4, 5 and 4, 5, 6
    assert whole.differences("paper", VSL, seeds=[0]).tolist() == [2.5]
    assert whole.differences("saf", VSL, split="dev").tolist() == [3, 4]
    assert whole.gain("mean", VSL)[:3] == student([4, 5])
    points, intervals = whole.panel("saf")
    assert list(points) == list(intervals) == ["triplet + VSL"]


def test_independent_modules_may_offset_each_other_by_chance(study):
    spread = np.mean([study.differences(m, VSL).var(ddof=1) for m in MODULES]) / 3
    assert effects.without_offsets(study).var(ddof=1) == pytest.approx(spread)
    assert effects.without_offsets(study).mean() == pytest.approx(study.differences("mean", VSL).mean())


def test_the_settings_of_flickr8k_are_those_that_won_on_dev():
    dev = {run["config_hash"]: run["dev"]["rsum"] for run in read("tuning")}
    for module in ("saf", "cosine"):
        plain, vsl = recipe(f"flickr8k-{module}"), recipe(f"flickr8k-{module}-vsl")
        rates = [plain.with_settings({"training.learning_rate": rate}) for rate in (1e-3, 5e-4, 2e-3)]
        assert plain.hash == max(rates, key=lambda config: dev[config.hash]).hash
        pairs = [{"loss.beta": b, "loss.temperature": tau} for b, tau in ((5, 1e-3), (10, 1e-3), (5, 1e-2))]
        losses = [vsl.with_settings(pair) for pair in pairs]
        assert vsl.hash == max(losses, key=lambda config: dev[config.hash]).hash
    for suffix in ("", "-vsl"):
        sgr, saf = (recipe(f"flickr8k-{module}{suffix}") for module in ("sgr", "saf"))
        assert sgr.loss == saf.loss and sgr.training == saf.training


def test_gains_and_levels_are_those_of_the_runs(study, runs):
    rsum = {key: run["test"]["rsum"] for key, run in runs.items()}
    assert study.seeds == [1, 2, 3, 4, 5] == load_profile("flickr8k")["seeds"][1:]
    groups = {"mean": MODULES, "paper": ("saf", "sgr"), "saf": ("saf",), "sgraf": ("sgraf",)}
    panels, levels = effects.gain_panels(study), effects.level_table(study).set_index(["module", "arm"])
    for group, modules in groups.items():
        for arm, interval in zip(study.arms, panels[TITLES[group]][1].values()):
            each = [
                statistics.mean(rsum[m, arm, s] - rsum[m, TRIPLET, s] for m in modules) for s in study.seeds
            ]
            assert list(interval[:3]) == student(each)
    for arm in study.design["arms"]:
        level = statistics.mean(rsum["sgr", arm, seed] for seed in study.seeds)
        assert levels.loc[("SGR", arm), "rsum"] == pytest.approx(level)
    over_shuffled = [rsum["sgr", VSL, s] - rsum["sgr", SHUFFLED, s] for s in study.seeds]
    assert list(effects.semantics_panels(study)[RSUM][1]["SGR"][:3]) == student(over_shuffled)


def test_the_readings_are_those_of_the_runs(study, runs):
    photos = read("other_photos")
    test = {key: run["test"]["rsum"] for key, run in runs.items()}
    rest = {key: photos[r["config_hash"]]["dev"]["rsum"] for key, r in runs.items() if key[0] != "sgraf"}
    dev = {key: run["dev"]["rsum"] for key, run in runs.items() if key[0] != "sgraf"}
    found = readings.readings(study)
    for label, against in readings.AGAINST.items():

        def by_seed(there, seeds, modules=MODULES, against=against):
            return [statistics.mean(there[m, VSL, s] - there[m, against, s] for m in modules) for s in seeds]

        wanted = {
            "as decided": by_seed(test, range(1, 6)),
            "seeds of the first plan": by_seed(test, range(5)),
            "with the pilot": by_seed(test, range(6)),
            "SAF and SGR alone": by_seed(test, range(1, 6), ("saf", "sgr")),
            "750 photos of dev": by_seed(rest, range(1, 6)),
            "250 photos of dev": by_seed(dev, range(1, 6)),
        }
        for name, values in wanted.items():
            assert list(found[label][name][:3]) == student(values), name
        others = found[label].keys() - wanted.keys()
        assert others == {"modules independent", "test queries resampled"}
        for name in others:
            assert found[label][name].value == pytest.approx(found[label]["as decided"].value, abs=1e-4)
    assert readings.readings_table(found).shape == (8, 4)
    assert set(readings.verdicts(study, found)) == {"as decided", "750 photos of dev", "250 photos of dev"}


def test_other_measures_and_gradients_are_those_of_the_runs(study, runs):
    readers = {
        "R@1": lambda run, side: run["test"][side]["R@1"],
        "NCS@10": lambda run, side: run["measures"]["ncs"]["tfidf, others"][side],
        "secondary matches": lambda run, side: run["measures"]["secondary"][side]["rate"],
        "tau": lambda run, judge: run["measures"]["ratings"][judge],
    }
    panels = effects.other_panels(study)
    assert len(panels) == 8
    for measure, (_, intervals) in panels.items():
        key = measure.direction or measure.judge
        for arm, found in zip(study.arms, intervals.values()):
            each = [
                readers[measure.metric](runs[m, arm, s], key)
                - readers[measure.metric](runs[m, TRIPLET, s], key)
                for m in MODULES
                for s in study.seeds
            ]
            assert found.value == pytest.approx(statistics.mean(each)), (measure, arm)
    for row in mechanism.score_gradients(study).to_dict("records"):
        for name in ("pull", "agreement", "top"):
            epochs = [runs[row["module"].lower(), row["arm"], s]["mechanism"][name] for s in study.seeds]
            assert row[name] == pytest.approx(
                statistics.mean(v for one in epochs for v in one if v is not None)
            )


def test_gradients_at_the_weights_are_those_that_were_measured(study):
    measured, found = read("influence"), mechanism.WeightGradients(study)
    table = found.table().set_index(["module", "arm"])

    def of(module, arm, what):
        return [measured[arm_recipe("flickr8k", module, arm, s).hash][what] for s in study.seeds]

    for module in MODULES:
        row = table.loc[(TITLES[module], VSL)]
        assert row["percent of the triplet's"] == pytest.approx(
            100 * statistics.mean(of(module, VSL, "ratio"))
        )
        after, before = (statistics.mean(of(module, arm, "visual")) for arm in (VSL, TRIPLET))
        assert found.to_json()["fall"][module] == pytest.approx(100 * (before - after) / before)
    level, with_vsl = (
        statistics.mean(value for m in MODULES for value in of(m, arm, "order")) for arm in (TRIPLET, VSL)
    )
    assert found.correlation_panel("mean")[1]["triplet + VSL"].value == pytest.approx(with_vsl - level)
    with pytest.raises(ValueError, match="make influence"):
        mechanism.WeightGradients(study, {})


def test_questions_beyond_the_design_stand_beside_their_own_triplet(study, runs):
    further = Further(study)

    def rsums(question, module, arm, split="test"):
        key = (question, module, arm)
        found = [r for r in further.runs if (r["question"], r["module"], r["arm"]) == key]
        return [r[split]["rsum"] for r in sorted(found, key=lambda r: r["seed"])]

    for split in ("test", "dev"):
        for against in (TRIPLET, SHUFFLED):
            saf, cosine = (
                [b - a for a, b in zip(*(rsums("full width", m, arm, split) for arm in (against, VSL)))]
                for m in ("saf", "cosine")
            )
            found = further.changes("full width", VSL, against, split=split)
            mean = [(a + b) / 2 for a, b in zip(saf, cosine)]
            for name, values in {"SAF": saf, "cosine": cosine, "mean": mean}.items():
                assert list(found[name][:3]) == student(values)
    # tfidf leaves the triplet as it is: the design's serves.
    changes = [
        b - runs["saf", TRIPLET, s]["test"]["rsum"] for s, b in zip((1, 2, 3), rsums("tfidf", "saf", VSL))
    ]
    assert list(further.changes("tfidf", VSL)["SAF"][:3]) == student(changes)
    control = {m: rsums("descending, shuffled captions", m, SHUFFLED) for m in MODULES}
    gains = [
        statistics.mean(runs[m, "vsl-descending", s]["test"]["rsum"] - control[m][s - 1] for m in MODULES)
        for s in (1, 2, 3)
    ]
    assert list(further.descending_over_control()[:3]) == student(gains)
    # The learning rate at full width is the better of two for the triplet of seed 1 on dev.
    both = [rsums(q, "saf", TRIPLET, "dev")[0] for q in ("full width", "full width, rate 0.0003")]
    assert both[0] > both[1]
    nothing = Further(study, [])
    assert nothing.table().empty and nothing.changes("full width", VSL) == {}
    assert nothing.descending_over_control() is None


def test_the_dose_by_hand():
    def run(strength, seed, arm, secondary):
        counts = {"secondary": secondary, "wrong": 50}
        return {
            "strength": strength,
            "seed": seed,
            "arm": arm,
            "test": {"text_to_image": {"R@1": 50.0}},
            "measures": {"secondary": {"text_to_image": counts}},
        }

    # Mistakes of a hundred captions: the triplet's grow by 4 a unit of strength, VSL's by 1 and 3.
    listed = [run(x, s, TRIPLET, 4 * x) for x in (0, 1, 2) for s in (0, 1)]
    listed += [run(x, s, VSL, x * (1 + 2 * s)) for x in (0, 1, 2) for s in (0, 1)]
    listed += [run(x, s, SHUFFLED, 4 * x) for x in (0, 1, 2) for s in (0, 1)]
    dose = Dose(listed)
    assert dose.seeds == 2 and dose.growth.value == pytest.approx(4)
    assert dose.slopes()[OVER_SHUFFLED].value == pytest.approx(-2)
    assert dose.table().loc[("2", VSL), "value"] == pytest.approx(-4)
    assert dose.table().loc[("slope", VSL), "value"] == pytest.approx(-2)
    assert not Dose([])


def test_the_committed_dose_has_five_seeds():
    dose = Dose()
    assert dose.seeds == 5 and set(dose.differences()) == {
        "vsl-paper",
        "vsl-descending",
        "vsl-shuffled",
        OVER_SHUFFLED,
    }


def test_the_page_has_every_table_and_its_figures(study):
    found = readings.readings(study)
    gains, weights = effects.gain_table(study), mechanism.WeightGradients(study)
    stronger = Strength(), KnownRelevance(), Means(), General()
    text = page.write_page(study, gains, found, weights, Further(study), Dose(), *stronger)
    assert text == (FIGURES / "flickr8k" / "08_page.md").read_text()
    assert "nan" not in text and text.count("\n| --- |") == 17
    levels = pd.DataFrame(read("08_does_it_work")["levels"], index=["rsum"]).T
    assert len(levels) == 20 and all(f"| {value:.1f} |" in text for value in levels["rsum"])


def test_what_a_design_can_detect_is_in_its_table(study):
    table = effects.power_table(study)
    assert table.loc["SAF", VSL] == pytest.approx(detectable(study.differences("saf", VSL)))


def leaves(content, path=()):
    """Every number and text of nested JSON by its path."""
    if not isinstance(content, dict | list):
        return {path: content}
    items = content.items() if isinstance(content, dict) else enumerate(content)
    return {key: leaf for name, part in items for key, leaf in leaves(part, (*path, name)).items()}


def test_the_record_is_the_committed_one(study):
    found, weights = readings.readings(study), mechanism.WeightGradients(study)
    ours = leaves(json.loads(json.dumps(record(study, found, weights, Dose()))))
    assert ours == pytest.approx(leaves(read("08_does_it_work")), abs=1e-9)


def test_the_answer_has_what_decides_its_control_and_every_module(study, runs):
    main, modules = effects.answer_panels(study).values()
    rows = [
        study.differences("mean", a, against=b)
        for a, b in ((VSL, TRIPLET), (VSL, SHUFFLED), (SHUFFLED, TRIPLET))
    ]
    assert [values.tolist() for values in main[0].values()] == [values.tolist() for values in rows]
    each = [
        runs["sgr", VSL, s]["test"]["rsum"] - runs["sgr", TRIPLET, s]["test"]["rsum"] for s in study.seeds
    ]
    assert list(modules[1]["SGR"][:3]) == student(each) and list(modules[0]) == [
        TITLES[m] for m in ("saf", "sgr", "sgraf", "cosine")
    ]
