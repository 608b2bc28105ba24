"""Eq. 2, 5, 6 and 7. Each loss stands alone: give it any model's scores and any semantic matrix."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vslnb.ranking import check_rank, in_unit, soft_rank

NEGATIVES = ("hardest", "all", "violating", "mean")

Margins = tuple[Tensor, Tensor]  # of an image's negatives and of a caption's, see `TripletLoss.costs`


class TripletLoss(nn.Module):
    """Eq. 2, summed over the batch, both directions.

    Args:
        margin: m.
        negatives: `hardest` takes the highest-scoring negative of each query (SGRAF and the released
            code), `all` sums over every negative (Eq. 2 leaves it open), `violating` takes the mean over
            those within the margin, which is never above `hardest`, and `mean` over the whole row or column, where
            the pair itself counts as one more item without a cost, as NCR's program has it.
        slack: not in the paper: the margin shrinks by this share times the similarity of a negative to the pair. It
            applies Eq. 3 to the negatives that the triplet loss reads, those at the top of the list.

    >>> TripletLoss()(torch.tensor([[0.9, 0.8], [0.1, 0.7]]))
    tensor(0.4000)
    """

    def __init__(self, margin: float = 0.2, negatives: str = "hardest", slack: float = 0.0):
        super().__init__()
        if negatives not in NEGATIVES:
            raise ValueError(f"negatives must be one of {NEGATIVES}, got {negatives!r}")
        self.margin, self.negatives, self.slack = margin, negatives, slack

    def forward(
        self, scores: Tensor, semantics: Tensor | None = None, margins: Margins | None = None
    ) -> Tensor:
        """`scores` (B, B), row = image, column = caption, pairs on the diagonal -> scalar.

        `semantics` (B, B) is read with `slack` alone: of a negative counts its value over that of the pair, 0 to 1.
        `margins` replace the one margin, see `costs`.
        """
        captions, images = self.costs(scores, semantics, margins)
        if self.negatives == "hardest":
            captions, images = captions.amax(1), images.amax(0)
        elif self.negatives == "violating":
            captions = captions.sum(1) / (captions > 0).sum(1).clamp(min=1)
            images = images.sum(0) / (images > 0).sum(0).clamp(min=1)
        elif self.negatives == "mean":
            captions, images = captions.mean(1), images.mean(0)
        return captions.sum() + images.sum()

    def costs(
        self, scores: Tensor, semantics: Tensor | None = None, margins: Margins | None = None
    ) -> tuple[Tensor, Tensor]:
        """What every negative costs its pair, (B, B) twice with a zero diagonal.

        In the first the query is the image of the row, in the second the caption of the column. `margins` has a
        number for every entry of the two, in a shape that broadcasts to (B, B).
        """
        _check_square(scores)
        own = scores.diagonal()
        first, second = margins or (self.margin, self.margin)
        if self.slack and semantics is not None:
            similarity = semantics.to(scores)
            relative = similarity / similarity.diagonal().clamp(min=1e-12)[:, None]
            first = first * (1 - self.slack * relative.clamp(0, 1))
            second = second * (1 - self.slack * relative.T.clamp(0, 1))
        diagonal = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        return (
            (first + scores - own[:, None]).clamp(min=0).masked_fill(diagonal, 0),
            (second + scores - own[None, :]).clamp(min=0).masked_fill(diagonal, 0),
        )


class VisualSemanticLoss(nn.Module):
    """Eq. 5: one minus the mean ratio of the smaller to the larger of two soft ranks; 0 when they agree.

    The text-side loss L_ts of Eq. 7 is the same on `scores.T` and the similarity of the captions.

    Args:
        temperature: tau of Eq. 4.
        rank: `paper`, `descending` or `released`, see `vslnb.ranking`.
        unit: what tau counts in. `absolute`, as in the paper: the scores and the similarity themselves. `spread`:
            the standard deviation of each of the two matrices, the scores' held constant, so that models with
            scores of any scale are asked the same. The similarity is counted in its own, because only then is the
            loss 0 for scores that are the similarity times any positive number. The gradient grows as the
            spread shrinks.

    Raises:
        ValueError: for a temperature that is not positive, an unknown rank or an unknown unit.

    >>> scores = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    >>> round(float(VisualSemanticLoss()(scores, scores)), 6)
    0.0
    >>> float(VisualSemanticLoss(rank="descending")(scores, -scores))
    0.5

    Two towers in ten lines, trained by VSL alone:

    >>> _ = torch.manual_seed(0)
    >>> images, captions = torch.randn(8, 5), torch.randn(8, 5)
    >>> semantics = torch.corrcoef(images)
    >>> tower = torch.nn.Linear(5, 5)
    >>> step = torch.optim.Adam(tower.parameters(), lr=0.05)
    >>> def loss():
    ...     return VisualSemanticLoss(temperature=0.1)(tower(images) @ captions.T, semantics)
    >>> before = loss().item()
    >>> for _ in range(50):
    ...     step.zero_grad(); loss().backward(); step.step()
    >>> loss().item() < before
    True
    """

    def __init__(self, temperature: float = 1e-3, rank: str = "paper", unit: str = "absolute"):
        super().__init__()
        check_rank(temperature, rank, unit)
        self.temperature, self.rank, self.unit = temperature, rank, unit

    def forward(self, scores: Tensor, semantics: Tensor) -> Tensor:
        """`scores` (B, B) and `semantics` (B, B) -> scalar in [0, 1); no gradient reaches `semantics`."""
        _check_square(scores)
        semantics = torch.as_tensor(semantics)
        if scores.shape != semantics.shape:
            raise ValueError(f"scores {tuple(scores.shape)} and semantics {tuple(semantics.shape)} differ")
        ranks = self._ranks(scores)
        with torch.no_grad():
            wanted = self._ranks(semantics.to(scores))
        return 1 - (torch.minimum(ranks, wanted) / torch.maximum(ranks, wanted)).mean()

    def _ranks(self, matrix: Tensor) -> Tensor:
        return soft_rank(in_unit(matrix, self.unit), self.temperature, self.rank)


class Objective(nn.Module):
    """Eq. 6 and 7: alpha * triplet + beta * L_vs + beta_text * L_ts.

    `hardest` and `violating` negatives both start at 2 * B * margin, and the second are never above the first, so
    that beta means much the same under each; under `all` it does not (notebook 04).
    """

    def __init__(
        self,
        margin: float = 0.2,
        alpha: float = 1.0,
        beta: float = 0.0,
        beta_text: float = 0.0,
        temperature: float = 1e-3,
        rank: str = "paper",
        slack: float = 0.0,
        unit: str = "absolute",
    ):
        super().__init__()
        self.alpha, self.beta, self.beta_text = alpha, beta, beta_text
        self.triplet = {name: TripletLoss(margin, name, slack) for name in NEGATIVES}
        self.semantic = VisualSemanticLoss(temperature, rank, unit)

    def forward(
        self,
        scores: Tensor,
        image_semantics: Tensor | None = None,
        caption_semantics: Tensor | None = None,
        negatives: str = "hardest",
        margins: Margins | None = None,
    ) -> dict[str, Tensor]:
        """Scalars `loss`, `triplet` and, given semantics and a weight, `visual` (L_vs) and `textual` (L_ts)."""
        triplet = self.triplet[negatives](scores, image_semantics, margins)
        parts = {"triplet": triplet}
        total = self.alpha * triplet
        if self.beta and image_semantics is not None:
            parts["visual"] = self.semantic(scores, image_semantics)
            total = total + self.beta * parts["visual"]
        if self.beta_text and caption_semantics is not None:
            parts["textual"] = self.semantic(scores.T, caption_semantics)
            total = total + self.beta_text * parts["textual"]
        return {"loss": total, **parts}


def _check_square(scores: Tensor) -> None:
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1]:
        raise ValueError(f"scores must be (B, B) with the pairs on the diagonal, got {tuple(scores.shape)}")
