"""Names in a caption file to photos in a folder, as Windows, Macs and scripts write them."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from PIL import Image

from vslnb.data.importing.items import Item
from vslnb.data.text import composed
from vslnb.errors import InputError

HEIC = {".heic", ".heif"}
OUTSIDE = "Name photos by their path below the folder of photos, without ../ or line breaks."


@dataclass
class Folder:
    """The photos below a folder, by their path there; `near` finds names that nearly match."""

    root: Path
    photos: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        Image.init()
        suffixes = HEIC | set(Image.registered_extensions())
        for place, folders, files in os.walk(self.root, followlinks=True):
            folders[:] = sorted(name for name in folders if name != "__MACOSX")
            below = Path(place).relative_to(self.root)
            for name in sorted(files):
                if Path(name).suffix.lower() in suffixes and not name.startswith("._"):
                    self.photos.append((below / name).as_posix())
        self._exact = set(self.photos)
        self._composed = _unique(self.photos, composed)
        self._blanks = _unique(self.photos, _folded)
        self._loose, self._stems, self._last = (_unique(self.photos, key) for key in (_loose, _stem, _base))

    def find(self, name: str, where: str | Path) -> tuple[str | None, str]:
        """The photo that a name means, None where there is none; and how the name was read, if otherwise.

        Raises:
            InputError: for a name that leads out of the folder.
        """
        if name in self._exact:
            return name, ""
        plain, how = self._below(name, where), ""
        if plain != name:
            how = "backslashes, ./ or the folder's own name in it"
        if plain in self._exact:
            return plain, how
        if found := self._composed.get(composed(plain)):
            return found, how or "accents in another form of Unicode (as Macs write them)"
        if found := self._blanks.get(_folded(plain)):
            return found, how or "another kind of blank in it"
        if os.path.isfile(self.root / plain):  # no suffix of a picture, or hidden; the reader will see
            return plain, how
        return None, ""

    def near(self, name: str) -> str:
        """A photo that the name nearly matches, or nothing: other capitals, another suffix, another folder."""
        plain = composed(name.replace("\\", "/"))
        for table, key in ((self._loose, _loose), (self._stems, _stem), (self._last, _base)):
            if found := table.get(key(plain)):
                return found
        return ""

    def without_front(self, name: str) -> str:
        """The photo that is left of a name without the folders in front, where there are no such folders."""
        parts = name.replace("\\", "/").split("/")
        if len(parts) > 1 and not os.path.exists(self.root / parts[0]):
            rests = ("/".join(parts[k:]) for k in range(1, len(parts)))
            return next((rest for rest in rests if rest in self._exact), "")
        return ""

    def _below(self, name: str, where: str | Path) -> str:
        """A path with slashes below the folder, without what leads to the folder."""
        path = PureWindowsPath(name)  # knows both slashes, and drives
        parts = [part for part in path.parts if part != "."]
        outside = bool(path.anchor) and self.root.name not in parts[1:]
        if path.anchor and not outside:
            parts = self._after_root(parts[1:], self.root.name)
        elif (
            not outside
            and parts
            and not os.path.exists(self.root / parts[0])
            and self.root.name in parts[:-1]
        ):
            parts = self._after_root(parts, self.root.name)
        if outside or ".." in parts or any(letter in name for letter in "\n\r\0"):
            raise InputError(
                where, f"{name!r:.200} is no path below the folder of photos {self.root}", OUTSIDE
            )
        return "/".join(parts)

    def _after_root(self, parts: list[str], root: str) -> list[str]:
        """What follows the folder's own name, of several the one that leads to a photo."""
        places = [k for k, part in enumerate(parts[:-1]) if part == root]
        rests = [parts[k + 1 :] for k in places] or [parts]
        return next((rest for rest in rests if "/".join(rest) in self._exact), rests[-1])


def _unique(names: list[str], key) -> dict[str, str]:
    """Names by a key, where one name alone has it."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return {value: group[0] for value, group in groups.items() if len(group) == 1}


def _folded(name: str) -> str:
    return " ".join(composed(name).split())


def _loose(name: str) -> str:
    return _folded(name).casefold()


def _stem(name: str) -> str:
    return _loose(name).rpartition(".")[0] or _loose(name)


def _base(name: str) -> str:
    return _loose(name).rpartition("/")[2]


@dataclass
class Found:
    """Items with their photos, names that no photo has, and how names were read."""

    items: list[Item]
    missing: list[tuple[str, str]]  # a name, and the photo that it nearly matches or nothing
    readings: Counter
    unnamed: list[str]


def find_photos(items: list[Item], folder: Folder, where: str | Path) -> Found:
    """Give every item its photo; those of one photo under several spellings become one item.

    Raises:
        InputError: for a name that leads out of the folder, or a photo that its names put into two splits.
    """
    found: dict[str, Item] = {}
    missing: list[tuple[str, str]] = []
    readings: Counter[str] = Counter()
    meant = [folder.find(item.picture, where) for item in items]
    fronts = Counter(
        folder.without_front(item.picture) for item, (photo, _) in zip(items, meant) if not photo
    )
    taken = {photo for photo, _ in meant}
    for item, (photo, how) in zip(items, meant):
        if photo is None:  # a folder in front that is not there, unless two names would then be one photo
            rest = folder.without_front(item.picture)
            if rest and fronts[rest] == 1 and rest not in taken:
                photo, how = rest, "a folder in front that is not there"
        if photo is None:
            missing.append((item.picture, folder.near(item.picture)))
            continue
        readings[how] += 1
        one = found.setdefault(photo, Item(composed(photo), photo, [], item.split))
        one.split = one.split or item.split
        if item.split not in (None, one.split):
            problem = f"{photo} is in {one.split} and, as {item.picture!r}, in {item.split}"
            raise InputError(where, problem, "Give a photo one split.")
        one.captions.extend(item.captions)
    del readings[""]
    return Found(
        list(found.values()), missing, readings, [name for name in folder.photos if name not in found]
    )
