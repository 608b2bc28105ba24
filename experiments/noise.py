"""`make noise`: does NCR find the wrong pairs of its training data? The bundled world, of whose captions a part is wrong.

NCR claims that two networks which teach each other which pairs are wrong lose less recall to wrong pairs. SAF is
trained as always and by NCR, without wrong pairs and with two of five images' captions exchanged. NCR has two networks
and so twice the work; its scores are the mean of both. Three seeds. Into figures/world/noise.json, a run a row, with
its `noise_ratio`.
"""

from __future__ import annotations

from store import read
from vslnb.config import Config
from vslnb.recipes import recipe
from vslnb.storage import write_json
from vslnb.study.profiles import ROOT, prepare_data
from vslnb.training.sweep import sweep

RATIOS, RECIPES, SEEDS = (0.4, 0.0), ("world-saf", "world-saf-ncr"), range(3)
HOME, STORE = ROOT / "runs" / "noise", ROOT / "figures" / "world" / "noise.json"


def plan(name: str, ratio: float, seed: int) -> Config:
    """A recipe with a part of its pairs wrong; a run that collapses counts as it is."""
    changes = {"training.noise_ratio": ratio, "training.stop_on_collapse": False, "seed": seed}
    return recipe(name).with_settings(changes)


def main() -> None:
    """A whole seed before the next; what figures/world/noise.json has is not trained again."""
    listed = {one["config_hash"]: one for one in read("world/noise") or []}
    configs = [plan(name, ratio, seed) for seed in SEEDS for ratio in RATIOS for name in RECIPES]
    ratios = {config.hash: config.training.noise_ratio for config in configs}
    data = prepare_data("runs/demo/world", "world")
    for result in sweep(configs, data, HOME, known=list(listed.values())):
        key = result["config_hash"]
        listed[key] = result | {"noise_ratio": ratios[key]}
        write_json(STORE, list(listed.values()))
        print(f"{result['name']}: test rsum {result['test']['rsum']:.1f}", flush=True)


if __name__ == "__main__":
    main()
