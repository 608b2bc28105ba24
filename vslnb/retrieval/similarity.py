"""Encode once, score in blocks: the similarity matrix of a split in bounded memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vslnb import distributed
from vslnb.config import PRECISIONS
from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError, Stale
from vslnb.locks import locked
from vslnb.memory import keep_freed_memory
from vslnb.models import Matcher
from vslnb.models.encoders import word_mask
from vslnb.retrieval.matrix_store import MatrixFile

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

    Everything else stays in float32. On CUDA `bfloat16` rounds less, to TF32; where the hardware has no such
    product, it changes nothing. Outside of this, torch's own settings hold: on CUDA, a GRU in TF32.

    Raises:
        ValueError: for another precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    before, cudnn_before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("highest" if precision == "float32" else "medium")
        torch.backends.cudnn.allow_tf32 = precision != "float32"  # of the GRU
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = cudnn_before


def similarity_matrix(
    model: Matcher,
    images: object,
    ids: object,
    lengths: object,
    precision: str = "float32",
    progress: bool = False,
    keep: str | Path | None = None,
) -> np.ndarray:
    """Scores of all images and captions.

    Args:
        model: put in eval mode for the call; inputs go to its device block by block.
        images: (N, R, F) array, tensor, memory map, or a `Split`.
        ids: (C, W) padded with 0.
        lengths: (C,).
        precision: `float32`, or `bfloat16` for the products.
        progress: show a progress bar.
        keep: a folder in which the matrix grows on disk; the same call goes on where one was cut short.

    Returns:
        (N, C) float32 array, a memory map where it is kept.

    Raises:
        ValueError: for shapes, ids or lengths that do not fit together or the model.
        InputError: if another matrix is kept in that folder.
    """
    if not keep:
        result = np.empty((len(images), len(ids)), dtype=np.float32)
        blocks = _shared_columns(model, images, ids, lengths, precision, progress, [])
        for _, columns, block in blocks:
            result[:, columns] = block
        return result
    place = Path(keep), (len(images), len(ids)), _fingerprint(model, images, ids, lengths, precision)
    first = distributed.process_index() == 0
    with locked(Path(keep)) if first else contextlib.nullcontext():
        kept = MatrixFile(*place) if first else None
        done = distributed.all_gather_object(kept and kept.done)[0]
        blocks = _shared_columns(model, images, ids, lengths, precision, progress, done)
        for number, columns, block in blocks:
            if kept:
                kept.add(number, columns, block)
        distributed.barrier()
    return (kept or MatrixFile(*place)).scores


def _shared_columns(
    model: Matcher,
    images: object,
    ids: object,
    lengths: object,
    precision: str,
    progress: bool,
    done: Collection[int],
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """`score_columns` of what is not done: each process computes its share, all get all."""
    rank, count = distributed.process_index(), distributed.process_count()
    others = [number for number in range(-(-len(ids) // CAPTIONS)) if number % count != rank]
    skip, progress = {*done, *others}, progress and rank == 0
    return distributed.gather_rounds(score_columns(model, images, ids, lengths, precision, progress, skip))


@torch.inference_mode()
def score_columns(
    model: Matcher,
    images: object,
    ids: object,
    lengths: object,
    precision: str = "float32",
    progress: bool = False,
    skip: Collection[int] = (),
    words: int | None = None,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Scores as they come, a block of captions of about one length at a time against all images.

    Args:
        model, images, ids, lengths, precision, progress: as in `similarity_matrix`.
        skip: numbers of the blocks that are not wanted.
        words: compare no more than these of each caption, the weightiest ones.

    Yields:
        Number of the block, its captions (n,), their scores (N, n).
    """
    ids, lengths = _checked(model, images, torch.as_tensor(ids), torch.as_tensor(lengths).cpu())
    blocks = lengths.argsort(stable=True).split(CAPTIONS) if len(ids) else ()
    was_training = model.training
    model.eval()
    try:
        with tqdm(total=len(images) * len(ids), desc="scores", unit="pair", unit_scale=True,
                  disable=not progress, leave=False) as bar:  # fmt: skip
            encoded = [encode_images(model, block) for block in image_blocks(images)]
            for number, columns in enumerate(blocks):
                result = np.empty((len(images), len(columns)), dtype=np.float32)
                if number in skip:
                    bar.update(result.size)
                    continue
                counts = lengths[columns]
                with products(precision):
                    captions, globals_ = encode_captions(model, ids[columns, : int(counts.max())], counts)
                    if words:
                        captions, counts = model.key_words(captions, counts, words)
                    for k, (regions, image_globals) in enumerate(encoded):
                        block = model.pair_scores(regions, image_globals, captions, globals_, counts)
                        result[k * IMAGES : k * IMAGES + len(block)] = block.float().cpu().numpy()
                        bar.update(block.numel())
                yield number, columns.numpy(), result
    finally:
        model.train(was_training)


def _fingerprint(model: Matcher, images: object, ids: object, lengths: object, precision: str) -> str:
    """A hash of everything that determines the scores."""
    device = next(model.parameters()).device.type  # each rounds in its own way
    told = f"{precision} {CAPTIONS} {model.config}" + (f" {device}" if device != "cpu" else "")
    digest = hashlib.sha256(told.encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().data)
    for block in (np.asarray(ids), np.asarray(lengths), *image_blocks(images)):
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


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
    model: Matcher,
    split: Split,
    vocabulary: Vocabulary,
    precision: str = "float32",
    progress: bool = False,
    keep: str | Path | None = None,
) -> np.ndarray:
    """The similarity matrix (N, Q*N) of a split; images that the file repeats are encoded once."""
    keep_freed_memory()
    ids, lengths = vocabulary.encode_all(split.captions)
    return similarity_matrix(model, split, ids, lengths, precision, progress, keep)


def kept_scores(
    run: str | Path, model: Matcher, split: Split, vocabulary: Vocabulary, progress: bool = False
) -> np.ndarray:
    """As `split_scores`, kept in the run's scores/ for whoever asks next; one of older weights or data is remade."""
    place = Path(run) / "scores" / split.name
    if not os.access(place.parent if place.parent.exists() else run, os.W_OK):  # somebody else's run
        return split_scores(model, split, vocabulary, progress=progress)
    with locked(place.parent):
        try:
            return split_scores(model, split, vocabulary, progress=progress, keep=place)
        except Stale:
            shutil.rmtree(place)
            return split_scores(model, split, vocabulary, progress=progress, keep=place)


def image_blocks(images: object) -> Iterator[np.ndarray | Tensor]:
    """Features (n, R, F), a few images at a time, of an array, a tensor, a memory map or a `Split`."""
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
