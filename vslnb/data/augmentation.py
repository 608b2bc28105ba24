"""Size augmentation of VSE-infinity and CHAN: in training, regions and words are dropped at random."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vslnb import distributed
from vslnb.data.loader import Batch
from vslnb.data.vocabulary import UNKNOWN, Vocabulary

REMOVED, REPLACED = 0.4, 0.1  # shares of the words that are touched; the rest is masked


class SizeAugmentation:
    """Removes a share of the regions of images; removes, replaces or masks a share of the words of captions.

    What it does follows from (seed, epoch, step) and the place in the batch, so a run that goes on and a run of
    several processes do the same. Of an item of which nothing would remain, all remains.

    Args:
        regions: share of the regions that is removed.
        words: share of the words, `<start>` and `<end>` among them, that is touched: of these 40 % are removed,
            10 % become any word, and half become `<unk>`, since our vocabularies have no `<mask>`.
        vocabulary: of the ids.
        seed: of the run.
        padding: (F,), what stands in the place of a removed region, default zero. Batch norm (GPO) and the attention among regions
            (CHAN) read it in training, as those of the released code do, so it should be what the weights see as zero:
            the mean of each channel where features are standardised, and zero itself where they are not.
    """

    def __init__(
        self, regions: float, words: float, vocabulary: Vocabulary, seed: int, padding: Tensor | None = None
    ):
        self.regions, self.words, self.seed, self.padding = regions, words, seed, padding
        self.size, self.unknown = len(vocabulary), vocabulary.index[UNKNOWN]

    def __call__(self, batch: Batch, epoch: int, step: int) -> Batch:
        """The batch with what remains moved to the front, padding after it, and how much that is of each item."""
        if self.regions:
            place = self._numbers(batch, batch.features.shape[1], (epoch, step, 1))
            everywhere = torch.ones_like(place).bool()
            features, counts = keep(batch.features, place >= self.regions, everywhere, self.padding)
            batch = batch._replace(features=features, region_counts=counts)
        if self.words:
            width = batch.ids.shape[1]
            fate = self._numbers(batch, width, (epoch, step, 2)) / self.words  # below 1: touched
            word = self._numbers(batch, width, (epoch, step, 3)) * (self.size - 1)
            ids = batch.ids.masked_fill(fate < 1, self.unknown)
            ids = ids.where(fate >= REMOVED + REPLACED, 1 + word.long())  # any but `<pad>`
            present = torch.arange(width) < batch.lengths[:, None]
            ids, lengths = keep(ids, fate >= REMOVED, present)
            batch = batch._replace(ids=ids[:, : int(lengths.max())], lengths=lengths)
        return batch

    def _numbers(self, batch: Batch, width: int, place: tuple[int, int, int]) -> Tensor:
        """Uniform on [0, 1) for this process's items (n, width); a wider one begins with the same."""
        numbers = np.random.default_rng([self.seed, *place]).random((width, len(batch.captions)))
        return torch.from_numpy(distributed.shard(numbers.T))


def keep(
    items: Tensor, kept: Tensor, present: Tensor, padding: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Remove parts of items: what remains moves to the front, in its order, with padding after it.

    Args:
        items: (n, L) or (n, L, F).
        kept: (n, L) bool; an item of which nothing is kept remains whole.
        present: (n, L) bool, false for padding.
        padding: () or (F,), default zero.

    Returns:
        The items in their shape, and how many parts each has now (n,).

    >>> yes, no = True, False
    >>> ids = torch.tensor([[5, 6, 7], [8, 9, 0]])
    >>> keep(ids, torch.tensor([[no, yes, yes], [no, no, yes]]), ids > 0)
    (tensor([[6, 7, 0],
            [8, 9, 0]]), tensor([2, 2]))
    """
    kept = kept & present
    kept = kept.where(kept.any(1, keepdim=True), present)
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    packed, counts = items[torch.arange(len(items))[:, None], order], kept.sum(1)
    empty = torch.arange(items.shape[1]) >= counts[:, None]
    packed[empty] = (torch.zeros(()) if padding is None else padding).to(items)
    return packed, counts
