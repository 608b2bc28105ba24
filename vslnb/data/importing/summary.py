"""What an import found, in a few lines that a person reads before the features are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vslnb.data.importing.items import SPLIT_NAMES, CaptionFile, Item, LeftOut, count, reasons
from vslnb.data.importing.names import Found
from vslnb.data.text import writes_without_blanks
from vslnb.storage import write_text

FULL_LIST, SUMMARY = "left_out.tsv", "import.txt"
NO_SUCH_PHOTO = "there is no such photo"
UNNAMED = "a photo that no caption names"
SMALL = 100  # test photos below which a result says little


@dataclass(frozen=True)
class Captions:
    """How many captions a photo has: `per_image` of each, or None where each has its own number."""

    per_image: int | None
    words: str  # what was done, as a sentence


def about_captions(file: CaptionFile, found: Found, photos: int, cut: int, longest: int) -> list[str]:
    """What was read and what of it has a photo."""
    captions = sum(len(item.captions) for item in file.items.values())
    kind = f" ({file.kind})" if file.kind else ""
    lines = [
        f"Captions: {count(captions, 'caption')} of {count(len(file.items), 'photo')} in {file.path}{kind}."
    ]
    lines += [f"  {note}" for note in file.notes]
    if file.left_out:
        lines.append(f"  Rows left out: {len(file.left_out):,}.")
        lines += [f"    {line}" for line in reasons(file.left_out)]
    lines.append(
        f"Photos: {count(photos, 'photo')} in the folder; {len(found.items):,} of them have captions."
    )
    if found.unnamed:
        lines.append(f"  {count(len(found.unnamed), 'photo')} that no caption names: {some(found.unnamed)}.")
    for how, number in found.readings.items():
        lines.append(f"  {count(number, 'name')} found although it has {how}." if number == 1 else
                     f"  {count(number, 'name')} found although they have {how}.")  # fmt: skip
    if found.missing:
        names = [f"{name} (but {near} is there)" if near else name for name, near in found.missing]
        names.sort(key=lambda name: not name.endswith("is there)"))
        total = len(found.missing)
        lines.append(
            f"  {total:,} of the {len(file.items):,} photos that are named {'is' if total == 1 else 'are'} not in the "
            f"folder: {some(names)}."
        )
        if near := sum(bool(near) for _, near in found.missing):
            lines.append(
                f"  {near:,} of these names nearly match a photo; rename the photo or mend the name."
            )
    if cut:
        lines.append(f"  {count(cut, 'caption')} longer than {longest} words, cut after that many.")
    texts = [text for item in found.items for text in item.captions]
    if bare := [text for text in texts if not any(map(str.isalpha, text))]:
        lines.append(f"  {count(len(bare), 'caption')} without a letter, kept as they are: {some(bare)}.")
    repeats = sum(len(item.captions) - len(set(item.captions)) for item in found.items)
    if repeats:
        lines.append(f"  {count(repeats, 'caption')} equal to another of the same photo, kept.")
    if unspaced := sum(map(writes_without_blanks, texts)):
        lines.append(
            f"  {count(unspaced, 'caption')} in a script without blanks between words: each character is a word."
        )
    return lines


def about_photos(unread: Sequence[tuple[Item, str]]) -> list[str]:
    """Photos that cannot be read, with the reasons."""
    if not unread:
        return []
    groups = Counter(reason for _, reason in unread)
    lines = [
        f"  {count(len(unread), 'photo')} cannot be read and {'is' if len(unread) == 1 else 'are'} left out:"
    ]
    for reason, number in groups.most_common():
        lines.append(f"    {number:,} x {reason} ({some([i.picture for i, why in unread if why == reason])})")
    return lines


def about_splits(
    splits: dict[str, list[Item]], drawn: bool, same: Sequence[Sequence[Item]], without_split: int
) -> list[str]:
    """Photos of the same bytes, and who is in which split."""
    lines, where = [], {item.picture: name for name, members in splits.items() for item in members}
    if same:
        copies = sum(map(len, same))
        names = [" = ".join(item.picture for item in group[:3]) for group in same]
        lines.append(f"Copies: {copies:,} photos have the same bytes as another: {some(names)}.")
        apart = sum(len({where[item.picture] for item in group}) > 1 for group in same)
        if apart:
            lines.append(
                f"  The file puts {apart:,} of these groups into more than one split: a test photo that was trained "
                "on makes results too good. Put copies into one split, or remove them."
            )
        else:
            lines.append("  Copies were kept in one split.")
    how = "drawn at random, as the file names none" if drawn else "as the file says"
    folders = {item.picture.partition("/")[0].lower() for members in splits.values() for item in members}
    if drawn and len(folders & set(SPLIT_NAMES)) > 1:
        named = ", ".join(sorted(folders & set(SPLIT_NAMES)))
        lines.append(
            f"The folders of the photos are called {named}, but only a column `split` in the caption file counts."
        )
    sizes = ", ".join(f"{name} {len(members):,}" for name, members in splits.items())
    lines.append(f"Splits: {sizes} photos, {how}.")
    if without_split:
        lines.append(f"  {count(without_split, 'photo')} in no split, left out.")
    missing = [name for name in ("train", "dev", "test") if name not in splits]
    if missing:
        lines.append(f"  No {' or '.join(missing)} split: a model needs all three to train.")
    if 0 < len(splits.get("test", ())) < SMALL:
        lines.append(
            f"  {count(len(splits['test']), 'test photo')} will tell little: expect results with a wide interval."
            if len(splits["test"]) > 1
            else "  One test photo tells nothing: there is no other to take it for. Add photos to measure a model."
        )
    return lines


def write_left_out(folder: Path, entries: Sequence[LeftOut]) -> None:
    """All that was left out, one a line: what, and why."""
    lines = [f"{' '.join(entry.what.split())}\t{' '.join(entry.reason.split())}\n" for entry in entries]
    write_text(folder / FULL_LIST, "what\treason\n" + "".join(lines))


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many there are beyond them.

    >>> some(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], 2)
    'a.jpg, b.jpg and 2 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
