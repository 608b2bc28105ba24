"""What architectures share that make one vector of an item: VSE++, VSE-infinity and VSRN."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vslnb.config import ModelConfig
from vslnb.models.encoders import ImageEncoder, TextEncoder
from vslnb.models.matcher import Items, Matcher


class VectorMatcher(Matcher):
    """Embeddings are vectors (B, D) and (C, D) of length one; a score is their dot product.

    Regions go through a linear layer; a caption is the last state of a GRU, unless a subclass pools a BiGRU's.
    """

    global_is_exact = True

    def __init__(self, config: ModelConfig, bidirectional: bool = False):
        super().__init__(config)
        self.image_encoder = ImageEncoder(config.feature_dim, config.embed_dim, normalise=False)
        self.text_encoder = TextEncoder(
            config.vocab_size,
            config.word_dim,
            config.embed_dim,
            config.dropout,
            bidirectional,
            normalise=False,
        )

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W), lengths (C,) -> (C, D)."""
        lengths = torch.as_tensor(lengths)
        words = self.text_encoder(ids, lengths)
        last = lengths.to(words.device) - 1
        return functional.normalize(words[torch.arange(len(words), device=words.device), last], dim=1)

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Cosines (B, C) of the vectors."""
        return images[0] @ captions[0].T
