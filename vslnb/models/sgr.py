"""SGR, similarity graph reasoning: the nodes of a pair pass messages; the global node is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vslnb.config import ModelConfig
from vslnb.models.encoders import init_linear
from vslnb.models.graph import GraphMatcher


class ReasoningStep(nn.Module):
    """x <- ReLU(W_o(softmax((W_q x)(W_k x)^T) x))."""

    def __init__(self, sim_dim: int):
        super().__init__()
        self.query = nn.Linear(sim_dim, sim_dim)
        self.key = nn.Linear(sim_dim, sim_dim)
        self.output = nn.Linear(sim_dim, sim_dim)
        init_linear(self)

    def fused_query_key(self) -> tuple[Tensor, Tensor]:
        """Weight (S, S) and bias (S,) of query and key in one: (W_q x) . (W_k y) = (W_k^T W_q x) . y.

        The key's bias adds the same to all edges of a reader, which the softmax drops; times zero, it still
        has the gradient it should have, zero.
        """
        key = self.key.weight.T
        return key @ self.query.weight, key @ self.query.bias + 0 * self.key.bias

    def forward(self, nodes: Tensor, readers: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """`readers` (..., n, S) gather from `nodes` (..., L, S) where `mask` (C, L) allows."""
        edges = functional.linear(readers, weight, bias) @ nodes.transpose(-1, -2)
        edges = edges.masked_fill_(~mask[:, None], -torch.inf).softmax(-1)
        return self.output(edges @ nodes).relu_()


class Reasoning(nn.Module):
    """Nodes (B, C, 1 + W, S) -> (B, C, S); the last step is computed for the node that is read."""

    def __init__(self, sim_dim: int, num_steps: int):
        super().__init__()
        self.steps = nn.ModuleList(ReasoningStep(sim_dim) for _ in range(num_steps))

    def _steps(self) -> Iterator[ReasoningStep]:
        return cast(Iterator[ReasoningStep], iter(self.steps))

    def fused_query_keys(self) -> tuple[Tensor, ...]:
        """What all blocks of a batch share: weight and bias of every step's query and key in one."""
        return tuple(tensor for step in self._steps() for tensor in step.fused_query_key())

    def forward(self, nodes: Tensor, mask: Tensor, *fused: Tensor) -> Tensor:
        """`mask` (C, 1 + W); `fused` as `fused_query_keys` gives them."""
        for k, step in enumerate(self._steps()):
            readers = nodes[:, :, :1].contiguous() if k + 1 == len(self.steps) else nodes
            nodes = step(nodes, readers, mask, *fused[2 * k : 2 * k + 2])
        return nodes[:, :, 0]


class SGR(GraphMatcher):
    """The nodes of a pair pass messages for some steps; the score is read from the global node."""

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.reasoning = Reasoning(config.sim_dim, config.num_steps)

    def fused_query_keys(self) -> tuple[Tensor, ...]:
        """Weight and bias of every step's query and key in one."""
        return self.reasoning.fused_query_keys()

    def read_nodes(self, nodes: Tensor, mask: Tensor, *fused: Tensor) -> tuple[Tensor, None]:
        """Nodes (B, C, 1 + W, S) -> (B, C, S); there are no statistics, hence the None."""
        return self.reasoning(nodes, mask, *fused), None
