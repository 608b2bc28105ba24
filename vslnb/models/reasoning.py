"""SGR, similarity graph reasoning: the nodes of a pair pass messages; the global node is read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vslnb.models.encoders import init_linear


class ReasoningStep(nn.Module):
    """x <- ReLU(W_o(softmax((W_q x)(W_k x)^T) x))."""

    def __init__(self, similarity: int):
        super().__init__()
        self.query = nn.Linear(similarity, similarity)
        self.key = nn.Linear(similarity, similarity)
        self.output = nn.Linear(similarity, similarity)
        init_linear(self)

    def forward(self, nodes: Tensor, readers: Tensor, mask: Tensor) -> Tensor:
        """`readers` (..., n, S) gather from `nodes` (..., L, S) where `mask` (C, L) allows."""
        edges = self.query(readers) @ self.key(nodes).transpose(-1, -2)
        edges = edges.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
        return torch.relu(self.output(edges @ nodes))


class Reasoning(nn.Module):
    """Nodes (B, C, 1 + W, S) -> (B, C, S); the last step is computed for the node that is read."""

    def __init__(self, similarity: int, steps: int):
        super().__init__()
        self.steps = nn.ModuleList(ReasoningStep(similarity) for _ in range(steps))

    def forward(self, nodes: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        """`mask` (C, 1 + W); there are no statistics, hence the None."""
        for k, step in enumerate(self.steps):
            readers = nodes[:, :, :1] if k + 1 == len(self.steps) else nodes
            nodes = step(nodes, readers, mask)
        return nodes[:, :, 0], None
