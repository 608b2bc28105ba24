"""Two towers: the global vectors of section 4 of the study, and their cosine (Eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from vslnb.config import ModelConfig
from vslnb.models.encoders import EPSILON, GlobalVector, ImageEncoder, TextEncoder, word_mask
from vslnb.models.matcher import Items, Matcher, heaviest_words, refuse_ragged


class Cosine(Matcher):
    """SGRAF's encoders and global vectors; the score of a pair is the cosine of two vectors.

    >>> model = Cosine(ModelConfig("cosine", embed_dim=8, word_dim=5, vocab_size=9, num_regions=3, feature_dim=6))
    >>> images = model.encode_images(torch.rand(2, 3, 6))
    >>> lengths = torch.tensor([3, 4])
    >>> captions = model.encode_captions(torch.tensor([[1, 4, 2, 0], [1, 5, 6, 2]]), lengths)
    >>> model.scores(images, captions, lengths).shape
    torch.Size([2, 2])
    """

    global_is_exact = True
    shares_of = "score"
    fixed_regions = True  # the batch norm of an image's regions has a mean for each

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.image_encoder = ImageEncoder(config.feature_dim, config.embed_dim)
        self.text_encoder = TextEncoder(config.vocab_size, config.word_dim, config.embed_dim, config.dropout)
        self.image_global = GlobalVector(config.embed_dim, config.dropout, config.num_regions)
        self.text_global = GlobalVector(config.embed_dim, config.dropout)

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F) -> (B, R, D)."""
        refuse_ragged(images, lengths, self.config.module)
        return self.image_encoder(images)

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W), lengths (C,) -> (C, W, D)."""
        return self.text_encoder(ids, torch.as_tensor(lengths))

    def image_items(self, embeddings: Tensor) -> Items:
        """Regions (B, R, D) -> regions and global vectors (B, D)."""
        return embeddings, self.image_global(embeddings)

    def caption_items(self, embeddings: Tensor, lengths: Tensor) -> Items:
        """Words (C, W, D), lengths (C,) -> words and global vectors (C, D)."""
        mask = word_mask(lengths, embeddings.shape[1], embeddings.device)
        return embeddings, self.text_global(embeddings, mask)

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Cosines (B, C) of the global vectors."""
        return images[1] @ captions[1].T

    def key_words(self, captions: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The words that weigh most in each caption's global vector."""
        mask = word_mask(lengths, captions.shape[1], captions.device)
        return heaviest_words(captions, lengths, self.text_global.weights(captions, mask), count)

    def word_shares(self, images: Tensor, captions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The caption's vector is a weighted sum of words, so its cosine with an image's is a sum too: (B, C, W)."""
        mask = word_mask(lengths, captions.shape[1], captions.device)
        parts = self.text_global.weights(captions, mask)[:, :, None] * captions
        norms = torch.linalg.vector_norm(parts.sum(1), dim=1) + EPSILON
        shares = torch.einsum("bd,cwd->bcw", self.image_global(images), parts) / norms[:, None]
        return shares, shares.new_zeros(shares.shape[:2])
