"""What a user would run instead: one caption at a time against all images, in training and in evaluation.

The programs of this family score so (COMMON: every caption is cut to its own length first), and it is the baseline
of every ratio in figures/bench.json. Encoders are ours on both sides, and what is computed once an image is
computed once here too. `tests/models/test_caption_loop.py` compares the scores with the engine's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vslnb.models import Matcher
from vslnb.models.alignment import (
    SHARPNESS,
    attention_weights,
    by_context,
    context_cosines,
    dot_products,
    gram_of,
)
from vslnb.models.chan import TEMPERATURE
from vslnb.models.encoders import l2_norm
from vslnb.models.imram import IMRAM, Memory


def scores(model: Matcher, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
    """(B, C) of embeddings, as `Matcher.scores`, a column at a time.

    Args:
        model: any architecture, in training or in evaluation.
        images: (B, R, D), or vectors (B, D).
        captions: (C, W, D), or vectors (C, D).
        lengths: (C,).
    """
    module = model.config.module
    if module in ("saf", "sgr", "cosine"):
        images_once: tuple[Tensor, ...] = (images, model.image_global(images))
    else:
        images_once = (images,)
    column = {
        "saf": _graph,
        "sgr": _graph,
        "cosine": _cosine,
        "scan": _scan,
        "imram": _imram,
        "chan": _chan,
    }.get(module, _vector)
    columns = []
    for caption, length in zip(captions, lengths.tolist()):
        columns.append(column(model, *images_once, caption[:length] if caption.ndim == 2 else caption))
    return torch.stack(columns, dim=1)


def attended(queries: Tensor, context: Tensor, sharpness: float) -> Tensor:
    """What queries (B, Q, D) see of their context (B, K, D): (B, Q, D)."""
    relevance = l2_norm(functional.leaky_relu(context @ queries.transpose(1, 2), 0.1), dim=2)
    return (sharpness * relevance).softmax(1).transpose(1, 2) @ context


def _vector(model: Matcher, images: Tensor, caption: Tensor) -> Tensor:
    return images @ caption


def _cosine(model: Matcher, regions: Tensor, image_globals: Tensor, words: Tensor) -> Tensor:
    return image_globals @ model.text_global(words[None])[0]


def _graph(model: Matcher, regions: Tensor, image_globals: Tensor, words: Tensor) -> Tensor:
    """SAF and SGR: the nodes of one caption with all images, then what reads them."""
    alignment, repeated = model.alignment, words.expand(len(regions), -1, -1)
    context = l2_norm(attended(repeated, regions, SHARPNESS))
    local = l2_norm(alignment.local((context - repeated).square()))
    whole = l2_norm(alignment.whole((image_globals - model.text_global(words[None])).square()))
    nodes = torch.cat([whole[:, None], local], dim=1)
    if model.config.module == "sgr":
        for step in model.reasoning.steps:
            edges = (step.query(nodes) @ step.key(nodes).transpose(1, 2)).softmax(2)
            nodes = step.output(edges @ nodes).relu()
        vectors = nodes[:, 0]
    else:
        filtration = model.filtration
        logits = filtration.norm(filtration.attention(nodes).transpose(1, 2))
        weights = functional.normalize(logits.sigmoid(), p=1, dim=2)
        vectors = l2_norm((weights @ nodes).squeeze(1))
    return model.head(vectors).sigmoid().squeeze(1)


def _scan(model: Matcher, regions: Tensor, words: Tensor) -> Tensor:
    config, repeated = model.config, words.expand(len(regions), -1, -1)
    queries, context = (repeated, regions) if config.direction == "t2i" else (regions, repeated)
    cosines = functional.cosine_similarity(queries, attended(queries, context, model.sharpness), dim=2)
    if config.aggregation == "lse":
        return (model.lse * cosines).logsumexp(1) / model.lse
    return {"mean": cosines.mean, "sum": cosines.sum, "max": cosines.amax}[config.aggregation](1)


def _imram(model: Matcher, regions: Tensor, words: Tensor) -> Tensor:
    """With the memory written in its plain form, also after the last step, which nobody reads."""
    repeated, total = words.expand(len(regions), -1, -1), regions.new_zeros(len(regions))
    for memory, first, context in (
        (model.text_memory, repeated, regions),
        (model.image_memory, regions, repeated),
    ):
        if memory is None:
            continue
        queries = first
        for _ in range(model.config.num_steps):
            seen = attended(queries, context, model.sharpness)
            total = total + functional.cosine_similarity(first, seen, dim=2).mean(1)
            queries = plain_update(memory, queries, seen)
    return total


def _chan(model: Matcher, regions: Tensor, words: Tensor) -> Tensor:
    nearest = (regions @ words.T).masked_fill(~regions.any(2, keepdim=True), -1).amax(1)
    return (nearest / TEMPERATURE).logsumexp(1)


def plain_update(memory: Memory, queries: Tensor, seen: Tensor) -> Tensor:
    """IMRAM's memory as its equations say it: products of [q ; a] of every query."""
    both = torch.cat([queries, seen], dim=-1)
    gate = memory.gate(both).sigmoid()
    return gate * queries + (1 - gate) * memory.linear(both).tanh()


class PlainIMRAM(IMRAM):
    """IMRAM in the engine's blocks with the plain form of the memory, and no update that nobody reads.

    Beside `IMRAM` it shows what the rearrangement alone is worth.
    """

    def _recurrent(  # type: ignore[no-untyped-def]
        self, memory, first, from_first, context, from_context, query_mask, context_mask
    ) -> Tensor:
        shape, gram = first.shape[:2], gram_of(context)
        norms = torch.linalg.vector_norm(first, dim=2)
        counts = shape[1] if query_mask is None else query_mask.sum(1, keepdim=True)
        products = relevance = dot_products(context, first)
        queries = first.flatten(0, 1).expand(len(context), -1, -1)  # (N, M * P, D)
        total = first.new_zeros(shape[0], len(context))
        for step in range(self.config.num_steps):
            if step:
                relevance = (context @ queries.transpose(1, 2)).permute(2, 0, 1).unflatten(0, shape)
            weights = attention_weights(relevance, query_mask, context_mask, self.sharpness)
            cosines = context_cosines(products, weights, gram, norms)
            if query_mask is not None:
                cosines = cosines * query_mask[:, :, None]
            total = total + cosines.sum(1) / counts
            if step + 1 < self.config.num_steps:
                queries = plain_update(memory, queries, by_context(weights) @ context)
        return total
