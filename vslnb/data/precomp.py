"""The SCAN layout: region features in a memory map, captions and ids as lines of text.

`{split}_ims.npy` (N, R, F), or N*Q rows with every image repeated Q times as the field's dev and test files
have it; `{split}_caps.txt`, Q consecutive lines an image; `{split}_ids.txt`; a vocabulary JSON. Ours adds
`{split}_boxes.npy` (N or 1, R, 4: x0, y0, x1, y1 as shares of the picture), `{split}_pictures.txt` (a path
an image, below the manifest's `picture_root`) and the manifest `dataset.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from vslnb.data.manifest import MANIFEST, file_hash, picture_root, read_lines, read_manifest, write_lines
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError
from vslnb.storage import fetch, forget, open_array, write_json, write_stream, write_text

SPLITS = ("train", "dev", "test", "testall")
VOCABULARY = "vocab.json"
Images = Sequence[int] | np.ndarray | slice  # positions


@dataclass(frozen=True)
class Split:
    """One split, opened but not loaded. N images, Q captions an image, R regions of F numbers.

    `features` is a memory map of N or N*Q rows; index images through `regions`, which hides the difference.
    """

    folder: Path
    name: str
    features: np.ndarray
    captions: list[str]
    ids: list[str]
    captions_per_image: int | tuple[int, ...]  # Q, or one count an image
    whole: Split | None = None  # of a part, with its first image there
    start: int = 0

    def __len__(self) -> int:
        q = self.captions_per_image
        return len(q) if isinstance(q, tuple) else len(self.captions) // q

    @cached_property
    def owner(self) -> np.ndarray:
        """The image of every caption (C,)."""
        return np.repeat(np.arange(len(self)), self.captions_per_image)

    @cached_property
    def starts(self) -> np.ndarray:
        """The first caption of every image, and the number of all captions at the end (N + 1,)."""
        counts = np.broadcast_to(self.captions_per_image, len(self))
        return np.concatenate([[0], np.cumsum(counts)]).astype(int)

    @property
    def step(self) -> int:
        """Rows of the features file from one image to the next: 1, or Q where images are repeated."""
        return len(self.features) // len(self)

    def stored(self, images: Images) -> np.ndarray:
        """Features of some images (n, R, F) as their file has them, float16 or float32, unchecked."""
        rows = np.arange(len(self))[images] * self.step
        fetch(self.features, rows)
        block = self.features[rows]
        forget(self.features)
        return block

    def regions(self, images: Images, stored: np.ndarray | None = None) -> np.ndarray:
        """Features of some images as float32 (n, R, F); `stored` is what the method of that name has read of them.

        Raises:
            InputError: if a number is not finite, with the row it stands in.
        """
        block = self.stored(images) if stored is None else stored
        block = torch.from_numpy(block).float().numpy()  # numpy's astype takes several times as long
        bad = np.flatnonzero(~np.isfinite(block).reshape(len(block), -1).all(axis=1))
        if len(bad):
            image = int(np.arange(len(self))[images][bad[0]])
            raise InputError(
                f"{self.folder / self.name}_ims.npy, row {image * self.step} (image {self.ids[image]})",
                "the features hold NaN or infinity",
                "Extract the features of this image again.",
            )
        return block

    def head(self, images: int) -> Split:
        """The first images of the split; all of them for 0 or for more than there are."""
        return self._part(0, images) if 0 < images < len(self) else self

    def rest(self, images: int) -> Split:
        """The split without its first images."""
        return self._part(images, len(self))

    def _part(self, start: int, stop: int) -> Split:
        q, step = self.captions_per_image, self.step
        return replace(
            self,
            features=self.features[start * step : stop * step],
            captions=self.captions[self.starts[start] : self.starts[stop]],
            ids=self.ids[start:stop],
            captions_per_image=q[start:stop] if isinstance(q, tuple) else q,
            whole=self.whole or self,
            start=self.start + start,
        )

    def boxes(self) -> np.ndarray | None:
        """Region boxes (N, R, 4) as shares of width and height, or None where the data set has none; read once.

        Raises:
            InputError: for a file that is damaged or has another number of boxes.
        """
        boxes = (self.whole or self)._boxes
        return None if boxes is None else boxes[self.start :][: len(self)]

    @cached_property
    def _boxes(self) -> np.ndarray | None:
        path = self.folder / f"{self.name}_boxes.npy"
        if not path.exists():
            return None
        remedy = "Make the data set again, or remove the file: pictures are then shown without boxes."
        try:
            boxes = np.array(open_array(path))
        except (ValueError, OSError) as fault:
            raise InputError(path, f"not a whole .npy array ({fault})", remedy) from None
        regions = self.features.shape[1]
        if boxes.dtype.kind != "f" or boxes.shape not in ((1, regions, 4), (len(self), regions, 4)):
            problem = f"{boxes.dtype} of shape {boxes.shape}, not boxes (1 or {len(self)}, {regions}, 4)"
            raise InputError(path, problem, remedy)
        return np.broadcast_to(boxes, (len(self), regions, 4))

    def pictures(self) -> list[Path] | None:
        """The picture of every image, or None where the data set has none; read once.

        Raises:
            InputError: for a path that leads out of the folder of pictures.
        """
        pictures = (self.whole or self)._pictures
        return None if pictures is None else pictures[self.start :][: len(self)]

    @cached_property
    def _pictures(self) -> list[Path] | None:
        path = self.folder / f"{self.name}_pictures.txt"
        if not path.exists():
            return None
        root = picture_root(self.folder)
        files = [root / line for line in read_lines(path, strip=False)]
        for number, file in enumerate(files, start=1):
            if ".." in file.parts[len(root.parts) :] or not file.is_relative_to(root):
                raise InputError(f"{path}, line {number}", f"it leads out of {root}", "Name a file inside.")
        return files


def open_features(path: Path) -> np.ndarray:
    """Map a features file (rows, R, F) of float16 or float32 without loading it.

    Raises:
        InputError: if it is missing, cut short, or not such an array.
    """
    if not path.is_file():
        raise InputError(path, "there is no such file", "`vslnb import --help` says how to make a data set.")
    remedy = "Copy or extract the features again: float16 or float32, shape (images, regions, width)."
    try:
        features = open_array(path)
    except (ValueError, OSError) as fault:
        raise InputError(path, f"not a whole .npy array ({fault})", remedy) from None
    if features.ndim != 3 or features.dtype not in (np.float16, np.float32) or 0 in features.shape:
        raise InputError(path, f"an array of {features.dtype} with shape {features.shape}", remedy)
    return features


def load_split(folder: str | Path, name: str) -> Split:
    """Open a split and check that features, captions and ids agree in number.

    Raises:
        InputError: naming the file, what was counted and what was expected.
    """
    folder = Path(folder)
    per_image = read_manifest(folder).get("captions_per_image", 5)
    captions_path, features_path = folder / f"{name}_caps.txt", folder / f"{name}_ims.npy"
    captions, features = read_lines(captions_path), open_features(features_path)
    if per_image == "all":
        counts = _counts(folder / f"{name}_counts.txt", len(captions))
        images, per_image = len(counts), counts
        if len(features) != images:
            problem = f"{len(features)} rows, but {name}_counts.txt has {images} images"
            raise InputError(f"{features_path}, row {len(features)}", problem, f"Expected {images} rows.")
        return Split(folder, name, features, captions, _ids(folder, name, images, len(captions)), per_image)
    if not (folder / MANIFEST).exists() and _one_caption_each(features, len(captions), per_image):
        per_image = 1
    if not captions or len(captions) % per_image:
        last = len(captions) // per_image
        raise InputError(
            f"{captions_path}, line {len(captions)}",
            f"{len(captions)} captions are not a multiple of {per_image} an image "
            f"(image {last} would have {len(captions) % per_image})",
            f"Every image needs {per_image} captions on consecutive lines.",
        )
    images = len(captions) // per_image
    if len(features) not in (images, len(captions)):
        raise InputError(
            f"{features_path}, row {len(features)}",
            f"{len(features)} rows, but {captions_path.name} has {len(captions)} captions",
            f"Expected {images} rows (one an image) or {len(captions)} (one a caption).",
        )
    return Split(folder, name, features, captions, _ids(folder, name, images, len(captions)), per_image)


def _one_caption_each(features: np.ndarray, captions: int, per_image: int) -> bool:
    """Whether a file with a row a caption has another image in every row, rather than every image repeated."""
    if len(features) != captions or captions % per_image:
        return len(features) == captions
    groups = range(0, min(captions, 10 * per_image), per_image)
    return bool(captions) and not any((features[k : k + per_image] == features[k]).all() for k in groups)


def _counts(path: Path, captions: int) -> tuple[int, ...]:
    """How many captions every image has, where images have their own numbers."""
    counts, remedy = [], "Make the data set again."
    for number, line in enumerate(read_lines(path), start=1):
        if not (line.isascii() and line.isdecimal() and 0 < int(line[:9]) == int(line)):
            raise InputError(f"{path}, line {number}", f"{line[:60]!r} is no number of captions", remedy)
        counts.append(int(line))
    if sum(counts) != captions or not counts:
        raise InputError(path, f"it adds up to {sum(counts)}, but there are {captions} captions", remedy)
    return tuple(counts)


def _ids(folder: Path, name: str, images: int, captions: int) -> list[str]:
    """The id of every image; its number where there is no file of them."""
    path = folder / f"{name}_ids.txt"
    ids = read_lines(path) if path.exists() else [str(i) for i in range(images)]
    if len(ids) not in (images, captions):
        problem = f"{len(ids)} ids for {images} images"
        raise InputError(f"{path}, line {len(ids)}", problem, "One id an image is expected.")
    return ids[:: len(ids) // images]


def load_vocabulary(folder: str | Path) -> Vocabulary:
    """The vocabulary of a data set: `vocab.json` inside, or the field's `vocab/NAME_vocab.json` beside it."""
    folder = Path(folder).resolve()
    places = [folder / VOCABULARY, folder / f"{folder.name}_vocab.json"]
    places.append(folder.parent / "vocab" / f"{folder.name}_vocab.json")
    found = [place for place in places if place.exists()]
    if not found:
        tried = ", ".join(map(str, places))
        raise InputError(folder, f"no vocabulary (looked for {tried})", "Put the JSON in one of these.")
    return Vocabulary.read(found[0])


