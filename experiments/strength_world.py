"""`make strength-world`: a stronger VSL where the relevance of every picture is known exactly, in the bundled world.

The counterpart of strength.py: there people judge, here the scenes that were drawn. A run has, beside its results and
its `strength` (in multiples of the recipe's beta), `rank` and `captions`,

- `fits`: of a hundred captions, how many have a picture that fits them (`vslnb.data.world.fitting`) first, or among
  the first 5 or 10: recall that counts every right picture;
- `shared`: NCS@10 by the parts of the main event that the scenes share, own captions left out, in both directions.

SAF and cosine, seeds 0 to 2, seeds outermost, into figures/world/strength.json.
"""

from __future__ import annotations

import numpy as np

from store import read
from vslnb.config import Config
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.data.world.fitting import fitting, read_scenes, shared_parts
from vslnb.evaluation.ncs import ncs
from vslnb.recipes import arm_recipe, run_name
from vslnb.retrieval.similarity import split_scores
from vslnb.storage import write_json
from vslnb.study.profiles import ROOT, prepare_data
from vslnb.training.run import load_run
from vslnb.training.sweep import sweep

DATA, HOME = ROOT / "runs" / "world" / "world", ROOT / "runs" / "world"
STORE = ROOT / "figures" / "world" / "strength.json"
MODULES, SEEDS, STRENGTHS = ("cosine", "saf"), range(3), (1, 3, 10, 30)
CUTS = (1, 5, 10)
# (arm, strength); 0 is the triplet alone.
ARMS = [
    ("triplet", 0),
    *((arm, s) for s in STRENGTHS for arm in ("vsl-paper", "vsl-descending", "vsl-shuffled")),
]


def plan(module: str, arm: str, strength: float, seed: int) -> Config:
    """The recipe with beta in multiples of its own."""
    config = arm_recipe("world", module, arm, seed).with_settings({"training.stop_on_collapse": False})
    return config.with_settings({"loss.beta": strength * config.loss.beta}) if strength else config


def fitting_recall(scores: np.ndarray, fits: np.ndarray) -> dict[str, float]:
    """Of a hundred captions, how many have a picture that fits among the first K: scores and fits (N, C)."""
    order = np.argsort(-scores, axis=0, kind="stable")
    found = np.take_along_axis(fits, order, axis=0)
    return {f"R@{k}": 100 * float(found[:k].any(0).mean()) for k in CUTS}


def main() -> None:
    """What is missing, a whole seed before the next."""
    prepare_data(str(DATA.relative_to(ROOT)), "world")
    test, vocabulary = load_split(DATA, "test"), load_vocabulary(DATA)
    scenes = read_scenes(DATA, "test", len(test))
    fits = fitting(test.captions, scenes)
    relevance = np.repeat(shared_parts(scenes).T, test.captions_per_image, axis=1)
    cells = {
        plan(module, arm, strength, seed).hash: (module, arm, strength, seed)
        for seed in SEEDS
        for module in MODULES
        for arm, strength in ARMS
    }
    listed = {run["config_hash"]: run for run in read("world/strength") or []}
    missing = [plan(*cell) for key, cell in cells.items() if key not in listed]
    for result in sweep(missing, DATA, HOME, "cpu"):
        module, arm, strength, _ = cells[result["config_hash"]]
        config = plan(*cells[result["config_hash"]])
        scores = split_scores(load_run(HOME / run_name(config), "cpu")[0], test, vocabulary)
        about = {
            "strength": strength,
            "rank": config.loss.rank if strength else "",
            "captions": "shuffled" if config.loss.shuffled else "true",
            "fits": fitting_recall(scores, fits),
            "shared": ncs(scores, relevance, own=False, captions_per_image=test.captions_per_image),
        }
        listed[result["config_hash"]] = result | about
        write_json(STORE, list(listed.values()))
        print(
            f"{result['name']}: rsum {result['test']['rsum']:.1f}, fits {about['fits']['R@1']:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
