"""CHAN (Pan et al., CVPR 2023), GRU setting: every word is coded by its nearest region alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vslnb.config import ModelConfig
from vslnb.models import encoders
from vslnb.models.alignment import dot_products
from vslnb.models.blocks import score_in_blocks
from vslnb.models.encoders import l2_norm, word_mask
from vslnb.models.matcher import Items
from vslnb.models.regions import RegionWordMatcher

TEMPERATURE = 0.1  # of the log-sum-exp over the words
RELEASED = {
    **encoders.RELEASED,
    "img.feedforward.": "region_attention.",
}
UNUSED = (
    "txt.fc.",
    "img_basic.",
)  # a layer that no computation reads, and the setting without self-attention


class RegionAttention(nn.Module):
    """x + MultiheadAttention(LayerNorm(x)) over an image's regions (B, R, D)."""

    def __init__(self, embed_dim: int, num_heads: int):
        super().__init__()
        self.ln = nn.LayerNorm(embed_dim)
        self.attn = nn.MultiheadAttention(embed_dim, num_heads, batch_first=True)

    def forward(self, regions: Tensor) -> Tensor:
        """(B, R, D) -> (B, R, D)."""
        normed = self.ln(regions)
        return regions + self.attn(normed, normed, normed, need_weights=False)[0]


class CHAN(RegionWordMatcher):
    """S = logsumexp over words of (max over regions of their cosine) / 0.1: up to about 10, more for long captions."""

    reads_ragged = True

    def __init__(self, config: ModelConfig):
        super().__init__(config, normalise_regions=False)
        if config.embed_dim % config.num_heads:
            raise ValueError(f"embed_dim {config.embed_dim} is no multiple of num_heads {config.num_heads}")
        self.region_attention = RegionAttention(config.embed_dim, config.num_heads)

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F), optionally the number of regions of each image (B,) -> (B, R, D), zeros past it.

        Padded regions take part in the attention among regions, as in the released code, but match no word.
        """
        regions = l2_norm(self.region_attention(self.image_encoder(images)))
        if lengths is None:
            return regions
        mask = word_mask(torch.as_tensor(lengths), images.shape[1], images.device)
        return regions * mask[:, :, None]

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Items of regions (B, R, D), zeros where there is none, and words (C, W, D) -> (B, C)."""
        regions = images[0]
        padded = ~regions.any(2)
        per_word = regions.shape[0] * regions.shape[1]
        return score_in_blocks(self._block_scores, (regions, padded), (captions[0],), lengths, per_word)[0]

    def _block_scores(
        self, regions: Tensor, padded: Tensor, words: Tensor, mask: Tensor
    ) -> tuple[Tensor, None]:
        nearest = dot_products(regions, words).masked_fill(padded, -1).amax(3)  # (n, W, B)
        codes = (nearest / TEMPERATURE).masked_fill(~mask[:, :, None], -torch.inf)
        return codes.logsumexp(1).T, None

    def attention(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """(C, W, B, R): one at the nearest region of each word, zero elsewhere."""
        nearest = dot_products(images, captions).masked_fill(~images.any(2), -1).argmax(3)
        return functional.one_hot(nearest, images.shape[1]).to(images)
