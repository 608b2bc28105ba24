"""A similarity matrix by shortlist: every pair gets a quick look, the best pairs the whole model."""

from __future__ import annotations

import numpy as np
import torch
from tqdm.auto import tqdm

from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary
from vslnb.device import keep_freed_memory, matmul_precision
from vslnb.models import Matcher
from vslnb.retrieval.gallery import WORDS  # of the quick look, as in a search
from vslnb.retrieval.similarity import (
    encode_captions,
    encode_images,
    image_blocks,
    score_columns,
    split_scores,
)

CAPTIONS = 2048  # of a block; each image picks its own among them
QUERIES = 256  # rows or columns whose order is worked out at a time


@torch.inference_mode()
def shortlist_scores(
    model: Matcher,
    split: Split,
    vocabulary: Vocabulary,
    fewer: int = 20,
    precision: str = "float32",
    progress: bool = False,
) -> np.ndarray:
    """As `retrieval.split_scores`, but the whole model compares only the best pairs of a quick look.

    The look is the model's own graph with the caption's four weightiest words. Every image then meets its
    best C / `fewer` captions in full, and every caption its best N / `fewer` images.

    Args:
        model: in eval mode.
        split: N images, C captions.
        vocabulary: of the model.
        fewer: how many times shorter a query's list is than its gallery.
        precision: `float32`, or `bfloat16` for the products.
        progress: show progress bars.

    Returns:
        (N, C) float32. A pair that was not compared in full has the score of its look minus a whole number that
        puts it below all others, 1 for SAF and SGR, so that ranks come out right for whatever is on a list.
    """
    if model.global_is_exact:  # a quick look is the exact score
        return split_scores(model, split, vocabulary, precision, progress)
    keep_freed_memory()
    ids, lengths = map(torch.as_tensor, vocabulary.encode_all(split.captions))
    result = np.empty((len(split), len(ids)), dtype=np.float32)
    for _, columns, block in score_columns(model, split, ids, lengths, precision, progress, words=WORDS):
        result[:, columns] = block
    near = best_pairs(result, fewer)
    with matmul_precision(precision), tqdm(total=int(near.sum()), desc="in full", unit="pair", unit_scale=True,
                                   disable=not progress, leave=False) as bar:  # fmt: skip
        blocks = encode_images(model, image_blocks(split))
        images = [pair for block in blocks for pair in zip(block.parts.split(1), block.globals.split(1))]
        for columns in lengths.argsort(stable=True).split(CAPTIONS):
            counts = lengths[columns]
            some = encode_captions(model, ids[columns, : int(counts.max())], counts)
            words, wholes, _ = map(torch.cat, zip(*some))
            for k, image in enumerate(images):
                listed = torch.from_numpy(np.flatnonzero(near[k, columns.numpy()]))
                if len(listed):
                    found = model.pair_scores(image, (words[listed], wholes[listed]), counts[listed])
                    result[k, columns[listed].numpy()] = found[0].float().cpu().numpy()
                    bar.update(len(listed))
    gap = np.max(result, where=~near, initial=-np.inf) - np.min(result, where=near, initial=np.inf)
    result[~near] -= max(1.0, np.floor(gap) + 1)
    return result


def best_pairs(scores: np.ndarray, fewer: int) -> np.ndarray:
    """The pairs that are among the best 1 / `fewer` of their row or of their column.

    >>> best_pairs(np.array([[0.9, 0.1], [0.8, 0.2]]), fewer=2).tolist()
    [[True, False], [True, True]]
    """
    result = np.zeros(scores.shape, dtype=bool)
    for queries, marks in ((scores, result), (scores.T, result.T)):
        count = max(1, queries.shape[1] // fewer)
        for start in range(0, len(queries), QUERIES):
            part = slice(start, start + QUERIES)
            best = np.argpartition(-queries[part], count - 1, axis=1)[:, :count]
            block = marks[part]  # a view
            block[np.arange(len(block))[:, None], best] = True
    return result
