"""What architectures share that compare words with regions and have SCAN's encoders: SCAN, IMRAM and CHAN."""

from __future__ import annotations

import torch
from torch import Tensor

from vslnb.config import ModelConfig
from vslnb.models.encoders import ImageEncoder, TextEncoder
from vslnb.models.matcher import Matcher, refuse_ragged


class RegionWordMatcher(Matcher):
    """Regions through a linear layer, words through a BiGRU, all of length one."""

    has_attention = True

    def __init__(self, config: ModelConfig, normalise_regions: bool = True):
        super().__init__(config)
        self.image_encoder = ImageEncoder(config.feature_dim, config.embed_dim, normalise_regions)
        self.text_encoder = TextEncoder(config.vocab_size, config.word_dim, config.embed_dim, config.dropout)

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F) -> (B, R, D)."""
        refuse_ragged(images, lengths, self.config.module)
        return self.image_encoder(images)

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W), lengths (C,) -> (C, W, D)."""
        return self.text_encoder(ids, torch.as_tensor(lengths))
