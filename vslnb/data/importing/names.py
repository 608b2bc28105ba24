"""Names in a caption file to photos in a folder, as Windows, Macs and scripts write them."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from PIL import Image

from vslnb.data.importing.items import Item
from vslnb.data.text import composed
from vslnb.errors import InputError

HEIC = {".heic", ".heif"}
# Pillow has a place for these, but what people keep in them is no photo.
NO_PHOTOS = {".pdf", ".ps", ".eps", ".mpg", ".mpeg", ".h5", ".hdf", ".grib", ".bufr", ".iim", ".wmf", ".emf"}
OUTSIDE = "Name photos by their path below the folder of photos, without ../ or line breaks."


@dataclass
class Folder:
    """The photos below a folder, by their path there; `near` finds names that nearly match."""

    root: Path
    photos: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        Image.init()
        suffixes = (HEIC | set(Image.registered_extensions())) - NO_PHOTOS
        seen: set[str] = set()
        for place, folders, files in os.walk(self.root, followlinks=True):
            real = os.path.realpath(place)
            if real in seen:  # a link that leads round in a circle, or to a folder that is listed already
                folders[:] = []
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if name != "__MACOSX")
            below = Path(place).relative_to(self.root)
            for name in sorted(files):
                if (
                    Path(name).suffix.lower().strip() in suffixes
                    and not name.startswith("._")
                    and not set("\n\r") & set(name + place)
                ):
                    self.photos.append((below / name).as_posix())
        self._exact = set(self.photos)
        self._composed = _unique(self.photos, composed)
        self._blanks = _unique(self.photos, _folded)
        self._alone = _unique(self.photos, lambda name: composed(name).rpartition("/")[2])
        self._named = _unique(self.photos, lambda name: composed(name).rpartition(".")[0])
        self._bases: dict[str, list[str]] = defaultdict(list)
        for photo in self.photos:
            self._bases[_base(photo)].append(photo)
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
        if (decoded := unquote(plain)) in self._exact:
            return decoded, "signs written as in a web address (%20 for a blank)"
        if os.path.isfile(self.root / plain):  # no suffix of a picture, or hidden; the reader will see
            return plain, how
        return None, ""

    def near(self, name: str) -> str:
        """A photo that the name nearly matches, or nothing: other capitals, another suffix, another folder."""
        plain = composed(name.replace("\\", "/"))
        for table, key in ((self._loose, _loose), (self._stems, _stem), (self._last, _base)):
            if found := table.get(key(plain)):
                return found
        several = self._bases.get(_base(plain), ())
        return f"{several[0]} as well as {several[1]}" if len(several) > 1 else ""

    def meant(self, name: str) -> tuple[str, str]:
        """The one photo that a name can mean if its folders differ, and how they do; nothing where none or several.

        Folders in front that are not there (as on another machine), none where the photo has some, or no suffix.
        """
        parts = name.replace("\\", "/").split("/")
        if len(parts) == 1:
            if found := self._alone.get(composed(name)):
                return found, "no folder in front"
            found = self._named.get(composed(name))
            return (found, "no suffix") if found else ("", "")
        absolute = not parts[0] or parts[0].endswith(":")
        if not os.path.exists(name if absolute else self.root / parts[0]):
            for rest in ("/".join(parts[k:]) for k in range(1, len(parts))):
                if rest in self._exact:
                    return rest, "a folder in front that is not there"
        return "", ""

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
        if outside and not any(bad in name for bad in ("..", "\n", "\r", "\0")) and self.meant(name)[0]:
            return "/".join(parts)  # a folder of another machine, and a photo of that name is here
        if parts[:1] == [".."] and parts[1:2] == [self.root.name]:
            parts = parts[2:]
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
    # What a name means if its folders differ counts unless two names would then be one photo.
    loose = [
        folder.meant(item.picture) if photo is None else ("", "") for item, (photo, _) in zip(items, meant)
    ]
    times = Counter(photo for photo, _ in [*meant, *loose] if photo)
    for item, (photo, how), (other, difference) in zip(items, meant, loose):
        if photo is None and other and times[other] == 1:
            photo, how = other, difference
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
