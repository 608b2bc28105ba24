"""`make further`: what the design leaves open, question by question, into figures/flickr8k/further_runs.json.

Written down before its runs; every question has the baseline of its own settings. Seeds 1 to 3, seeds outermost.

- hardest: the hardest negative alone, as the paper's program takes it, from the first step or after an epoch of all
  violating ones. If the triplet collapses, does VSL get it out, and is it the semantics that do (vsl-shuffled)?
- tfidf: the released similarity for Eq. 3, with the ranks of the paper and those of its program, whose loss that is.
- slack: not in the paper, margins that shrink with the likeness of a negative: the same semantics where the triplet
  looks. The pilot seed first, on dev: only if its mean rsum over SAF, SGR and cosine is above that of the triplet
  and of slack-shuffled does it get seeds 1 to 5 on test.
- width: the baseline at four times the width, one seed: what the small width costs.
- rate: SAF's learning rate was the highest tried; the next, on all of dev like the others.
"""

from __future__ import annotations

import json
import sys

from measure import ROOT
from vslnb.config import GIVES_UP, Config, arm_recipe
from vslnb.files import write_json
from vslnb.sweep import sweep

STORE, HOME = ROOT / "figures" / "flickr8k" / "further_runs.json", ROOT / "runs" / "further"


def plans(modules: list[str], arms: list[str], seeds: range, settings: dict) -> list[Config]:
    """Recipes of the main comparison with something changed in all arms alike; a whole seed before the next."""
    return [
        arm_recipe("flickr8k", module, arm, seed).with_settings(settings | {GIVES_UP: False})
        for seed in seeds
        for module in modules
        for arm in arms
    ]


def hardest(epochs_before: int) -> dict:
    """Settings: the hardest negatives alone after so many epochs, and VSL with them."""
    return {"loss.all_negatives_epochs": epochs_before, "loss.triplet_epochs": epochs_before}


CONTROLLED = ["triplet", "vsl-paper", "vsl-shuffled"]
WIDE = {"model.embedding": 512, "model.similarity": 128}
QUESTIONS = {
    "hardest at once": plans(["saf", "cosine"], CONTROLLED, range(1, 4), hardest(0)),
    "hardest after an epoch": plans(["saf", "cosine"], CONTROLLED, range(1, 4), hardest(1)),
    "tfidf": plans(
        ["saf", "cosine"], ["vsl-paper", "vsl-released"], range(1, 4), {"loss.similarity": "tfidf"}
    ),
    "slack": plans(["saf", "sgr", "cosine"], ["slack", "slack-shuffled"], range(1), {}),
    "width": plans(["saf", "cosine"], ["triplet"], range(1, 2), WIDE),
    "rate": plans(["saf"], ["triplet"], range(1), {"training.learning_rate": 4e-3, "training.dev_images": 0}),
}


def main() -> None:
    """The questions named, or all; what is kept of other settings by now is dropped."""
    asked = sys.argv[1:] or list(QUESTIONS)
    wanted = {(question, plan.hash) for question, configs in QUESTIONS.items() for plan in configs}
    listed = json.loads(STORE.read_text()) if STORE.exists() else []
    listed = [result for result in listed if (result["question"], result["config_hash"]) in wanted]
    for question in asked:
        for result in sweep(QUESTIONS[question], ROOT / "data" / "flickr8k", HOME, known=listed):
            if result not in listed:
                listed.append(result | {"question": question})
                write_json(STORE, listed)
            told = f"{result['module']} {result['arm']} seed {result['seed']}"
            print(f"{question}: {told}: test rsum {result['test']['rsum']:.1f}", flush=True)


if __name__ == "__main__":
    main()
