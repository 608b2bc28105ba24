"""`make evidence`: the runs of a profile into figures/PROFILE/runs.json as they come, a whole seed before the next.

What is there is not trained again, so that it can be stopped at any time, and go on elsewhere from what was kept.
A seed that was begun on one machine is better ended there: another rounds differently, and arms are compared in pairs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import ROOT
from vslnb.comparison import keep_rsum
from vslnb.config import arm_recipe
from vslnb.ensemble import sgraf
from vslnb.files import write_json
from vslnb.reproduce import known_results, load_profile
from vslnb.sweep import sweep


def results_of(profile: dict, seed: int, known: list[dict]) -> Iterator[dict]:
    """Every run of a seed, then SGRAF's, which are no runs of their own."""
    data, home = ROOT / profile["data"], ROOT / profile["run"]
    plans = {(m, arm): arm_recipe(profile["dataset"], m, arm, seed)
             for m in profile["modules"] for arm in profile["arms"]}  # fmt: skip
    yield from sweep(list(plans.values()), data, home, profile["device"], known=known)
    if {"sgr", "saf"} <= set(profile["modules"]):
        for arm in profile["arms"]:
            yield sgraf([plans["sgr", arm], plans["saf", arm]], data, home, profile["device"], known)


def main() -> None:
    """Go through the seeds and keep what comes."""
    profile = load_profile(sys.argv[1])
    store, home = ROOT / "figures" / profile["profile"], ROOT / profile["run"]
    known = known_results(str(store))
    listed = {result["config_hash"]: result for result in known if result["seed"] in profile["seeds"]}
    for seed in profile["seeds"]:
        for result in results_of(profile, seed, known):
            listed[result["config_hash"]] = result
            if (home / result["name"]).exists():
                keep_rsum(store, result, home / result["name"])
            write_json(store / "runs.json", list(listed.values()))
            total = result["test"]["rsum"]
            print(f"{result['module']} {result['arm']} seed {seed}: test rsum {total:.1f}", flush=True)


if __name__ == "__main__":
    main()
