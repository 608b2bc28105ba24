"""Encode once, score in blocks: the similarity matrix of a split in bounded memory."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary
from vslnb.memory import keep_freed_memory
from vslnb.models import Matcher

IMAGES, CAPTIONS = 64, 256  # of a block


def resolve_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA, else Apple's mps, else the CPU.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


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
    """
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision must be float32 or bfloat16, got {precision!r}")
    device = next(model.parameters()).device
    ids, lengths = torch.as_tensor(ids), torch.as_tensor(lengths).cpu()
    result = np.empty((len(images), len(ids)), dtype=np.float32)
    order = lengths.argsort(stable=True)
    was_training = model.training
    model.eval()
    try:
        with _products(device, precision):
            encoded = [_encode(model, block, device) for block in _image_blocks(images)]
            for columns in tqdm(order.split(CAPTIONS), desc="scores", disable=not progress, leave=False):
                longest = int(lengths[columns].max())
                part = ids[columns, :longest].to(device)
                captions = model.encode_captions(part, lengths[columns])
                mask = torch.arange(longest)[None] < lengths[columns][:, None]
                globals_ = model.text_global(captions, mask.to(device))
                for k, (regions, image_globals) in enumerate(encoded):
                    block = model.pair_scores(regions, image_globals, captions, globals_, lengths[columns])
                    rows = slice(k * IMAGES, k * IMAGES + len(block))
                    result[rows, columns.numpy()] = block.float().cpu().numpy()
    finally:
        model.train(was_training)
    return result


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


def _encode(model: Matcher, block: object, device: torch.device) -> tuple[Tensor, Tensor]:
    tensor = block if isinstance(block, Tensor) else torch.from_numpy(np.array(block))
    regions = model.encode_images(tensor.to(device, next(model.parameters()).dtype))
    return regions, model.image_global(regions)


def _products(device: torch.device, precision: str):
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
