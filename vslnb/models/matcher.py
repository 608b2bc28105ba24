"""The whole model: two encoders, global vectors, alignment, and SGR or SAF on top; or two towers (Eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vslnb import distributed
from vslnb.config import ModelConfig
from vslnb.models.alignment import Alignment
from vslnb.models.encoders import GlobalVector, ImageEncoder, TextEncoder, init_linear, l2_norm, word_mask
from vslnb.models.saf import Filtration
from vslnb.models.sgr import Reasoning

# Numbers of the widest tensor (pairs x words x D) of one block: large enough for fast products, small
# enough for the caches; and of a whole batch, above which the backward pass recomputes its blocks.
BLOCK, KEEP = 2**22, 2**26
# The same on CUDA, for `pair_scores`: a few large launches rather than many small ones.
CUDA_BLOCK, CUDA_KEEP = 2**27, 2**28


class Matcher(nn.Module):
    """Scores of images and captions, by module `saf`, `sgr` or `cosine`.

    >>> model = Matcher(ModelConfig("saf", embed_dim=8, sim_dim=4, word_dim=5, vocab_size=9, num_regions=3, feature_dim=6))
    >>> images = model.encode_images(torch.rand(2, 3, 6))
    >>> lengths = torch.tensor([3, 4])
    >>> captions = model.encode_captions(torch.tensor([[1, 4, 2, 0], [1, 5, 6, 2]]), lengths)
    >>> model.scores(images, captions, lengths).shape
    torch.Size([2, 2])
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config.feature_dim, config.embed_dim)
        self.text_encoder = TextEncoder(config.vocab_size, config.word_dim, config.embed_dim, config.dropout)
        self.image_global = GlobalVector(config.embed_dim, config.dropout, config.num_regions)
        self.text_global = GlobalVector(config.embed_dim, config.dropout)
        if config.module != "cosine":
            self.alignment = Alignment(config.embed_dim, config.sim_dim)
            self.head = nn.Linear(config.sim_dim, 1)
            init_linear(self.head)
        if config.module == "sgr":
            self.reasoning = Reasoning(config.sim_dim, config.num_steps)
        elif config.module == "saf":
            self.filtration = Filtration(config.sim_dim)

    @property
    def top(self) -> Reasoning | Filtration:
        """What stands on the alignment, SGR or SAF."""
        return self.reasoning if self.config.module == "sgr" else self.filtration

    def encode_images(self, images: Tensor) -> Tensor:
        """(B, R, F) -> (B, R, D)."""
        return self.image_encoder(images)

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W) padded with 0, lengths (C,) counting `<start>` and `<end>`, any order -> (C, W, D)."""
        return self.text_encoder(ids, torch.as_tensor(lengths))

    def scores(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """Embeddings (B, R, D) and (C, W, D), lengths (C,) -> (B, C)."""
        lengths = torch.as_tensor(lengths)
        mask = word_mask(lengths, captions.shape[1], captions.device)
        image_globals, caption_globals = self.image_global(images), self.text_global(captions, mask)
        return self.pair_scores(images, image_globals, captions, caption_globals, lengths)

    def pair_scores(
        self,
        images: Tensor,
        image_globals: Tensor,
        captions: Tensor,
        caption_globals: Tensor,
        lengths: Tensor,
    ) -> Tensor:
        """As `scores`, with the global vectors (B, D) and (C, D) at hand: those are computed once an item."""
        if self.config.module == "cosine":
            return image_globals @ caption_globals.T
        gram, prepared = images @ images.transpose(1, 2), self.top.prepare()
        lengths = lengths.cpu()
        order = lengths.argsort(descending=True, stable=True)
        width, on_cuda = len(images) * self.config.embed_dim, images.device.type == "cuda"
        most, keep = (CUDA_BLOCK, CUDA_KEEP) if on_cuda else (BLOCK, KEEP)
        recompute = torch.is_grad_enabled() and width * int(lengths.sum()) > keep
        columns, statistics, start = [], [], 0
        while start < len(order):
            longest = int(lengths[order[start]])
            block = order[start : start + max(1, most // (width * longest))]
            start += len(block)
            mask = word_mask(lengths[block], longest, captions.device)
            block = block.to(captions.device)
            inputs = images, gram, image_globals, captions[block, :longest], caption_globals[block], mask
            if recompute:
                column, statistic = checkpoint(self._block, *inputs, *prepared, use_reentrant=False)
            else:
                column, statistic = self._block(*inputs, *prepared)
            columns.append(column)
            statistics.append(statistic)
        back = order.argsort().to(captions.device)
        if self.training and self.config.module == "saf":
            self.filtration.update(distributed.gather_results(torch.cat(statistics)[back]))
        return torch.cat(columns, dim=1)[:, back]

    def glance(self, image_globals: Tensor, caption_globals: Tensor) -> Tensor:
        """Globals (B, D) and (C, D) -> (B, C): the score of a graph that holds the global node alone.

        A twentieth of the work of `scores`, and a good guess at its order; equal to it for `cosine`.
        """
        if self.config.module == "cosine":
            return image_globals @ caption_globals.T
        mask, prepared = (
            caption_globals.new_ones(len(caption_globals), 1, dtype=torch.bool),
            self.top.prepare(),
        )
        rows = max(1, BLOCK // max(caption_globals.numel(), 1))
        scores = []
        for part in image_globals.split(rows):
            node = l2_norm(self.alignment.global_node(part, caption_globals))[:, :, None]
            scores.append(torch.sigmoid(self.head(self.top(node, mask, *prepared)[0])).squeeze(2))
        return torch.cat(scores) if scores else image_globals.new_zeros(0, len(caption_globals))

    def key_words(self, captions: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The words that weigh most in each caption's global vector: (C, count, D) and lengths (C,)."""
        mask = word_mask(lengths, captions.shape[1], captions.device)
        count = min(count, captions.shape[1])
        chosen = self.text_global.weights(captions, mask).topk(count, dim=1).indices
        words = captions.gather(1, chosen[:, :, None].expand(-1, -1, captions.shape[2]))
        return words, lengths.clamp(max=count)

    def _block(
        self,
        images: Tensor,
        gram: Tensor,
        image_globals: Tensor,
        words: Tensor,
        caption_globals: Tensor,
        mask: Tensor,
        *prepared: Tensor,
    ) -> tuple[Tensor, Tensor | None]:
        """Scores (B, C) of captions of about one length, and SAF's statistics."""
        nodes = self.alignment(images, gram, image_globals, words, caption_globals, mask)
        node_mask = torch.cat([mask.new_ones(len(mask), 1), mask], dim=1)
        vectors, statistics = self.top(nodes, node_mask, *prepared)
        return torch.sigmoid(self.head(vectors)).squeeze(2), statistics
