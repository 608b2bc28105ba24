"""From scores to soft labels, and from soft labels to margins: how much a pair is trusted, 0 to 1.

The paper gives every pair one label. In the released program the label of a clean pair becomes a matrix, because a
column is added to a row, and the margin of a noisy pair counts for its row alone. Both are here by name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import torch
from torch import Tensor

from vslnb.losses import Margins, TripletLoss

CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda labels: labels,
    "exponential": lambda labels: (10**labels - 1) / 9,
    "sin": lambda labels: (torch.sin(pi * labels - pi / 2) + 1) / 2,
}


def pair_losses(scores: Tensor, margin: float) -> Tensor:
    """What each pair of a batch costs, (B, B) -> (B,): the mean over its row plus the mean over its column.

    >>> pair_losses(torch.tensor([[0.9, 0.8], [0.1, 0.7]]), margin=0.2)
    tensor([0.0500, 0.1500])
    """
    captions, images = TripletLoss(margin).costs(scores)
    return captions.mean(1) + images.mean(0)


def predicted_labels(scores: Tensor, margin: float) -> Tensor:
    """What the scores (B, B) say of each pair, (B,): 1 for one that costs as little as the best tenth of the batch.

    >>> predicted_labels(torch.tensor([[0.9, 0.8], [0.1, 0.7]]), margin=0.2)
    tensor([1.0000, 0.7143])
    """
    trust = (margin - pair_losses(scores, margin) / 2).clamp(0, margin)
    best = trust.topk(len(trust) // 10 + 1).values.mean()
    return (trust / best.clamp(min=1e-12)).clamp(max=1)


def clean_labels(probabilities: Tensor, predicted: Tensor, kind: str) -> Tensor:
    """The labels of pairs that are called clean: w + (1 - w) p.

    Args:
        probabilities: w (B,) that each is clean, by the other network.
        predicted: p (B,) of the network itself.
        kind: `pair`, or `matrix` for w of the row and p of the column.

    Returns:
        (B,) for `pair`, (B, B) for `matrix`.

    >>> clean_labels(torch.tensor([1.0, 0.5]), torch.tensor([0.2, 0.6]), "matrix")
    tensor([[1.0000, 1.0000],
            [0.6000, 0.8000]])
    """
    weights = probabilities[:, None] if kind == "matrix" else probabilities
    return weights + (1 - weights) * predicted


def soft_margins(labels: Tensor, margin: float, curve: str, kind: str) -> Margins:
    """The margins of an image's and of a caption's negatives, for `TripletLoss.costs`.

    Args:
        labels: (B,) of pairs, or (B, B) of entries.
        margin: of a label of 1.
        curve: `linear`, `exponential` or `sin`.
        kind: of labels (B,): with `pair` the query's own label counts; with `matrix` that of the row.

    >>> [one.tolist() for one in soft_margins(torch.tensor([1.0, 0.5]), 0.2, "linear", "pair")]
    [[[0.20000000298023224], [0.10000000149011612]], [[0.20000000298023224, 0.10000000149011612]]]
    """
    margins = margin * CURVES[curve](labels)
    if margins.ndim == 2:
        return margins, margins
    rows = margins[:, None]
    return rows, margins[None] if kind == "pair" else rows
