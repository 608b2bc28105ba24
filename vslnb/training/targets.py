"""The similarities that the losses read of a batch: of captions for L_ts, of images (Eq. 3) for all others."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vslnb.config import LossConfig
from vslnb.data.loader import Batch
from vslnb.data.precomp import Split
from vslnb.errors import InputError
from vslnb.semantics import CaptionSpace


class SimilarityTargets:
    """What a configuration's losses compare the scores with, None while a part of them is not at work.

    Args:
        loss: when and what they read.
        split: whose captions count.
        seed: of the permutation that exchanges captions among the images in the control.
        saved: a file in which an earlier start of the run saved the caption space.
    """

    def __init__(self, loss: LossConfig, split: Split, seed: int, saved: Path | None = None):
        self.loss = loss
        self.space: CaptionSpace | None = None
        if loss.reads_captions:
            if saved and saved.exists():
                self.space = CaptionSpace.load(saved)
            else:
                self.space = fit_space(loss, split)
        images = np.arange(len(split))
        self.captions_of = np.random.default_rng(seed).permutation(images) if loss.shuffled else images

    def images(self, batch: Batch, epoch: int) -> Tensor | None:
        """Similarity (B, B) of the batch's images, by their captions or, in the control, by those of others."""
        if self.space is None or not self.loss.reads_images or epoch < self.loss.vsl_warmup_epochs:
            return None
        return torch.from_numpy(self.space.image_similarity(self.captions_of[batch.images]))

    def captions(self, batch: Batch, epoch: int) -> Tensor | None:
        """Similarity (B, B) of the batch's captions."""
        if self.space is None or not self.loss.beta_text or epoch < self.loss.vsl_warmup_epochs:
            return None
        return torch.from_numpy(self.space.caption_similarity(batch.captions))


def fit_space(loss: LossConfig, split: Split) -> CaptionSpace:
    """The space of the captions that the losses read: the first of each image, all where an image has fewer.

    Raises:
        InputError: for more captions an image than there are, or fewer where L_ts needs all.
    """
    per_image = split.captions_per_image
    if isinstance(per_image, tuple):  # images with their own numbers of captions
        if not loss.captions_per_image:
            return _fit_once(tuple(split.captions), per_image, loss.similarity)
        if loss.beta_text:
            problem, remedy = "the data set cannot serve this", "Use all of them where beta_text is not 0."
            raise InputError(f"loss.captions_per_image={loss.captions_per_image}", problem, remedy)
        fewer = tuple(min(number, loss.captions_per_image) for number in per_image)
        starts = split.starts
        captions = tuple(
            c for k, number in enumerate(fewer) for c in split.captions[starts[k] : starts[k] + number]
        )
        return _fit_once(captions, fewer, loss.similarity)
    count = loss.captions_per_image or per_image
    if count > per_image or (count < per_image and loss.beta_text):
        remedy = f"Use at most {per_image}, and all of them where beta_text is not 0."
        raise InputError(f"loss.captions_per_image={count}", "the data set cannot serve this", remedy)
    captions = tuple(caption for k, caption in enumerate(split.captions) if k % per_image < count)
    return _fit_once(captions, count, loss.similarity)


@lru_cache(maxsize=2)
def _fit_once(
    captions: tuple[str, ...], captions_per_image: int | tuple[int, ...], kind: str
) -> CaptionSpace:
    """The space of a corpus; the runs that a worker of a sweep trains in turn share it."""
    return CaptionSpace.fit(captions, captions_per_image, kind)
