"""The frame: lists that must agree, and a README without a number of its own."""

import ast
import itertools
import json
import re
import statistics
import tomllib
from pathlib import Path

import pytest
import yaml
from scipy import stats

from vslnb.evaluation.intervals import detectable
from vslnb.recipes import arm_recipe, recipe
from vslnb.study import published

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()
WAYS = ("image_to_text", "text_to_image")


def normal(name):
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", name)[0]).lower()


def test_the_conda_environment_is_this_package_with_all_its_extras():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    (package,) = [line for line in pip if line.startswith("-e")]
    assert package.startswith("-e .[") and "-c constraints.txt" in pip
    assert set(re.findall(r"\w+", package.partition("[")[2])) == set(PROJECT["optional-dependencies"])
    (python,) = [entry for entry in listed if str(entry).startswith("python=")]
    lowest = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    assert tuple(map(int, python.removeprefix("python=").split("."))) >= lowest


def test_every_dependency_has_an_exact_version_within_the_open_range():
    lines = [
        line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+_-]+", line) for line in lines)
    pinned = {normal(line) for line in lines}
    wanted = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    assert {normal(name) for name in wanted} <= pinned
    assert all(">=" in name and "<" not in name and "==" not in name for name in wanted)


def test_every_dependency_has_a_reason():
    rows = (ROOT / "CONTRIBUTING.md").read_text().partition("| package |")[2].splitlines()[2:]
    listed = {normal(name) for row in rows for name in row.split("|")[1].strip().split(", ")}
    wanted = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    assert listed == {normal(name) for name in wanted}


def table(profile):
    """The README's table of a profile, from its runs.json: triplet and VSL as printed, mean over seeds."""
    lines, groups = [], {}
    for run in json.loads((ROOT / "figures" / profile / "runs.json").read_text()):
        if run["arm"] in ("triplet", "vsl-paper") and run["seed"] in counted(profile):
            groups.setdefault((run["module"], run["arm"]), []).append(run["test"])
    for module in ("saf", "sgr", "sgraf", "cosine"):
        for arm, mark in (("triplet", ""), ("vsl-paper", " + VSL")):
            tests = groups[module, arm]
            values = [[t[w][f"R@{k}"] for t in tests] for w in WAYS for k in (1, 5, 10)]
            cells = [f"{sum(v) / len(v):.1f}" for v in (*values, [t["rsum"] for t in tests])]
            name = {"saf": "SAF", "sgr": "SGR", "sgraf": "SGRAF"}.get(module, module) + mark
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def counted(profile):
    """The seeds of which every module has every arm; on Flickr8k not the pilot, once there are others."""
    runs = json.loads((ROOT / "figures" / profile / "runs.json").read_text())
    design = yaml.safe_load((ROOT / "notebooks" / "profiles" / f"{profile}.yaml").read_text())
    there = {(run["module"], run["arm"], run["seed"]) for run in runs}
    wanted = [(m, a) for m in (*design["modules"], "sgraf") for a in design["arms"]]
    whole = [seed for seed in design["seeds"] if all((*pair, seed) in there for pair in wanted)]
    return [seed for seed in whole if seed] or whole


@pytest.mark.parametrize("profile", ["demo", "flickr8k"])
def test_the_tables_of_the_readme_are_those_of_the_runs(profile):
    found = README.partition(f"<!-- {profile} -->")[2].partition("<!-- end -->")[0].strip().splitlines()
    assert found[2:] == table(profile)
    assert len({line.count("|") for line in found}) == 1


def bench_table():
    """The README's table of speed, from figures/bench.json."""
    lines = []
    bench = json.loads((ROOT / "figures" / "bench.json").read_text())
    for module in ("saf", "sgr"):
        for what, rows in bench[module].items():
            for kind in ("float32", "bfloat16"):
                ours, loop = rows[kind], rows["reference"]
                digits = 0 if what == "pairs a second" else 2
                values = " | ".join(f"{row['median']:,.{digits}f}" for row in (loop, ours))
                memory = f"{loop['peak_mib']:,.0f} | {ours['peak_mib']:,.0f}"
                lines.append(
                    f"| {module.upper()}, {what}, {kind} | {values} | {ours['ratio']:.1f} x | {memory} |"
                )
    return lines


