"""What SGR and SAF share: a graph of nodes for every pair, from the alignment, and a score read from it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vslnb.config import ModelConfig
from vslnb.models import blocks
from vslnb.models.alignment import Alignment, attend, gram_of
from vslnb.models.cosine import Cosine
from vslnb.models.encoders import init_linear, l2_norm, word_mask
from vslnb.models.matcher import Items


class GraphMatcher(Cosine):
    """The towers of `cosine`, the alignment of words with regions, and what a subclass reads from its nodes."""

    global_is_exact = False
    has_attention = True
    shares_of = ""  # unless a subclass reads the nodes by a sum

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.alignment = Alignment(config.embed_dim, config.sim_dim)
        self.head = nn.Linear(config.sim_dim, 1)
        init_linear(self.head)

    def fused_query_keys(self) -> tuple[Tensor, ...]:
        """What all blocks of a batch share, besides the weights."""
        return ()

    def read_nodes(self, nodes: Tensor, mask: Tensor, *fused: Tensor) -> tuple[Tensor, Tensor | None]:
        """Nodes (B, C, 1 + W, S), mask (C, 1 + W) -> (B, C, S), and the captions' statistics (C, 2) if there are any."""
        raise NotImplementedError

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Items of regions (B, R, D) and words (C, W, D) with their global vectors -> (B, C)."""
        regions, image_globals = images
        scores, statistics = blocks.score_in_blocks(
            self._block_scores,
            (regions, gram_of(regions), image_globals),
            captions,
            lengths,
            word_numbers=len(regions) * self.config.embed_dim,
            shared=self.fused_query_keys(),
        )
        self.caption_statistics = statistics
        return scores

    def _block_scores(
        self,
        regions: Tensor,
        gram: Tensor,
        image_globals: Tensor,
        words: Tensor,
        caption_globals: Tensor,
        mask: Tensor,
        *fused: Tensor,
    ) -> tuple[Tensor, Tensor | None]:
        """Scores (B, n) of captions of about one length, and their statistics."""
        nodes = self.alignment(regions, gram, image_globals, words, caption_globals, mask)
        node_mask = torch.cat([mask.new_ones(len(mask), 1), mask], dim=1)
        vectors, statistics = self.read_nodes(nodes, node_mask, *fused)
        return torch.sigmoid(self.head(vectors)).squeeze(2), statistics

    def global_scores(self, images: Tensor, captions: Tensor) -> Tensor:
        """Global vectors (B, D) and (C, D) -> (B, C): the score of a graph that holds the global node alone.

        A twentieth of the work of `scores`, and a good guess at its order.
        """
        mask, fused = captions.new_ones(len(captions), 1, dtype=torch.bool), self.fused_query_keys()
        rows = max(1, blocks.BLOCK // max(captions.numel(), 1))
        scores = []
        for part in images.split(rows):
            node = l2_norm(self.alignment.global_node(part, captions))[:, :, None]
            scores.append(torch.sigmoid(self.head(self.read_nodes(node, mask, *fused)[0])).squeeze(2))
        return torch.cat(scores) if scores else images.new_zeros(0, len(captions))

    def attention(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """The alignment's weights: (C, W, B, R)."""
        return attend(images, captions, word_mask(lengths, captions.shape[1], captions.device))
