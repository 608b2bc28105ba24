"""What every architecture has in common: two encoders, and scores of all pairs of what they made."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vslnb.config import ModelConfig
from vslnb.models.encoders import ImageEncoder, l2_norm, word_mask

Items = tuple[Tensor, ...]


class Matcher(nn.Module):
    """The interface of all architectures; `vslnb.models.build_model` makes one from a configuration.

    An *embedding* is what an encoder makes of an item: (R, D) of an image's regions, (W, D) of a caption's words,
    or (D,) of the whole. The *items* of a batch are the embeddings and whatever else is computed once an item.

    A subclass has `encode_images`, `encode_captions` and `pair_scores`, and overrides of the rest what it can do
    better than the defaults here.

    Attributes:
        image_encoder: reads the features first; its `shift` and `scale` standardise them.
        global_is_exact: whether `global_scores` are the scores themselves.
        fixed_regions: whether images have the configuration's number of regions, or any.
        reads_ragged: whether the images of one batch may have different numbers of regions.
        mixes_images: whether in training an image's embedding depends on the others of its batch.
        has_attention: whether words look at regions, see `attention`.
        shares_of: what `word_shares` add up to: the `score`, or the `logit` whose sigmoid is the score; "" where the
            score is no sum over words.
        caption_statistics: what `pair_scores` found in training for `update_statistics`, if anything.
    """

    image_encoder: ImageEncoder
    global_is_exact = False
    fixed_regions = False
    reads_ragged = False
    mixes_images = False
    has_attention = False
    shares_of = ""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.caption_statistics: Tensor | None = None

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Features (B, R, F), and optionally the number of regions of each image (B,) -> (B, R, D) or (B, D).

        Raises:
            ValueError: for images of fewer regions than R, where the architecture reads none such.
        """
        raise NotImplementedError

    def encode_captions(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Ids (C, W) padded with 0, lengths (C,) counting `<start>` and `<end>`, any order -> (C, W, D) or (C, D).

        Words past a length are zero.
        """
        raise NotImplementedError

    def image_items(self, embeddings: Tensor) -> Items:
        """Embeddings (B, R, D) or (B, D) -> the embeddings, global vectors (B, D), and what else is made once."""
        return embeddings, mean_vector(embeddings)

    def caption_items(self, embeddings: Tensor, lengths: Tensor) -> Items:
        """Embeddings (C, W, D) or (C, D), lengths (C,) -> as `image_items`."""
        return embeddings, mean_vector(embeddings)

    def pair_scores(self, images: Items, captions: Items, lengths: Tensor) -> Tensor:
        """Scores (B, C) of the items of images and captions, in bounded memory; lengths (C,)."""
        raise NotImplementedError

    def scores(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """Embeddings of images and captions, lengths (C,) -> (B, C)."""
        lengths = torch.as_tensor(lengths)
        return self.pair_scores(self.image_items(images), self.caption_items(captions, lengths), lengths)

    def update_statistics(self, statistics: Tensor) -> None:
        """Update running statistics, in training, with the `caption_statistics` of a whole batch (C, ...)."""

    def own_loss(self, ids: Tensor, lengths: Tensor, part: slice) -> Tensor | None:
        """A loss of the architecture's own, in training, beside that of the scores; None where it has none.

        Args:
            ids: (n, W) of captions as they are written.
            lengths: (n,).
            part: their images among those that were encoded last.
        """
        return None

    def global_scores(self, images: Tensor, captions: Tensor) -> Tensor:
        """Global vectors (B, D) and (C, D) -> (B, C): a quick guess at the order of the scores."""
        return images @ captions.T

    def key_words(self, captions: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The words that say most of each caption (C, W, D): (C, count, D) and lengths (C,).

        Here those least like the mean of the caption. What has no words, (C, D), is returned as it is.
        """
        if captions.ndim == 2:
            return captions, lengths
        return heaviest_words(captions, lengths, -(captions @ captions.sum(1)[:, :, None]).squeeze(2), count)

    def attention(self, images: Tensor, captions: Tensor, lengths: Tensor) -> Tensor:
        """Where each word looks: (C, W, B, R), rows sum to one. Asked where `has_attention`."""
        raise NotImplementedError

    def word_shares(self, images: Tensor, captions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What each word adds to the score, in eval mode; asked where `shares_of`.

        Args:
            images: embeddings of B images.
            captions: embeddings of C captions.
            lengths: (C,).

        Returns:
            (B, C, W), zeros past a length, and (B, C), what is added besides the words; together what `shares_of`
            names. A word is what the encoder made of it, which has read the words around it.
        """
        raise NotImplementedError


def mean_vector(embeddings: Tensor) -> Tensor:
    """The direction of the sum of the parts (n, L, D) -> (n, D); vectors (n, D) are returned as they are."""
    return embeddings if embeddings.ndim == 2 else l2_norm(embeddings.sum(1))


def heaviest_words(captions: Tensor, lengths: Tensor, weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The words (C, W, D) with the largest weights (C, W): (C, count, D) and lengths (C,), at most `count`."""
    weights = weights.masked_fill(~word_mask(lengths, captions.shape[1], captions.device), -torch.inf)
    chosen = weights.topk(min(count, captions.shape[1]), dim=1).indices
    words = captions.gather(1, chosen[:, :, None].expand(-1, -1, captions.shape[2]))
    return words, lengths.clamp(max=min(count, captions.shape[1]))


def refuse_ragged(images: Tensor, lengths: Tensor | None, module: str) -> None:
    """Raise a ValueError unless every image has all its regions."""
    if lengths is not None and (torch.as_tensor(lengths) != images.shape[1]).any():
        raise ValueError(f"{module} reads images of {images.shape[1]} regions each, some have fewer")