def test_the_speed_of_the_readme_is_measured():
    found = README.partition("<!-- bench -->")[2].partition("<!-- end -->")[0].strip().splitlines()
    assert found[2:] == bench_table()
    shortlist = json.loads((ROOT / "figures" / "bench_shortlist.json").read_text())
    rows = [row for rows in shortlist["runs"].values() for row in rows if row["times fewer"] == 20]
    precision = json.loads((ROOT / "figures" / "bench_precision.json").read_text())["runs"]
    (most,) = re.findall(r"moved a recall by at most ([\d.]+) points", README)
    assert max(abs(change) for run in precision.values() for change in run.values()) == float(most)
    assert len(rows) == 4
    kept = [sorted(row[f"top-{k} kept"] for row in rows) for k in (1, 10)]
    assert f"in {kept[0][0]:g} to {kept[0][-1]:g} percent of queries" in README
    assert f"and {kept[1][0]:.1f} to {kept[1][-1]:.1f} percent of the best ten" in README
    slower = [name for name, rows in shortlist["runs"].items() for row in rows if row["times fewer"] == 20
              and row["ms a query, exact"] < row["ms a query"]]  # fmt: skip
    assert slower == ["saf-triplet-s0"] * 2


def test_what_the_readme_says_of_a_gpu_is_measured():
    bench, modules = json.loads((ROOT / "figures" / "bench_accelerator.json").read_text()), ("saf", "sgr")
    steps = [bench[f"step, {module}, batch 128"] for module in modules]
    ms = {kind: [f"{1000 * row[kind]['median']:.0f}" for row in steps] for kind in ("float32", "TF32")}
    gib = [f"{row['float32']['peak_mib'] / 1024:.1f} GiB" for row in steps]
    (said,) = re.findall(r"On a GPU .+", README)
    assert bench["gpu"] in said
    assert f"take {ms['float32'][0]} ms and {gib[0]} above the model's (SAF)" in said
    assert (
        f"{ms['float32'][1]} ms and {gib[1]} (SGR) at float32, {' and '.join(ms['TF32'])} ms in TF32" in said
    )
    faster = " and ".join(f"{bench[f'step, {m}, batch 32']['float32']['ratio']:.0f}" for m in modules)
    apart = {kind: max(bench[f"agreement, {m}"][kind] for m in modules) for kind in ms}
    assert f"{faster} times as fast" in said
    assert f"by at most {apart['float32']:.0e}, TF32's by {apart['TF32']:.0e}" in said
    asked = ("full width", "saf", "triplet", 1)
    (run,) = [run for run in further() if (run["question"], run["module"], run["arm"], run["seed"]) == asked]
    assert f"full width took {run['seconds']:.0f} s" in said and run["gpu"] == bench["gpu"]


def test_the_hours_of_the_readme_are_measured():
    large = json.loads((ROOT / "figures" / "bench_large.json").read_text())
    exact = {key: large[key] for key in large if key.startswith("exact")}
    hours = [
        exact[f"exact, {m}, {p}"]["hours for the whole"]
        for p in ("float32", "bfloat16")
        for m in ("saf", "sgr")
    ]
    told = re.findall(
        r"take ([\d.]+) hours \(SAF\) and ([\d.]+) \(SGR\) at float32, ([\d.]+) and ([\d.]+) at", README
    )
    assert [f"{value:.1f}" for value in hours] == list(told[0])
    (memory,) = re.findall(r"in ([\d.]+) GiB above the interpreter", README)
    assert f"{max(row['MiB above the interpreter'] for row in exact.values()) / 1024:.1f}" == memory
    assert all(row["share of the matrix"] >= 0.02 for row in exact.values())
    ((hours, memory),) = re.findall(r"the whole took ([\d.]+) hours and ([\d.]+) GiB", README)
    row = large["by shortlist, saf, bfloat16"]
    assert f"{row['hours']:.1f}" == hours and f"{row['MiB above the interpreter'] / 1024:.1f}" == memory


