"""`make evidence`: the runs of a profile into figures/PROFILE/runs.json as they come, a whole seed before the next.

What is there is not trained again, so that it can be stopped at any time, and go on elsewhere from what was kept.
A seed that was begun on one machine is better ended there: another rounds differently, and arms are compared in pairs.
A run that collapses is trained on and counts as it is: leaving it out would flatter its arm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from vslnb.config import Config, ensemble_hash
from vslnb.recipes import arm_recipe, run_name
from vslnb.storage import write_json
from vslnb.study.comparison import keep_rsum
from vslnb.study.profiles import ROOT, known_results, load_profile
from vslnb.training.ensemble import sgraf
from vslnb.training.sweep import sweep


def results_of(profile: dict, pairs: list[list[Config]], plans: list[Config], known: list[dict]) -> Iterator:
    """Every run of a seed, and SGRAF's, which are no runs of their own, as soon as both of their members are there."""
    data, home, device = ROOT / profile["data"], ROOT / profile["run"], profile["device"]
    there = {result["config_hash"] for result in known}
    # A mean wants its members' weights: those that are gone, with the run of another machine, are trained again.
    gone = {
        member.hash
        for pair in pairs
        if ensemble_hash(pair) not in there
        for member in pair
        if not (home / run_name(member) / "best.safetensors").exists()
    }
    done = set()
    for result in sweep(plans, data, home, device, known=[r for r in known if r["config_hash"] not in gone]):
        yield result
        done.add(result["config_hash"])
        for pair in pairs:
            if {member.hash for member in pair} <= done and result["config_hash"] in {p.hash for p in pair}:
                yield sgraf(pair, data, home, device, known)


def main() -> None:
    """Go through the seeds and keep what comes; what is of other settings by now is dropped."""
    profile = load_profile(sys.argv[1])
    store, home = ROOT / "figures" / profile["profile"], ROOT / profile["run"]
    known, modules = known_results(str(store)), profile["modules"]
    seeds = {}
    for seed in profile["seeds"]:
        plans = {
            (m, a): arm_recipe(profile["dataset"], m, a, seed).with_settings(
                {"training.stop_on_collapse": False}
            )
            for m in modules
            for a in profile["arms"]
        }
        both = {"sgr", "saf"} <= set(modules)
        pairs = [[plans["sgr", a], plans["saf", a]] for a in profile["arms"]] if both else []
        seeds[seed] = pairs, list(plans.values())
    wanted = {ensemble_hash(pair) for pairs, _ in seeds.values() for pair in pairs}
    wanted |= {plan.hash for _, plans in seeds.values() for plan in plans}
    listed = {result["config_hash"]: result for result in known if result["config_hash"] in wanted}
    for seed, (pairs, plans) in seeds.items():
        for result in results_of(profile, pairs, plans, known):
            listed[result["config_hash"]] = result
            note = home / result["name"] / "results.json"
            if note.exists() and json.loads(note.read_text())["config_hash"] == result["config_hash"]:
                keep_rsum(store, result, note.parent)
            write_json(store / "runs.json", list(listed.values()))
            total = result["test"]["rsum"]
            print(f"{result['module']} {result['arm']} seed {seed}: test rsum {total:.1f}", flush=True)


if __name__ == "__main__":
    main()
