"""Batches of captions with their images, read from the memory map one batch ahead of the trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vslnb import distributed
from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary


class Batch(NamedTuple):
    """B captions and their images. Of several processes each reads its own share of n = B / processes.

    Attributes:
        captions: indices (B,) of all captions of the batch in the split.
        images: indices (B,) of their images.
        features: (n, R, F) float32 of this process's images.
        ids: (n, W) of this process's captions, padded with 0.
        lengths: (n,).
        region_counts: (n,) of images some of whose regions were dropped: the first ones count.
    """

    captions: np.ndarray
    images: np.ndarray
    features: Tensor
    ids: Tensor
    lengths: Tensor
    region_counts: Tensor | None = None


def epoch_batches(captions: int, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The caption indices of every batch of an epoch; an incomplete last batch is left out.

    >>> [b.tolist() for b in epoch_batches(5, 2, seed=0, epoch=0)]
    [[2, 4], [3, 0]]
    """
    size = min(batch_size, captions)
    order = np.random.default_rng([seed, epoch]).permutation(captions)
    return [order[i : i + size] for i in range(0, captions - size + 1, size)]


class BatchLoader:
    """The batches of a split in an order that follows from (seed, epoch) alone."""

    def __init__(self, split: Split, vocabulary: Vocabulary, batch_size: int, seed: int):
        self.split, self.seed = split, seed
        self.batch_size = min(batch_size, len(split.captions))
        self.ids, self.lengths = map(torch.from_numpy, vocabulary.encode_all(split.captions))

    def load(self, captions: np.ndarray, stored: np.ndarray | None = None) -> Batch:
        """The batch of some captions (B,); `stored` are the features of its images where they have been read.

        Raises:
            InputError: for features that are not finite.
        """
        mine = distributed.shard(captions)
        lengths = self.lengths[mine]
        return Batch(
            captions,
            self.split.owner[captions],
            torch.from_numpy(self.split.regions(self.split.owner[mine], stored)),
            self.ids[mine, : int(lengths.max())],
            lengths,
        )

    def order(self, epoch: int) -> list[np.ndarray]:
        """The caption indices of every batch of an epoch."""
        return epoch_batches(len(self.split.captions), self.batch_size, self.seed, epoch)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, in their order."""
        return self.load_all(self.order(epoch))

    def load_all(self, batches: Sequence[np.ndarray]) -> Iterator[Batch]:
        """The batches of some captions each; while one is used, a thread reads the features of the next.

        That thread reads and computes nothing, because torch would start more threads for it. OpenMP lets threads that
        outnumber the processors sleep between computations, and the steps of a training then take twice as long.
        """

        def stored(captions: np.ndarray) -> np.ndarray:
            return self.split.stored(self.split.owner[distributed.shard(captions)])

        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(stored, captions) for captions in batches[:1]]
            for captions, following in zip(batches, [*batches[1:], None]):
                block = coming.pop().result()
                if following is not None:
                    coming.append(reader.submit(stored, following))
                yield self.load(captions, block)


def channel_statistics(split: Split, block: int = 256) -> tuple[Tensor, Tensor]:
    """Mean and 1 / deviation of every feature channel (F,), streamed over the split."""
    total, squares, count = 0.0, 0.0, 0
    for start in range(0, len(split), block):
        part = split.regions(slice(start, start + block)).astype(np.float64)
        total, squares = total + part.sum((0, 1)), squares + np.square(part).sum((0, 1))
        count += part.shape[0] * part.shape[1]
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-6)
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(inverse, dtype=torch.float32)