def test_the_notebook_map_has_the_measured_times():
    rows = json.loads((ROOT / "figures" / "demo" / "reproduce.json").read_text())
    for row in rows:
        (line,) = [line for line in README.splitlines() if line.startswith(f"| [{row['notebook']}](")]
        assert line.rstrip(" |").endswith(f"{row['seconds']:.0f} s"), line
    assert {p.stem for p in (ROOT / "notebooks").glob("*.ipynb")} == {row["notebook"] for row in rows}


def evidence():
    return json.loads((ROOT / "figures" / "flickr8k" / "08_does_it_work.json").read_text())


def runs_of_flickr8k():
    """Its results by module, arm and seed."""
    listed = json.loads((ROOT / "figures" / "flickr8k" / "runs.json").read_text())
    return {(run["module"], run["arm"], run["seed"]): run for run in listed}


def student(values):
    """Mean and bounds."""
    mean, spread = statistics.mean(values), statistics.stdev(values)
    reach = stats.t.ppf(0.975, len(values) - 1) * spread / len(values) ** 0.5
    return [mean, mean - reach, mean + reach]


def test_the_settings_of_flickr8k_are_those_that_won_on_dev():
    tuned = json.loads((ROOT / "figures" / "flickr8k" / "tuning.json").read_text())
    dev = {run["config_hash"]: run["dev"]["rsum"] for run in tuned}
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


def test_the_gains_on_flickr8k_are_those_of_its_runs():
    rsum = {key: run["test"]["rsum"] for key, run in runs_of_flickr8k().items()}
    found, seeds = evidence(), counted("flickr8k")
    assert found["seeds"] == seeds
    names = {"SAF": "saf", "SGR": "sgr", "SGRAF": "sgraf", "cosine": "cosine"}
    for name, gains in found["gains"].items():
        modules = [names[name]] if name in names else [names[m] for m in name[8:].split(", ")]
        for arm, gain in gains.items():
            each = [[rsum[m, arm, s] - rsum[m, "triplet", s] for m in modules] for s in seeds]
            values = [statistics.mean(differences) for differences in each]
            assert gain["seeds"] == pytest.approx(values) and gain["value"] == pytest.approx(
                statistics.mean(values)
            )
            if len(values) > 1:
                assert [gain["value"], gain["low"], gain["high"]] == pytest.approx(student(values))
    for name, module in names.items():
        for arm in ("triplet", "vsl-paper", "vsl-shuffled"):
            level = statistics.mean(rsum[module, arm, seed] for seed in seeds)
            assert found["levels"][f"{name} {arm}"] == pytest.approx(level)
        each = [rsum[module, "vsl-paper", s] - rsum[module, "vsl-shuffled", s] for s in seeds]
        assert found["over shuffled"]["rsum"][name]["value"] == pytest.approx(statistics.mean(each))


def test_the_verdict_is_read_in_other_ways_as_its_runs_are():
    runs = runs_of_flickr8k()
    elsewhere = json.loads((ROOT / "figures" / "flickr8k" / "other_photos.json").read_text())
    test = {key: run["test"]["rsum"] for key, run in runs.items()}
    rest = {key: elsewhere[r["config_hash"]]["dev"]["rsum"] for key, r in runs.items() if key[0] != "sgraf"}
    chose = {key: run["dev"]["rsum"] for key, run in runs.items() if key[0] != "sgraf"}
    for name, against in (("over the triplet", "triplet"), ("over false captions", "vsl-shuffled")):

        def by_seed(there, seeds, modules=("saf", "sgr", "cosine"), against=against):
            each = [[there[m, "vsl-paper", s] - there[m, against, s] for m in modules] for s in seeds]
            return [statistics.mean(differences) for differences in each]

        wanted = {
            "as decided": by_seed(test, range(1, 6)),
            "seeds of the first plan": by_seed(test, range(5)),
            "with the pilot": by_seed(test, range(6)),
            "SAF and SGR alone": by_seed(test, range(1, 6), ("saf", "sgr")),
            "750 photos of dev": by_seed(rest, range(1, 6)),
            "250 photos of dev": by_seed(chose, range(1, 6)),
        }
        told = evidence()["readings"][name]
        for direction, values in wanted.items():
            assert [told[direction][key] for key in ("value", "low", "high")] == pytest.approx(
                student(values)
            ), direction
        assert told.keys() - wanted.keys() == {"modules independent", "test queries resampled"}
        for direction in told.keys() - wanted.keys():
            assert told[direction]["value"] == pytest.approx(told["as decided"]["value"])


