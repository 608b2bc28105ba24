"""Who is in which split: as the file says, or drawn; photos of the same bytes stay together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from vslnb.data.importing.items import Item, count
from vslnb.data.precomp import SPLITS
from vslnb.errors import InputError


def same_bytes(items: Sequence[Item], digests: Mapping[str, str]) -> list[list[Item]]:
    """Groups of two or more items whose photos have the same bytes."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[digests[item.picture]].append(item)
    return [group for group in groups.values() if len(group) > 1]


def divide(
    items: list[Item], digests: Mapping[str, str], shares: tuple[float, float], seed: int, origin: str
) -> dict[str, list[Item]]:
    """Items by split, in the file's order.

    Without a split in the file, drawn by a hash of id and seed; photos of the same bytes are drawn as one.

    Raises:
        InputError: for too few photos.
    """
    if items[0].split is None:
        names = _drawn(items, digests, shares, seed, origin)
        items = [replace(item, split=names[item.picture]) for item in items]
    splits = {name: [item for item in items if item.split == name] for name in SPLITS}
    return {name: members for name, members in splits.items() if members}


def _drawn(
    items: list[Item], digests: Mapping[str, str], shares: tuple[float, float], seed: int, origin: str
) -> dict[str, str]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: hashlib.sha256(f"{seed} {item.id}".encode()).hexdigest()):
        groups[digests[item.picture]].append(item)
    dev, test = (max(1, round(share * len(items))) if share else 0 for share in shares)
    if dev + test >= len(items) or (dev > 0) + (test > 0) >= len(groups):
        problem = f"{count(len(items), 'photo')} {'is' if len(items) == 1 else 'are'} too few for {dev} in dev, {test} in test and a train split"
        if len(groups) < len(items):
            problem += f" (only {len(groups)} of them differ)"
        raise InputError(origin, problem, "Add photos.")
    waiting = list(groups.values())
    names: dict[str, str] = {}
    for split, wanted, kept in (("dev", dev, 1 + (test > 0)), ("test", test, 1), ("train", len(items), 0)):
        drawn = 0
        while drawn < wanted and len(waiting) > kept:
            group = waiting.pop(0)
            names |= {item.picture: split for item in group}
            drawn += len(group)
    return names
