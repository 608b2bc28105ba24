import json

import numpy as np
import pytest
import torch

import reference
from test_training import tiny
from vslnb.losses import Objective
from vslnb.mechanism import TOP, by_epoch, pulls
from vslnb.training import train


def slopes(loss, scores, step=1e-6):
    """Central differences of a loss with respect to every score."""
    found = np.zeros_like(scores)
    for place in np.ndindex(scores.shape):
        ahead, behind = scores.copy(), scores.copy()
        ahead[place] += step
        behind[place] -= step
        found[place] = (loss(ahead) - loss(behind)) / (2 * step)
    return found


@pytest.mark.parametrize("rank", ["paper", "descending", "released"])
def test_pulls_are_those_of_the_literal_losses(rank):
    rng = np.random.default_rng(0)
    scores, semantics = rng.random((12, 12)), rng.random((12, 12))
    objective = Objective(margin=0.2, alpha=0.5, beta=3.0, temperature=0.05, rank=rank)
    found = pulls(objective, torch.from_numpy(scores), torch.from_numpy(semantics), "hardest")
    triplet = slopes(lambda m: reference.triplet(m, 0.2, "hardest"), scores)
    visual = slopes(lambda m: reference.visual_semantic_loss(m, semantics, 0.05, rank), scores)
    lengths = np.linalg.norm(triplet), np.linalg.norm(visual)
    assert found["agreement"] == pytest.approx((triplet * visual).sum() / np.prod(lengths), abs=1e-4)
    assert found["pull"] == pytest.approx(3.0 * lengths[1] / (0.5 * lengths[0]), rel=1e-4)
    size, best = np.abs(visual), round(TOP * 12)
    top = sum(size[row, np.argsort(-scores[row])[:best]].sum() for row in range(12))
    assert found["top"] == pytest.approx(100 * top / size.sum(), rel=1e-4)
    assert found["own"] == pytest.approx(-np.diag(visual).mean() / size.mean(), rel=1e-3, abs=1e-5)


def test_the_mean_of_an_epoch_leaves_out_what_was_not_logged():
    lines = [{"epoch": 0, "step": 0, "live": 0.5}, {"epoch": 0, "dev": {}}]
    lines += [{"epoch": 1, "step": step, "live": 0.1 * step, "pull": 2.0} for step in (1, 2)]
    assert by_epoch(lines) == {"live": [0.5, 0.15], "pull": [None, 2.0]}


def test_a_run_says_what_its_losses_did(dataset, tmp_path):
    settings = {"training.epochs": 2, "loss.triplet_epochs": 1}
    found = train(tiny(**settings), dataset, tmp_path / "run", "cpu", progress=False)["mechanism"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert found == by_epoch(lines)
    assert found["agreement"][0] is None and -1 <= found["agreement"][1] <= 1
    plain = train(tiny("world-saf", **settings), dataset, tmp_path / "plain", "cpu", progress=False)
    assert "agreement" not in plain["mechanism"] and len(plain["mechanism"]["spread"]) == 2