def test_the_other_measures_and_the_mechanism_are_those_of_the_runs():
    there, seeds, found = runs_of_flickr8k(), counted("flickr8k"), evidence()
    readers = {"R@1": lambda r, direction: r["test"][direction]["R@1"],
               "NCS@10": lambda r, direction: r["measures"]["ncs"]["tfidf, others"][direction],
               "secondary": lambda r, direction: r["measures"]["secondary"][direction]["rate"],
               "tau expert": lambda r, direction: r["measures"]["ratings"]["expert"],
               "tau crowd": lambda r, direction: r["measures"]["ratings"]["crowd"]}  # fmt: skip
    assert len(found["other measures"]) == 8
    for measure, arms in found["other measures"].items():
        direction = "image_to_text" if measure.endswith("image to text") else "text_to_image"
        (read,) = (reader for start, reader in readers.items() if measure.startswith(start))
        for arm, told in arms.items():
            each = [read(there[m, arm, s], direction) - read(there[m, "triplet", s], direction)
                    for m in ("saf", "sgr", "cosine") for s in seeds]  # fmt: skip
            assert told["value"] == pytest.approx(statistics.mean(each)), (measure, arm)
    for row in found["at the scores"]:
        for what in ("pull", "agreement", "top"):
            epochs = [there[row["module"].lower(), row["arm"], s]["mechanism"][what] for s in seeds]
            told = statistics.mean(v for one in epochs for v in one if v is not None)
            assert row[what] == pytest.approx(told), row


def test_what_reached_the_weights_is_what_was_measured_there():
    measured = json.loads((ROOT / "figures" / "flickr8k" / "influence.json").read_text())
    found, modules = evidence()["at the weights"], ("saf", "sgr", "cosine")

    def of(module, arm, what):
        return [measured[arm_recipe("flickr8k", module, arm, s).hash][what] for s in found["seeds"]]

    def order(arm):
        return statistics.mean(value for m in modules for value in of(m, arm, "order"))

    for module in modules:
        told = found["percent"][module]
        assert told == pytest.approx(100 * statistics.mean(of(module, "vsl-paper", "ratio")))
        after, before = (statistics.mean(of(module, arm, "visual")) for arm in ("vsl-paper", "triplet"))
        assert found["fall"][module] == pytest.approx(100 * (before - after) / before)
    for arm, told in found["order"].items():
        assert told["value"] == pytest.approx(order(arm) - order("triplet"))


def test_the_regime_of_the_readme_is_that_of_the_recipes():
    ((batch, low, high),) = re.findall(
        r"batch (\d+), mean of the violating negatives, (\d+) to (\d+) epochs", README
    )
    plans = [recipe(f"flickr8k-{module}") for module in ("saf", "sgr", "cosine")]
    epochs = sorted(plan.training.epochs for plan in plans)
    assert {plan.training.batch_size for plan in plans} == {int(batch)}
    assert (epochs[0], epochs[-1]) == (int(low), int(high))
    assert all(plan.loss.violating_epochs == plan.training.epochs for plan in plans)


def test_what_the_readme_found_is_what_the_evidence_says():
    told = README.partition("<!-- findings -->")[2].partition("<!-- end -->")[0].strip().splitlines()
    assert told == [f"{k}. {text}" for k, text in enumerate(evidence()["sentences"], 1)]
    page = (ROOT / "figures" / "flickr8k" / "08_page.md").read_text()
    assert all(line in page for line in told)
    ((first, last),) = re.findall(r"seeds (\d) to (\d) decide\.", README)
    decide = list(range(int(first), int(last) + 1))
    design = yaml.safe_load((ROOT / "notebooks" / "profiles" / "flickr8k.yaml").read_text())
    assert [0, *decide] == design["seeds"] and decide == evidence()["seeds"]
    assert f"mean over seeds {first} to {last}:" in README


