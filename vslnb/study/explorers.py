"""The notebooks' interactive views as static pages: the same choices, answered by a script instead of a kernel.

A notebook names its explorer in its metadata, `vslnb.explorer`; it takes the place of the notebook's widget.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from vslnb.data.photos import read_photo
from vslnb.data.precomp import load_split
from vslnb.semantics import CaptionSpace

STATIC = Path(__file__).parent / "static"
WIDGET = "application/vnd.jupyter.widget-view+json"
INSTEAD = "An interactive view: open this notebook in JupyterLab to use it."
SIZES = range(2, 13)  # of a batch
QUERIES, NEAREST = 24, 4  # images that can be chosen, and how many are shown beside one
SIDE = 128  # pixels of the longer side of a picture
KINDS = {"cider": "CIDEr", "cider_d": "CIDEr-D", "tfidf": "tf-idf"}


def with_explorers(notebook: nbformat.NotebookNode, data: Path | None) -> nbformat.NotebookNode:
    """An executed notebook whose first widget is its explorer, and whose others are a line that says what is missing.

    A progress bar is a widget too; it is over, so it is left out.

    Args:
        notebook: executed; it is changed.
        data: the data set it was executed with; without one, an explorer that reads it is missing too.
    """
    name = notebook.metadata.get("vslnb", {}).get("explorer")
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.get("outputs"):
            cell.outputs = [output for output in cell.outputs if not _is_bar(output.get("data", {}))]
        for output in cell.get("outputs", ()):
            if WIDGET in output.get("data", {}):
                page = EXPLORERS[name](data) if name in EXPLORERS else ""
                output.data = {"text/html": page} if page else {"text/plain": INSTEAD}
                name = None
    return notebook


def _is_bar(data: Mapping[str, Any]) -> bool:
    return WIDGET in data and "%|" in data.get("text/plain", "")  # as tqdm writes a bar in plain text


def soft_rank_explorer(data: Path | None = None) -> str:
    """Eq. 4 and 5 on random scores of a batch: tau and the size can be chosen, ranks and losses are computed there."""
    draws = {size: np.random.default_rng(size).random((2, size, size)).round(2).tolist() for size in SIZES}
    return _page("soft_rank", draws)


def nearest_images_explorer(data: Path | None) -> str:
    """The images whose captions are nearest to an image's (Eq. 3); "" for data without pictures."""
    if data is None or not (data / "test_ims.npy").exists():
        return ""
    split = load_split(data, "test")
    files = split.pictures()
    if files is None:
        return ""
    nearest, shown = {}, set()
    queries = np.arange(min(QUERIES, len(split)))
    for kind, name in KINDS.items():
        space = CaptionSpace.fit(split.captions, split.captions_per_image, kind)
        matrix = space.image_similarity(queries, np.arange(len(split)))
        matrix[queries, queries] = np.inf  # an image itself comes first, and is shown as the query
        order = np.argsort(-matrix, axis=1, kind="stable")[:, 1 : NEAREST + 1]
        nearest[name] = [
            [[int(k), round(float(row[k]), 3)] for k in found] for row, found in zip(matrix, order)
        ]
        shown |= {*queries.tolist(), *order.ravel().tolist()}
    images = {
        k: {
            "picture": _thumbnail(files[k]),
            "captions": split.captions[split.starts[k] : split.starts[k + 1]],
        }
        for k in sorted(shown)
    }
    return _page("nearest_images", {"nearest": nearest, "images": images})


EXPLORERS: dict[str, Callable[[Path | None], str]] = {
    "soft_rank": soft_rank_explorer,
    "nearest_images": nearest_images_explorer,
}


def _thumbnail(photo: Path) -> str:
    """A photo as a small JPEG in an address."""
    picture, stream = read_photo(photo, SIDE), io.BytesIO()
    picture.thumbnail((SIDE, SIDE))
    picture.save(stream, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def _page(name: str, content: object) -> str:
    """A part of a page that needs nothing else: style, data and script."""
    style, common, own = (
        (STATIC / file).read_text(encoding="utf-8")
        for file in ("explorers.css", "explorers.js", f"{name}.js")
    )
    # "</" would end the script within a caption.
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<div class="vx" data-explorer="{name}"><style>{style}</style><div class="vx-page"></div>'
        f"<script>{{const data = {data};\nconst page = document.currentScript.previousElementSibling;\n"
        f"{common}\n{own}}}</script></div>"
    )
