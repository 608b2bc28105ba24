"""IMRAM (Chen et al., CVPR 2020): recurrent attention whose queries a gated memory rewrites between the steps.

The update needs W [q ; a] = W_q q + W_a a, where a, what a query attends to, is a weighted sum of context parts. So
W_a of the context is computed once an item and summed with the attention's weights, as is W_q of the first queries;
from the second update on, W_q q alone is a product of D x D a pair. That is exact, and a fifth of the plain form.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vslnb.config import ModelConfig
from vslnb.models.alignment import (
    SHARPNESS,
    attention_weights,
    by_context,
    context_cosines,
    dot_products,
    gram_of,
)
from vslnb.models.blocks import score_in_blocks
from vslnb.models.encoders import word_mask
from vslnb.models.matcher import Items
from vslnb.models.regions import RegionWordMatcher
from vslnb.models.scan import word_attention

RELEASED = {
    "img_enc.fc_local.": "image_encoder.linear.",
    "txt_enc.embed.": "text_encoder.embedding.",
    "txt_enc.rnn.": "text_encoder.gru.",
    "gate_t2i.": "text_memory.gate.",
    "linear_t2i.": "text_memory.linear.",
    "gate_i2t.": "image_memory.gate.",
    "linear_i2t.": "image_memory.linear.",
}


class Memory(nn.Module):
    """q <- g q + (1 - g) tanh(W_l [q ; a] + b_l), g = sigmoid(W_g [q ; a] + b_g)."""

    def __init__(self, embed_dim: int):
        super().__init__()
        self.gate = nn.Linear(2 * embed_dim, embed_dim)
        self.linear = nn.Linear(2 * embed_dim, embed_dim)

    def given(self, parts: Tensor, asked: bool) -> Tensor:
        """(..., D) -> (..., 2 D): what queries, with the biases, or asked context parts give to gate and memory."""
        size = parts.shape[-1]
        weight = torch.cat([self.gate.weight, self.linear.weight])
        if asked:
            return nn.functional.linear(parts, weight[:, size:])
        return nn.functional.linear(parts, weight[:, :size], torch.cat([self.gate.bias, self.linear.bias]))

    def forward(self, queries: Tensor, given: Tensor) -> Tensor:
        """Queries (..., D) and the sum of what they and their context give (..., 2 D) -> new queries (..., D)."""
        gate, memory = given.chunk(2, dim=-1)
        return torch.lerp(memory.tanh(), queries, gate.sigmoid())


class IMRAM(RegionWordMatcher):
    """The sum over `num_steps` of the mean cosine of queries with what they attend to, of one or both directions."""

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        if not config.num_steps:
            raise ValueError("IMRAM has one step or more, num_steps is 0")
        self.sharpness = config.sharpness or SHARPNESS
        self.text_memory = Memory(config.embed_dim) if config.mode != "image" else None
        self.image_memory = Memory(config.embed_dim) if config.mode != "text" else None
        self.shares_of = "score" if config.mode == "text" else ""

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Items of regions (B, R, D) and words (C, W, D) -> (B, C)."""
        total = None
        for memory, words_ask in ((self.text_memory, True), (self.image_memory, False)):
            if memory is not None:
                scores = self._branch(memory, words_ask, images[0], captions[0], lengths)
                total = scores if total is None else total + scores
        assert total is not None
        return total

    def _branch(
        self, memory: Memory, words_ask: bool, regions: Tensor, words: Tensor, lengths: Tensor
    ) -> Tensor:
        """Scores (B, C) of one direction; the context's and the first queries' products are made here, once an item."""

        def block(
            regions: Tensor, from_regions: Tensor, words: Tensor, from_words: Tensor, mask: Tensor
        ) -> tuple[Tensor, None]:
            if words_ask:
                return self._recurrent(memory, words, from_words, regions, from_regions, mask, None).T, None
            return self._recurrent(memory, regions, from_regions, words, from_words, None, mask), None

        writes = self.config.num_steps > 1  # the memory after the last step is read by nobody
        images = (regions, memory.given(regions, words_ask) if writes else regions)
        captions = (words, memory.given(words, not words_ask) if writes else words)
        width = 2 * len(regions) * regions.shape[2]
        sizes = (width, 0) if words_ask else (0, width * regions.shape[1])
        return score_in_blocks(block, images, captions, lengths, *sizes)[0]

    def _recurrent(
        self,
        memory: Memory,
        first: Tensor,
        from_first: Tensor,
        context: Tensor,
        from_context: Tensor,
        query_mask: Tensor | None,
        context_mask: Tensor | None,
    ) -> Tensor:
        """Queries (M, P, D) and context (N, L, D), what each gives to the memory (..., 2 D), masks -> (M, N)."""
        counts = first.shape[1] if query_mask is None else query_mask.sum(1, keepdim=True)
        total = first.new_zeros(len(first), len(context))
        for cosines in self._steps(
            memory, first, from_first, context, from_context, query_mask, context_mask
        ):
            total = total + cosines.sum(1) / counts
        return total

    def _steps(
        self,
        memory: Memory,
        first: Tensor,
        from_first: Tensor,
        context: Tensor,
        from_context: Tensor,
        query_mask: Tensor | None,
        context_mask: Tensor | None,
    ) -> Iterator[Tensor]:
        """What `_recurrent` sums: of every step the cosines (M, P, N) of queries with what they attend to."""
        shape, gram = first.shape[:2], gram_of(context)
        norms = torch.linalg.vector_norm(first, dim=2)
        products = relevance = dot_products(context, first)  # (M, P, N, L)
        # (M * P, ...) of all contexts at first, (N, M * P, ...) once the memory has written.
        queries, given = first.flatten(0, 1), from_first.flatten(0, 1)
        for step in range(self.config.num_steps):
            if step:
                queries = memory(queries, given)
                relevance = (context @ queries.transpose(1, 2)).permute(2, 0, 1).unflatten(0, shape)
            weights = attention_weights(relevance, query_mask, context_mask, self.sharpness)
            cosines = context_cosines(products, weights, gram, norms)
            yield cosines if query_mask is None else cosines * query_mask[:, :, None]
            if step + 1 < self.config.num_steps:
                given = memory.given(queries, asked=False) if step else given
                given = given + by_context(weights) @ from_context

    def attention(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """(C, W, B, R) of the first step."""
        mask = word_mask(lengths, captions.shape[1], captions.device)
        direction = "i2t" if self.config.mode == "image" else "t2i"
        return word_attention(images, captions, mask, direction, self.sharpness)

    def word_shares(self, images: Tensor, captions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Words alone that ask: a word's cosines (B, C, W), summed over the steps, over the number of words."""
        memory = self.text_memory
        assert memory is not None
        mask = word_mask(lengths, captions.shape[1], captions.device)
        given = memory.given(captions, asked=False), memory.given(images, asked=True)
        steps = self._steps(memory, captions, given[0], images, given[1], mask, None)
        shares = torch.stack(list(steps)).sum(0) / mask.sum(1)[:, None, None]
        return shares.permute(2, 0, 1), shares.new_zeros(len(images), len(captions))