def test_the_short_answer_is_that_of_the_numbers():
    said = README.partition("**In short:** ")[2].partition("\n")[0]
    readings, over_false = evidence()["readings"].values()
    levels = evidence()["levels"]
    decides = readings["as decided"]
    triplet = statistics.mean(levels[f"{module} triplet"] for module in ("SAF", "SGR", "cosine"))
    assert "a gain, through semantics, both intervals barely above zero: half a percent of rsum" in said
    assert 0.45 < 100 * decides["value"] / triplet < 0.55 and 0 < decides["low"] < 0.25
    assert 0 < over_false["as decided"]["low"] < 0.35
    shares = [
        [100 * gain / sum(table[f"{m}*"]) for m, gain in published.published_gains(table).items()]
        for table in (published.COCO_1K, published.TABLE_II)
    ]
    low, high, *others = [f"{end(share):.1f}" for share in shares for end in (min, max)]
    assert f"{low} to {high} percent on MSCOCO 1K, {others[0]} to {others[1]} on Flickr30K" in said
    others = [[*found.values()][1:] for found in (readings, over_false)]
    clear = [sum(other["low"] > 0 for other in each) for each in others]
    positive = sum(other["value"] > 0 for other in others[0])
    assert len(others[0]) == len(others[1]) == 7 and (clear, positive) == ([0, 3], 6)
    assert "Of seven other readings of the same runs none shows the gain, though six are positive" in said
    assert "and three show that over false captions" in said
    gains, beyond = (
        [f"{found[f'{n} photos of dev']['value']:+.1f}" for n in (750, 250)]
        for found in (readings, over_false)
    )
    assert (
        f"Dev has {gains[0]} and, over false captions, {beyond[0]} on the 750 photos that chose no epoch, "
        f"{gains[1]} and {beyond[1]} on the 250 that did" in said
    )
    people = {key: run["measures"]["ratings"] for key, run in runs_of_flickr8k().items()}
    for m, s in itertools.product(("saf", "sgr", "sgraf", "cosine"), range(6)):
        assert people[m, "vsl-paper", s]["expert"] > people[m, "triplet", s]["expert"]
    measures = {name: arms["vsl-paper"] for name, arms in evidence()["other measures"].items()}
    assert measures["tau crowd"]["low"] < 0 and measures["tau crowd"]["value"] < 0.1
    assert all(
        measures[f"secondary matches {direction}"]["high"] > 0
        for direction in ("image to text", "text to image")
    )


def test_what_the_hardest_negatives_did_is_in_its_json():
    found = {}
    for run in further():
        if run["question"] == "hardest at once":
            found.setdefault((run["module"], run["arm"]), []).append(run["test"]["rsum"])
    told = re.findall(
        r"test rsum is SAF (.+); cosine (.+) with the triplet / with VSL / with VSL on false", README
    )
    for module, numbers in zip(("saf", "cosine"), *told, strict=True):
        each = [found[module, arm] for arm in ("triplet", "vsl-paper", "vsl-shuffled")]
        assert numbers.split(" / ") == [f"{statistics.mean(values):.1f}" for values in each]
        assert {len(values) for values in each} == {3}
    ends = [
        f"{statistics.mean(found['cosine', arm]):.0f}" for arm in ("triplet", "vsl-paper", "vsl-shuffled")
    ]
    assert f"VSL takes its rsum from {ends[0]} to {ends[1]}, on false captions to {ends[2]}" in README


def further():
    return json.loads((ROOT / "figures" / "flickr8k" / "further.json").read_text())


def rsums(question, module, arm, split="test"):
    """By seed."""
    asked = (question, module, arm)
    return {r["seed"]: r[split]["rsum"] for r in further() if (r["question"], r["module"], r["arm"]) == asked}


def changed(question, module, arm="vsl-paper", against="triplet", split="test"):
    """What an arm changes over another, by seed; the triplet is the design's where a question has none of its own."""
    before, after = (rsums(question, module, name, split) for name in (against, arm))
    if not before and against == "triplet":
        designed = runs_of_flickr8k()
        before = {seed: designed[module, "triplet", seed][split]["rsum"] for seed in after}
    assert sorted(before) == sorted(after) == [1, 2, 3]
    return [after[seed] - before[seed] for seed in (1, 2, 3)]


