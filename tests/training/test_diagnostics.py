import json

import numpy as np
import pytest
import torch
from test_loop import tiny

import reference
from vslnb.losses import Objective
from vslnb.training.diagnostics import TOP, compare_gradients, compare_gradients_at_weights, epoch_means
from vslnb.training.loop import train


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
def test_compared_gradients_are_those_of_the_literal_losses(rank):
    rng = np.random.default_rng(0)
    scores, semantics = rng.random((12, 12)), rng.random((12, 12))
    objective = Objective(margin=0.2, alpha=0.5, beta=3.0, temperature=0.05, rank=rank)
    found = compare_gradients(objective, torch.from_numpy(scores), torch.from_numpy(semantics), "hardest")
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
    assert epoch_means(lines) == {"live": [0.5, 0.15], "pull": [None, 2.0]}


def test_a_run_says_what_its_losses_did(dataset, tmp_path):
    settings = {"training.epochs": 2, "loss.vsl_warmup_epochs": 1}
    found = train(tiny(**settings), dataset, tmp_path / "run", "cpu", progress=False)["mechanism"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert found == epoch_means(lines)
    assert found["agreement"][0] is None and -1 <= found["agreement"][1] <= 1
    plain = train(tiny("world-saf", **settings), dataset, tmp_path / "plain", "cpu", progress=False)
    assert "agreement" not in plain["mechanism"] and len(plain["mechanism"]["spread"]) == 2


def test_gradients_at_the_weights_are_those_of_a_loop():
    torch.manual_seed(0)
    tower, unused = torch.nn.Linear(4, 3), torch.nn.Parameter(torch.ones(2))
    weights = [*tower.parameters(), unused]
    x = torch.randn(5, 4)
    first, second = tower(x).square().sum(), 7 * tower(x).sin().sum()
    found = compare_gradients_at_weights(first, second, weights)
    flat = []
    for loss in (first, second):
        gradients = torch.autograd.grad(loss, list(tower.parameters()), retain_graph=True)
        flat.append([float(value) for gradient in gradients for value in gradient.flatten()])
    lengths = [sum(value**2 for value in one) ** 0.5 for one in flat]
    product = sum(a * b for a, b in zip(*flat))
    assert found["ratio"] == pytest.approx(lengths[1] / lengths[0], rel=1e-5)
    assert found["cosine"] == pytest.approx(product / lengths[0] / lengths[1], rel=1e-5)
