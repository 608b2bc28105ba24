"""What each word of a caption looked at: the model's own attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vslnb.data.precomp import Split
from vslnb.data.vocabulary import END, START, Vocabulary, tokenize
from vslnb.errors import InputError
from vslnb.models import Matcher
from vslnb.retrieval.similarity import encode_captions, encode_images


@torch.inference_mode()
def caption_attention(
    model: Matcher, split: Split, vocabulary: Vocabulary, caption: str, images: Sequence[int]
) -> tuple[list[str], np.ndarray]:
    """Weights of every word of a caption over the regions of some images.

    Args:
        model: one whose words look at regions (`model.has_attention`), in eval mode.
        split: where the images are.
        vocabulary: the model's.
        caption: any sentence.
        images: their numbers in the split, N of them.

    Returns:
        The W words, `<start>` and `<end>` with them, as they are written, also those that the model reads as
        `<unk>`; and weights (N, W, R), each sums to one over the regions.

    Raises:
        InputError: for a model that aligns nothing, such as `cosine`.
    """
    if not model.has_attention:
        raise InputError(
            f"module {model.config.module}",
            "it has no attention",
            "Take a run of saf, sgr, scan, imram or chan.",
        )
    (words,) = encode_captions(model, *vocabulary.encode_all([caption]))
    (regions,) = encode_images(model, [split.regions(np.asarray(images))])
    weights = model.attention(regions.parts, words.parts, words.lengths)[0].transpose(0, 1)
    return [START, *tokenize(caption), END], weights.cpu().numpy()
