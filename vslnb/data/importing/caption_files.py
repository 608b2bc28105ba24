"""Caption files of every kind people have; which it is, is told by its content."""

from __future__ import annotations

from pathlib import Path

from vslnb.data.importing.decoding import read_text
from vslnb.data.importing.items import NO_CAPTION, CaptionFile, Item, LeftOut, clean
from vslnb.data.importing.json_files import read_json_captions
from vslnb.data.importing.tables import is_table, read_table
from vslnb.data.precomp import read_lines
from vslnb.errors import InputError


def read_captions(path: str | Path) -> list[Item]:
    """Items of a caption file, as `read_caption_file` reads it."""
    return list(read_caption_file(path).items.values())


def read_caption_file(path: str | Path) -> CaptionFile:
    """A caption file: Flickr's token file, a table with a header, or JSON.

    Raises:
        InputError: naming the file, the line and the remedy.
    """
    path = Path(path)
    text, note = read_text(path)
    file = CaptionFile(str(path), notes=[note] if note else [])
    if path.suffix.lower() in (".json", ".jsonl") or text.lstrip()[:1] in ("{", "["):
        read_json_captions(text, file)
    elif path.suffix.lower() in (".csv", ".tsv") or is_table(text):
        read_table(text, file)
    else:
        _read_tokens(text, file)
    return file.finish()


def _read_tokens(text: str, file: CaptionFile) -> None:
    """A token file, lines `NAME.jpg#k<TAB>caption`; a photo's captions are put in order of k.

    Flickr8k's own file names a photo that does not exist, under two spellings: two items here, both of
    which the import leaves out for want of a photo.
    """
    file.kind = "Flickr's token file"
    numbered: dict[str, dict[int, str]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        picture, _, k = key.rpartition("#")
        where = f"{file.path}, line {number}"
        if not tab or not picture or not k.strip().isdecimal():
            problem = "not `NAME.jpg#0<TAB>caption`, and the file has no header such as image,caption"
            raise InputError(where, problem, "Mend it, or write a CSV (image,caption).")
        captions = numbered.setdefault(picture.strip(), {})
        if int(k) in captions:
            raise InputError(where, f"{key} occurs a second time", "Number the captions of a photo.")
        captions[int(k)] = clean(caption)
        if not captions[int(k)]:
            file.left_out.append(LeftOut(f"line {number}", NO_CAPTION))
    for name, captions in numbered.items():
        if filled := [captions[k] for k in sorted(captions) if captions[k]]:
            file.add(name, name, filled)


def read_flickr8k(folder: Path) -> CaptionFile:
    """Flickr8k's token file with the split of its three lists; the photos in no list have none."""
    path = folder / "Flickr8k.token.txt"
    text, _ = read_text(path)
    file = CaptionFile(str(path))
    _read_tokens(text, file)
    file.finish()
    for split in ("train", "dev", "test"):
        listed = folder / f"Flickr_8k.{split}Images.txt"
        for number, name in enumerate(read_lines(listed), start=1):
            if name not in file.items:
                problem = f"{name} has no captions in Flickr8k.token.txt"
                raise InputError(f"{listed}, line {number}", problem, "Download the text files again.")
            file.items[name].split = split
    return file
