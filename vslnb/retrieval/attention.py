"""What each word of a caption looked at, and what it adds to the score: both the model's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vslnb.data.precomp import Split
from vslnb.data.vocabulary import END, START, Vocabulary, tokenize
from vslnb.errors import InputError
from vslnb.models import Matcher
from vslnb.retrieval.similarity import encode_captions, encode_images


@dataclass(frozen=True)
class Explanation:
    """What a model made of a caption and an image, word by word.

    Args:
        words: W of them, as `caption_attention` lists them.
        weights: attention (W, R) over the image's regions; None where words look at no regions.
        shares: (W,), what each word adds; None where the score is no sum over words.
        rest: what is added besides the words.
        shares_of: what shares and rest add up to, as in `Matcher`: `score`, `logit` or "".
    """

    words: list[str]
    weights: np.ndarray | None
    shares: np.ndarray | None
    rest: float
    shares_of: str


@torch.inference_mode()
def explain_pair(
    model: Matcher, split: Split, vocabulary: Vocabulary, caption: str, image: int
) -> Explanation:
    """Attention and shares of the words of a caption on one image, as far as the model has them.

    Args:
        model: any, in eval mode.
        split: where the image is.
        vocabulary: the model's.
        caption: any sentence.
        image: its number in the split.
    """
    (words,) = encode_captions(model, *vocabulary.encode_all([caption]))
    (regions,) = encode_images(model, [split.regions(np.asarray([image]))])
    pair = regions.parts, words.parts, words.lengths
    weights, shares, rest = None, None, 0.0
    if model.has_attention:
        weights = model.attention(*pair)[0, :, 0].cpu().numpy()
    if model.shares_of:
        of_words, besides = model.word_shares(*pair)
        shares, rest = of_words[0, 0].cpu().numpy(), float(besides[0, 0])
    return Explanation([START, *tokenize(caption), END], weights, shares, rest, model.shares_of)


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
