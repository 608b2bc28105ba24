"""Large galleries: everything encoded once and kept on disk; a query is answered by three looks.

The looks are the model's own graph with fewer nodes: the global node alone, for the whole gallery; then the
caption's four weightiest words, for the best of the first look; then all words, for the best of the second.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vslnb.arrays import new_array, open_array
from vslnb.data.importing.backbones import KNOWN_BACKBONES, backbone_by_name
from vslnb.data.importing.features import Backbone, features_of_photo
from vslnb.data.precomp import MANIFEST, Split, file_hash, read_manifest
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError, Stale
from vslnb.files import read_json, write_json
from vslnb.locks import locked
from vslnb.models import Matcher
from vslnb.retrieval import similarity

NOTE, REMEDY = "gallery.json", "Remove it; it will be made again."
DIMENSIONS = {"parts": (3, np.float32), "wholes": (2, np.float32), "lengths": (1, np.int64)}
WORDS, WIDER = 4, 6  # words of the second look, which sees WIDER times as many items as the last
BLOCK = 64


class Gallery:
    """Encoded images or captions in a folder, bound to the weights that encoded them.

    A segment is what one `add` brought: `parts` (items, L, D) float32 of regions or words, `wholes`
    (items, D) of global vectors, `lengths` (items,). All are memory-mapped.
    """

    def __init__(self, folder: str | Path, kind: str, weights: str):
        """Open a gallery, or begin one.

        Args:
            folder: where it lives.
            kind: `images` or `captions`.
            weights: the hash of the weights.

        Raises:
            Stale: for a gallery of another kind, of other weights, or a damaged one.
        """
        self.folder, self.note = Path(folder), {"kind": kind, "weights": weights, "segments": []}
        if (self.folder / NOTE).exists():
            found = read_json(self.folder / NOTE, REMEDY, ("kind", "weights", "segments"), Stale)
            if (found["kind"], found["weights"]) != (kind, weights):
                raise Stale(self.folder, "a gallery of other weights or of another kind", REMEDY)
            sizes = found["segments"]
            if not isinstance(sizes, list) or not all(type(size) is int and size > 0 for size in sizes):
                raise Stale(self.folder / NOTE, f"`segments` is {sizes!r:.60}", REMEDY)
            self.note = found
        self._wholes = torch.empty(0)
        self.segments = [self._open(k) for k in range(len(self.note["segments"]))]

    def __len__(self) -> int:
        return sum(self.note["segments"])

    def _path(self, segment: int, name: str) -> Path:
        return self.folder / f"{segment:04d}.{name}.npy"

    def _open(self, segment: int) -> dict[str, np.ndarray]:
        try:
            arrays = {name: open_array(self._path(segment, name)) for name in DIMENSIONS}
        except (OSError, ValueError) as fault:
            raise Stale(self.folder, f"a damaged gallery ({fault})", REMEDY) from None
        size, width = self.note["segments"][segment], arrays["parts"].shape[-1:]
        for name, (dimensions, dtype) in DIMENSIONS.items():
            array = arrays[name]
            whole = array.ndim == dimensions and array.dtype == dtype and len(array) == size
            if not whole or (name != "lengths" and array.shape[-1:] != width):
                raise Stale(self._path(segment, name), f"{array.dtype} of shape {array.shape}", REMEDY)
        lengths, longest = arrays["lengths"], arrays["parts"].shape[1]
        if not (1 <= lengths.min() and lengths.max() <= longest):
            raise Stale(self._path(segment, "lengths"), f"lengths not from 1 to {longest}", REMEDY)
        return arrays

    def add(self, items: int, blocks: Iterable[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Append items that come encoded, block by block: parts (n, L, D), wholes (n, D), lengths (n,).

        What is there is not touched, and the new segment counts once it is whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        segment, files, done = len(self.segments), {}, 0
        for parts, wholes, lengths in blocks:
            for name, block in (("parts", parts), ("wholes", wholes), ("lengths", lengths)):
                array = block.detach().cpu().numpy()
                if name not in files:
                    shape = (items, *array.shape[1:])
                    files[name] = new_array(self._path(segment, name), array.dtype, shape)
                files[name][done : done + len(array)] = array
            done += len(parts)
        for file in files.values():
            file.flush()
        self.note["segments"].append(items)
        write_json(self.folder / NOTE, self.note)
        self.segments.append(self._open(segment))

    def wholes(self) -> Tensor:
        """Global vectors of everything, (N, D); read once."""
        if len(self._wholes) < len(self):
            self._wholes = torch.cat(
                [torch.from_numpy(np.array(segment["wholes"])) for segment in self.segments]
            )
        return self._wholes

    def take(self, items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Parts (n, L, D), wholes (n, D) and lengths (n,) of some items, in their order."""
        items = items.cpu().numpy()
        ends = np.cumsum(self.note["segments"])
        owner = np.searchsorted(ends, items, side="right")
        longest = max(self.segments[k]["parts"].shape[1] for k in np.unique(owner))
        parts = np.zeros((len(items), longest, self.segments[0]["parts"].shape[2]), np.float32)
        lengths = np.zeros(len(items), np.int64)
        for k in np.unique(owner):
            where = np.flatnonzero(owner == k)
            segment, rows = self.segments[k], items[where] - (ends[k] - self.note["segments"][k])
            parts[where, : segment["parts"].shape[1]] = segment["parts"][rows]
            lengths[where] = segment["lengths"][rows]
        return torch.from_numpy(parts), self.wholes()[torch.from_numpy(items)], torch.from_numpy(lengths)


