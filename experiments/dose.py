"""`make dose`: the causal test in the bundled world. Nothing changes but how clearly regions show secondary content.

From not at all (0) over as clearly as the main event (1) to twice as clearly: if the paper is right, wrong matches
through secondary content grow with it, and VSL takes more of them away the more there are. SAF, five seeds, seeds
outermost; what is in figures/world/dose.json is not trained again.
"""

from __future__ import annotations

import json

from tqdm.auto import tqdm

from vslnb.data.world.build import build_world
from vslnb.recipes import arm_recipe
from vslnb.storage import write_json
from vslnb.study.profiles import ROOT
from vslnb.training.sweep import sweep

STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0)
ARMS = ("triplet", "vsl-paper", "vsl-descending", "vsl-shuffled")
SEEDS = range(5)
STORE, HOME = ROOT / "figures" / "world" / "dose.json", ROOT / "runs" / "dose"


def main() -> None:
    """Every seed at every strength, then the next seed."""
    listed = json.loads(STORE.read_text()) if STORE.exists() else []
    for seed, strength in tqdm([(seed, strength) for seed in SEEDS for strength in STRENGTHS], desc="worlds"):
        plans = [arm_recipe("world", "saf", arm, seed) for arm in ARMS]
        known = [result for result in listed if result["strength"] == strength]
        if {plan.hash for plan in plans} <= {result["config_hash"] for result in known}:
            continue
        world = HOME / f"world_{strength}"
        if not world.exists():
            build_world(world, secondary_strength=strength, progress=False)
        for result in sweep(plans, world, HOME / f"runs_{strength}", known=known):
            if result not in listed:
                listed.append(result | {"strength": strength})
        write_json(STORE, listed)


if __name__ == "__main__":
    main()
