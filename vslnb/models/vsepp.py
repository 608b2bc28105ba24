"""VSE++ (Faghri et al., BMVC 2018): the mean region and the last word, projected; the cosine of the two."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vslnb.models.encoders import word_mask
from vslnb.models.vectors import VectorMatcher


class VSEPP(VectorMatcher):
    """v = norm(W mean(x) + b), t = norm(last state of a GRU), S = v . t.

    The published features are one vector an image, which is what the mean of one region is.

    >>> from vslnb.config import ModelConfig
    >>> model = VSEPP(ModelConfig("vsepp", embed_dim=8, word_dim=5, vocab_size=9, feature_dim=6))
    >>> model.encode_images(torch.rand(2, 3, 6)).shape
    torch.Size([2, 8])
    """

    reads_ragged = True

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F), optionally the number of regions of each image (B,) -> (B, D)."""
        if lengths is None:
            mean = images.mean(1)
        else:
            mask = word_mask(torch.as_tensor(lengths), images.shape[1], images.device)[:, :, None]
            mean = images.masked_fill(~mask, 0).sum(1) / mask.sum(1)
        return functional.normalize(self.image_encoder(mean), dim=1)
