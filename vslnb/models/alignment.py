"""Words look at regions (SCAN attention); what they saw, compared with what they say, are SGRAF's nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vslnb.models.encoders import EPSILON, init_linear, l2_norm

SHARPNESS = 9.0


def attend(regions: Tensor, words: Tensor, mask: Tensor) -> Tensor:
    """Attention of every word over the regions of every image.

    Args:
        regions: (B, R, D).
        words: (C, W, D).
        mask: (C, W), false past a caption's length.

    Returns:
        (C, W, B, R), rows sum to one; rows of padded words are uniform.
    """
    # One product of two large matrices: many times as fast as a small one for every image.
    products = words.flatten(0, 1) @ regions.flatten(0, 1).T
    relevance = functional.leaky_relu(products.view(*words.shape[:2], *regions.shape[:2]), 0.1)
    return (SHARPNESS * l2_norm(relevance * mask[:, :, None, None], dim=1)).softmax(3)


class Alignment(nn.Module):
    """Nodes [s_g, s_1 .. s_W] of every image-caption pair: (B, C, 1 + W, S)."""

    def __init__(self, embed_dim: int, sim_dim: int):
        super().__init__()
        self.local = nn.Linear(embed_dim, sim_dim)
        self.whole = nn.Linear(embed_dim, sim_dim)
        init_linear(self)

    def forward(
        self,
        regions: Tensor,
        gram: Tensor,
        image_globals: Tensor,
        words: Tensor,
        caption_globals: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """Regions (B, R, D) and their products (B, R, R), globals (B, D) and (C, D), words (C, W, D), mask (C, W)."""
        weights = attend(regions, words, mask).flatten(0, 1).transpose(0, 1)  # (B, C * W, R)
        # |sum_r a_r v_r|^2 = a^T (v v^T) a: the context's norm from R x R numbers, without a pass over D.
        squares = ((weights @ gram) * weights).sum(2, keepdim=True)
        weights = weights / (squares.clamp(min=1e-24).sqrt() + EPSILON)
        stated = words.flatten(0, 1).expand(len(regions), -1, -1)
        # Context minus word in one product; where no gradient is asked for, what follows is done in place.
        seen = torch.baddbmm(stated, weights, regions, beta=-1)
        seen = seen.square() if seen.requires_grad else seen.square_()
        local = self.local(seen).unflatten(1, words.shape[:2])
        whole = self.global_node(image_globals, caption_globals)
        nodes = torch.cat([whole[:, :, None], local], dim=2)
        norms = torch.linalg.vector_norm(nodes, dim=3, keepdim=True) + EPSILON
        return nodes / norms if nodes.requires_grad else nodes.div_(norms)

    def global_node(self, image_globals: Tensor, caption_globals: Tensor) -> Tensor:
        """s_g of globals (B, D) and (C, D), before its norm: (B, C, S)."""
        return self.whole((image_globals[:, None] - caption_globals[None]).square())
