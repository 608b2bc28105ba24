"""Tables of captions: CSV with comma, semicolon, tab or bar, with or without quotation marks.

The rows are the standard library's `csv`, not pandas': it knows the line a row begins in, and refuses a row
with a quotation mark out of place where pandas fills cells up or swallows the lines that follow.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import NoReturn

from vslnb.data.importing.items import CaptionFile, count, several
from vslnb.errors import InputError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
PICTURE_COLUMNS = (
    "image", "filename", "file_name", "image_path", "image_name", "image_file", "image_filename", "img", "img_path",
    "path", "file", "file_path", "filepath", "photo", "picture", "images", "name", "image_id", "img_id",
)  # fmt: skip
CAPTION_COLUMNS = (
    "caption", "captions", "text", "texts", "sentence", "sentences", "description", "comment", "alt_text", "alt",
    "raw", "title", "prompt",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "set", "subset", "partition")
PICTURE_WORDS = {"image", "img", "photo", "picture", "file", "filename", "path", "filepath"}
CAPTION_WORDS = {"caption", "captions", "text", "sentence", "description", "alt"}
SPLIT_WORDS = {"split", "subset", "partition"}
PICTURE_SUFFIX = re.compile(
    r"\.(jpe?g|jpe|jfif|png|webp|tiff?|gif|bmp|avif|hei[cf]|jp2|mpo)\W*$", re.IGNORECASE
)
QUOTING = "Put captions with quotation marks in quotes and double the marks inside."


class Misquoted(Exception):
    """A quotation mark opens in a line and closes in none, or where another row has begun."""

    def __init__(self, line: int, problem: str):
        super().__init__(line, problem)
        self.line, self.problem = line, problem


def columns_of(header: list[str]) -> tuple[int, list[int], int | None] | None:
    """Where a header has the photo, its captions (one column or several) and the split; None for no such header.

    A name that is none of ours is taken for the word in it, such as `long_caption`, where one column has such a word.

    >>> columns_of(["file_name", "caption1", "caption2", "split"])
    (0, [1, 2], 3)
    >>> columns_of(["imageFile", "caption_en", "data_split"])
    (0, [1], 2)
    """
    names = [re.sub(r"(?<=[a-z])(?=[A-Z])|[\s.\-]+", "_", name.strip(" #")).lower() for name in header]
    picture = next((names.index(name) for name in PICTURE_COLUMNS if name in names), None)
    split = next((names.index(name) for name in SPLIT_COLUMNS if name in names), None)
    found: list[int] = []
    for base in CAPTION_COLUMNS:
        numbered = re.compile(rf"{base}s?_?\d*")
        found = found or [
            k for k, name in enumerate(names) if numbered.fullmatch(name) and k not in (picture, split)
        ]
    if picture is None:
        picture = _with_word(names, PICTURE_WORDS, {split, *found})
    if not found and (caption := _with_word(names, CAPTION_WORDS, {picture, split})) is not None:
        found = [caption]
    if split is None:
        split = _with_word(names, SPLIT_WORDS, {picture, *found})
    return (picture, found, split) if found and picture is not None else None


def _with_word(names: list[str], words: set[str], taken: set[int | None]) -> int | None:
    """The one column whose name has one of the words in it, None where none or several have."""
    found = [k for k, name in enumerate(names) if k not in taken and words & set(name.split("_"))]
    return found[0] if len(found) == 1 else None


def unused_columns(header: list[str], columns: tuple[int, list[int], int | None]) -> str:
    """A sentence on the columns that are not read, nothing where all are."""
    picture, captions, split = columns
    unused = [name for k, name in enumerate(header) if name.strip() and k not in (picture, split, *captions)]
    used = ", ".join(header[k] for k in (picture, *captions))
    shown = ", ".join(unused[:10]) + (", ..." if len(unused) > 10 else "")
    return f"Read from the columns {used}; not used: {shown}." if unused else ""


def is_table(text: str) -> bool:
    """Whether the first line is a header with a photo and a caption."""
    _, _, header = _head(text)
    return columns_of(header) is not None


def read_table(text: str, file: CaptionFile) -> None:
    """Add the rows of a table with a header to what is known of a caption file.

    Raises:
        InputError: naming the line, for a header without a photo or a caption, a quotation mark that does not
            close, or rows with more cells than the header.
    """
    first, delimiter, header = _head(text)
    columns = columns_of(header)
    if columns is None:
        _refuse_header(file.path, first, header)
    picture, captions, split = columns
    body = "".join(line + "\n" for line in text.split("\n")[first:]).rstrip("\n")
    rows, quoted = _rows(body, delimiter, first + 1, len(header), picture, file)
    file.kind = f"a table separated by {DELIMITERS.get(delimiter, repr(delimiter))}"
    if not quoted:
        file.kind += ", whose quotation marks are letters like others"
    wrong = [
        (line, row)
        for line, row in rows
        if len(row) > len(header) and any(map(str.strip, row[len(header) :]))
    ]
    if wrong:
        line, row = wrong[0]
        more = f"; so have {len(wrong) - 1:,} more lines" if len(wrong) > 1 else ""
        problem = f"{len(row)} cells, but the header has {len(header)}{more}"
        raise InputError(
            f"{file.path}, line {line}", problem, "Put captions that hold the separator in quotes."
        )
    if unused := unused_columns(header, columns):
        file.notes.append(unused)
    lists = 0
    for line, row in rows:
        row = row + [""] * (len(header) - len(row))
        texts = [text for column in captions for text in several(row[column])]
        lists += len(texts) > len(captions)
        if len(captions) > 1:  # a photo of a wide table may have fewer captions than there are columns
            texts = [text for text in texts if text.strip()] or [""]
        file.add(f"line {line}", row[picture], texts, None if split is None else row[split])
    if lists:
        file.notes.append(f"{count(lists, 'cell')} held a list of captions; each of them is one caption.")


def _head(text: str) -> tuple[int, str, list[str]]:
    """How many lines the head has, the separator and the names of the columns."""
    lines = text.split("\n", 12)[:12]
    start = 0
    while start < len(lines) - 1 and not lines[start].strip(" \t;,|"):  # blank lines above the header
        start += 1
    told = re.fullmatch(r'"?sep=(.)"?[\s;,|]*', lines[start], re.IGNORECASE)  # as Excel understands
    if told and start + 1 < len(lines):
        start += 1
    line = lines[start]
    candidates = [told.group(1)] if told else sorted(DELIMITERS, key=line.count, reverse=True)
    headers = {delimiter: _cells(line, delimiter) for delimiter in candidates}
    fit = next((d for d in candidates if columns_of(headers[d])), candidates[0])
    return start + 1, fit, headers[fit]


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip(' "') for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return line.split(delimiter)


def _rows(
    body: str, delimiter: str, start: int, width: int, picture: int, file: CaptionFile
) -> tuple[list[tuple[int, list[str]]], bool]:
    """Rows with their line, and whether quotation marks enclose cells in this file."""
    try:
        return list(_quoted(body, delimiter, start, picture)), True
    except Misquoted as fault:
        rows = [(k, line.split(delimiter)) for k, line in enumerate(body.split("\n"), start)]
        enclosed = any(len(c) > 1 and c[0] == c[-1] == '"' for _, row in rows for c in map(str.strip, row))
        # A tab is in no caption, so a file with tabs can do without quotation marks; one with commas only if
        # no cell of it is enclosed and no caption holds a comma.
        if delimiter in "\t|":
            whole = all(_is_row(row, width, picture) for _, row in rows)
        else:
            whole = not enclosed and all(len(row) == width for _, row in rows if row != [""])
        if whole:
            return [(k, [_unwrapped(cell) for cell in row]) for k, row in rows], False
        raise InputError(f"{file.path}, line {fault.line}", fault.problem, QUOTING) from None


def _is_row(row: list[str], width: int, picture: int) -> bool:
    """Whether cells are a whole row, an empty one, or one that names a photo and lacks its last cells."""
    named = len(row) > picture and bool(PICTURE_SUFFIX.search(row[picture]))
    return len(row) == width or row == [""] or (named and len(row) < width)


def _unwrapped(cell: str) -> str:
    """A cell without the marks around it, where those inside are doubled as they should be."""
    text = cell.strip()
    inner = text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


def _quoted(body: str, delimiter: str, start: int, picture: int) -> Iterator[tuple[int, list[str]]]:
    """Rows whose cells may be enclosed in quotation marks, and may then hold line ends.

    Raises:
        Misquoted: where a mark does not close, or closes in a line that begins a row of its own.
    """
    lines = body.split("\n")
    reader = csv.reader(
        io.StringIO(body, newline=""), delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t"
    )
    line = start
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            problem = f"a quotation mark opens in this row and does not close as it should ({fault})"
            raise Misquoted(line, problem) from None
        end = start + reader.line_num
        for inner in lines[line - start + 1 : end - start]:
            cells = inner.split(delimiter)
            if len(cells) > picture and len(cells) > 1 and PICTURE_SUFFIX.search(cells[picture].strip()):
                raise Misquoted(
                    line, "a quotation mark opens in this row and does not close before the next row"
                )
        yield line, row
        line = end


def _refuse_header(path: str, number: int, header: list[str]) -> NoReturn:
    names = [name.lower() for name in header]
    has = any(name in PICTURE_COLUMNS for name in names)
    shown = ", ".join(header)[:120]
    problem = f"the header has no {'caption' if has else 'image'} column ({shown})"
    if any(PICTURE_SUFFIX.search(name) for name in header):
        problem = f"there is no header; the first line is already a row ({shown})"
    remedy = "Start the file with a header such as image,caption."
    raise InputError(f"{path}, line {number}", problem, remedy)
