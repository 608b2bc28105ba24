"""The plan of a profile is what its notebooks train; its hours come from measured steps."""

import json
import re
from dataclasses import replace

import nbformat
import pytest
from typer.testing import CliRunner

import vslnb.study.profiles
import vslnb.training.sweep
from vslnb.cli import app
from vslnb.config import ModelConfig
from vslnb.ranking import RANKS
from vslnb.recipes import recipe, run_name
from vslnb.run_folder import RunFolder
from vslnb.study import plan_report, step_cost
from vslnb.study.plan import measured_epochs, planned_runs, time_left, with_seeds
from vslnb.study.profiles import PROFILES, ROOT, load_profile
from vslnb.study.published import TABLE_I
from vslnb.study.reproduce import NOTEBOOKS
from vslnb.study.run_size import RunSize
from vslnb.study.step_cost import KNOWN, Cost, DataSizes


class Asked(Exception):
    """What a notebook hands to `sweep`."""


def code_of(number):
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return [cell.source for cell in nbformat.read(path, as_version=4).cells[1:] if cell.cell_type == "code"]


def asked_by(number, parameters, monkeypatch):
    """The configurations that notebook 03, 04 or 09 asks `sweep` for, and the folder they go to."""

    def sweep(configs, data, results, *others):
        raise Asked(list(configs), results)

    monkeypatch.setattr(vslnb.training.sweep, "sweep", sweep)
    monkeypatch.setattr(vslnb.study.profiles, "prepare_data", lambda data, dataset: ROOT / data)
    names = {"display": lambda *shown: None}
    for index, source in enumerate(code_of(number)):
        try:
            exec(source, names)
        except Asked as asked:
            return asked.args
        if index == 0:  # the cell of parameters
            names |= parameters
    raise AssertionError("no sweep")


