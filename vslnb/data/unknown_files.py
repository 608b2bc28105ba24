"""What a file is that Pillow does not know, in words, so that people know what to do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import TiffImagePlugin

EXPORT = "Save it as JPEG with the program that made it."
AGAIN = "Copy or download it again."
RAW = "a camera's raw file"
HEADS = (  # how a file begins, what it is, what to do
    (b"version https://git-lfs", "a pointer of Git LFS, not the photo itself", "Run `git lfs pull`."),
    (b"<!doctype html", "a web page, not a photo", AGAIN),
    (b"<html", "a web page, not a photo", AGAIN),
    (b"<svg", "a drawing (SVG), not a photo", "Export it as PNG."),
    (b"<?xml", "a drawing (SVG) or other XML, not a photo", "Export it as PNG."),
    (b"\xff\x0a", "a JPEG XL picture, which Pillow does not read", EXPORT),
    (b"\0\0\0\x0cjxl ", "a JPEG XL picture, which Pillow does not read", EXPORT),
    (b"v/1\x01", "an OpenEXR picture, which Pillow does not read", EXPORT),
    (b"#?radiance", "a Radiance picture, which Pillow does not read", EXPORT),
    (b"fujifilmccd-raw", RAW, EXPORT),
    (b"iiro", RAW, EXPORT),
    (b"iirs", RAW, EXPORT),
    (b"iiu\0", RAW, EXPORT),
    (b"pk\x03\x04", "an archive or a document, not a photo", "Unpack it first."),
    (b"%pdf", "a PDF, not a photo", "Export its pages as pictures."),
)


def what_it_is(path: Path) -> tuple[str, str]:
    """What a file is and what to do, as far as its first bytes tell."""
    with path.open("rb") as stream:
        head = stream.read(512)
    begin = head.lstrip().lower() if head[:1] in b" \t\r\n<\xef" else head.lower()
    if not head:
        return "the file is empty", AGAIN
    if head[4:8] == b"ftyp":
        return (
            RAW if head[8:11] == b"crx" else "a film, or a picture of a kind that Pillow does not read"
        ), EXPORT
    if head[:2] in (b"II", b"MM") and head[8:10] == b"CR":
        return RAW, EXPORT
    for start, what, remedy in HEADS:
        if begin.removeprefix(b"\xef\xbb\xbf").startswith(start):
            return what, remedy
    if tiff := _tiff(path):
        return tiff, "Save it as JPEG, or as a TIFF of 8 or 16 bits."
    return "of a kind that Pillow does not know, or damaged", "Replace it or leave it out."


def _tiff(path: Path) -> str:
    """What a TIFF holds; nothing for a file that is no TIFF."""
    try:
        with path.open("rb") as stream:
            tags: Any = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
            stream.seek(tags.next)
            tags.load(stream)
        bits = tags[TiffImagePlugin.BITSPERSAMPLE]
        number = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
        form = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))
    except Exception:  # no TIFF, or a damaged one: its parser raises nearly anything
        return ""
    kind = {2: "signed integers", 3: "floating point"}.get(form[0], "integers")
    return f"a TIFF of {number} x {bits[0]} bits ({kind}), which Pillow does not read"
