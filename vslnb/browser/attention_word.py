"""The word of a caption whose attention is shown first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vslnb.evaluation.secondary_content import concepts_of


def telling_word(words: Sequence[str], weights: np.ndarray) -> int:
    """The content word with the sharpest look; any word where there is no content word.

    Args:
        words: W of them, `<start>` first and `<end>` last.
        weights: (W, R).

    >>> telling_word(["<start>", "a", "dog", "<end>"], np.array([[1, 0], [0.9, 0.1], [0.6, 0.4], [1, 0]]))
    2
    """
    places = [k for k, word in enumerate(words) if word[0] != "<" and concepts_of(word)]
    return max(places or range(1, len(words) - 1) or [0], key=lambda k: float(weights[k].max()))
