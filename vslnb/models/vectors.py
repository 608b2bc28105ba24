"""What architectures share that make one vector of an item: VSE++, VSE-infinity and VSRN."""

from __future__ import annotations

from torch import Tensor

from vslnb.models.matcher import Items, Matcher


class VectorMatcher(Matcher):
    """Embeddings are vectors (B, D) and (C, D) of length one; a score is their dot product."""

    global_is_exact = True

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Cosines (B, C) of the vectors."""
        return images[0] @ captions[0].T
