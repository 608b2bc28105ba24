"""`make full-width`: the comparison nearer to the paper's size, on a CUDA card, into figures/flickr8k/full_width.json.

Written down before its runs. The design's models are small, its batches too, and its triplet takes the mean of all
violating negatives; here the question is asked as `hardest late` of benchmarks/further.py asks it, batch 128, beta 10
and the hardest negative alone in the second half of six epochs, at the width of the released program. The learning
rate, one for all arms of a module, is the one of two by which the triplet of the first seed reaches the higher rsum on
dev: the baseline chooses. Three seeds, test scored once a run, all of it reported; the rest is the design's
(notebooks/profiles/flickr8k.yaml). Products are TF32, what `bfloat16` is on CUDA.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from further import CONTROLLED, LATE
from measure import ROOT
from vslnb.config import GIVES_UP, Config, arm_recipe
from vslnb.files import write_json
from vslnb.sweep import sweep

STORE, HOME = ROOT / "figures" / "flickr8k" / "full_width.json", ROOT / "runs" / "full_width"
WIDE = LATE | {
    "model.embedding": 1024,
    "model.similarity": 256,
    "training.precision": "bfloat16",
    GIVES_UP: False,
}
MODULES, RATES, SEEDS = ("saf", "cosine"), (3e-4, 1e-3), (1, 2, 3)


def plan(module: str, arm: str, seed: int, rate: float) -> Config:
    """A run; VSL has the beta that the paper has at batch 128."""
    settings = WIDE | {"training.learning_rate": rate} | ({} if arm == "triplet" else {"loss.beta": 10.0})
    return arm_recipe("flickr8k", module, arm, seed).with_settings(settings)


def pilots(module: str) -> list[Config]:
    """The triplet of the first seed at every rate."""
    return [plan(module, "triplet", SEEDS[0], rate) for rate in RATES]


def comparison(module: str, results: Iterable[dict]) -> list[Config]:
    """All arms and seeds at the rate that the pilots' results choose, a whole seed before the next."""
    dev = {result["config_hash"]: result["dev"]["rsum"] for result in results}
    rate = max(RATES, key=lambda rate: dev[plan(module, "triplet", SEEDS[0], rate).hash])
    return [plan(module, arm, seed, rate) for seed in SEEDS for arm in CONTROLLED]


def main() -> None:
    """Run what is missing and keep it as it comes."""
    listed = json.loads(STORE.read_text()) if STORE.exists() else []

    def run(plans: list[Config]) -> None:
        for result in sweep(plans, ROOT / "data" / "flickr8k", HOME, "cuda", known=listed):
            if result not in listed:
                listed.append(result)
                write_json(STORE, listed)
            print(f"{result['name']}: test rsum {result['test']['rsum']:.1f}", flush=True)

    for module in MODULES:
        run(pilots(module))
        run(comparison(module, listed))


if __name__ == "__main__":
    main()