def changed_mean(question, arm="vsl-paper", against="triplet"):
    """Mean of SAF and cosine, with its bounds."""
    both = [changed(question, module, arm, against) for module in ("saf", "cosine")]
    return student([statistics.mean(pair) for pair in zip(*both, strict=True)])


def test_what_the_readme_says_of_full_width_is_in_its_json():
    saf, cosine = (
        [
            f"{statistics.mean(rsums('full width', module, arm).values()):.1f}"
            for arm in ("triplet", "vsl-paper")
        ]
        for module in ("saf", "cosine")
    )
    levels = (
        f"SAF {saf[0]} with the triplet alone and {saf[1]} with VSL, cosine {' and '.join(cosine)} (3 above"
    )
    assert f"three seeds: {levels}" in README
    narrow, wide = (rsums(question, "saf", "triplet") for question in ("hardest late", "full width"))
    lifted = [f"{statistics.mean(found[seed] for seed in (1, 2)):.1f}" for found in (narrow, wide)]
    assert f"its triplet has {lifted[0]}, against {lifted[1]} (seeds 1 and 2)" in README
    other = rsums("full width, rate 0.0003", "saf", "triplet", "dev")
    assert other[1] < rsums("full width", "saf", "triplet", "dev")[1]  # the better of two rates


def test_what_vsl_gains_at_full_width_is_in_its_json():
    test, test_over, dev, dev_over = (
        student(changed("full width", "saf", against=against, split=split))
        for split in ("test", "dev")
        for against in ("triplet", "vsl-shuffled")
    )
    each = ["{:.1f} ({:+.1f} to {:+.1f})".format(*found) for found in (test, test_over, dev, dev_over)]
    said = f"SAF gains {each[0]} on test, {each[1]} over false captions; on the 250 photos of dev {each[2]} and {each[3]}."
    assert said in README and test[1] > 0 and test_over[1] > 0
    assert student(changed("full width", "cosine"))[1] < 0
    assert changed_mean("full width", against="vsl-shuffled")[1] < 0


def test_descending_ranks_stand_beside_their_own_control():
    runs = runs_of_flickr8k()
    control = {
        (run["module"], run["seed"]): run["test"]["rsum"]
        for run in further()
        if run["question"] == "descending, false captions"
    }
    seeds = sorted({seed for _, seed in control})
    gains = [
        statistics.mean(
            runs[m, "vsl-descending", s]["test"]["rsum"] - control[m, s] for m in ("saf", "sgr", "cosine")
        )
        for s in seeds
    ]
    mean, low, high = student(gains)
    told = (
        f"are {mean:+.1f} ({low:+.1f} to {high:+.1f}) above the same on false captions ({len(seeds)} seeds;"
    )
    assert told in README and len(control) == 3 * len(seeds)
    assert "VSL works here, and true and false captions cannot be told apart; the best of three" in README
    assert low < 0 < high and evidence()["gains"]["mean of SAF, SGR, cosine"]["vsl-descending"]["low"] > 0


def test_what_the_readme_says_of_tfidf_and_slack_is_in_its_json():
    asked = [("tfidf", "vsl-paper", "triplet"), ("tfidf", "vsl-released", "triplet")]
    asked += [("slack", "slack", "triplet"), ("slack", "slack", "slack-shuffled")]
    paper, released, slack, over_false = (
        "mean {:+.1f} ({:+.1f} to {:+.1f})".format(*changed_mean(*one)) for one in asked
    )
    assert f"(tfidf, 3 seeds): with the ranks of Eq. 4 {paper}, with its own {released}" in README
    assert f"(slack, 3 seeds): {slack}; over false captions {over_false}." in README


