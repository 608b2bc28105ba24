"""Large galleries: everything encoded once and kept on disk; a query is answered by three looks.

The looks compare ever more: the global vectors, for the whole gallery; then the caption's four words that say most,
for the best of the first look; then all words, for the best of the second. Of SAF and SGR these are graphs of the
model with fewer nodes.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vslnb.data.importing.backbones import KNOWN_BACKBONES, backbone_by_name
from vslnb.data.importing.features import Backbone, features_of_photo
from vslnb.data.precomp import MANIFEST, Split, file_hash, read_manifest
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError, StaleCacheError
from vslnb.models import Matcher
from vslnb.retrieval.similarity import Encoded, encode_captions, encode_images, key_words
from vslnb.run_folder import RunFolder
from vslnb.storage import locked, new_array, open_array, read_json, write_json

NOTE, REMEDY = "gallery.json", "Remove it; it will be made again."
DIMENSIONS = {"parts": ((2, 3), np.float32), "globals": ((2,), np.float32), "lengths": ((1,), np.int64)}
WORDS, WIDER = 4, 6  # words of the second look, which sees WIDER times as many items as the last
BLOCK = 64


class Gallery:
    """Encoded images or captions in a folder, bound to the weights that encoded them.

    A segment is what one `add` brought: `parts` (items, L, D) float32 of regions or words, or (items, D) where a
    model makes one vector of an item, `globals` (items, D), `lengths` (items,). All are memory-mapped.
    """

    def __init__(self, folder: str | Path, kind: str, weights: str):
        """Open a gallery, or begin one.

        Args:
            folder: where it lives.
            kind: `images` or `captions`.
            weights: the hash of the weights.

        Raises:
            StaleCacheError: for a gallery of another kind, of other weights, or a damaged one.
        """
        self.folder = Path(folder)
        self.note: dict[str, Any] = {"kind": kind, "weights": weights, "segments": []}
        if (self.folder / NOTE).exists():
            found = read_json(self.folder / NOTE, REMEDY, ("kind", "weights", "segments"), StaleCacheError)
            if (found["kind"], found["weights"]) != (kind, weights):
                raise StaleCacheError(self.folder, "a gallery of other weights or of another kind", REMEDY)
            sizes = found["segments"]
            if not isinstance(sizes, list) or not all(type(size) is int and size > 0 for size in sizes):
                raise StaleCacheError(self.folder / NOTE, f"`segments` is {sizes!r:.60}", REMEDY)
            self.note = found
        self._globals = torch.empty(0)
        self.segments = [self._open(k) for k in range(len(self.note["segments"]))]

    def __len__(self) -> int:
        return sum(self.note["segments"])

    def _path(self, segment: int, name: str) -> Path:
        return self.folder / f"{segment:04d}.{name}.npy"

    def _open(self, segment: int) -> dict[str, np.ndarray]:
        try:
            arrays: dict[str, np.ndarray] = {
                name: open_array(self._path(segment, name)) for name in DIMENSIONS
            }
        except (OSError, ValueError) as fault:
            raise StaleCacheError(self.folder, f"a damaged gallery ({fault})", REMEDY) from None
        size, width = self.note["segments"][segment], arrays["parts"].shape[-1:]
        for name, (dimensions, dtype) in DIMENSIONS.items():
            array = arrays[name]
            whole = array.ndim in dimensions and array.dtype == dtype and len(array) == size
            if not whole or (name != "lengths" and array.shape[-1:] != width):
                raise StaleCacheError(
                    self._path(segment, name), f"{array.dtype} of shape {array.shape}", REMEDY
                )
        lengths, parts = arrays["lengths"], arrays["parts"]
        longest = parts.shape[1] if parts.ndim == 3 else np.inf
        if not (1 <= lengths.min() and lengths.max() <= longest):
            raise StaleCacheError(self._path(segment, "lengths"), f"lengths not from 1 to {longest}", REMEDY)
        return arrays

    def add(self, items: int, blocks: Iterable[Encoded]) -> None:
        """Append items that come encoded, block by block.

        What is there is not touched, and the new segment counts once it is whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        segment, done = len(self.segments), 0
        files: dict[str, np.memmap] = {}
        for encoded in blocks:
            for name, block in encoded._asdict().items():
                array = block.cpu().numpy()
                if name not in files:
                    shape = (items, *array.shape[1:])
                    files[name] = new_array(self._path(segment, name), array.dtype, shape)
                files[name][done : done + len(array)] = array
            done += len(encoded.parts)
        for file in files.values():
            file.flush()
        self.note["segments"].append(items)
        write_json(self.folder / NOTE, self.note)
        self.segments.append(self._open(segment))

    def globals(self) -> Tensor:
        """Global vectors of everything, (N, D); read once."""
        if len(self._globals) < len(self):
            self._globals = torch.cat(
                [torch.from_numpy(np.array(segment["globals"])) for segment in self.segments]
            )
        return self._globals

    def take(self, items: Tensor) -> Encoded:
        """Some items, in their order."""
        numbers = items.cpu().numpy()
        ends = np.cumsum(self.note["segments"])
        owner = np.searchsorted(ends, numbers, side="right")
        shapes = [self.segments[k]["parts"].shape[1:] for k in np.unique(owner)]
        parts = np.zeros((len(numbers), *max(shapes)), np.float32)
        lengths = np.zeros(len(numbers), np.int64)
        for k in np.unique(owner):
            where = np.flatnonzero(owner == k)
            segment, rows = self.segments[k], numbers[where] - (ends[k] - self.note["segments"][k])
            parts[where, : segment["parts"].shape[1]] = segment["parts"][rows]
            lengths[where] = segment["lengths"][rows]
        return Encoded(torch.from_numpy(parts), self.globals()[items.cpu()], torch.from_numpy(lengths))


