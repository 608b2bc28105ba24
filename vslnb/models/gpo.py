"""VSE-infinity (Chen et al., CVPR 2021): a generalized pooling operator over sorted features; BiGRU text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vslnb.config import ModelConfig
from vslnb.models import encoders
from vslnb.models.encoders import gru_outputs, l2_norm, word_mask
from vslnb.models.vectors import VectorMatcher

TEMPERATURE = 0.1  # of the softmax over positions
RELEASED = {
    **encoders.RELEASED,
    "img.mlp.layers.0.": "image_mlp.0.",
    "img.mlp.bns.0.": "image_mlp.1.",
    "img.mlp.layers.1.": "image_mlp.3.",
    "img.gpool.": "image_pool.",
    "txt.gpool.": "text_pool.",
}
UNUSED = ("img.mlp.bns.1.",)  # a second batch norm that no computation reads


def positional_codes(count: int, width: int) -> Tensor:
    """Sines (even) and cosines (odd) of k w_j, w_j = 10000^(-2j / width): (count, width), rows k = 0 .. count - 1.

    >>> positional_codes(2, 2)
    tensor([[0.0000, 1.0000],
            [0.8415, 0.5403]], dtype=torch.float64)
    """
    rates = torch.exp(
        -torch.arange(0, width, 2, dtype=torch.float64) * (torch.log(torch.tensor(1e4).double()) / width)
    )
    angles = torch.arange(count, dtype=torch.float64)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]


class GeneralizedPooling(nn.Module):
    """Each dimension sorted by itself, descending, then a weighted sum; the weights depend on the count alone."""

    def __init__(self, position_dim: int, hidden_dim: int):
        super().__init__()
        self.position_dim = position_dim
        self.gru = nn.GRU(position_dim, hidden_dim, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(hidden_dim, 1, bias=False)

    def weights(self, lengths: Tensor, width: int) -> Tensor:
        """Weights (n, width) of the sorted places of n items, zeros past a length; computed once a length."""
        counts, item = lengths.cpu().unique(return_inverse=True)
        counts, item = counts.flip(0), len(counts) - 1 - item  # a packed sequence begins with the longest
        weight = self.linear.weight
        codes = positional_codes(int(counts[0]), self.position_dim).to(weight)
        states = gru_outputs(self.gru, codes.expand(len(counts), -1, -1), counts, width)
        logits = self.linear(states).squeeze(2) / TEMPERATURE
        mask = word_mask(counts, width, weight.device)
        return logits.masked_fill(~mask, -torch.inf).softmax(1)[item.to(weight.device)]

    def forward(self, parts: Tensor, lengths: Tensor) -> Tensor:
        """Parts (n, L, D), of which the first `lengths` (n,) count -> (n, D)."""
        mask = word_mask(lengths, parts.shape[1], parts.device)[:, :, None]
        ordered = parts.masked_fill(~mask, -torch.inf).sort(dim=1, descending=True).values
        return (ordered.masked_fill(~mask, 0) * self.weights(lengths, parts.shape[1])[:, :, None]).sum(1)


class GPO(VectorMatcher):
    """Regions through a linear layer plus a perceptron, words through a BiGRU; both pooled, normed, multiplied."""

    mixes_images = True  # batch norm
    reads_ragged = True

    def __init__(self, config: ModelConfig):
        super().__init__(config, bidirectional=True)
        hidden = config.embed_dim // 2
        self.image_mlp = nn.Sequential(
            nn.Linear(config.feature_dim, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, config.embed_dim),
        )
        self.image_pool = GeneralizedPooling(config.position_dim, config.pool_dim)
        self.text_pool = GeneralizedPooling(config.position_dim, config.pool_dim)

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F), optionally the number of regions of each image (B,) -> (B, D).

        In training the batch norm counts padded regions too, as the released code does.
        """
        if lengths is None:
            lengths = torch.full((len(images),), images.shape[1])
        rows = self.image_encoder.standardised(images).flatten(0, 1)
        regions = self.image_encoder(images) + self.image_mlp(rows).unflatten(0, images.shape[:2])
        return l2_norm(self.image_pool(regions, torch.as_tensor(lengths).long()))

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W), lengths (C,) -> (C, D)."""
        lengths = torch.as_tensor(lengths)
        return l2_norm(self.text_pool(self.text_encoder(ids, lengths), lengths))