def test_what_the_ablations_on_flickr8k_say_is_in_their_runs():
    said = README.partition("Of the paper's ablations, on Flickr8k")[2].partition("\n")[0]
    found = json.loads((ROOT / "figures" / "flickr8k" / "04_ablations.json").read_text())
    runs = json.loads((ROOT / "figures" / "flickr8k" / "04_runs.json").read_text())
    rsum = {run["name"]: run["test"]["rsum"] for run in runs}
    assert found["modules"] == ["cosine"] * 3 and found["seeds"] == [1, 2, 3]

    def each(settings):
        return [rsum[f"cosine-{settings}-s{seed}"] for seed in (1, 2, 3)]

    def over_triplet(settings, size=""):
        before = each(f"triplet{size}")
        return student([b - a for a, b in zip(before, each(settings + size), strict=True)])

    sizes = {
        32: ("vsl-paper-beta=5", "-batch_size=32"),
        64: ("vsl-paper",),
        128: ("vsl-paper-beta=20", "-batch_size=128"),
    }
    gains = {size: over_triplet(*names) for size, names in sizes.items()}
    told = ["{:+.1f} ({:+.1f} to {:+.1f}) at ".format(*found) + str(size) for size, found in gains.items()]
    assert (
        f"by {told[0].replace('at ', 'at batch ')}, {told[1]} and {told[2]}, in the order of Table III"
        in said
    )
    table = published.TABLE_III
    claimed = [sum(table["SGR+VSL", size]) - sum(table["SGR*", size]) for size in sizes]
    assert claimed == sorted(claimed) and [*gains.values()] == sorted(gains.values())
    betas = [
        statistics.mean(each(f"vsl-paper{b}")) for b in ("-beta=3", "-beta=5", "-beta=7.5", "", "-beta=12.5")
    ]
    assert (
        f"between {min(betas):.1f} and {max(betas):.1f}, no VSL at {statistics.mean(each('triplet')):.1f}"
        in said
    )
    assert f"a loss for the text side at {statistics.mean(each('vsl-paper-beta_text=10')):.1f}." in said
    left = {name: one for name, one in found["left out"].items() if "alone" not in name}
    assert f"of {len(left)} differences from the triplet none" in said
    assert all(one["low"] < 0 < one["high"] for one in left.values())
    assert left["tau 0.1"]["value"] == pytest.approx(over_triplet("vsl-paper-temperature=0.1")[0])
    assert f"VSL without the triplet ends at {statistics.mean(each('vsl-paper-alpha=0')):.1f}." in said


def test_what_the_dose_showed_is_in_its_json():
    dosed = json.loads((ROOT / "figures" / "world" / "dose.json").read_text())

    def mistakes(run):
        found, right = run["measures"]["secondary"]["text_to_image"], run["test"]["text_to_image"]["R@1"]
        return found["secondary"] / found["wrong"] * (100 - right)

    by_cell = {(run["strength"], run["arm"], run["seed"]): mistakes(run) for run in dosed}
    strengths, seeds = sorted({key[0] for key in by_cell}), sorted({key[2] for key in by_cell})
    levels = [statistics.mean(by_cell[s, "triplet", seed] for seed in seeds) for s in (0.0, 2.0)]
    ((low, high),) = re.findall(r"of SAF grow from ([\d.]+) to ([\d.]+) of a hundred captions", README)
    assert [f"{level:.1f}" for level in levels] == [low, high] and len(seeds) == 5

    def slope(table, seed):
        return statistics.linear_regression(strengths, [table[s, seed] for s in strengths]).slope

    (growth,) = re.findall(r"that growth, ([\d.]+) a unit of strength with the triplet alone", README)
    triplet = {(s, seed): by_cell[s, "triplet", seed] for s in strengths for seed in seeds}
    alone = statistics.mean(slope(triplet, seed) for seed in seeds)
    assert f"{alone:.1f}" == growth
    told = re.findall(r"by (\S+) \((\S+) to (\S+)\)", README.split("bundled world, where")[1].split("\n")[0])
    rows = {arm: (arm, "triplet") for arm in ("vsl-paper", "vsl-descending", "vsl-shuffled")}
    rows["vsl-paper over vsl-shuffled"] = "vsl-paper", "vsl-shuffled"
    for (name, (arm, against)), numbers in zip(rows.items(), told, strict=True):
        gaps = {
            (s, seed): by_cell[s, arm, seed] - by_cell[s, against, seed] for s in strengths for seed in seeds
        }
        slopes = [slope(gaps, seed) for seed in seeds]
        assert [f"{x:+.1f}" for x in student(slopes)] == list(numbers)
        assert evidence()["dose"][f"slope {name}"]["value"] == pytest.approx(statistics.mean(slopes))


