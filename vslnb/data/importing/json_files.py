"""Captions in JSON: Karpathy's, COCO's own, records (also one a line), and a mapping of photos to captions."""

from __future__ import annotations

import json
from collections.abc import Iterable

from vslnb.data.importing.items import CaptionFile, several
from vslnb.data.importing.tables import columns_of, unused_columns
from vslnb.errors import InputError

KINDS = (
    "It should be Karpathy's (`images`, each with `filename` and `sentences`), COCO's captions_*.json (`images` "
    "and `annotations`), or records with `image` and `caption`."
)


def read_json_captions(text: str, file: CaptionFile) -> None:
    """Add what a JSON file says, whichever of the kinds it is.

    Raises:
        InputError: naming the place, for a file that is no JSON or of none of the kinds.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as fault:
        if text.lstrip().startswith("{") and "\n" in text.strip():
            return _read_lines(text, file)
        raise InputError(file.path, f"not valid JSON ({fault})", "Download or write it again.") from None
    if isinstance(content, list):
        file.kind = "records in JSON"
        return _read_records(((f"[{k}]", record) for k, record in enumerate(content)), file)
    if not isinstance(content, dict):
        raise InputError(file.path, "neither an object nor a list at the top", KINDS)
    if isinstance(content.get("annotations"), list) and isinstance(content.get("images"), list):
        return _read_coco(content["images"], content["annotations"], file)
    if isinstance(content.get("images"), list):
        return _read_karpathy(content["images"], file)
    record = columns_of(list(content)) is not None
    if not record and content and all(_is_captions(value) for value in content.values()):
        file.kind = "photos with their captions in JSON"
        for name, captions in content.items():
            file.add(name, name, captions if isinstance(captions, list) else [captions])
        return None
    rows = _rows_of(content)
    if rows is not None:
        file.kind = "columns in JSON"
        return _read_records(((f"row {k}", row) for k, row in enumerate(rows)), file)
    if record:
        return _read_lines(text, file)
    raise InputError(file.path, "no list `images` at the top", KINDS)


def _is_captions(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(text, str) for text in value)
    )


def _rows_of(content: dict) -> list[dict] | None:
    """The rows of a table that pandas or a script wrote column by column; None for anything else."""
    names, data = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(data, list):  # pandas, orient="split"
        return [dict(zip(map(str, names), row)) for row in data if isinstance(row, list)]
    columns = [list(value.values()) if isinstance(value, dict) else value for value in content.values()]
    whole = all(isinstance(column, list) for column in columns) and len(set(map(len, columns))) == 1
    return [dict(zip(content, row)) for row in zip(*columns)] if whole and columns_of(list(content)) else None


def _read_lines(text: str, file: CaptionFile) -> None:
    """JSON lines, such as the metadata.jsonl of a folder of images."""
    file.kind = "records in JSON, one a line"

    def records() -> Iterable[tuple[str, object]]:
        for number, line in enumerate(text.split("\n"), start=1):
            try:
                if line.strip():
                    yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError) as fault:
                where = f"{file.path}, line {number}"
                raise InputError(where, f"not valid JSON ({fault})", "Write the line again.") from None

    _read_records(records(), file)


def _read_records(records: Iterable[tuple[str, object]], file: CaptionFile) -> None:
    for where, record in records:
        if not isinstance(record, dict) or (columns := columns_of(list(record))) is None:
            problem = "not a record with a photo and its caption"
            raise InputError(f"{file.path}, {where}", problem, "Each needs, for example, file_name and text.")
        if (unused := unused_columns(list(record), columns)) and not file.notes:
            file.notes.append(unused)
        values = list(record.values())
        picture, captions, split = columns
        texts: list[object] = []
        for value in (values[column] for column in captions):
            texts += (
                value if isinstance(value, list) else several(value) if isinstance(value, str) else [value]
            )
        file.add(where, values[picture], [_sentence(text) for text in texts], split and values[split])


def _sentence(sentence: object) -> object:
    """The text of a sentence: itself, its `raw`, or its `tokens` with blanks between."""
    if isinstance(sentence, dict):
        tokens = sentence.get("tokens")
        joined = " ".join(map(str, tokens)) if isinstance(tokens, list) else None
        return sentence.get("raw", sentence.get("caption", joined))
    return sentence


def _read_karpathy(images: list, file: CaptionFile) -> None:
    """Karpathy's: every image with filename, filepath?, split? and sentences, each with raw or tokens."""
    file.kind = "Karpathy's JSON"
    for number, entry in enumerate(images):
        where = f"images[{number}]"
        try:
            name = entry.get("filename", entry.get("file_name"))
            picture = "/".join(filter(None, (entry.get("filepath"), name)))
            sentences = [_sentence(sentence) for sentence in entry["sentences"]]
            if not name or not all(isinstance(sentence, str) for sentence in sentences):
                raise KeyError
        except (KeyError, TypeError, AttributeError):
            remedy = "Every image needs `filename` and `sentences`, each with `raw` or `tokens`."
            raise InputError(f"{file.path}, {where}", "not an image with its sentences", remedy) from None
        if picture in file.items:
            problem = f"{picture} is listed a second time"
            raise InputError(f"{file.path}, {where}", problem, "List every photo once.")
        file.add(where, picture, sentences, entry.get("split"))


def _read_coco(images: list, annotations: list, file: CaptionFile) -> None:
    """COCO's own captions_*.json: images with id and file_name, annotations with image_id and caption."""
    file.kind = "COCO's captions in JSON"
    try:
        names = {
            str(image["id"]): image["file_name"] for image in images
        }  # ids are numbers, or texts of numbers
        captions: dict[str, list] = {number: [] for number in names}
        for annotation in annotations:
            captions.setdefault(str(annotation["image_id"]), []).append(annotation["caption"])
    except (KeyError, TypeError):
        problem = (
            "not COCO's captions, whose images have `id` and `file_name`, whose annotations have `image_id`"
        )
        raise InputError(file.path, problem, "Name a file such as captions_val2017.json.") from None
    for number, texts in captions.items():
        where = f"image {number}"
        file.add(where, names.get(number, ""), texts or [""])
