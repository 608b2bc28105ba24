"""Scores of all pairs in bounded memory: a block of captions of about one length at a time, no loop over captions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vslnb.models.encoders import word_mask

# Numbers of the widest tensor of one block: large enough for fast products, small enough for the caches. On CUDA a
# few large launches are faster than many small ones.
BLOCK, CUDA_BLOCK = 2**22, 2**27
# Words of a block in training, at least: each block adds a gradient of all images, so that of a wide model has to hold
# more than fits the caches.
WORDS = 128
# Numbers of the widest tensor of a whole batch, above which the backward pass recomputes its blocks. Below it a step
# takes about as much memory as the loop over captions, and a third less work.
KEEP = 2**28

BlockScores = Callable[..., tuple[Tensor, Tensor | None]]


def score_in_blocks(
    block_scores: BlockScores,
    images: tuple[Tensor, ...],
    captions: tuple[Tensor, ...],
    lengths: Tensor,
    word_numbers: int,
    caption_numbers: int = 0,
    shared: tuple[Tensor, ...] = (),
) -> tuple[Tensor, Tensor | None]:
    """Scores (B, C), and the statistics of every caption (C, ...) if `block_scores` finds any.

    Args:
        block_scores: of `(*images, *captions, mask, *shared)`, where the captions are those of a block, n of them
            cut to the longest, and `mask` (n, W) is true up to each length: scores (B, n) and statistics (n, ...).
        images: tensors (B, ...), given to every block whole.
        captions: tensors (C, W, ...) or (C, n); those of three dimensions have an axis of words, which is cut.
        lengths: (C,).
        word_numbers: how many numbers the widest tensor of a block has for every word of its longest caption,
        caption_numbers: and how many more for every caption.
        shared: what all blocks read besides.
    """
    device = images[0].device
    lengths = lengths.cpu()
    order = lengths.argsort(descending=True, stable=True)
    most, recompute = CUDA_BLOCK if device.type == "cuda" else BLOCK, False
    if torch.is_grad_enabled():
        most = max(most, WORDS * word_numbers)
        recompute = word_numbers * int(lengths.sum()) + caption_numbers * len(lengths) > KEEP
    columns, statistics, start = [], [], 0
    while start < len(order):
        longest = int(lengths[order[start]])
        block = order[start : start + max(1, most // (word_numbers * longest + caption_numbers))]
        start += len(block)
        mask = word_mask(lengths[block], longest, device)
        block = block.to(device)
        some = (tensor[block, :longest] if tensor.ndim > 2 else tensor[block] for tensor in captions)
        inputs = (*images, *some, mask, *shared)
        if recompute:
            column, statistic = checkpoint(block_scores, *inputs, use_reentrant=False)
        else:
            column, statistic = block_scores(*inputs)
        columns.append(column)
        if statistic is not None:
            statistics.append(statistic)
    back = order.argsort().to(device)
    return torch.cat(columns, dim=1)[:, back], torch.cat(statistics)[back] if statistics else None
