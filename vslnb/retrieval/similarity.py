"""Encode once, score in blocks: the similarity matrix of a split in bounded memory."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from tqdm.auto import tqdm

from vslnb import distributed
from vslnb.data.precomp import Split
from vslnb.data.vocabulary import Vocabulary
from vslnb.device import keep_freed_memory, matmul_precision
from vslnb.errors import StaleCacheError
from vslnb.models import Matcher
from vslnb.retrieval.matrix_store import MatrixFile
from vslnb.run_folder import RunFolder
from vslnb.storage import locked

IMAGES, CAPTIONS = 32, 256  # of a block

Features = np.ndarray | Tensor
Images = Features | Split


class Encoded(NamedTuple):
    """Items of one kind as a model encoded them.

    `parts` are embeddings of regions or words (n, L, D), or of the whole (n, D); `globals` (n, D); `lengths` (n,).
    """

    parts: Tensor
    globals: Tensor
    lengths: Tensor

    @property
    def items(self) -> tuple[Tensor, Tensor]:
        """As `Matcher.pair_scores` reads them."""
        return self.parts, self.globals


@torch.inference_mode()
def encode_images(model: Matcher, blocks: Iterable[Features]) -> Iterator[Encoded]:
    """Features (n, R, F), block by block, encoded on the model's device."""
    weight = next(model.parameters())
    for block in blocks:
        tensor = block if isinstance(block, Tensor) else torch.from_numpy(np.array(block))
        parts, globals_, *_ = model.image_items(model.encode_images(tensor.to(weight.device, weight.dtype)))
        yield Encoded(parts, globals_, torch.full((len(parts),), parts.shape[1] if parts.ndim == 3 else 1))


@torch.inference_mode()
def encode_captions(
    model: Matcher, ids: ArrayLike, lengths: ArrayLike, block: int = CAPTIONS
) -> Iterator[Encoded]:
    """Ids (C, W) and lengths (C,), a block of captions at a time, encoded on the model's device."""
    device = next(model.parameters()).device
    for some, counts in zip(torch.as_tensor(ids).long().split(block), torch.as_tensor(lengths).split(block)):
        parts, globals_, *_ = model.caption_items(model.encode_captions(some.to(device), counts), counts)
        yield Encoded(parts, globals_, counts)


def similarity_matrix(
    model: Matcher,
    images: Images,
    ids: np.ndarray | Tensor,
    lengths: ArrayLike,
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
    images: Images,
    ids: np.ndarray | Tensor,
    lengths: ArrayLike,
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
    images: Images,
    ids: np.ndarray | Tensor,
    lengths: ArrayLike,
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
            encoded = list(encode_images(model, image_blocks(images)))
            for number, columns in enumerate(blocks):
                result = np.empty((len(images), len(columns)), dtype=np.float32)
                if number in skip:
                    bar.update(result.size)
                    continue
                counts = lengths[columns]
                with matmul_precision(precision):
                    (captions,) = encode_captions(model, ids[columns, : int(counts.max())], counts)
                    if words:
                        captions = key_words(model, captions, words)
                    for k, some in enumerate(encoded):
                        block = model.pair_scores(some.items, captions.items, captions.lengths)
                        result[k * IMAGES : k * IMAGES + len(block)] = block.float().cpu().numpy()
                        bar.update(block.numel())
                yield number, columns.numpy(), result
    finally:
        model.train(was_training)


def _fingerprint(model: Matcher, images: Images, ids: ArrayLike, lengths: ArrayLike, precision: str) -> str:
    """A hash of everything that determines the scores."""
    device = next(model.parameters()).device.type  # each rounds in its own way
    settings = f"{precision} {CAPTIONS} {model.config}" + (f" {device}" if device != "cpu" else "")
    digest = hashlib.sha256(settings.encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().data)
    for block in (np.asarray(ids), np.asarray(lengths), *image_blocks(images)):
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def _checked(model: Matcher, images: Images, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Ids and lengths as int64, once they fit each other and the model, and so do the images."""
    features = images.features if isinstance(images, Split) else images
    count, width, shape = model.config.num_regions, model.config.feature_dim, tuple(features.shape)
    regions_fit = len(shape) == 3 and (shape[1] == count or not model.fixed_regions)
    if not regions_fit or shape[2] != width:
        some = count if model.fixed_regions else "R"
        raise ValueError(f"the model reads images (N, {some}, {width}), got {shape}")
    if ids.ndim != 2 or lengths.shape != ids.shape[:1]:
        raise ValueError(f"ids (C, W) and lengths (C,), got {tuple(ids.shape)} and {tuple(lengths.shape)}")
    ids, lengths = ids.long(), lengths.long()
    if len(ids) and not (1 <= int(lengths.min()) and int(lengths.max()) <= ids.shape[1]):
        raise ValueError(f"lengths go from 1 to the width of ids, {ids.shape[1]}")
    if len(ids) and not (0 <= int(ids.min()) and int(ids.max()) < model.config.vocab_size):
        raise ValueError(f"ids go from 0 to below the model's {model.config.vocab_size} words")
    return ids, lengths


def key_words(model: Matcher, captions: Encoded, count: int) -> Encoded:
    """The captions with no more than `count` words each, those that say most, and the global vectors they had."""
    words, lengths = model.key_words(captions.parts, captions.lengths, count)
    return Encoded(words, captions.globals, lengths)


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
    files = RunFolder(Path(run))
    place = files.scores_folder / split.name
    if not files.may_write(files.scores_folder):  # somebody else's run
        return split_scores(model, split, vocabulary, progress=progress)
    with locked(place.parent):
        try:
            return split_scores(model, split, vocabulary, progress=progress, keep=place)
        except StaleCacheError:
            shutil.rmtree(place)
            return split_scores(model, split, vocabulary, progress=progress, keep=place)


def image_blocks(images: Images) -> Iterator[Features]:
    """Features (n, R, F), a few images at a time, of an array, a tensor, a memory map or a `Split`."""
    for start in range(0, len(images), IMAGES):
        part = slice(start, start + IMAGES)
        yield images.regions(part) if isinstance(images, Split) else images[part]
