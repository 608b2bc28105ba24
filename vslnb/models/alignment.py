"""Words look at regions (SCAN attention); what they saw, compared with what they say, are SGRAF's nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vslnb.models.encoders import init_linear, l2_norm

SHARPNESS = 9.0


def attend(regions: Tensor, words: Tensor, mask: Tensor) -> Tensor:
    """Attention of every word over the regions of every image.

    Args:
        regions: (B, R, D).
        words: (C, W, D).
        mask: (C, W), false past a caption's length.

    Returns:
        (B, C, W, R), rows sum to one; rows of padded words are uniform.
    """
    captions, length, _ = words.shape
    products = (words.flatten(0, 1) @ regions.transpose(1, 2)).unflatten(1, (captions, length))
    relevance = functional.leaky_relu(products, 0.1) * mask[None, :, :, None]
    return (SHARPNESS * l2_norm(relevance, dim=2)).softmax(3)


class Alignment(nn.Module):
    """Nodes [s_g, s_1 .. s_W] of every image-caption pair: (B, C, 1 + W, S)."""

    def __init__(self, embedding: int, similarity: int):
        super().__init__()
        self.local = nn.Linear(embedding, similarity)
        self.whole = nn.Linear(embedding, similarity)
        init_linear(self)

    def forward(
        self, regions: Tensor, image_globals: Tensor, words: Tensor, caption_globals: Tensor, mask: Tensor
    ) -> Tensor:
        """Regions (B, R, D), globals (B, D) and (C, D), words (C, W, D), mask (C, W)."""
        weights = attend(regions, words, mask)
        context = l2_norm((weights.flatten(1, 2) @ regions).unflatten(1, words.shape[:2]))
        local = l2_norm(self.local((context - words).square()))
        whole = l2_norm(self.whole((image_globals[:, None] - caption_globals[None]).square()))
        return torch.cat([whole[:, :, None], local], dim=2)
