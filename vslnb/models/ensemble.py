"""Several networks of one architecture as one matcher: a score is the mean of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from vslnb.config import ModelConfig
from vslnb.models.matcher import Items, Matcher


class Ensemble(Matcher):
    """Embeddings and global vectors are those of the networks side by side, each N times as wide.

    Args:
        config: of each.
        networks: N of them, which have embeddings of one width.

    >>> from vslnb.models import build_model
    >>> model = build_model(ModelConfig("sgr", embed_dim=8, sim_dim=4, vocab_size=9, feature_dim=6, networks=2))
    >>> model.encode_images(torch.rand(3, 36, 6)).shape
    torch.Size([3, 36, 16])
    """

    def __init__(self, config: ModelConfig, networks: Sequence[Matcher]):
        super().__init__(config)
        self.networks = nn.ModuleList(networks)
        first = networks[0]
        self.fixed_regions, self.reads_ragged = first.fixed_regions, first.reads_ragged
        self.mixes_images, self.has_attention = first.mixes_images, first.has_attention

    @property
    def members(self) -> list[Matcher]:
        """The networks as what they are."""
        return cast(list[Matcher], list(self.networks))

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F) -> (B, R, N * D), or (B, N * D) of networks that make one vector of an image."""
        return torch.cat([network.encode_images(images, lengths) for network in self.members], dim=-1)

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W), lengths (C,) -> (C, W, N * D) or (C, N * D)."""
        return torch.cat([network.encode_captions(ids, lengths) for network in self.members], dim=-1)

    def image_items(self, embeddings: Tensor) -> Items:
        """(B, R, N * D) -> the same, and the global vectors (B, N * D)."""
        parts = zip(self.members, self._split(embeddings))
        return embeddings, torch.cat([network.image_items(part)[1] for network, part in parts], dim=-1)

    def caption_items(self, embeddings: Tensor, lengths: Tensor) -> Items:
        """(C, W, N * D), lengths (C,) -> as `image_items`."""
        parts = zip(self.members, self._split(embeddings))
        vectors = [network.caption_items(part, lengths)[1] for network, part in parts]
        return embeddings, torch.cat(vectors, dim=-1)

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Mean scores (B, C)."""
        sides = zip(self.members, zip(*map(self._split, images)), zip(*map(self._split, captions)))
        return self._mean([network.pair_scores(some, others, lengths) for network, some, others in sides])

    def global_scores(self, images: Tensor, captions: Tensor) -> Tensor:
        """Global vectors (B, N * D) and (C, N * D) -> mean of the guesses (B, C)."""
        sides = zip(self.members, self._split(images), self._split(captions))
        return self._mean([network.global_scores(some, others) for network, some, others in sides])

    def attention(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """Mean weights (C, W, B, R)."""
        sides = zip(self.members, self._split(images), self._split(captions))
        return self._mean([network.attention(some, others, lengths) for network, some, others in sides])

    def _split(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """The networks' own parts of the last axis."""
        return tuple(part.contiguous() for part in vectors.chunk(len(self.networks), dim=-1))

    @staticmethod
    def _mean(found: list[Tensor]) -> Tensor:
        return torch.stack(found).mean(0)
