"""`make further`: what the design leaves open, question by question, into figures/flickr8k/further_runs.json.

Written down before its runs. Every question has the baseline of its own settings; seeds 1 to 3, seeds outermost,
unless it says otherwise. Questions of the pilot seed are about dev alone, and decide whether something is tried in
earnest: where its mean rsum on dev over the modules asked is above that of the triplet and of its own shuffled
control, it gets seeds 1 to 5 on test.

- stronger (pilot): benchmarks/influence.py found VSL's gradient at the weights to be a hundredth of the triplet's.
  Ten and thirty times the beta, and ten times with a tau of 0.05, whose soft ranks reach further.
- slack (pilot): not in the paper, margins that shrink with the likeness of a negative: the same semantics where the
  triplet looks.
- rate (pilot): SAF's learning rate was the highest tried; the next, on all of dev like the others.
- hardest at once: the hardest negative alone from the first step, and VSL with it, as the paper's program begins. If
  the triplet collapses, does VSL get it out, and is it the semantics that do (vsl-shuffled)?
- hardest late: nearer to the paper than the design: batch 128, beta 10, SAF's rate 0.001, six epochs, the hardest
  negative alone after three (a ramp over one epoch was seen to collapse, three were not).
- tfidf: the program's own similarity for Eq. 3, with the ranks of the paper and with its own.
- width: the baseline at four times the width, one seed: what the small width costs.
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


CONTROLLED = ["triplet", "vsl-paper", "vsl-shuffled"]
PILOT, THREE = range(1), range(1, 4)
OF_TEST = ("test", "measures")
AT_ONCE = {"loss.all_negatives_epochs": 0, "loss.triplet_epochs": 0}
LATE = {"loss.all_negatives_epochs": 3, "training.batch_size": 128, "training.learning_rate": 1e-3} | {
    "training.epochs": 6,
    "training.decay_after": 5,
}
WIDE = {"model.embedding": 512, "model.similarity": 128}


def stronger(module: str, times: float, **more: float) -> list[Config]:
    """VSL and its control with a multiple of the recipe's beta."""
    beta = times * arm_recipe("flickr8k", module, "vsl-paper").loss.beta
    settings = {"loss.beta": beta} | {f"loss.{name}": value for name, value in more.items()}
    return plans([module], CONTROLLED[1:], PILOT, settings)


def late(module: str) -> list[Config]:
    """The triplet, and VSL with the beta that the paper has at batch 128; a whole seed before the next."""
    with_vsl = plans([module], CONTROLLED[1:], THREE, LATE | {"loss.beta": 10.0})
    return sorted(plans([module], CONTROLLED[:1], THREE, LATE) + with_vsl, key=lambda plan: plan.seed)


QUESTIONS = {
    "stronger": [
        plan
        for module in ("saf", "cosine")
        for plan in stronger(module, 10) + stronger(module, 30) + stronger(module, 10, temperature=0.05)
    ],
    "slack": plans(["saf", "sgr", "cosine"], ["slack", "slack-shuffled"], PILOT, {}),
    "rate": plans(["saf"], ["triplet"], PILOT, {"training.learning_rate": 4e-3, "training.dev_images": 0}),
    "hardest at once": plans(["saf", "cosine"], CONTROLLED, THREE, AT_ONCE),
    "hardest late": late("saf") + late("cosine"),
    "tfidf": plans(["saf", "cosine"], ["vsl-paper", "vsl-released"], THREE, {"loss.similarity": "tfidf"}),
    "width": plans(["saf", "cosine"], ["triplet"], range(1, 2), WIDE),
}


def main() -> None:
    """The questions named, or all; what is kept of other settings by now is dropped."""
    asked = sys.argv[1:] or list(QUESTIONS)
    wanted = {(question, plan.hash) for question, configs in QUESTIONS.items() for plan in configs}
    listed = json.loads(STORE.read_text()) if STORE.exists() else []
    listed = [result for result in listed if (result["question"], result["config_hash"]) in wanted]
    for question in asked:
        for result in sweep(QUESTIONS[question], ROOT / "data" / "flickr8k", HOME, known=listed):
            pilot = not result["seed"]
            if result not in listed:
                kept = {name: value for name, value in result.items() if not (pilot and name in OF_TEST)}
                listed.append(kept | {"question": question})
                write_json(STORE, listed)
            told = f"{result['name']}: {'dev' if pilot else 'test'}"
            print(f"{question}, {told} rsum {result['dev' if pilot else 'test']['rsum']:.1f}", flush=True)


if __name__ == "__main__":
    main()
