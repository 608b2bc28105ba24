"""Bytes to text: the encodings that people's programs write, and a word where a file is no text at all."""

from __future__ import annotations

import codecs
from pathlib import Path

from vslnb.errors import InputError

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
TO_CSV = "Save it as CSV (in UTF-8, with the columns image and caption) and name that file."
TO_UTF_8 = "Save the file as UTF-8, for example with `iconv -f cp1250 -t utf-8 OLD > NEW`, with the name of its encoding."
FOREIGN = 0.4  # of the letters beyond English ones: no language of the west has so many
NO_TEXT = (  # how a file begins, what it is, what to do
    (b"PK\x03\x04", "an Excel or OpenDocument workbook, or a zip archive", TO_CSV),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", TO_CSV),
    (b"PAR1", "a Parquet file", "Write it as CSV: pandas.read_parquet(...).to_csv(..., index=False)."),
    (b"ARROW1", "an Arrow file", "Write it as CSV with the columns image and caption."),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first, with gunzip."),
    (b"BZh", "compressed with bzip2", "Unpack it first, with bunzip2."),
    (b"\xfd7zXZ\x00", "compressed with xz", "Unpack it first, with unxz."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it first, with unzstd."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first."),
    (b"Rar!", "a rar archive", "Unpack it first."),
    (b"SQLite format 3", "a SQLite database", TO_CSV),
    (b"%PDF", "a PDF", TO_CSV),
    (b"FEA1", "a Feather file", "Write it as CSV with the columns image and caption."),
    (b"\x93NUMPY", "a NumPy array", TO_CSV),
    (b"\x80\x03", "a Python pickle, which is not opened as it may run code", TO_CSV),
    (b"\x80\x04", "a Python pickle, which is not opened as it may run code", TO_CSV),
    (b"\x80\x05", "a Python pickle, which is not opened as it may run code", TO_CSV),
    (b"<", "a page or tree of markup (HTML or XML)", TO_CSV),
    (b"\x89PNG", "a picture", "Name the file with the captions."),
    (b"\xff\xd8\xff", "a picture", "Name the file with the captions."),
)


def read_text(path: str | Path) -> tuple[str, str]:
    """The text of a file with its line ends made \\n, and a note where its encoding had to be guessed.

    UTF-8, UTF-16 and UTF-32 with or without a byte order mark, else Windows-1252.

    Raises:
        InputError: for a file that cannot be read, is no text, or is in none of these encodings.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(path, "this is a folder", "Name the file with the captions.")
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise InputError(path, f"cannot be read ({fault.strerror})", "Name a caption file.") from None
    for head, what, remedy in NO_TEXT:
        if raw.startswith(head):
            raise InputError(path, f"this is {what}", remedy)
    text, note = _decoded(path, raw)
    return text.replace("\r\n", "\n").replace("\r", "\n"), note


def _decoded(path: Path, raw: bytes) -> tuple[str, str]:
    encoding = next((name for bom, name in BOMS if raw.startswith(bom)), None) or _without_bom(raw)
    try:
        return raw.decode(encoding), "" if encoding.startswith("utf-8") else f"Read as {encoding.upper()}."
    except UnicodeDecodeError as fault:
        number = raw[: fault.start].count(b"\n") + 1
        if encoding != "utf-8":
            problem, remedy = f"this is not {encoding.upper()} text", "Save the file as UTF-8."
            raise InputError(f"{path}, line {number}", problem, remedy) from None
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as fault:
        number = raw[: fault.start].count(b"\n") + 1
        problem = "this is not UTF-8 text, nor Windows-1252"
        raise InputError(f"{path}, line {number}", problem, "Save the file as UTF-8.") from None
    line = " ".join(text.split("\n")[number - 1].split())[:80]
    letters = [letter for letter in text if letter.isalpha() or not (letter.isascii() or letter.isspace())]
    if sum(not letter.isascii() for letter in letters) > FOREIGN * len(letters):
        problem = f"neither UTF-8 nor Windows-1252 (cp1252), in which it would read: {line}"
        raise InputError(f"{path}, line {number}", problem, TO_UTF_8)
    return text, (
        f"Not UTF-8; read as Windows-1252 (cp1252), as Excel writes it. Line {number} is then: {line} "
        f"If its letters are wrong: {TO_UTF_8} Then import into a new folder."
    )


def _without_bom(raw: bytes) -> str:
    """UTF-32 or UTF-16 where the bytes of the beginning are zero in turn, as of Latin letters; else UTF-8."""
    head = raw[: 400 - len(raw[:400]) % 4]
    zeros = [head[k::4].count(0) > 0.8 * len(head) / 4 for k in range(4)]
    if len(head) >= 8 and zeros in ([False, True, True, True], [True, True, True, False]):
        return "utf-32-be" if zeros[0] else "utf-32-le"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 8 and max(even, odd) > 0.4 * len(head) / 2 and min(even, odd) == 0:
        return "utf-16-be" if even else "utf-16-le"
    return "utf-8"
