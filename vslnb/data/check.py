"""`vslnb check`: every integrity check of a data set, none of them fatal to the next."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vslnb.data.changes import PHOTOS, changed_words, find_changes, missing_words
from vslnb.data.precomp import (
    SPLITS,
    VOCABULARY,
    Split,
    file_hash,
    load_split,
    load_vocabulary,
    read_manifest,
)
from vslnb.data.vocabulary import SPECIAL, Vocabulary, tokenize
from vslnb.errors import InputError

# A vocabulary kept from words seen four times misses some 2 % of the tokens of its own captions and holds
# almost no word that they lack; one of another data set fails one of these by far.
UNKNOWN_LIMIT = 0.06
UNUSED_LIMIT = 0.10
MOSTLY_UNKNOWN = 0.5
LONGEST = 300  # words; the field's longest caption has some eighty


def check_dataset(folder: str | Path) -> list[tuple[str, bool, str]]:
    """Rows (what, passed, detail) for every split that is there, the vocabulary and the manifest."""
    folder = Path(folder)
    rows: list[tuple[str, bool, str]] = []
    names = [name for name in SPLITS if (folder / f"{name}_ims.npy").exists()]
    names += [name for name in SPLITS if name not in names and (folder / f"{name}_caps.txt").exists()]
    if not names:
        return [
            ("splits", False, f"{folder}: no train, dev, test or testall features here. See `vslnb import`.")
        ]
    splits = {}
    for name in names:
        split = _attempt(rows, name, lambda name=name: load_split(folder, name))
        if split is not None:
            splits[name] = split
            detail = f"{len(split)} images, {len(split.captions)} captions, {split.features.shape[1:]}"
            if split.captions_per_image == 1:
                detail += ", one caption an image"
            if isinstance(split.captions_per_image, tuple):
                least, most = min(split.captions_per_image), max(split.captions_per_image)
                detail += f", {f'{least} to {most}' if least < most else most} captions an image"
            rows.append((name, True, detail))
            _attempt(rows, f"{name} captions", lambda split=split: _check_captions(split))
            _attempt(rows, f"{name} features", lambda split=split: _check_features(split))
    vocabulary = _attempt(rows, "vocabulary", lambda: load_vocabulary(folder))
    if vocabulary is not None and splits:
        _attempt(rows, "vocabulary", lambda: _check_vocabulary(folder, vocabulary, splits))
    _attempt(rows, "hashes", lambda: _check_hashes(folder))
    _attempt(rows, "photos", lambda: _check_photos(folder))
    return rows


def _attempt(rows: list, what: str, action):
    """Run a check; a fault becomes a row and the next check goes on."""
    try:
        result = action()
    except InputError as fault:
        rows.append((what, False, str(fault)))
        return None
    if isinstance(result, str):
        rows.append((what, True, result))
    return result


def _check_captions(split: Split) -> str | None:
    """No caption so long that a batch of such would not fit into memory."""
    sizes = [len(tokenize(caption)) for caption in split.captions]
    longest = int(np.argmax(sizes))
    if sizes[longest] > LONGEST:
        raise InputError(
            f"{split.folder / split.name}_caps.txt, line {longest + 1}",
            f"a caption of {sizes[longest]:,} words; training takes memory for the longest of a batch",
            "Cut it, or import again: `vslnb import captions` cuts captions after 100 words.",
        )
    return None


def _check_photos(folder: Path) -> str | None:
    """Photos are where they were and what they were when their features were made."""
    changes = find_changes(folder, thorough=True)
    if not changes.total:
        return None
    if changes.changed:
        raise InputError(folder, *changed_words(changes))
    if changes.missing:
        raise InputError(folder, *missing_words(folder, changes))
    noted = (folder / PHOTOS).exists()
    return f"{changes.total:,}, " + ("as when they were imported" if noted else "all there")


def _check_features(split: Split, block: int = 256) -> str:
    """All finite, all of one row an image where the file repeats them, no image of zeros only."""
    path = f"{split.folder / split.name}_ims.npy"
    for start in range(0, len(split), block):
        part = split.regions(slice(start, start + block))
        empty = np.flatnonzero(~part.any(axis=(1, 2)))
        if len(empty):
            raise InputError(
                f"{path}, row {(start + empty[0]) * split.step}",
                "all features are zero",
                "Extract this image again.",
            )
        for k in range(1, split.step):
            rows = np.arange(start, start + len(part)) * split.step
            different = np.flatnonzero((split.features[rows + k] != split.features[rows]).any(axis=(1, 2)))
            if len(different):
                raise InputError(
                    f"{path}, row {rows[different[0]] + k}",
                    f"differs from row {rows[different[0]]}, though images are repeated {split.step} times",
                    "Rows and captions are out of step; export the features again.",
                )
    return "finite" + (f", images repeated {split.step} times" if split.step > 1 else "")


def _check_vocabulary(folder: Path, vocabulary: Vocabulary, splits: dict[str, Split]) -> str:
    words = f"{len(vocabulary)} words"
    manifest = read_manifest(folder)
    if manifest and _is(folder / VOCABULARY, manifest["vocabulary_sha256"]):
        shares = {name: vocabulary.unknown_share(split.captions) for name, split in splits.items()}
        for name, share in shares.items():
            if share > MOSTLY_UNKNOWN:
                problem = (
                    f"{share:.0%} of the words are not in the vocabulary, so a model cannot tell them apart"
                )
                remedy = "Add captions to train, or import again if the data set is of an earlier version."
                raise InputError(folder / f"{name}_caps.txt", problem, remedy)
        unknown = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        return f"{words}, made from these captions; unknown words: {unknown}"
    for name, split in splits.items():
        share = vocabulary.unknown_share(split.captions)
        if share > UNKNOWN_LIMIT:
            raise InputError(
                folder / f"{name}_caps.txt",
                f"{share:.0%} of the words are not in the vocabulary: it belongs to another data set",
                "Put the right vocabulary JSON into the folder.",
            )
    if "train" in splits:
        used = {token for name in splits for caption in splits[name].captions for token in tokenize(caption)}
        unused = [word for word in vocabulary.words if word not in used and word not in SPECIAL]
        if len(unused) > UNUSED_LIMIT * len(vocabulary):
            raise InputError(
                folder / VOCABULARY,
                f"{len(unused)} of {len(vocabulary)} words (such as {unused[0]!r}) occur in no caption: "
                "it belongs to another data set",
                "Put the right vocabulary JSON into the folder.",
            )
    return words


def _check_hashes(folder: Path) -> str:
    manifest = read_manifest(folder)
    for name, split in manifest.get("splits", {}).items():
        for file, expected in split["sha256"].items():
            if not _is(folder / file, expected):
                raise InputError(
                    folder / file, "not the file that was written (its hash differs)", f"Make {name} again."
                )
    if manifest and not _is(folder / VOCABULARY, manifest["vocabulary_sha256"]):
        raise InputError(
            folder / VOCABULARY, "not the vocabulary of this data set (its hash differs)", "Import again."
        )
    return "as in the manifest" if manifest else "no manifest (the field's own files have none)"


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and file_hash(path) == digest
