"""`make strength`: what a stronger VSL buys and what it costs, by the design in strength.md, into two files.

figures/flickr8k/strength.json has one object a run: its results and what the design asks beyond them,

- `similarity`, `rank`, `strength` (in multiples of the recipe's beta), `captions` (`true` or `shuffled`), `trial`
  (one of TRIALS, or nothing) and the `machine`;
- `gradient_share`: the length of VSL's gradient at the weights over that of the triplet's, as in influence.py, with
  the run's own beta, similarity, rank and tau, by the true captions of dev also for shuffled captions;
- `within_photos`: concordance with experts among one photo's candidates; `centred`: experts' tau once the mean score
  of each photo and each caption is taken away;
- `ncs_dev`: NCS@10 on dev by `tfidf`, own captions left out, on which settings are chosen; `ncs_sentence`: NCS@10 on
  test by sentence embeddings, of which negative ones count as 0.

figures/flickr8k/expert_ranks.npz has, by config_hash, the place of every rated pair in the order of the scores, from
which agreement and its bootstrap over photos can be computed again.

Seeds are outermost and the arms are in the order in which they are needed, so that every part is of use.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from influence import influence
from store import read
from tuning import ZOO
from vslnb.config import Config
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.device import processor
from vslnb.evaluation.human_ratings import ExpertPairs, centred
from vslnb.evaluation.ncs import ncs
from vslnb.losses import Objective
from vslnb.models.matcher import Matcher
from vslnb.recipes import arm_recipe
from vslnb.retrieval.similarity import split_scores
from vslnb.semantics import CaptionSpace
from vslnb.storage import locked, write_json, write_stream
from vslnb.study.evidence.strength import EXPLORED
from vslnb.study.profiles import ROOT
from vslnb.training.run import load_run
from vslnb.training.sweep import sweep

DATA, HOME = ROOT / "data" / "flickr8k", ROOT / "runs" / "strength"
RANKS = ROOT / "figures" / "flickr8k" / "expert_ranks.npz"


class Arm(NamedTuple):
    """A cell of the design; strength 0 is the triplet alone, or what is trained `instead` of VSL."""

    similarity: str = "cider"
    rank: str = "paper"
    strength: float = 0
    captions: str = "true"
    instead: str = ""  # the name of an arm without VSL, such as `slack`, which reads the same similarity
    trial: str = ""  # one of TRIALS


# What may move the front beyond its strength, tried on the setting that made us ask; chosen by dev alone.
TRIALS = {
    "from the first epoch": {"loss.vsl_warmup_epochs": 0},
    "in the last two epochs": {"loss.vsl_warmup_epochs": 4},
    "rising from epoch to epoch": {"loss.vsl_rise_epochs": 5},
    "tau 0.05": {"loss.temperature": 0.05},
    "tau a quarter of the spread": {"loss.temperature": 0.25, "loss.temperature_unit": "spread"},
}
TRIPLET = Arm()
# The order in which a seed's arms are trained: the question of the scouting runs first.
COSINE = [
    TRIPLET,
    Arm("cider", "paper", 10),
    Arm("cider", "paper", 10, "shuffled"),
    Arm("sentence", "paper", 10),
    Arm("cider", "paper", 3),
    Arm("sentence", "paper", 3),
    Arm("sentence", "paper", 10, "shuffled"),
    Arm("cider", "descending", 10),
    Arm("sentence", "descending", 10),
    Arm("cider", "descending", 3),
    Arm("sentence", "descending", 3),
    Arm("cider", "paper", 3, "shuffled"),
    Arm("sentence", "paper", 3, "shuffled"),
    Arm("cider", "paper", 1),
    Arm("sentence", "paper", 1),
    Arm("cider", "descending", 1),
    Arm("sentence", "descending", 1),
    Arm("cider", "descending", 10, "shuffled"),
    Arm("sentence", "descending", 10, "shuffled"),
    Arm("cider", "paper", 30),
    Arm("sentence", "paper", 30),
    Arm("cider", "descending", 30),
    Arm("sentence", "descending", 30),
]
SAF = [
    TRIPLET,
    Arm("cider", "paper", 10),
    Arm("cider", "paper", 10, "shuffled"),
    Arm("cider", "paper", 3),
    Arm("sentence", "paper", 10),
]
TRIED = [TRIPLET, *(Arm("cider", "paper", 10, trial=trial) for trial in TRIALS)]
EXPLORE = {"cosine": ("cosine", COSINE), "saf": ("saf", SAF), "trials": ("cosine", TRIED)}


def plan(architecture: str, arm: Arm, seed: int) -> Config:
    """The recipe of an architecture with the arm's similarity, rank and strength."""
    module = architecture.partition("-")[0]
    stay = {"training.stop_on_collapse": False} | ZOO.get(architecture, {})
    if arm.instead:
        config = arm_recipe("flickr8k", module, arm.instead, seed)
        return config.with_settings(stay | {"loss.similarity": arm.similarity})
    if not arm.strength:
        return arm_recipe("flickr8k", module, "triplet", seed).with_settings(stay)
    shuffled = arm.captions == "shuffled"
    config = arm_recipe("flickr8k", module, "vsl-shuffled" if shuffled else f"vsl-{arm.rank}", seed)
    asked = {"similarity": arm.similarity, "rank": arm.rank, "beta": arm.strength * config.loss.beta}
    asked = {f"loss.{name}": value for name, value in asked.items()}
    return config.with_settings(stay | asked | (TRIALS[arm.trial] if arm.trial else {}))


