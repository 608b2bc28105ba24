"""Your own photos and captions, or Flickr8k, into the SCAN layout with region features."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vslnb.data.changes import write_photos
from vslnb.data.importing import summary
from vslnb.data.importing.caption_files import read_caption_file, read_flickr8k
from vslnb.data.importing.choice import USUAL, chosen_captions, in_order, shorten
from vslnb.data.importing.features import Backbone, EfficientNetLite0, readable
from vslnb.data.importing.items import CaptionFile, Item, LeftOut, count
from vslnb.data.importing.names import Folder, Found, find_photos
from vslnb.data.importing.request import PLAN, Request, complete, read_plan, report_of
from vslnb.data.importing.splits import divide, same_bytes
from vslnb.data.importing.summary import NO_SUCH_PHOTO, SUMMARY, UNNAMED
from vslnb.data.importing.writing import write_splits
from vslnb.data.photos import read_photo
from vslnb.data.precomp import MANIFEST, write_manifest
from vslnb.data.text import composed
from vslnb.errors import FolderBusyError, InputError
from vslnb.storage import locked, write_bytes, write_text

RATINGS = ("ExpertAnnotations.txt", "CrowdFlowerAnnotations.txt")
LISTED = 20  # photos left out that the manifest names; left_out.tsv has all
LONGEST = 100  # words of a caption; the field's longest have some eighty
Say = Callable[[str], object]


def import_flickr8k(
    source: str | Path,
    dest: str | Path,
    backbone: Backbone | None = None,
    progress: bool = True,
    say: Say | None = None,
) -> dict:
    """Flickr8k with its official split and, where they are there, its human ratings, copied as they are.

    As Kaggle has it (Images/ and captions.txt) it comes without that split, which is then drawn.

    Returns:
        A report: images a split, what was left out and why, seconds.

    Raises:
        InputError: if a file is missing or damaged.
    """
    source = Path(source)
    if not source.is_dir():
        raise InputError(source, "there is no such folder", "Name the folder of Flickr8k's photos and texts.")
    places = [
        source,
        source / "Flickr8k_text",
        source / "Flickr_Data" / "Flickr_TextData",
        source / "Flickr_TextData",
    ]
    texts = next((place for place in places if (place / "Flickr8k.token.txt").exists()), places[1])
    folders = [
        above / name
        for name in ("images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset")
        for above in (
            source,
            source / "Flickr_Data",
            source / "Flicker8k_Dataset",
            source / "Flickr8k_Dataset",
        )
    ]
    root = next((folder for folder in folders if folder.is_dir()), folders[0])
    kaggle = source / "captions.txt"
    if not (texts / "Flickr8k.token.txt").exists() and kaggle.exists():
        report = import_captions(root, kaggle, dest, backbone=backbone, progress=progress, say=say)
        return report
    file = read_flickr8k(texts)
    ratings = [texts / name for name in RATINGS if (texts / name).exists()]
    work = _Import("flickr8k", "Flickr8k", root, file, Path(dest), backbone, progress, say)
    return work.run(USUAL, LONGEST, (0.0, 0.0), 0, ratings)


def import_captions(
    images_dir: str | Path,
    captions_file: str | Path,
    dest: str | Path,
    captions_per_image: int | str | None = None,
    dev_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    backbone: Backbone | None = None,
    progress: bool = True,
    longest: int = LONGEST,
    say: Say | None = None,
) -> dict:
    """Your own photos: captions of any kind `read_caption_file` knows, split by the file or else at random.

    Args:
        images_dir: the folder of photos.
        captions_file: the captions.
        dest: the folder to write.
        captions_per_image: this many of each photo, and photos with fewer are left out; "all" uses all of all
            photos; None takes five where every photo has five, else what every photo has, else all.
        dev_share: of the photos, where the file has no split.
        test_share: of the photos, where the file has no split.
        seed: of the draw.
        backbone: makes the features; EfficientNet-Lite0 by default.
        progress: show progress bars.
        longest: words after which a caption is cut.
        say: is given the summary, a few lines at a time.

    Raises:
        InputError: for a damaged file, a photo outside the folder, or no photo at all.
    """
    images_dir, captions_file = Path(images_dir), Path(captions_file)
    if not images_dir.is_dir():
        raise InputError(images_dir, "there is no such folder", "Name the folder of the photos.")
    number = captions_per_image if isinstance(captions_per_image, int) else 1
    if number < 1 or longest < 1 or min(dev_share, test_share) < 0 or dev_share + test_share >= 1:
        problem = f"{captions_per_image} captions an image, shares {dev_share} and {test_share}"
        raise InputError("import captions", problem, "At least one caption; shares that leave a train split.")
    file, origin = read_caption_file(captions_file), captions_file.name
    work = _Import(captions_file.stem, origin, images_dir, file, Path(dest), backbone, progress, say)
    return work.run(captions_per_image, longest, (dev_share, test_share), seed, [])


@dataclass
class _Import:
    """One import: what is known of it before its options count."""

    name: str
    origin: str
    root: Path
    file: CaptionFile
    dest: Path
    backbone: Backbone | None
    progress: bool
    say: Say | None

    def __post_init__(self) -> None:
        self.root, self.start = self.root.resolve(), time.perf_counter()
        self.lines: list[str] = []

    def tell(self, lines: Sequence[str]) -> None:
        """Lines of the summary: to whoever listens now, and into the data set later."""
        self.lines += lines
        if self.say:
            for line in lines:
                self.say(line)

    def run(
        self,
        per_image: int | str | None,
        longest: int,
        shares: tuple[float, float],
        seed: int,
        extras: Sequence[Path],
    ) -> dict:
        """Read names, check photos, split, extract, write; `dataset.json` last, as the mark of a whole import."""
        dest = self.dest
        if dest.exists() and not dest.is_dir():
            raise InputError(dest, "this is a file", "Name a folder to write the data set to.")
        folder = Folder(self.root)
        found = find_photos(list(self.file.items.values()), folder, self.file.path)
        long = shorten(found.items, longest)
        self.tell(summary.about_captions(self.file, found, len(folder.photos), long, longest))
        captions = chosen_captions(found.items, per_image)
        wanted = captions.per_image or "all"
        missing = [Item(name, name) for name, _ in found.missing]
        chosen = (self.backbone or EfficientNetLite0).name
        items = in_order(self.file, found, missing)
        request = Request(self.name, self.origin, str(self.root), items, wanted, chosen, *shares, seed)
        if (dest / MANIFEST).exists():
            return complete(request, dest)
        read_plan(request, dest)  # before the photos are read, which takes a while
        usable, digests, left_out = self._usable(found, captions)
        same = same_bytes(usable, digests)
        drawn = usable[0].split is None
        splits = divide(usable, digests, shares, seed, self.file.path)
        unsplit = sum(item.split is None for item in found.items) if not drawn else 0
        self.tell(summary.about_splits(splits, drawn, same, unsplit))
        backbone: Backbone = self.backbone or EfficientNetLite0()
        try:
            with locked(dest):
                if (dest / MANIFEST).exists():  # another import was faster
                    return complete(request, dest)
                write_splits(request, dest, splits, backbone, self.progress, digests, captions)
                for path in extras:
                    write_bytes(dest / path.name, path.read_bytes())
                write_photos(dest, self.root, [item.picture for item in usable], digests)
                summary.write_left_out(dest, [*self.file.left_out, *left_out])
                write_text(dest / SUMMARY, "".join(f"{line}\n" for line in self.lines))
                dropped = sum(
                    len(item.captions) - (captions.per_image or len(item.captions)) for item in usable
                )
                facts = {
                    "name": request.name,
                    "backbone": backbone.name,
                    "left_out": self._listed(found, digests),
                    "request": request.key(),
                    "captions_dropped": dropped,
                    "without_split": unsplit,
                }
                manifest = write_manifest(dest, request.origin, wanted, request.root, **facts)
                (dest / PLAN).unlink(missing_ok=True)
        except FolderBusyError:
            problem = "another import is writing here"
            raise FolderBusyError(dest, problem, "Wait for its end, or name another folder.") from None
        return report_of(dest, manifest, time.perf_counter() - self.start)

    def _usable(
        self, found: Found, captions: summary.Captions
    ) -> tuple[list[Item], dict[str, str], list[LeftOut]]:
        """The items to import, the SHA-256 of their photos, and what was left out with the reason."""
        left_out = [
            LeftOut(name, f"{NO_SUCH_PHOTO}, but {near} is there" if near else NO_SUCH_PHOTO)
            for name, near in found.missing
        ]
        looks = readable([self.root / item.picture for item in found.items], self.progress)
        unread = [(item, _reason(fault)) for item, (_, fault) in zip(found.items, looks) if fault]
        digests = {item.picture: digest for item, (digest, _) in zip(found.items, looks) if digest}
        self.tell(summary.about_photos(unread))
        left_out += [LeftOut(item.picture, reason) for item, reason in unread]
        items = [item for item in found.items if item.picture in digests and item.captions]
        if any(item.split for item in found.items):  # a file that splits means the rest to stay out
            items = [item for item in items if item.split]
        wanted = captions.per_image or 1
        few = [item for item in items if len(item.captions) < wanted]
        items = [item for item in items if len(item.captions) >= wanted]
        left_out += [
            LeftOut(item.picture, f"{count(len(item.captions), 'caption')}, fewer than {wanted}")
            for item in few
        ]
        dropped = sum(len(item.captions) - wanted for item in items) if captions.per_image else 0
        self.tell([captions.words])
        if few:
            examples = ", ".join(f"{item.picture} ({len(item.captions)})" for item in few[:3])
            self.tell(
                [
                    f"  {count(len(few), 'photo')} with fewer than {count(wanted, 'caption')}, left out: {examples}."
                ]
            )
        if dropped:
            self.tell([f"  {count(dropped, 'caption')} beyond {wanted} a photo, left out."])
        if not items:
            self._refuse(found, unread, few, wanted)
        left_out += [LeftOut(photo, UNNAMED) for photo in found.unnamed]
        return items, digests, left_out

    def _listed(self, found: Found, digests: dict[str, str]) -> list[dict[str, str]]:
        """The first photos that are missing or cannot be read, for the manifest, in the file's order."""
        gone = {name for name, _ in found.missing}
        named = [*found.items, *(Item(name, name) for name in gone)]
        place = {composed(name): k for k, name in enumerate(self.file.items)}
        bad = [item.picture for item in named if item.picture in gone or item.picture not in digests]
        bad.sort(key=lambda name: place.get(composed(name), 0))
        faults = []
        for name in bad[:LISTED]:
            try:
                read_photo(self.root / name, at_least=64)
            except InputError as fault:
                faults.append({"picture": name, "reason": str(fault)})
        return faults

    def _refuse(self, found: Found, unread: list, few: list[Item], wanted: int) -> None:
        if few:
            problem = f"every photo has fewer than {count(wanted, 'caption')}"
            raise InputError(
                self.file.path, problem, "Use `--captions-per-image N` with a smaller N, or all."
            )
        if unread:
            problem = f"no photo can be read, such as {unread[0][0].picture}: {unread[0][1]}"
            raise InputError(self.root, problem, "Check the folder of photos.")
        first = found.missing[0][0] if found.missing else "none"
        problem = f"none of the named photos is in this folder (the first is {first})"
        raise InputError(self.root, f"no photo to import: {problem}", "Check the folder of photos.")


def _reason(fault: InputError) -> str:
    """What is wrong with a photo, without its name, so that equal reasons can be counted."""
    _, problem, remedy = fault.args
    return f"{problem.rstrip('.')}. {remedy}"
