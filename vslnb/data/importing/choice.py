"""Which captions of a photo are used: how many, and how long they may be."""

from __future__ import annotations

from vslnb.data.importing import summary
from vslnb.data.importing.items import CaptionFile, Item, count
from vslnb.data.importing.names import Found
from vslnb.data.text import cut
from vslnb.errors import InputError

USUAL = 5  # captions of an image in the field's data sets


def in_order(file: CaptionFile, found: Found, missing: list[Item]) -> list[Item]:
    """All items of the file, those without a photo as they are, for what tells one import from another."""
    gone = {item.picture for item in missing}
    if not gone and len(found.items) == len(file.items):
        return found.items
    waiting = iter(found.items)
    items = [item if name in gone else next(waiting, None) for name, item in file.items.items()]
    return [item for item in items if item]


def shorten(items: list[Item], longest: int) -> int:
    """Cut captions after so many words; how many were."""
    number = 0
    for item in items:
        short = [cut(text, longest) for text in item.captions]
        number += sum(a != b for a, b in zip(short, item.captions))
        item.captions = short
    return number


def chosen_captions(items: list[Item], wanted: int | str | None) -> summary.Captions:
    """How many captions of a photo are used, and the sentence that says so."""
    counts = sorted({len(item.captions) for item in items if item.captions})
    least, most = (counts[0], counts[-1]) if counts else (USUAL, USUAL)
    if isinstance(wanted, int):
        return summary.Captions(wanted, f"Captions of a photo: {wanted}.")
    if wanted is not None and wanted != "all":
        raise InputError("--captions-per-image", f"{wanted!r} is no number", "Give a number, or all.")
    if wanted is None and least >= USUAL:
        return summary.Captions(USUAL, f"Captions of a photo: {USUAL}, as every photo has that many.")
    if least == most:
        return summary.Captions(least, f"Captions of a photo: {least}, as every photo has that many.")
    words = (
        f"Captions of a photo: all of them, {least} to {most} (--captions-per-image N takes N of each photo"
    )
    fewer = [item.picture for item in items if len(item.captions) < most]
    some = f"\n  {count(len(fewer), 'photo')} with fewer than {most}: {summary.some(fewer)}."
    return summary.Captions(None, f"{words} and leaves out photos with fewer).{some}")