class Questions:
    """What is asked of every trained model; the caption spaces and the ratings are the same for all."""

    def __init__(self) -> None:
        self.dev, self.test = load_split(DATA, "dev"), load_split(DATA, "test")
        self.vocabulary = load_vocabulary(DATA)
        self.ids = tuple(map(torch.from_numpy, self.vocabulary.encode_all(self.dev.captions)))
        self.pairs = ExpertPairs.of(self.test)
        self.spaces = {
            kind: CaptionSpace.fit(self.dev.captions, self.dev.captions_per_image, kind)
            for kind in ("cider", "sentence")
        }
        self.relevance_dev = _relevance(self.dev, "tfidf")
        self.relevance_test = _relevance(self.test, "sentence")

    def answers(self, model: Matcher, config: Config, arm: Arm) -> tuple[dict, np.ndarray]:
        """What strength.json holds beyond results.json, and the ranks of the rated pairs."""
        scores = split_scores(model, self.test, self.vocabulary)
        at = self.pairs.images, self.pairs.captions
        found = {
            "within_photos": self.pairs.within_photos(scores[at]),
            "centred": self.pairs.tau(centred(scores)[at]),
            "ncs_dev": ncs(split_scores(model, self.dev, self.vocabulary), self.relevance_dev, own=False),
            "ncs_sentence": ncs(scores, self.relevance_test, own=False),
        }
        if arm.strength:
            loss = config.loss
            vsl = Objective(
                loss.margin,
                1.0,
                loss.beta,
                temperature=loss.temperature,
                rank=loss.rank,
                unit=loss.temperature_unit,
            )
            share = influence(model, self.dev, self.spaces[arm.similarity], self.ids, vsl)["ratio"]
            found |= {"gradient_share": share}
        return found, np.unique(scores[at], return_inverse=True)[1].astype(np.uint16)


def _relevance(split, kind: str) -> np.ndarray:
    space = CaptionSpace.fit(split.captions, split.captions_per_image, kind)
    return np.maximum(space.caption_image_similarity().T, 0)


def run(cells: list[tuple[str, Arm, int]], name: str = "strength") -> None:
    """Train what is missing, ask it, and keep the answers after every run in figures/flickr8k/NAME.json.

    Raises:
        SystemExit: where runs of the same architecture and seed are from another machine, which rounds otherwise.
    """
    by_hash = {plan(*cell).hash: cell for cell in cells}
    listed, ranks = kept(name)
    missing = [plan(*cell) for key, cell in by_hash.items() if key not in listed or key not in ranks]
    places = {(one["architecture"], one["seed"]): one["machine"] for one in listed.values()}
    for config in missing:
        architecture, _, seed = by_hash[config.hash]
        if (place := places.get((architecture, seed), machine())) != machine():
            raise SystemExit(
                f"{architecture}, seed {seed}: its other runs are from {place}, and this is {machine()}, which may "
                f"round otherwise. Take another seed, or remove that one from {name}.json to train it here."
            )
    questions = Questions() if missing else None
    for result in sweep(missing, DATA, HOME, "cpu"):
        key = result["config_hash"]
        model, config = load_run(HOME / result["name"], "cpu")
        architecture, arm, _ = by_hash[key]
        answers, order = questions.answers(model, config, arm)
        about = {"architecture": architecture, "machine": machine()} | arm._asdict() | answers
        with locked(HOME):  # another process may have added its own meanwhile
            listed, ranks = kept(name)
            write_stream(RANKS, partial(np.savez_compressed, **ranks | {key: order}))
            write_json(RANKS.with_name(f"{name}.json"), list((listed | {key: result | about}).values()))
        line = f"rsum {result['test']['rsum']:.1f}, experts {result['measures']['ratings']['expert']:.1f}"
        print(f"{result['name']}: {line}", flush=True)


def kept(name: str) -> tuple[dict[str, dict], dict[str, np.ndarray]]:
    """Results in figures/flickr8k/NAME.json and ranks of the rated pairs, both by config_hash."""
    ranks = dict(np.load(RANKS)) if RANKS.exists() else {}
    return {one["config_hash"]: one for one in read(f"flickr8k/{name}") or []}, ranks


def machine() -> str:
    """What decides how sums are rounded here."""
    return f"{processor()}, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}"


def main() -> None:
    """All of it, or the parts and seeds that are named: `strength.py cosine 1`; `trials` are of `cosine`."""
    known = [*EXPLORE, *map(str, EXPLORED)]
    if unknown := [name for name in sys.argv[1:] if name not in known]:
        raise SystemExit(f"not known here: {', '.join(unknown)}. Known: {', '.join(known)}.")
    parts = [name for name in sys.argv[1:] if name in EXPLORE] or list(EXPLORE)
    seeds = [int(name) for name in sys.argv[1:] if name.isdigit()] or list(EXPLORED)
    run(
        [
            (architecture, arm, seed)
            for seed in seeds
            for architecture, arms in map(EXPLORE.get, parts)
            for arm in arms
        ]
    )


if __name__ == "__main__":
    main()
