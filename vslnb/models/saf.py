"""SAF, similarity attention filtration: the nodes of a pair are weighted and summed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vslnb.models.encoders import EPSILON, init_linear, l2_norm


class Filtration(nn.Module):
    """a = l1norm(sigmoid(BatchNorm(linear_1(x)))), l2(sum a x): nodes (B, C, 1 + W, S) -> (B, C, S).

    In training the batch norm takes its statistics *per caption*, over all images and the caption's nodes,
    and updates its running statistics once a caption in the order of the batch, as the released program
    does (notebook 07). Whole captions go into a block, so the cut changes nothing.
    """

    def __init__(self, sim_dim: int):
        super().__init__()
        self.attention = nn.Linear(sim_dim, 1)
        self.norm = nn.BatchNorm1d(1)
        init_linear(self)

    def prepare(self) -> tuple[Tensor, ...]:
        """What all blocks of a batch share: nothing."""
        return ()

    def forward(self, nodes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """`mask` (C, 1 + W). In training also returns the statistics (C, 2) for `update`."""
        logits = self.attention(nodes).squeeze(3)
        statistics = None
        if self.training:
            count = mask.sum(1) * len(nodes)
            mean = (logits * mask).sum((0, 2)) / count
            centred = (logits - mean[:, None]) * mask
            variance = centred.square().sum((0, 2)) / count
            statistics = torch.stack([mean, variance * count / (count - 1)], dim=1).detach()
            normal = centred * (variance + self.norm.eps).rsqrt()[:, None]
        else:
            normal = (logits - self.norm.running_mean) * (self.norm.running_var + self.norm.eps).rsqrt()
        weights = torch.sigmoid(normal * self.norm.weight + self.norm.bias) * mask
        weights = weights / (weights.sum(2, keepdim=True) + EPSILON)
        return l2_norm((weights[:, :, None] @ nodes).squeeze(2)), statistics

    @torch.no_grad()
    def update(self, statistics: Tensor) -> None:
        """Running mean and variance after one update a caption, in closed form; `statistics` (C, 2)."""
        captions, momentum = len(statistics), self.norm.momentum
        age = torch.arange(captions - 1, -1, -1, device=statistics.device, dtype=statistics.dtype)
        mean, variance = (momentum * (1 - momentum) ** age) @ statistics
        self.norm.running_mean.mul_((1 - momentum) ** captions).add_(mean)
        self.norm.running_var.mul_((1 - momentum) ** captions).add_(variance)
        self.norm.num_batches_tracked += captions
