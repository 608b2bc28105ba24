"""What a line of the log says of a batch: how well its scores are ordered, and what the two losses do to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from vslnb.losses import Margins, Objective

TOP = 0.1  # share of a row that counts as the top of its list
LOGGED = (
    "triplet",
    "visual",
    "spread",
    "pairwise_accuracy",
    "live",
    "norm",
    "agreement",
    "pull",
    "top",
    "own",
    "called_clean",
    "clean_precision",
    "noise_recall",
)


def pairwise_accuracy(scores: Tensor) -> Tensor:
    """Of scores (B, B): the share of negatives, in both directions, that score below the pair; ties count half.

    >>> float(pairwise_accuracy(torch.tensor([[0.9, 0.1], [0.95, 0.9]])))
    0.5
    """
    own, others = scores.diagonal(), max(len(scores) * (len(scores) - 1), 1)
    signs = torch.sign(own[:, None] - scores).sum() + torch.sign(own[None, :] - scores).sum()
    return 0.5 + signs / (4 * others)


def live_share(matrix: Tensor, temperature: float = 1e-3) -> float:
    """Share of the comparisons within rows that still pass gradient: gaps below 10 tau, k != j.

    >>> live_share(torch.tensor([[0.0, 0.005], [0.0, 1.0]]))
    0.5
    """
    n = len(matrix)
    if n < 2:
        return 0.0
    ordered = matrix.detach().sort(dim=1).values
    # Sorted rows turn the count of close pairs into two binary searches: no n^3 tensor just for a log line.
    width = 10 * temperature
    upper = torch.searchsorted(ordered, ordered + width, side="left")
    lower = torch.searchsorted(ordered, ordered - width, side="right")
    return float((upper - lower - 1).sum()) / (n * n * (n - 1))


def compare_gradients(
    objective: Objective, scores: Tensor, semantics: Tensor, negatives: str, margins: Margins | None = None
) -> dict[str, float]:
    """How the gradients of the triplet and of L_vs, with respect to the scores, stand to each other.

    Args:
        objective: with beta above 0.
        scores: (B, B), at least two rows.
        semantics: (B, B), the matrix that L_vs reads.
        negatives: of the triplet, see `TripletLoss`,
        margins: and its margins, where they are not one number.

    Returns:
        `agreement`: the cosine of the two gradients. `pull`: the length of beta * L_vs's over that of
        alpha * triplet's, where alpha is not 0. `top`: percent of L_vs's gradient (absolute) on the best-scoring
        tenth of every row, rounded to whole items, 6 of 64. `own`: the mean step that a descent on L_vs asks of
        the score of a pair itself, on the scale of its mean absolute step anywhere: below 0 it pushes the truth
        down.

    >>> scores = torch.tensor([[0.5, 0.1], [0.2, 0.6]])
    >>> found = compare_gradients(Objective(beta=1.0, temperature=0.1), scores, scores.flip(1), "hardest")
    >>> found["own"] < 0
    True
    """
    scores = scores.detach().requires_grad_()
    with torch.enable_grad():
        parts = objective(scores, semantics, None, negatives, margins)
        triplet, visual = (torch.autograd.grad(parts[name], scores)[0] for name in ("triplet", "visual"))
    size = visual.abs()
    places = max(1, round(TOP * len(scores)))
    top = scores.detach().topk(places, dim=1).indices
    agreement, ratio = _cosine_and_ratio(triplet.flatten(), visual.flatten())
    found = {
        "agreement": agreement,
        "top": 100 * size.gather(1, top).sum() / size.sum().clamp(min=1e-12),
        "own": -visual.diagonal().mean() / size.mean().clamp(min=1e-12),
    }
    if objective.alpha:
        found["pull"] = objective.beta / objective.alpha * ratio
    return {name: float(value) for name, value in found.items()}


def compare_gradients_at_weights(
    triplet: Tensor, visual: Tensor, weights: Sequence[Tensor]
) -> dict[str, float]:
    """How the gradients of two weighted losses stand to each other where they act, at the weights.

    Args:
        triplet: scalar, with its graph.
        visual: scalar, of the same graph.
        weights: those that are trained.

    Returns:
        `ratio`: the length of the second gradient over that of the first; `cosine` of the two.

    >>> weight = torch.tensor([1.0, 1.0], requires_grad=True)
    >>> round(compare_gradients_at_weights(weight.sum(), 3 * weight[0], [weight])["ratio"], 3)
    2.121
    """
    first, second = (
        torch.cat([gradient.flatten() for gradient in torch.autograd.grad(
            loss, weights, retain_graph=True, allow_unused=True, materialize_grads=True)])
        for loss in (triplet, visual)
    )  # fmt: skip
    cosine, ratio = _cosine_and_ratio(first, second)
    return {"ratio": float(ratio), "cosine": float(cosine)}


def _cosine_and_ratio(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Of two flat gradients: their cosine, and the length of the second over that of the first."""
    cosine = torch.nn.functional.cosine_similarity(first, second, dim=0)
    return cosine, second.norm() / first.norm().clamp(min=1e-12)


def epoch_means(lines: Sequence[dict]) -> dict[str, list[float | None]]:
    """The mean of what the log says of an epoch's steps, four digits, by name; None where it was not logged.

    >>> epoch_means([{"epoch": 0, "step": 0, "spread": 0.1}, {"epoch": 0, "step": 10, "spread": 0.2}])
    {'spread': [0.15]}
    """
    logged: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if "step" in line:
            for name in LOGGED:
                logged[line["epoch"]][name] += [line[name]] if name in line else []
    epochs = [logged[epoch] for epoch in sorted(logged)]
    names = [name for name in LOGGED if any(epoch[name] for epoch in epochs)]
    return {name: [_mean(epoch[name]) for epoch in epochs] for name in names}


def _mean(values: list[float]) -> float | None:
    return float(f"{sum(values) / len(values):.4g}") if values else None
