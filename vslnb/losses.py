"""Eq. 2, 5, 6 and 7, and what else one could do with a semantic matrix.

Each loss stands alone: give it any model's scores and any semantic matrix.
"""

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
        left_out: not in the paper: a negative whose similarity to the pair is at least this share of the pair's own
            is no negative and costs nothing; 0 leaves none out.

    >>> TripletLoss()(torch.tensor([[0.9, 0.8], [0.1, 0.7]]))
    tensor(0.4000)
    """

    def __init__(
        self, margin: float = 0.2, negatives: str = "hardest", slack: float = 0.0, left_out: float = 0.0
    ):
        super().__init__()
        if negatives not in NEGATIVES:
            raise ValueError(f"negatives must be one of {NEGATIVES}, got {negatives!r}")
        if not 0 <= left_out <= 1:
            raise ValueError(f"left_out must lie between 0 and 1, got {left_out}")
        self.margin, self.negatives, self.slack, self.left_out = margin, negatives, slack, left_out

    def forward(
        self, scores: Tensor, semantics: Tensor | None = None, margins: Margins | None = None
    ) -> Tensor:
        """`scores` (B, B), row = image, column = caption, pairs on the diagonal -> scalar.

        `semantics` (B, B) is read with `slack` or `left_out` alone: of a negative counts its value over that of the
        pair, 0 to 1.
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
        no_negative = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        alike = no_negative  # by row the pair of an image; transposed, that of a caption
        if (self.slack or self.left_out) and semantics is not None:
            similarity = semantics.to(scores)
            relative = (similarity / similarity.diagonal().clamp(min=1e-12)[:, None]).clamp(0, 1)
            first = first * (1 - self.slack * relative)
            second = second * (1 - self.slack * relative.T)
            if self.left_out:
                alike = no_negative | (relative >= self.left_out)
        return (
            (first + scores - own[:, None]).clamp(min=0).masked_fill(alike, 0),
            (second + scores - own[None, :]).clamp(min=0).masked_fill(alike.T, 0),
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


class ContrastiveLoss(nn.Module):
    """Not in the paper: InfoNCE, whose labels a semantic matrix may soften; summed over the batch, both directions.

    Every query is asked which of the batch's items is its own, as a cross-entropy over the softmax of its scores. With
    `softness`, that share of the label is spread over all items in proportion to their similarity.

    Args:
        temperature: what the scores are divided by.
        softness: share of a label that follows the similarity, 0 to 1; 0 is plain InfoNCE.

    Raises:
        ValueError: for a temperature that is not positive, or a softness outside 0 to 1.

    >>> scores = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    >>> round(float(ContrastiveLoss(temperature=1.0)(scores)), 4)
    1.4844
    >>> alike = torch.ones(2, 2)  # every label is even, whatever is whose
    >>> round(float(ContrastiveLoss(1.0, softness=1.0)(scores, alike)), 4)
    3.0844
    """

    def __init__(self, temperature: float = 0.05, softness: float = 0.0):
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"the temperature must be positive, got {temperature}")
        if not 0 <= softness <= 1:
            raise ValueError(f"softness must lie between 0 and 1, got {softness}")
        self.temperature, self.softness = temperature, softness

    def forward(self, scores: Tensor, semantics: Tensor | None = None) -> Tensor:
        """`scores` (B, B), row = image, column = caption, pairs on the diagonal -> scalar.

        `semantics` (B, B), of which what is below zero counts as zero, is read with `softness` alone. Entry (i, j)
        says how much the pairs i and j have in common; a row softens the label of an image, and the same row that
        of its caption. A pair that has nothing in common with any keeps its label.
        """
        _check_square(scores)
        labels = torch.eye(len(scores), dtype=scores.dtype, device=scores.device)
        if self.softness and semantics is not None:
            common = torch.as_tensor(semantics).to(scores).detach().clamp(min=0)
            total = common.sum(1, keepdim=True)
            shares = torch.where(total > 0, common / total.clamp(min=1e-12), labels)
            labels = (1 - self.softness) * labels + self.softness * shares
        logits = scores / self.temperature
        images = nn.functional.cross_entropy(logits, labels, reduction="sum")
        return images + nn.functional.cross_entropy(logits.T, labels, reduction="sum")


class Objective(nn.Module):
    """Eq. 6 and 7: alpha * triplet + beta * L_vs + beta_text * L_ts, and `contrast` times InfoNCE.

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
        left_out: float = 0.0,
        contrast: float = 0.0,
        contrast_temperature: float = 0.05,
        softness: float = 0.0,
    ):
        super().__init__()
        self.alpha, self.beta, self.beta_text, self.contrast = alpha, beta, beta_text, contrast
        self.triplet = {name: TripletLoss(margin, name, slack, left_out) for name in NEGATIVES}
        self.semantic = VisualSemanticLoss(temperature, rank, unit)
        self.contrastive = ContrastiveLoss(contrast_temperature, softness)

    def forward(
        self,
        scores: Tensor,
        image_semantics: Tensor | None = None,
        caption_semantics: Tensor | None = None,
        negatives: str = "hardest",
        margins: Margins | None = None,
    ) -> dict[str, Tensor]:
        """Scalars `loss`, `triplet` and, where they have a weight, `visual` (L_vs), `textual` (L_ts) and `contrast`.

        The first two need their semantics.
        """
        triplet = self.triplet[negatives](scores, image_semantics, margins)
        parts = {"triplet": triplet}
        total = self.alpha * triplet
        if self.beta and image_semantics is not None:
            parts["visual"] = self.semantic(scores, image_semantics)
            total = total + self.beta * parts["visual"]
        if self.beta_text and caption_semantics is not None:
            parts["textual"] = self.semantic(scores.T, caption_semantics)
            total = total + self.beta_text * parts["textual"]
        if self.contrast:
            parts["contrast"] = self.contrastive(scores, image_semantics)
            total = total + self.contrast * parts["contrast"]
        return {"loss": total, **parts}


def _check_square(scores: Tensor) -> None:
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1]:
        raise ValueError(f"scores must be (B, B) with the pairs on the diagonal, got {tuple(scores.shape)}")