def test_the_hours_of_flickr8k_are_those_of_its_runs():
    runs = json.loads((ROOT / "figures" / "flickr8k" / "runs.json").read_text())
    ((hours,),) = [re.findall(r"about ([\d.]+) hours of training a seed on two cores", README)]
    seconds = [run.get("seconds", 0) for run in runs if run["seed"] in counted("flickr8k")]
    assert abs(float(hours) - sum(seconds) / 7200 / len(counted("flickr8k"))) < 0.2


def test_what_the_world_showed_is_in_its_json():
    gains = json.loads((ROOT / "figures" / "world" / "03_training.json").read_text())["gains"]["rsum"]
    ((total, count, value, low, high),) = re.findall(
        r"of (\d+) gains .* rsum, (\d+) has a 95 % interval without zero "
        r"\(cosine with descending ranks, \+([\d.]+), ([\d.]+) to ([\d.]+)\)",
        README,
    )
    told = {name: gain for name, gain in gains.items() if gain["low"] > 0 or gain["high"] < 0}
    assert (len(gains), list(told)) == (int(total), ["cosine, vsl-descending"]) and len(told) == int(count)
    found = told["cosine, vsl-descending"]
    assert [f"{found[key]:.1f}" for key in ("value", "low", "high")] == [value, low, high]
    assert all(len(gain["seeds"]) == 3 for gain in gains.values())
    told = re.findall(r"true gains of (\d+) to (\d+) points for SAF and SGR, of (\d+) to (\d+) for", README)
    for (low, high), modules in zip((told[0][:2], told[0][2:]), (("SAF", "SGR"), ("SGRAF", "cosine"))):
        found = [detectable(gain["seeds"]) for name, gain in gains.items() if name.split(",")[0] in modules]
        assert [round(min(found)), round(max(found))] == [int(low), int(high)]
    rows = json.loads((ROOT / "figures" / "world" / "reproduce.json").read_text())
    (minutes,) = re.findall(r"`vslnb reproduce world`, (\d+) minutes", README)
    assert abs(sum(row["seconds"] for row in rows) / 60 - int(minutes)) < 1


@pytest.mark.parametrize("module", ["saf", "sgr"])
@pytest.mark.parametrize("direction", ["image_to_text", "text_to_image"])
def test_the_world_is_neither_easy_nor_hopeless_and_has_the_problem_of_the_paper(module, direction):
    numbers = json.loads((ROOT / "figures" / "demo" / "00_the_claim.json").read_text())
    assert 35 <= numbers["recall"][module][direction]["R@1"] <= 75
    assert numbers["secondary"][module][direction]["rate"] >= 20


def test_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def code_of(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    return ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))


def test_committed_figures_and_numbers_are_those_of_the_notebooks():
    drawn = set()
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        named = set()
        for node in ast.walk(code_of(notebook)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "save_figure":
                drawn.add(node.args[2].value)
            if isinstance(node, (ast.Assign, ast.AugAssign)):
                (target,) = getattr(node, "targets", None) or [node.target]
                if getattr(target, "id", "") == "summary":
                    named |= {key.value for key in node.value.keys}
                elif isinstance(target, ast.Subscript) and getattr(target.value, "id", "") == "summary":
                    named.add(target.slice.value)
        if named and not notebook.stem.startswith("08"):
            numbers = json.loads((ROOT / "figures" / "demo" / f"{notebook.stem}.json").read_text())
            assert set(numbers) == named, notebook.stem
    ours = {
        name for name in drawn if not name.startswith("08")
    }  # 08 reads figures/flickr8k whatever the profile
    assert {picture.stem for picture in (ROOT / "figures" / "demo").glob("*.png")} == ours
    assert {picture.stem for picture in (ROOT / "figures" / "flickr8k").glob("*.png")} <= drawn
