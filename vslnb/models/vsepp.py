"""VSE++ (Faghri et al., BMVC 2018): the mean region and the last word, projected; the cosine of the two."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vslnb.config import ModelConfig
from vslnb.models.encoders import ImageEncoder, TextEncoder, last_words, word_mask
from vslnb.models.vectors import VectorMatcher

RELEASED = {
    "img.fc.": "image_encoder.linear.",
    "txt.embed.": "text_encoder.embedding.",
    "txt.rnn.": "text_encoder.gru.",
}


class VSEPP(VectorMatcher):
    """v = norm(W mean(x) + b), t = norm(last state of a GRU), S = v . t.

    The published features are one vector an image, which is what the mean of one region is.

    >>> model = VSEPP(ModelConfig("vsepp", embed_dim=8, word_dim=5, vocab_size=9, feature_dim=6))
    >>> model.encode_images(torch.rand(2, 3, 6)).shape
    torch.Size([2, 8])
    """

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.image_encoder = ImageEncoder(config.feature_dim, config.embed_dim, normalise=False)
        self.text_encoder = TextEncoder(
            config.vocab_size,
            config.word_dim,
            config.embed_dim,
            config.dropout,
            bidirectional=False,
            normalise=False,
        )

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F), optionally the number of regions of each image (B,) -> (B, D)."""
        if lengths is None:
            mean = images.mean(1)
        else:
            mask = word_mask(torch.as_tensor(lengths), images.shape[1], images.device)[:, :, None]
            mean = images.masked_fill(~mask, 0).sum(1) / mask.sum(1)
        return functional.normalize(self.image_encoder(mean), dim=1)

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W), lengths (C,) -> (C, D)."""
        lengths = torch.as_tensor(lengths)
        return functional.normalize(last_words(self.text_encoder(ids, lengths), lengths), dim=1)
