"""SCAN (Lee et al., ECCV 2018): stacked cross attention, from words to regions or from regions to words."""

from __future__ import annotations

import torch
from torch import Tensor

from vslnb.config import ModelConfig
from vslnb.models.alignment import SHARPNESS, attention_weights, context_cosines, dot_products, gram_of
from vslnb.models.blocks import score_in_blocks
from vslnb.models.encoders import word_mask
from vslnb.models.matcher import Items
from vslnb.models.regions import RegionWordMatcher

I2T_SHARPNESS, LSE, I2T_LSE = 4.0, 6.0, 5.0


class SCAN(RegionWordMatcher):
    """Every query (word, or region with `direction="i2t"`) meets what it attends to; the cosines are aggregated.

    >>> model = SCAN(ModelConfig("scan", embed_dim=8, word_dim=5, vocab_size=9, num_regions=3, feature_dim=6))
    >>> lengths = torch.tensor([3, 4])
    >>> captions = model.encode_captions(torch.tensor([[1, 4, 2, 0], [1, 5, 6, 2]]), lengths)
    >>> model.scores(model.encode_images(torch.rand(2, 3, 6)), captions, lengths).shape
    torch.Size([2, 2])
    """

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        words_ask = config.direction == "t2i"
        self.sharpness = config.sharpness or (SHARPNESS if words_ask else I2T_SHARPNESS)
        self.lse = config.lse or (LSE if words_ask else I2T_LSE)
        self.shares_of = "score" if words_ask and config.aggregation in ("mean", "sum") else ""

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Items of regions (B, R, D) and words (C, W, D) -> (B, C)."""
        regions, words = images[0], captions[0]
        per_word = regions.shape[0] * regions.shape[1]
        if self.config.direction == "t2i":
            return score_in_blocks(self._words_ask, (regions, gram_of(regions)), (words,), lengths, per_word)[
                0
            ]
        return score_in_blocks(self._regions_ask, (regions,), (words,), lengths, per_word)[0]

    def _words_ask(self, regions: Tensor, gram: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        return self._aggregated(self._word_cosines(regions, gram, words, mask), mask).T, None

    def _word_cosines(self, regions: Tensor, gram: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Cosines (C, W, B) of words with what they attend to."""
        products = dot_products(regions, words)
        weights = attention_weights(products, query_mask=mask, sharpness=self.sharpness)
        return context_cosines(products, weights, gram, torch.linalg.vector_norm(words, dim=2))

    def _regions_ask(self, regions: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        products = dot_products(words, regions)
        weights = attention_weights(products, context_mask=mask, sharpness=self.sharpness)
        cosines = context_cosines(products, weights, gram_of(words), torch.linalg.vector_norm(regions, dim=2))
        return self._aggregated(cosines, mask.new_ones(regions.shape[:2])), None

    def _aggregated(self, cosines: Tensor, mask: Tensor) -> Tensor:
        """Cosines (M, P, N) of the queries of M items, mask (M, P) -> (M, N)."""
        mask = mask[:, :, None]
        if self.config.aggregation == "max":
            return cosines.masked_fill(~mask, -torch.inf).amax(1)
        if self.config.aggregation == "lse":
            return (self.lse * cosines).masked_fill(~mask, -torch.inf).logsumexp(1) / self.lse
        total = (cosines * mask).sum(1)
        return total if self.config.aggregation == "sum" else total / mask.sum(1)

    def attention(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """(C, W, B, R); of regions that ask, what each word gets of their attention, as shares."""
        mask = word_mask(lengths, captions.shape[1], captions.device)
        return word_attention(images, captions, mask, self.config.direction, self.sharpness)

    def word_shares(self, images: Tensor, captions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Words that ask: a word's cosine (B, C, W), over their number where the score is a mean."""
        mask = word_mask(lengths, captions.shape[1], captions.device)
        cosines = self._word_cosines(images, gram_of(images), captions, mask) * mask[:, :, None]
        if self.config.aggregation == "mean":
            cosines = cosines / mask.sum(1)[:, None, None]
        return cosines.permute(2, 0, 1), cosines.new_zeros(len(images), len(captions))


def word_attention(regions: Tensor, words: Tensor, mask: Tensor, direction: str, sharpness: float) -> Tensor:
    """Where words look, (C, W, B, R), in either direction; `mask` (C, W)."""
    if direction == "t2i":
        return attention_weights(dot_products(regions, words), query_mask=mask, sharpness=sharpness)
    asked = attention_weights(dot_products(words, regions), context_mask=mask, sharpness=sharpness)
    shares = asked.permute(2, 3, 0, 1)
    return shares / shares.sum(3, keepdim=True).clamp(min=1e-12)
