"""What each word of a caption looked at: the model's own alignment (SCAN attention)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vslnb.data.precomp import Split
from vslnb.data.vocabulary import END, START, Vocabulary, tokenize
from vslnb.errors import InputError
from vslnb.evaluation.secondary_content import concepts_of
from vslnb.models import Matcher
from vslnb.models.alignment import attend
from vslnb.retrieval.similarity import encode_captions, encode_images


@torch.inference_mode()
def caption_attention(
    model: Matcher, split: Split, vocabulary: Vocabulary, caption: str, images: Sequence[int]
) -> tuple[list[str], np.ndarray]:
    """Weights of every word of a caption over the regions of some images.

    Args:
        model: module `saf` or `sgr`, in eval mode.
        split: where the images are.
        vocabulary: the model's.
        caption: any sentence.
        images: their numbers in the split, N of them.

    Returns:
        The W words, `<start>` and `<end>` with them, as they are written, also those that the model reads as
        `<unk>`; and weights (N, W, R), each sums to one over the regions.

    Raises:
        InputError: for `cosine`, which aligns nothing.
    """
    if model.config.module == "cosine":
        raise InputError("module cosine", "it has no attention", "Take a run of saf or sgr.")
    ids, lengths = map(torch.from_numpy, vocabulary.encode_all([caption]))
    words, _ = encode_captions(model, ids, lengths)
    regions, _ = encode_images(model, split.regions(np.asarray(images)))
    mask = torch.ones(1, words.shape[1], dtype=torch.bool, device=words.device)
    weights = attend(regions, words, mask)[0].transpose(0, 1)
    return [START, *tokenize(caption), END], weights.cpu().numpy()


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
