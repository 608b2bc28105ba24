"""`make further`: what the design leaves open, question by question, into figures/flickr8k/further.json.

Written down before its runs. Every question has the baseline of its own settings; seeds 1 to 3, seeds outermost,
unless it says otherwise. Questions of the pilot seed are about dev alone, and decide whether something is tried in
earnest: where its mean rsum on dev over the modules asked is above that of the triplet and of its own shuffled
control, it gets seeds 1 to 5 on test, as a question of its own.

- beta x 10, beta x 30, and beta x 10 with a tau of 0.05, whose soft ranks reach further (pilot): VSL's gradient is
  small beside the triplet's where it reaches the weights, see figures/flickr8k/influence.json.
- slack (pilot): not in the paper, margins that shrink with the likeness of a negative: the same semantics where the
  triplet looks.
- rate 0.004 (pilot): SAF's learning rate was the highest tried; the next, with and without VSL.
- hardest at once: the hardest negative alone from the first step, and VSL with it, as the paper's program begins. If
  the triplet collapses, does VSL get it out, and is it the semantics that do (vsl-shuffled)?
- hardest late: nearer to the paper than the design: batch 128, beta 10, SAF's rate 0.001, six epochs, the hardest
  negative alone after three.
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
from vslnb.trainer import TrainingError

STORE, HOME = ROOT / "figures" / "flickr8k" / "further.json", ROOT / "runs" / "further"


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
LATE = {
    "loss.all_negatives_epochs": 3,
    "training.batch_size": 128,
    "training.learning_rate": 1e-3,
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
    "beta x 10": stronger("saf", 10) + stronger("cosine", 10),
    "beta x 30": stronger("saf", 30) + stronger("cosine", 30),
    "beta x 10, tau 0.05": stronger("saf", 10, temperature=0.05) + stronger("cosine", 10, temperature=0.05),
    "slack": plans(["saf", "sgr", "cosine"], ["slack", "slack-shuffled"], PILOT, {}),
    "rate 0.004": plans(["saf"], CONTROLLED[:2], PILOT, {"training.learning_rate": 4e-3}),
    "hardest at once": plans(["saf", "cosine"], CONTROLLED, THREE, AT_ONCE),
    "hardest late": late("saf") + late("cosine"),
    "tfidf": plans(["saf", "cosine"], ["vsl-paper", "vsl-released"], THREE, {"loss.similarity": "tfidf"}),
    "width": plans(["saf", "cosine"], ["triplet"], range(1, 2), WIDE),
}


def ask(question: str, listed: list[dict]) -> str:
    """Run what is missing of a question and keep it; what went wrong, if something did."""
    try:
        for result in sweep(QUESTIONS[question], ROOT / "data" / "flickr8k", HOME, known=listed):
            part = "test" if result["seed"] else "dev"
            if result not in listed:
                kept = {
                    name: value for name, value in result.items() if result["seed"] or name not in OF_TEST
                }
                listed.append(kept | {"question": question})
                write_json(STORE, listed)
            print(f"{question}, {result['name']}: {part} rsum {result[part]['rsum']:.1f}", flush=True)
    except TrainingError as fault:  # the other questions are not to suffer
        return f"{question}: {fault}"
    return ""


def main() -> None:
    """The questions named, or all; what is kept of other settings by now is dropped."""
    asked = sys.argv[1:] or list(QUESTIONS)
    if unknown := [question for question in asked if question not in QUESTIONS]:
        raise SystemExit(f"no such question: {', '.join(unknown)}. Known: {', '.join(QUESTIONS)}.")
    wanted = {(question, plan.hash) for question, configs in QUESTIONS.items() for plan in configs}
    listed = json.loads(STORE.read_text()) if STORE.exists() else []
    listed = [result for result in listed if (result["question"], result["config_hash"]) in wanted]
    faults = [fault for question in asked if (fault := ask(question, listed))]
    if faults:
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
