"""What a caption file says of photos, collected row by row; what is left out is counted, with its place."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from vslnb.data.text import composed
from vslnb.errors import InputError

SPLIT_NAMES = {
    "train": "train", "training": "train", "trn": "train", "restval": "train", "trainval": "train",
    "dev": "dev", "development": "dev", "val": "dev", "valid": "dev", "validation": "dev",
    "test": "test", "testing": "test", "tst": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
NOTHING = {"n/a", "#n/a", "nan", "<na>", "null"}  # what spreadsheets and pandas write for an empty cell
# Letters that only steer a terminal or the direction of writing.
CONTROL = dict.fromkeys([*range(9), *range(14, 28), 127, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
EMPTY_ROW, NO_CAPTION, NO_PHOTO = "an empty row", "no caption in it", "no photo is named in it"


@dataclass
class Item:
    """A photo with its captions: `picture` is a path below the folder of photos, `split` may be unknown."""

    id: str
    picture: str
    captions: list[str] = field(default_factory=list)
    split: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """Something that is not imported: the place or photo, and why."""

    what: str
    reason: str


@dataclass
class CaptionFile:
    """All that was read from a caption file: items by name, what was left out, and how it was read."""

    path: str
    kind: str = ""
    items: dict[str, Item] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, where: str, picture: object, captions: Sequence[object], split: object = None) -> None:
        """One row: a photo and some captions of it. Blank ones are left out and counted.

        Args:
            where: the line or place, for messages.
            picture: the name of the photo.
            captions: texts; None and blanks count as nothing.
            split: the name of a split as people write it; None and blanks count as not given.

        Raises:
            InputError: for a split that is none, or another split than the photo's rows had before.
        """
        picture = str(picture).strip() if isinstance(picture, str | int) else ""
        texts = [clean(caption) for caption in captions]
        if not picture:
            nothing = not any(texts) and not clean(split)
            self.left_out.append(LeftOut(where, EMPTY_ROW if nothing else NO_PHOTO))
            return
        told = split_of(split, f"{self.path}, {where}")
        item = self.items.setdefault(picture, Item(composed(picture), picture))
        if told and item.split not in (None, told):
            problem = f"{picture} was in {item.split} before and is in {told} here"
            raise InputError(f"{self.path}, {where}", problem, "Give a photo one split.")
        item.split = told or item.split
        filled = [text for text in texts if text]
        item.captions += filled
        blank = len(texts) - len(filled) or (not texts)
        self.left_out += [LeftOut(f"{where} ({picture})", NO_CAPTION)] * blank

    def finish(self) -> CaptionFile:
        """Put photos without a split into train where others have one, and leave out those without a caption.

        Raises:
            InputError: if no caption is left.
        """
        if any(item.split for item in self.items.values()):
            blank = [item for item in self.items.values() if not item.split]
            if blank:
                self.notes.append(f"{count(len(blank), 'photo')} with a blank split: put into train.")
            for item in blank:
                item.split = "train"
        if not any(item.captions for item in self.items.values()):
            first = self.left_out[0] if self.left_out else LeftOut("line 1", "nothing follows the header")
            problem = f"no caption in the whole file ({first.what}: {first.reason})"
            raise InputError(self.path, problem, "Write at least one caption a photo.")
        return self


def clean(text: object) -> str:
    """A cell as one line of composed letters; nothing for a blank one, or one that says that it is empty."""
    if type(text) in (int, float) and text == text:  # a number where a text belongs, as JSON may have it
        text = str(text)
    if not isinstance(text, str):
        return ""
    line = " ".join(composed(text).translate(CONTROL).split())
    blank = not any(
        letter.isprintable() and not letter.isspace() and letter not in "\u200c\u200d" for letter in line
    )
    return "" if blank or line.lower() in NOTHING else line


def split_of(name: object, where: str) -> str | None:
    """Our name of a split, None where the cell is empty.

    Raises:
        InputError: for a name that nobody uses for one.
    """
    name = clean(name).lower() if isinstance(name, str) or name is None else repr(name)
    name = re.sub(r"(?<=\w)[\s_-]*(set|split|20\d\d)$", "", name)  # "training set", "train2014"
    if name and name not in SPLIT_NAMES:
        raise InputError(where, f"no split is called {name[:60]!r}", f"Use one of {', '.join(SPLIT_NAMES)}.")
    return SPLIT_NAMES.get(name)


def several(cell: str) -> list[str]:
    """The captions of a cell: one, or those of a list as Python, JSON or numpy writes it.

    >>> several("['a dog', 'it runs']"), several("[sic] a dog")
    (['a dog', 'it runs'], ['[sic] a dog'])
    """
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]") and re.match(r"\[\s*(['\"]|u['\"]|\])", text)):
        return [cell]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _python_strings(text)
    listed = isinstance(found, list) and all(isinstance(caption, str) for caption in found)
    return found if listed else [cell]


def _python_strings(text: str) -> list[str] | None:
    """The strings of a printed list, with commas between them or, as numpy prints, without."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        kinds = (tokenize.STRING, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.INDENT)
        if any(token.type not in kinds and token.string not in ("[", "]", ",", "") for token in tokens):
            return None
        return [ast.literal_eval(token.string) for token in tokens if token.type == tokenize.STRING]
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "photo"), count(8091, "photo")
    ('1 photo', '8,091 photos')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def reasons(left_out: Sequence[LeftOut], most: int = 3) -> list[str]:
    """Every reason with its count and the first few examples."""
    counts = Counter(entry.reason for entry in left_out)
    lines = []
    for reason, number in counts.most_common():
        examples = [entry.what for entry in left_out if entry.reason == reason][:most]
        lines.append(f"{number:,} x {reason}: {', '.join(examples)}{', ...' if number > most else ''}")
    return lines
