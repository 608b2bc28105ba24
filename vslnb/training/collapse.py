"""The collapse of hardest negatives, as distinct from a slow start (notebook 07)."""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW = 300  # steps that must all look collapsed; healthy runs were seen to lie flat for 200


class CollapseGuard:
    """Knows the collapse of notebook 07: equal scores, the triplet stuck at 2 * B * margin.

    Scores can be nearly equal and still be learning: VSL first orders them on the scale of its temperature.
    So over the whole window a pair must also score above no more of its negatives than by chance, 0.5.

    >>> guard = CollapseGuard(margin=0.2, window=2)
    >>> [guard(triplet=51.2, spread=1e-5, pairwise_accuracy=0.5, batch=128) for _ in range(2)]
    [False, True]
    >>> [guard(triplet=51.2, spread=1e-5, pairwise_accuracy=0.6, batch=128) for _ in range(2)]
    [False, False]
    """

    def __init__(self, margin: float, window: int = WINDOW):
        self.margin, self.window, self.pairwise_accuracy = margin, window, []

    def __call__(self, triplet: float, spread: float, pairwise_accuracy: float, batch: int) -> bool:
        """True once the last `window` steps look collapsed.

        Args:
            triplet: its value.
            spread: standard deviation of the scores.
            pairwise_accuracy: share of negatives below their pair's score.
            batch: B.
        """
        stuck = abs(triplet / (2 * batch * self.margin) - 1) < 0.01 and spread < 0.005
        self.pairwise_accuracy = [*self.pairwise_accuracy, pairwise_accuracy][-self.window :] if stuck else []
        return len(self.pairwise_accuracy) == self.window and sum(self.pairwise_accuracy) / self.window < 0.52


def pairwise_accuracy(scores: Tensor) -> Tensor:
    """Of scores (B, B): the share of negatives, both ways, that score below the pair; ties count half.

    >>> float(pairwise_accuracy(torch.tensor([[0.9, 0.1], [0.95, 0.9]])))
    0.5
    """
    own, others = scores.diagonal(), max(len(scores) * (len(scores) - 1), 1)
    signs = torch.sign(own[:, None] - scores).sum() + torch.sign(own[None, :] - scores).sum()
    return 0.5 + signs / (4 * others)
