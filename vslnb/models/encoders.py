"""Regions and words into the joint space, and the global vector of each."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

EPSILON = 1e-8
# What most released code calls these encoders' tensors (as prefixes), and our names.
RELEASED = {
    "img.fc.": "image_encoder.linear.",
    "txt.embed.": "text_encoder.embedding.",
    "txt.rnn.": "text_encoder.gru.",
}


def l2_norm(x: Tensor, dim: int = -1) -> Tensor:
    """x / (sqrt(sum x^2) + 1e-8).

    >>> l2_norm(torch.tensor([3.0, 4.0]))
    tensor([0.6000, 0.8000])
    """
    # The clamp changes no value above 1e-12 and keeps the derivative of the root finite at zero.
    return x / (x.square().sum(dim, keepdim=True).clamp(min=1e-24).sqrt() + EPSILON)


def init_linear(module: nn.Module) -> None:
    """Xavier uniform weights and zero bias in every linear layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def word_mask(lengths: Tensor, words: int, device: torch.device) -> Tensor:
    """(C, W) bool, true up to each length."""
    return torch.arange(words, device=device)[None, :] < lengths.to(device)[:, None]


class ImageEncoder(nn.Module):
    """Linear and, with `normalise`, l2 per region: (B, R, F) -> (B, R, D).

    `shift` and `scale` (F,) standardise the features; they belong to the weights and start as identity.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, feature_dim: int, embed_dim: int, normalise: bool = True):
        super().__init__()
        self.normalise = normalise
        self.register_buffer("shift", torch.zeros(feature_dim))
        self.register_buffer("scale", torch.ones(feature_dim))
        self.linear = nn.Linear(feature_dim, embed_dim)
        init_linear(self)

    def forward(self, images: Tensor) -> Tensor:
        """(B, R, F) -> (B, R, D)."""
        projected = self.linear(self.standardised(images))
        return l2_norm(projected) if self.normalise else projected

    def standardised(self, images: Tensor) -> Tensor:
        """The features as the weights read them."""
        return (images - self.shift) * self.scale


def gru_outputs(gru: nn.GRU, vectors: Tensor, lengths: Tensor, total: int) -> Tensor:
    """Outputs (n, total, D) of a GRU, zeros past a length; two directions are averaged.

    Args:
        gru: batch first.
        vectors: (n, L, E).
        lengths: (n,) on the CPU, longest first.
        total: L of what is returned.
    """
    packed = pack_padded_sequence(vectors, lengths, batch_first=True)
    output, _ = pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=total)
    if not gru.bidirectional:
        return output
    forward, backward = output.chunk(2, dim=2)
    return (forward + backward) / 2


class TextEncoder(nn.Module):
    """Embedding, dropout, a GRU, and with `normalise` l2 per word; a bidirectional one averages its directions."""

    def __init__(
        self,
        vocab_size: int,
        word_dim: int,
        embed_dim: int,
        dropout: float,
        bidirectional: bool = True,
        normalise: bool = True,
    ):
        super().__init__()
        self.normalise = normalise
        self.embedding = nn.Embedding(vocab_size, word_dim)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(word_dim, embed_dim, batch_first=True, bidirectional=bidirectional)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W) and lengths (C,) in any order -> (C, W, D), zeros past a length."""
        # Sorted here rather than by `pack_padded_sequence`, whose own way back works on no other device.
        order = lengths.cpu().argsort(descending=True, stable=True)
        there, back = order.to(ids.device), order.argsort().to(ids.device)
        vectors = self.dropout(self.embedding(ids[there]))
        output = gru_outputs(self.gru, vectors, lengths.cpu()[order], ids.shape[1])[back]
        return l2_norm(output) if self.normalise else output


class GlobalVector(nn.Module):
    """Attention of the mean over the parts, then their weighted sum, l2: (N, L, D) -> (N, D).

    With `parts` the two linear layers are followed by batch norm (images have it, texts do not).
    """

    def __init__(self, embed_dim: int, dropout: float, parts: int | None = None):
        super().__init__()
        self.local = nn.Linear(embed_dim, embed_dim)
        self.whole = nn.Linear(embed_dim, embed_dim)
        self.common = nn.Linear(embed_dim, 1)
        self.local_norm = nn.BatchNorm1d(parts) if parts else nn.Identity()
        self.whole_norm = nn.BatchNorm1d(embed_dim) if parts else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        init_linear(self)

    def weights(self, items: Tensor, mask: Tensor | None = None) -> Tensor:
        """How much of each part goes into the vector, (N, L), rows sum to one."""
        count = items.shape[1] if mask is None else mask.sum(1, keepdim=True)
        mean = items.sum(1) / count
        local = self.dropout(torch.tanh(self.local_norm(self.local(items))))
        whole = self.dropout(torch.tanh(self.whole_norm(self.whole(mean))))
        logits = self.common(local * whole[:, None]).squeeze(2)
        if mask is not None:
            logits = logits.masked_fill(~mask, -torch.inf)
        return logits.softmax(1)

    def forward(self, items: Tensor, mask: Tensor | None = None) -> Tensor:
        """Items (N, L, D), zeros where `mask` (N, L) is false."""
        return l2_norm((self.weights(items, mask)[:, :, None] * items).sum(1))
