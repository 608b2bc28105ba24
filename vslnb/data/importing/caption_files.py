"""Captions of every kind: Flickr token files, Karpathy's JSON, and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath

from vslnb.data.precomp import read_lines
from vslnb.errors import InputError

SPLIT_NAMES = {name: name for name in ("train", "dev", "test")} | {
    "restval": "train",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
}
PICTURE_COLUMNS = ("image", "filename", "file_name")


@dataclass
class Item:
    """A photo with its captions: `picture` is a path below the folder of photos, `split` may be unknown."""

    id: str
    picture: str
    captions: list[str] = field(default_factory=list)
    split: str | None = None


def read_captions(path: str | Path) -> list[Item]:
    """Items of a caption file, whose kind is told by its suffix or its first line.

    Raises:
        InputError: naming the file, the line and the remedy.
    """
    path = Path(path)
    first = _text(path).partition("\n")[0]
    if path.suffix.lower() == ".json" or first.lstrip().startswith("{"):
        return read_karpathy(path)
    if path.suffix.lower() in (".csv", ".tsv") or "caption" in _header(first, _delimiter(first)):
        return read_csv(path)
    return read_flickr_tokens(path)


def read_flickr_tokens(path: str | Path) -> list[Item]:
    """Items of a token file, lines `NAME.jpg#k<TAB>caption`; a photo's captions are put in order of k.

    Flickr8k's own file names a photo that does not exist, under two spellings: two items here, both of
    which the import leaves out for want of a photo.
    """
    numbered: dict[str, dict[int, str]] = {}
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        picture, _, k = key.rpartition("#")
        where = f"{path}, line {number}"
        if not tab or not picture or not k.strip().isdecimal():
            raise InputError(
                where, "not `NAME.jpg#0<TAB>caption`", "Mend it, or write a CSV (image,caption)."
            )
        captions = numbered.setdefault(picture, {})
        if int(k) in captions:
            raise InputError(where, f"{key} occurs a second time", "Number the captions of a photo.")
        captions[int(k)] = _filled(caption, where)
    return [Item(name, name, [of[k] for k in sorted(of)]) for name, of in numbered.items()]


def read_flickr8k(folder: Path) -> list[Item]:
    """Items of Flickr8k's token file with the split of its three lists; the photos in no list have none."""
    items = {item.id: item for item in read_flickr_tokens(folder / "Flickr8k.token.txt")}
    for split in ("train", "dev", "test"):
        listed = folder / f"Flickr_8k.{split}Images.txt"
        for number, name in enumerate(read_lines(listed), start=1):
            if name not in items:
                problem = f"{name} has no captions in Flickr8k.token.txt"
                raise InputError(f"{listed}, line {number}", problem, "Download the text files again.")
            items[name] = replace(items[name], split=split)
    return list(items.values())


def read_karpathy(path: str | Path) -> list[Item]:
    """Items of a Karpathy JSON: `images`, each with filename, filepath?, split? and sentences[].raw."""
    try:
        entries = list(json.loads(_text(path))["images"])
    except (ValueError, RecursionError) as fault:
        raise InputError(path, f"not valid JSON ({fault})", "Download or write it again.") from None
    except (KeyError, TypeError):
        raise InputError(path, "no list `images` at the top", "A Karpathy JSON has one.") from None
    items: dict[str, Item] = {}
    for number, entry in enumerate(entries):
        where = f"{path}, images[{number}]"
        try:
            picture = "/".join(filter(None, (entry.get("filepath"), entry["filename"])))
            captions = [_filled(sentence["raw"], where) for sentence in entry["sentences"]]
            split = _split(entry.get("split"), where)
        except (KeyError, TypeError, AttributeError):
            remedy = "Every image needs `filename` and `sentences`, each with `raw`."
            raise InputError(where, "not an image with its sentences", remedy) from None
        if picture in items:
            raise InputError(where, f"{picture} is listed a second time", "List every photo once.")
        items[picture] = Item(picture, picture, captions, split)
    return list(items.values())


def read_csv(path: str | Path) -> list[Item]:
    """Items of a CSV with a header, one caption a row: image (or filename, file_name), caption, split?.

    Comma, semicolon or tab: whichever the header holds. Its captions are no guide, being full of commas.
    """
    text = _text(path)
    first = text.partition("\n")[0]
    delimiter = _delimiter(first)
    columns = _header(first, delimiter)
    column = next((columns.index(name) for name in PICTURE_COLUMNS if name in columns), None)
    if column is None or "caption" not in columns:
        problem = f"the header has no {'caption' if column is not None else 'image'} column ({first.strip()})"
        raise InputError(f"{path}, line 1", problem, "Start the file with a header such as image,caption.")
    items: dict[str, Item] = {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        next(rows)
        for row in filter(None, rows):
            _add_row(items, row, columns, column, f"{path}, line {rows.line_num}")
    except csv.Error as fault:
        remedy = "Put captions with quotation marks in quotes and double the marks inside."
        raise InputError(f"{path}, line {rows.line_num}", f"not a CSV row ({fault})", remedy) from None
    return list(items.values())


def check_pictures(items: list[Item], where: Path) -> None:
    """Refuse pictures that would be looked for outside the folder of photos.

    Raises:
        InputError: for the first absolute path, `..`, or a name that would not survive as a line of text.
    """
    for item in items:
        path = PureWindowsPath(item.picture)  # knows both slashes, and drives
        if path.anchor or ".." in path.parts or item.picture != " ".join(item.picture.split()):
            remedy = "Name photos by their path below the folder of photos, without ../ or double blanks."
            raise InputError(where, f"{item.picture!r} is no path below the folder of photos", remedy)


def _add_row(items: dict[str, Item], row: list[str], columns: list[str], column: int, where: str) -> None:
    if len(row) != len(columns):
        problem = f"{len(row)} fields, but the header has {len(columns)}"
        raise InputError(where, problem, "Put captions that hold the separator in quotes.")
    picture = row[column].strip()
    if not picture:
        raise InputError(where, "no photo is named", "Fill it in or remove the row.")
    split = _split(row[columns.index("split")], where) if "split" in columns else None
    item = items.setdefault(picture, Item(picture, picture, split=split))
    if item.split != split:
        raise InputError(where, f"{picture} was in {item.split} before", "Give a photo one split.")
    item.captions.append(_filled(row[columns.index("caption")], where))


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _header(line: str, delimiter: str) -> list[str]:
    return [name.strip(' "\r').lower() for name in line.split(delimiter)]


def _split(name: str | None, where: str) -> str | None:
    """Our name of a split, None where the cell is empty."""
    name = (name or "").strip().lower()
    if name and name not in SPLIT_NAMES:
        raise InputError(where, f"no split is called {name!r}", f"Use one of {', '.join(SPLIT_NAMES)}.")
    return SPLIT_NAMES.get(name)


def _filled(caption: str, where: str) -> str:
    """The caption on one line.

    Raises:
        InputError: if there is nothing in it.
    """
    if not caption.strip():
        raise InputError(where, "the caption is empty", "Write one or remove it.")
    return " ".join(caption.split())


def _text(path: str | Path) -> str:
    """A whole UTF-8 file, with or without a byte order mark; the line ends are made \\n."""
    try:
        raw = Path(path).read_bytes()
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as fault:
        number = raw[: fault.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {number}", "this is not UTF-8 text", "Save the file as UTF-8."
        ) from None
    except OSError as fault:
        raise InputError(path, f"cannot be read ({fault.strerror})", "Name a caption file.") from None