def write_split(
    folder: Path,
    name: str,
    captions: Sequence[str],
    ids: Sequence[str],
    boxes: np.ndarray | None,
    pictures: Sequence[str] | None = None,
) -> None:
    """Write everything of a split but its features, which their maker streams into a memory map."""
    write_lines(folder / f"{name}_caps.txt", captions)
    write_lines(folder / f"{name}_ids.txt", ids)
    if boxes is not None:  # None: whoever made the features has written the boxes of every image
        write_stream(folder / f"{name}_boxes.npy", lambda stream: np.save(stream, boxes.astype(np.float32)))
    if pictures is not None:  # as they are: a name may hold two blanks, or one of another kind
        write_text(folder / f"{name}_pictures.txt", "".join(f"{picture}\n" for picture in pictures))


def write_manifest(
    folder: Path, origin: str, captions_per_image: int | str, picture_root: str = ".", **details: object
) -> dict:
    """Finish a data set: build its vocabulary from train and write `dataset.json` with counts and hashes."""
    present = [name for name in SPLITS if (folder / f"{name}_ims.npy").exists()]
    source = "train" if "train" in present else present[0]
    captions = read_lines(folder / f"{source}_caps.txt")
    Vocabulary.build(captions, min_count=4 if len(captions) >= 2000 else 1).write(folder / VOCABULARY)
    splits = {}
    for name in present:
        rows, regions, width = open_features(folder / f"{name}_ims.npy").shape
        files = [f"{name}_ims.npy", f"{name}_caps.txt", f"{name}_ids.txt"]
        files += [f"{name}_counts.txt"] if captions_per_image == "all" else []
        splits[name] = {
            "images": rows,
            "regions": regions,
            "width": width,
            "sha256": {file: file_hash(folder / file) for file in files},
        }
    manifest = {
        "origin": origin,
        "captions_per_image": captions_per_image,
        "picture_root": picture_root,
        "vocabulary_sha256": file_hash(folder / VOCABULARY),
        "splits": splits,
        **details,
    }
    write_json(folder / MANIFEST, manifest)
    return manifest