@pytest.mark.parametrize("profile", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_the_plan_is_what_the_notebooks_train(profile, monkeypatch):
    parameters = load_profile(profile)
    wanted = {}
    for number in ("03", "04", *(["09"] if parameters["architectures"] else [])):
        configs, folder = asked_by(number, parameters, monkeypatch)
        wanted |= {folder / run_name(config): config.hash for config in configs}
    home = ROOT / parameters["run"] / ("world_runs" if parameters["dataset"] != "world" else "")
    names = {"recipe": recipe, "RANKS": RANKS, "home": home, **parameters}
    (cell,) = [source for source in code_of("07") if "configs = [" in source]
    exec(cell, names)
    home = home / "ablations" if parameters["ablation_epochs"] else home
    wanted |= {home / run_name(config): config.hash for config in names["configs"]}
    assert {one.run.folder: one.config.hash for one in planned_runs(parameters, ROOT)} == wanted


def write_run(planned, seconds, epochs, done=False):
    """What `train` leaves of a run that is under way, or done."""
    run = RunFolder(planned.run.folder)
    run.last_folder.mkdir(parents=True)
    run.config_file.write_text(json.dumps(planned.config.to_dict()))
    run.environment_file.write_text(json.dumps({"device": "cpu", "data": {}}))
    progress = {"epochs": epochs, "steps": 0, "best": 1.0, "seconds": seconds, "lines": []}
    (run.last_folder / "progress.json").write_text(json.dumps(progress))
    if done:
        content = {"config_hash": planned.config.hash, "dev": {}, "test": {}}
        run.results_file.write_text(json.dumps(content))


@pytest.fixture
def small(tmp_path):
    """A profile of the world whose folder is empty."""
    return load_profile("demo") | {"run": str(tmp_path / "run"), "data": str(tmp_path / "run" / "world")}


def test_what_is_done_and_what_is_left(small):
    runs = planned_runs(small, ROOT)
    assert {one.state for one in runs} == {"to do"} and time_left(runs, "cpu", 2) == ""
    saf = [one for one in runs if run_name(one.config) == "saf-triplet-s0"][0]
    write_run(saf, seconds=100.0, epochs=2)
    assert saf.config.training.epochs == 5
    runs = planned_runs(small, ROOT)
    (saf,) = [one for one in runs if one.run == saf.run]
    assert saf.state == "40 % done" and measured_epochs(runs, "cpu") == {saf.kind: 50.0}
    assert measured_epochs(runs, "cuda") == {}
    # Three epochs of this one and five of the other arm, two runs at a time.
    other = [one for one in runs if one.kind == saf.kind and one.run != saf.run]
    assert len(other) == 1
    assert time_left(runs, "cpu", 2).startswith(f"0 of {len(runs)} runs done, about 3 minutes left for ")
    write_run(other[0], seconds=250.0, epochs=5, done=True)
    states = {one.run: one.state for one in planned_runs(small, ROOT)}
    assert states[other[0].run] == "done"


def test_the_text_of_a_plan(small, monkeypatch):
    def measure(configs, sizes, device, workers, limit):
        assert limit <= 110 and workers >= 1
        return [Cost(2.0, 0.0, 0.0, 1e-6, config.training.batch_size, 1024.0) for config in configs]

    monkeypatch.setattr(plan_report, "measure", measure)
    monkeypatch.setattr(plan_report, "size_of_run", lambda *others: RunSize(kept=2_000_000_000, aside=10**9))
    text = plan_report.plan_text(small | {"device": "cpu"}, ROOT)
    (line,) = [line for line in text.splitlines() if "world saf-triplet " in line]
    # Five epochs of 4,000 / 32 steps of two seconds; the scoring of dev and test adds seconds.
    assert line.split()[-1] == "0.35" and line.startswith("I/II") and "to do" in line
    assert "36 runs, 0 of them done" in text and "MMCA" in text and "memory: 1.0 GB a run" in text
    # Two gigabytes a run, and one more of as many as train at a time.
    assert f"disk: {2 * 36 + plan_report.workers_on('cpu', 36)}.0 GB for the runs" in text
    coco = load_profile("coco") | {"run": small["run"], "data": small["data"], "device": "cpu"}
    text = plan_report.plan_text(coco, ROOT)
    assert "is not there" in text and "with 5 seeds: " in text and "in float32" in text
    five, one = (len(planned_runs(p, ROOT)) for p in (with_seeds(coco, 5), coco))
    assert five > 4 * (one - 12) and f"with 5 seeds: {five} runs" in text


@pytest.mark.parametrize("profile", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_what_a_plan_leaves_out_has_the_remedy_that_is_there(profile):
    parameters = load_profile(profile)
    lines = plan_report.left_out(parameters)
    planned = {one.config.model.module.upper() for one in planned_runs(parameters, ROOT)}

    def named(start):
        return {
            name for line in lines if re.match(start, line) for name in re.findall(r"\b[A-Z]{3,}\b", line)
        }

    assert named("rows? of") == {name for name in TABLE_I if not name.endswith(("*", "+VSL"))} - planned
    assert named("rows of .*`architectures`") == {"VSRN", "IMRAM"} - planned
    (trained,) = [line for line in lines if "vslnb train " in line]
    assert "NCR" in trained and recipe(trained.rpartition(" ")[2]).arm == "ncr"


def test_the_plan_of_coco_says_how_its_published_rows_are_scored(monkeypatch):
    asked = []
    monkeypatch.setattr("vslnb.training.saved_runs.open_split", lambda folder, split: [split] * 5000)
    monkeypatch.setattr(
        "vslnb.training.saved_runs.evaluate_saved_runs",
        lambda runs, part, *options: asked.append((part[0], options[1])) or {},
    )
    lines = plan_report.left_out(load_profile("coco"))
    for line in (line for line in lines if "vslnb evaluate" in line):
        words = line.partition("vslnb ")[2].replace("RUNS", "run --data data").split()
        found = CliRunner().invoke(app, words)
        assert found.exit_code == 0, found.output
    assert asked == [("testall", 5), ("testall", 1)]
    assert not any("vslnb evaluate" in line for line in plan_report.left_out(load_profile("f30k")))


def test_a_step_is_measured_and_a_larger_batch_is_predicted():
    sizes = DataSizes({}, {}, regions=4, feature_dim=6, vocab_size=30, words=5.0)
    config = recipe("world-saf-vsl").with_settings({"training.batch_size": 16})
    config = replace(config, model=ModelConfig("saf", embed_dim=8, sim_dim=4, word_dim=5))
    (cost,) = step_cost.measure([config], sizes, "cpu", 1, 60.0)
    assert cost.measured_batch == 16 and 0 < cost.step < 10 and cost.pair > 0
    assert 50 < cost.process_mib < 8000
    assert cost.scoring(2, 10) == pytest.approx(2 * cost.image + 10 * cost.caption + 20 * cost.pair)


def test_known_sizes_are_those_of_the_bundled_world(tmp_path):
    from vslnb.data.world import build

    assert KNOWN["world"].images == build.SIZES


def test_the_command_says_the_plan_and_runs_nothing(monkeypatch, small, tmp_path):
    monkeypatch.setattr(
        plan_report, "measure", lambda configs, *others: [Cost(1, 0, 0, 0, 8, 1)] * len(configs)
    )
    found = CliRunner().invoke(app, ["reproduce", "demo", "--plan", "--run", small["run"], "--device", "cpu"])
    assert found.exit_code == 0 and "demo: 36 runs" in found.output
    assert not (tmp_path / "run" / "notebooks").exists()