@torch.inference_mode()
def search(
    model: Matcher,
    gallery: Gallery,
    query: Encoded,
    top: int = 10,
    shortlist: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The best of a gallery for one query of the other kind.

    Args:
        model: in eval mode, with the gallery's weights, on the CPU, where the gallery is.
        gallery: images for a caption, captions for an image.
        query: one item encoded.
        top: how many.
        shortlist: items that the whole model compares, default a twentieth of the gallery and at least 2 * top.

    Returns:
        Their numbers (top,) and scores (top,), best first.

    Raises:
        InputError: for an empty gallery.
    """
    if not len(gallery):
        raise InputError(gallery.folder, "nothing is in this gallery", "Add something.")
    images = gallery.note["kind"] == "images"
    shortlist = min(len(gallery), shortlist or max(len(gallery) // 20, 2 * top))
    sides = (gallery.globals(), query.globals) if images else (query.globals, gallery.globals())
    items = model.global_scores(*sides).flatten().topk(min(len(gallery), WIDER * shortlist)).indices
    for words in (WORDS, None):
        found = gallery.take(items)
        pictures, captions = (found, query) if images else (query, found)
        if words:
            captions = key_words(model, captions, words)
        scores = model.pair_scores(pictures.items, captions.items, captions.lengths).flatten()
        best = scores.topk(min(len(items), shortlist if words else top))
        items = items[best.indices]
    return items.numpy(), best.values.numpy()


@functools.cache
def folder_of_our_own(run: Path) -> Path:
    """For what cannot be kept beside somebody else's run: one folder a run, removed when this process ends."""
    folder = tempfile.mkdtemp(prefix="vslnb-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def gallery_of(run: Path, model: Matcher, split: Split, vocabulary: Vocabulary, kind: str) -> Gallery:
    """The gallery of a split beside a run, made where it is missing; one of older weights or data is remade."""
    files = RunFolder(run)
    folder = files.galleries_folder / f"{split.name}-{kind}"
    data = split.folder / MANIFEST
    origin = file_hash(data) if data.exists() else f"{split.features.shape} {len(split.captions)}"
    weights = f"{file_hash(files.best_file)} {origin}"
    places = (
        [folder]
        if files.may_write(files.galleries_folder)
        else [folder, folder_of_our_own(run) / folder.name]
    )
    for folder in places:  # one that is whole needs no lock, so that others may search meanwhile
        with contextlib.suppress(StaleCacheError):
            if len(gallery := Gallery(folder, kind, weights)):
                return gallery
    with locked(folder.parent):
        try:
            gallery = Gallery(folder, kind, weights)
        except StaleCacheError:
            shutil.rmtree(folder)
            gallery = Gallery(folder, kind, weights)
        if not len(gallery):
            if kind == "images":
                blocks = (split.regions(slice(k, k + BLOCK)) for k in range(0, len(split), BLOCK))
                gallery.add(len(split), encode_images(model, blocks))
            else:
                encoded = encode_captions(model, *vocabulary.encode_all(split.captions), BLOCK)
                gallery.add(len(split.captions), encoded)
        return gallery


def features_of(photo: Path, splits: Split | Sequence[Split]) -> np.ndarray:
    """Features (1, R, F) of a photo: the data set's own, or made as those of the data set were.

    Raises:
        InputError: for a photo that is not in a data set whose features we cannot make.
    """
    splits = [splits] if isinstance(splits, Split) else splits
    for split in splits:
        pictures = [path.resolve() for path in split.pictures() or []]
        if photo.resolve() in pictures:
            return split.regions([pictures.index(photo.resolve())])
    try:
        backbone = backbone_of(splits[0].folder)
    except InputError:
        names = ", ".join(split.name for split in splits)
        problem = "not in this data set, and its features are not made from photos here"
        raise InputError(
            photo, problem, f"Name one of the pictures of {splits[0].folder} ({names})."
        ) from None
    return features_of_photo(backbone, photo)[None]


def backbone_of(data: Path) -> Backbone:
    """The backbone that made a data set's features.

    Raises:
        InputError: where they were not made from photos here.
    """
    name = str(read_manifest(data).get("backbone", ""))
    if name not in KNOWN_BACKBONES:
        problem = "its features were not made from photos by a backbone that is known here"
        raise InputError(data, problem, "Search its own pictures.")
    return backbone_by_name(name)
