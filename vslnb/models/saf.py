"""SAF, similarity attention filtration: the nodes of a pair are weighted and summed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vslnb.config import ModelConfig
from vslnb.models.alignment import gram_of
from vslnb.models.encoders import EPSILON, init_linear, l2_norm, word_mask
from vslnb.models.graph import GraphMatcher

MOMENTUM = 0.1  # of the batch norm's running statistics


class Filtration(nn.Module):
    """a = l1norm(sigmoid(BatchNorm(linear_1(x)))), l2(sum a x): nodes (B, C, 1 + W, S) -> (B, C, S).

    In training the batch norm takes its statistics *per caption*, over all images and the caption's nodes,
    and updates its running statistics once a caption in the order of the batch, as the released code
    does (notebook 07). Whole captions go into a block, so the cut changes nothing.
    """

    def __init__(self, sim_dim: int):
        super().__init__()
        self.attention = nn.Linear(sim_dim, 1)
        self.norm = nn.BatchNorm1d(1, momentum=MOMENTUM)
        init_linear(self)

    def forward(self, nodes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """`mask` (C, 1 + W). In training also returns the statistics (C, 2) for `update`."""
        weights, statistics = self.weights(nodes, mask)
        return l2_norm((weights[:, :, None] @ nodes).squeeze(2)), statistics

    def weights(self, nodes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """How much of each node is kept: (B, C, 1 + W), rows sum to one; in training also the statistics (C, 2)."""
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
            mean, variance, _ = self._running()
            normal = (logits - mean) * (variance + self.norm.eps).rsqrt()
        weights = torch.sigmoid(normal * self.norm.weight + self.norm.bias) * mask
        return weights / (weights.sum(2, keepdim=True) + EPSILON), statistics

    @torch.no_grad()
    def update(self, statistics: Tensor) -> None:
        """Running mean and variance after one update a caption, in closed form; `statistics` (C, 2)."""
        captions, kept = len(statistics), 1 - MOMENTUM
        running_mean, running_variance, count = self._running()
        age = torch.arange(captions - 1, -1, -1, device=statistics.device, dtype=statistics.dtype)
        mean, variance = (MOMENTUM * kept**age) @ statistics
        running_mean.mul_(kept**captions).add_(mean)
        running_variance.mul_(kept**captions).add_(variance)
        count.add_(captions)

    def _running(self) -> tuple[Tensor, Tensor, Tensor]:
        """Running mean and variance, and how many updates they had."""
        norm = self.norm
        assert norm.running_mean is not None and norm.running_var is not None
        assert norm.num_batches_tracked is not None
        return norm.running_mean, norm.running_var, norm.num_batches_tracked


class SAF(GraphMatcher):
    """The nodes of a pair, filtered: (B, C) scores."""

    shares_of = "logit"

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.filtration = Filtration(config.sim_dim)

    def read_nodes(self, nodes: Tensor, mask: Tensor, *fused: Tensor) -> tuple[Tensor, Tensor | None]:
        """Nodes (B, C, 1 + W, S) -> (B, C, S), and in training each caption's mean and variance (C, 2)."""
        return self.filtration(nodes, mask)

    def update_statistics(self, statistics: Tensor) -> None:
        """Update the batch norm's running statistics with those of a batch of captions (C, 2), in their order."""
        self.filtration.update(statistics)

    def word_shares(self, images: Tensor, captions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The logit is linear in the filtered nodes: a share (B, C, W) a word's node.

        Besides the words (B, C): the global node, picture and caption as wholes, and the head's constant.
        """
        mask = word_mask(lengths, captions.shape[1], captions.device)
        image_globals, caption_globals = self.image_global(images), self.text_global(captions, mask)
        nodes = self.alignment(images, gram_of(images), image_globals, captions, caption_globals, mask)
        weights, _ = self.filtration.weights(nodes, torch.cat([mask.new_ones(len(mask), 1), mask], dim=1))
        norms = torch.linalg.vector_norm((weights[:, :, None] @ nodes).squeeze(2), dim=2, keepdim=True)
        shares = weights * (nodes @ self.head.weight[0]) / (norms + EPSILON)
        return shares[:, :, 1:], shares[:, :, 0] + self.head.bias