@torch.inference_mode()
def search(
    model: Matcher,
    gallery: Gallery,
    query: tuple[Tensor, Tensor, Tensor],
    top: int = 10,
    shortlist: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The best of a gallery for one query of the other kind.

    Args:
        model: in eval mode, with the gallery's weights, on the CPU, where the gallery is.
        gallery: images for a caption, captions for an image.
        query: one item encoded: parts (1, L, D), whole (1, D), length (1,).
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
    parts, whole, lengths = query
    shortlist = min(len(gallery), shortlist or max(len(gallery) // 20, 2 * top))
    wholes = gallery.wholes()
    guess = model.glance(wholes, whole).flatten() if images else model.glance(whole, wholes).flatten()
    items = guess.topk(min(len(gallery), WIDER * shortlist)).indices
    for words in (WORDS, None):
        found, globals_, counts = gallery.take(items)
        sides = (
            (found, globals_, parts, whole, lengths) if images else (parts, whole, found, globals_, counts)
        )
        if words:
            captions, counts = model.key_words(sides[2], sides[4], words)
            sides = (*sides[:2], captions, sides[3], counts)
        scores = model.pair_scores(*sides).flatten()
        best = scores.topk(min(len(items), shortlist if words else top))
        items = items[best.indices]
    return items.numpy(), best.values.numpy()


def encode_images(model: Matcher, blocks: Iterable[np.ndarray]) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
    """Features (n, R, F), block by block, as `Gallery.add` and `search` want them."""
    for block in blocks:
        with torch.inference_mode():
            regions, wholes = similarity.encode_images(model, block)
            yield regions, wholes, torch.full((len(block),), regions.shape[1])


def encode_captions(
    model: Matcher, ids: np.ndarray, lengths: np.ndarray
) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
    """Ids (C, W) and lengths (C,), as `Gallery.add` and `search` want them."""
    for start in range(0, len(ids), BLOCK):
        part = slice(start, start + BLOCK)
        with torch.inference_mode():
            counts = torch.from_numpy(lengths[part])
            yield *similarity.encode_captions(model, torch.from_numpy(ids[part]), counts), counts


def writable(run: Path) -> bool:
    """Whether galleries can be kept beside a run."""
    place = run / "galleries"
    return os.access(place if place.exists() else run, os.W_OK)


def gallery_of(run: Path, model: Matcher, split: Split, vocabulary: Vocabulary, kind: str) -> Gallery:
    """The gallery of a split beside a run, made where it is missing; one of older weights or data is remade."""
    folder = run / "galleries" / f"{split.name}-{kind}"
    data = split.folder / MANIFEST
    told = file_hash(data) if data.exists() else f"{split.features.shape} {len(split.captions)}"
    weights = f"{file_hash(run / 'best.safetensors')} {told}"
    if (folder / NOTE).exists():  # one that is whole needs no lock, so that others may search meanwhile
        with contextlib.suppress(Stale):
            if len(gallery := Gallery(folder, kind, weights)):
                return gallery
    if not writable(run):  # somebody else's run: searched in a folder of our own, for this once
        folder = Path(tempfile.mkdtemp(prefix="vslnb-")) / folder.name
    with locked(folder.parent):
        try:
            gallery = Gallery(folder, kind, weights)
        except Stale:
            shutil.rmtree(folder)
            gallery = Gallery(folder, kind, weights)
        if not len(gallery):
            if kind == "images":
                blocks = (split.regions(slice(k, k + BLOCK)) for k in range(0, len(split), BLOCK))
                gallery.add(len(split), encode_images(model, blocks))
            else:
                encoded = encode_captions(model, *vocabulary.encode_all(split.captions))
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
