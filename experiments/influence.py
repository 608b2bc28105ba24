"""`make influence`: does VSL's gradient reach the weights of trained runs, and does VSL do its work? On dev.

Of every run of a profile whose weights are there, on the same 16 batches of 64 dev images, one caption each, without
dropout, into figures/PROFILE/influence.json:

- `visual`: L_vs (the paper's rank, the recipe's tau, `cider` of the dev captions), also of runs that never saw it;
- `order`: Kendall's tau of a row of scores with the similarity of the images, the pair itself left out, in percent:
  what L_vs asks for, whatever its temperature;
- `ratio`, `cosine`: of the gradients of beta * L_vs and of alpha * triplet with respect to the weights, with the beta
  that the recipe has with VSL, at the run's best weights.

Every arm is asked the same: similarity by its true captions, and the ranks of the paper. What is undefined, as for a
collapsed run whose scores are all equal, is null.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from scipy.stats import kendalltau
from tqdm.auto import tqdm

from store import read
from trained import unasked
from vslnb.data.precomp import Split, load_split, load_vocabulary
from vslnb.losses import Objective
from vslnb.models.matcher import Matcher
from vslnb.recipes import arm_recipe
from vslnb.semantics import CaptionSpace
from vslnb.storage import write_json
from vslnb.study.profiles import ROOT, load_profile
from vslnb.training.diagnostics import compare_gradients_at_weights
from vslnb.training.run import load_run

BATCHES, SIZE = 16, 64


def batches(split: Split) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images and one caption of each, the same for every run."""
    draw, q = np.random.default_rng(0), split.captions_per_image
    images = [draw.choice(len(split), SIZE, replace=False) for _ in range(BATCHES)]
    return [(chosen, chosen * q + draw.integers(q, size=SIZE)) for chosen in images]


def influence(model: Matcher, dev: Split, space: CaptionSpace, ids: tuple, objective: Objective) -> dict:
    """The means over the batches."""
    found = []
    for images, captions in batches(dev):
        lengths = ids[1][captions]
        words = model.encode_captions(ids[0][captions, : int(lengths.max())], lengths)
        scores = model.scores(model.encode_images(torch.from_numpy(dev.regions(images))), words, lengths)
        semantics = torch.from_numpy(space.image_similarity(images))
        parts = objective(scores, semantics, None, "violating")
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        stand = compare_gradients_at_weights(
            objective.alpha * parts["triplet"], objective.beta * parts["visual"], weights
        )
        others = ~torch.eye(SIZE, dtype=torch.bool)
        rows = zip(scores.detach()[others].view(SIZE, -1), semantics[others].view(SIZE, -1))
        order = np.mean([kendalltau(a, b).statistic for a, b in rows])
        found.append(stand | {"visual": float(parts["visual"].detach()), "order": 100 * float(order)})
    means = {name: np.mean([one[name] for one in found]) for name in found[0]}
    return {name: float(f"{value:.5g}") if np.isfinite(value) else None for name, value in means.items()}


def main() -> None:
    """Every run of the profile whose weights are there, unless these very weights were asked before."""
    profile = load_profile(sys.argv[1])
    path = ROOT / "figures" / profile["profile"] / "influence.json"
    listed = read(f"{profile['profile']}/influence")
    vocabulary, dev = load_vocabulary(ROOT / profile["data"]), load_split(ROOT / profile["data"], "dev")
    ids = tuple(map(torch.from_numpy, vocabulary.encode_all(dev.captions)))
    space = CaptionSpace.fit(dev.captions, dev.captions_per_image, "cider")
    for run, folder, weights in tqdm(unasked(profile, listed), desc="runs"):
        model, _ = load_run(folder, "cpu")
        vsl = arm_recipe(profile["dataset"], run["module"], "vsl-paper").loss
        objective = Objective(vsl.margin, vsl.alpha, vsl.beta, temperature=vsl.temperature)
        found = influence(model, dev, space, ids, objective)
        listed[run["config_hash"]] = {"name": run["name"], "weights": weights} | found
        write_json(path, listed)


if __name__ == "__main__":
    main()
