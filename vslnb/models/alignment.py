"""Words look at regions (SCAN attention); what they saw, compared with what they say, are SGRAF's nodes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from vslnb.models.encoders import EPSILON, init_linear, l2_norm

SHARPNESS = 9.0


def dot_products(context: Tensor, queries: Tensor) -> Tensor:
    """Of all parts of all items: context (N, L, D) and queries (M, P, D) -> (M, P, N, L)."""
    # One product of two large matrices: many times as fast as a small one for every item.
    products = queries.flatten(0, 1) @ context.flatten(0, 1).T
    return products.view(*queries.shape[:2], *context.shape[:2])


def attention_weights(
    products: Tensor,
    query_mask: Tensor | None = None,
    context_mask: Tensor | None = None,
    sharpness: float = SHARPNESS,
) -> Tensor:
    """SCAN's attention of every query over every context: leaky, l2 over an item's queries, softmax.

    Args:
        products: (M, P, N, L) of queries and context parts.
        query_mask: (M, P), false where a query is none; its weights are uniform.
        context_mask: (N, L), false where a part is none; it gets no weight.
        sharpness: lambda of the softmax.

    Returns:
        (M, P, N, L), rows sum to one.
    """
    relevance = functional.leaky_relu(products, 0.1)
    if query_mask is not None:
        relevance = relevance * query_mask[:, :, None, None]
    logits = sharpness * l2_norm(relevance, dim=1)
    if context_mask is not None:
        logits = logits.masked_fill(~context_mask, -torch.inf)
    return logits.softmax(3)


def attend(regions: Tensor, words: Tensor, mask: Tensor) -> Tensor:
    """Attention of every word over the regions of every image.

    Args:
        regions: (B, R, D).
        words: (C, W, D).
        mask: (C, W), false past a caption's length.

    Returns:
        (C, W, B, R), rows sum to one; rows of padded words are uniform.
    """
    return attention_weights(dot_products(regions, words), mask)


def by_context(weights: Tensor) -> Tensor:
    """(M, P, N, L) -> (N, M * P, L), a batch of matrices that multiply the parts of each context."""
    return weights.flatten(0, 1).transpose(0, 1)


def context_cosines(products: Tensor, weights: Tensor, gram: Tensor, query_norms: Tensor) -> Tensor:
    """cos(q, a), a the weighted sum of a context's parts, with no vector of length D made.

    q . a is the weighted sum of the products, and the square of its norm the quadratic form of the parts' own products.

    Args:
        products, weights: (M, P, N, L).
        gram: (N, L, L), products of each context's parts with each other.
        query_norms: (M, P).

    Returns:
        (M, P, N).
    """
    rows = by_context(weights)
    squares = ((rows @ gram) * rows).sum(2).T.unflatten(0, weights.shape[:2])
    norms = query_norms[:, :, None] * squares.clamp(min=1e-24).sqrt()
    return (products * weights).sum(3) / norms.clamp(min=EPSILON)


def gram_of(parts: Tensor) -> Tensor:
    """(N, L, D) -> (N, L, L)."""
    return parts @ parts.transpose(1, 2)


class _LinearOfSquare(torch.autograd.Function):
    """Its gradient 2 x (g W) takes one pass over x after the product, where autograd's own takes three."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        squares = x.square()
        ctx.save_for_backward(x, squares, weight)
        return functional.linear(squares, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, squares, weight = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        return (gradient @ (2 * weight)).mul_(x), rows.T @ squares.flatten(0, -2), rows.sum(0)


def linear_of_square(x: Tensor, layer: nn.Linear) -> Tensor:
    """`layer(x ** 2)`, x (..., D); where no gradient is asked for, x is overwritten."""
    if torch.is_grad_enabled() and (x.requires_grad or layer.weight.requires_grad):
        return _LinearOfSquare.apply(x, layer.weight, layer.bias)
    return layer(x.square_())


class Alignment(nn.Module):
    """Nodes [s_g, s_1 .. s_W] of every image-caption pair: (B, C, 1 + W, S)."""

    def __init__(self, embed_dim: int, sim_dim: int):
        super().__init__()
        self.local = nn.Linear(embed_dim, sim_dim)
        self.whole = nn.Linear(embed_dim, sim_dim)
        init_linear(self)

    def forward(
        self,
        regions: Tensor,
        gram: Tensor,
        image_globals: Tensor,
        words: Tensor,
        caption_globals: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """Regions (B, R, D) and their products (B, R, R), globals (B, D) and (C, D), words (C, W, D), mask (C, W)."""
        weights = by_context(attend(regions, words, mask))  # (B, C * W, R)
        # |sum_r a_r v_r|^2 = a^T (v v^T) a: the context's norm from R x R numbers, without a pass over D.
        squares = ((weights @ gram) * weights).sum(2, keepdim=True)
        weights = weights / (squares.clamp(min=1e-24).sqrt() + EPSILON)
        stated = words.flatten(0, 1).expand(len(regions), -1, -1)
        seen = torch.baddbmm(stated, weights, regions, beta=-1)  # context minus word in one product
        local = linear_of_square(seen, self.local).unflatten(1, words.shape[:2])
        whole = self.global_node(image_globals, caption_globals)
        nodes = torch.cat([whole[:, :, None], local], dim=2)
        norms = torch.linalg.vector_norm(nodes, dim=3, keepdim=True) + EPSILON
        return nodes / norms if nodes.requires_grad else nodes.div_(norms)

    def global_node(self, image_globals: Tensor, caption_globals: Tensor) -> Tensor:
        """s_g of globals (B, D) and (C, D), before its norm: (B, C, S)."""
        return linear_of_square(image_globals[:, None] - caption_globals[None], self.whole)
