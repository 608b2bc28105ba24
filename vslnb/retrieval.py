"""Encode once, score in blocks: the similarity matrix of a split in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vslnb.config import PRECISIONS
from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError
from vslnb.memory import keep_freed_memory
from vslnb.models import Matcher
from vslnb.models.encoders import word_mask

IMAGES, CAPTIONS = 32, 256  # of a block


def resolve_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA, else Apple's mps, else the CPU.

    Raises:
        InputError: for a device that is unknown or not there.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as fault:
            reason = str(fault).splitlines()[0]
            raise InputError(f"device {name!r}", reason, "Use auto, cpu, cuda or mps.") from None
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def products(precision: str) -> Iterator[None]:
    """Matrix products in `float32`, or with both factors rounded to `bfloat16` and float32 sums.

    Everything else stays in float32. Where the hardware has no such product, `bfloat16` changes nothing.

    Raises:
        ValueError: for another precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@torch.inference_mode()
def similarity_matrix(
    model: Matcher,
    images: object,
    ids: object,
    lengths: object,
    precision: str = "float32",
    progress: bool = False,
) -> np.ndarray:
    """Scores of all images and captions.

    Args:
        model: put in eval mode for the call; inputs go to its device block by block.
        images: (N, R, F) array, tensor, memory map, or a `Split`.
        ids: (C, W) padded with 0.
        lengths: (C,).
        precision: `float32`, or `bfloat16` for the products.
        progress: show a progress bar.

    Returns:
        (N, C) float32 array.

    Raises:
        ValueError: for shapes, ids or lengths that do not fit together or the model.
    """
    ids, lengths = _checked(model, images, torch.as_tensor(ids), torch.as_tensor(lengths).cpu())
    result = np.empty((len(images), len(ids)), dtype=np.float32)
    order = lengths.argsort(stable=True)
    was_training = model.training
    model.eval()
    try:
        with products(precision):
            encoded = [encode_images(model, block) for block in _image_blocks(images)]
            for columns in tqdm(
                order.split(CAPTIONS) if len(order) else (), desc="scores", disable=not progress, leave=False
            ):
                longest = int(lengths[columns].max())
                captions, globals_ = encode_captions(model, ids[columns, :longest], lengths[columns])
                for k, (regions, image_globals) in enumerate(encoded):
                    block = model.pair_scores(regions, image_globals, captions, globals_, lengths[columns])
                    rows = slice(k * IMAGES, k * IMAGES + len(block))
                    result[rows, columns.numpy()] = block.float().cpu().numpy()
    finally:
        model.train(was_training)
    return result


def _checked(model: Matcher, images: object, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Ids and lengths as int64, once they fit each other and the model, and so do the images."""
    features = images.features if isinstance(images, Split) else images
    wanted = (model.config.regions, model.config.features)
    if len(features.shape) != 3 or tuple(features.shape[1:]) != wanted:
        raise ValueError(f"the model reads images (N, {wanted[0]}, {wanted[1]}), got {tuple(features.shape)}")
    if ids.ndim != 2 or lengths.shape != ids.shape[:1]:
        raise ValueError(f"ids (C, W) and lengths (C,), got {tuple(ids.shape)} and {tuple(lengths.shape)}")
    ids, lengths = ids.long(), lengths.long()
    if len(ids) and not (1 <= int(lengths.min()) and int(lengths.max()) <= ids.shape[1]):
        raise ValueError(f"lengths go from 1 to the width of ids, {ids.shape[1]}")
    if len(ids) and not (0 <= int(ids.min()) and int(ids.max()) < model.config.vocabulary):
        raise ValueError(f"ids go from 0 to below the model's {model.config.vocabulary} words")
    return ids, lengths


def split_scores(
    model: Matcher, split: Split, vocabulary: Vocabulary, precision: str = "float32", progress: bool = False
) -> np.ndarray:
    """The similarity matrix (N, Q*N) of a split; images that the file repeats are encoded once."""
    keep_freed_memory()
    ids, lengths = vocabulary.encode_all(split.captions)
    return similarity_matrix(model, split, ids, lengths, precision, progress)


def _image_blocks(images: object):
    for start in range(0, len(images), IMAGES):
        part = slice(start, start + IMAGES)
        yield images.regions(part) if isinstance(images, Split) else images[part]


def encode_images(model: Matcher, block: object) -> tuple[Tensor, Tensor]:
    """Features (n, R, F) -> regions (n, R, D) and global vectors (n, D), on the model's device."""
    tensor = block if isinstance(block, Tensor) else torch.from_numpy(np.array(block))
    weight = next(model.parameters())
    regions = model.encode_images(tensor.to(weight.device, weight.dtype))
    return regions, model.image_global(regions)


def encode_captions(model: Matcher, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Ids (C, W), lengths (C,) -> words (C, W, D) and global vectors (C, D), on the model's device."""
    words = model.encode_captions(ids.to(next(model.parameters()).device), lengths)
    return words, model.text_global(words, word_mask(lengths, words.shape[1], words.device))
