"""`vslnb export`: a folder of pages that shows the curated lists without a network or a kernel."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

from vslnb.browser.assets import asset, view_script
from vslnb.browser.curated_lists import curated_queries
from vslnb.browser.load import load_browser
from vslnb.browser.rankings import Browser
from vslnb.browser.session import Session
from vslnb.browser.state import LISTS, SECONDARY, BrowserState
from vslnb.browser.thumbnails import Address, jpeg
from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import DIRECTIONS
from vslnb.storage import write_text

BEGIN = "window.VSLNB ="
FREE_TEXT = (
    "These pages show lists. To search in your own words, use <code>vslnb search</code> or the browser in "
    "JupyterLab."
)
PANELS = 3  # results of a column whose attention is exported, besides the ground truth


def export(
    runs: Sequence[str | Path],
    out: str | Path,
    data: str | Path | None = None,
    split: str = "test",
    most: int = 12,
    progress: bool = True,
) -> Path:
    """Write index.html, its data and its pictures.

    Args:
        runs: one or two folders of trained runs, A and B.
        out: a new or empty folder, or an earlier export, which is replaced.
        data: their data set, by default the one they were trained on.
        split: whose queries are shown.
        most: queries of a list.
        progress: show a progress bar.

    Returns:
        The path of index.html.

    Raises:
        InputError: for a folder that holds something else, or runs that are not there.
    """
    out = Path(out)
    data_file = out / "data.js"
    ours = data_file.exists() and data_file.read_text(encoding="utf-8").startswith(BEGIN)
    if out.exists() and any(out.iterdir()) and not ours:
        raise InputError(out, "this folder holds other files than exported pages", "Name a new folder.")
    if not 1 <= len(runs) <= 2:
        raise InputError("runs", f"{len(runs)} are given", "Give one, or two to compare.")
    browser = load_browser(runs, data, split, progress)
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    write_text(data_file, f"{BEGIN} null;\n")  # ours from here on, also when cut short

    def address(image: int, size: int) -> str:
        path = out / "pictures" / f"{image}-{size}.jpg"
        if not path.exists():
            path.write_bytes(jpeg(browser.split, image, size))
        return f"pictures/{path.name}"

    for old in (out / "pictures").iterdir():
        if re.fullmatch(r"\d+-\d+\.jpg", old.name):
            old.unlink()
    content = _content(browser, address, most, progress)
    write_text(data_file, f"{BEGIN} {json.dumps(content)};\n")
    page = out / "index.html"
    write_text(page, _page(browser))
    return page


def _content(browser: Browser, address: Address, most: int, progress: bool) -> dict:
    """What export.js answers from: the lists, a view of each of their queries, and the attention of first results."""
    names = tuple(browser.models)
    lists = {direction: _lists(browser, BrowserState(names, direction), most) for direction in DIRECTIONS}
    views, attention, boxes = {}, {}, {}
    wanted = sorted({(d, query) for d in DIRECTIONS for queries in lists[d].values() for query in queries})
    for direction, query in tqdm(wanted, desc="views", disable=not progress, leave=False):
        session = Session(browser, address, BrowserState(names, direction, query))
        for column in session.view["columns"]:
            for row in column["rows"]:
                if row["rank"] <= PANELS or row["hit"]:
                    session.handle({"kind": "attention", "model": column["model"], "item": row["item"]})
                    for side in session.attention.get("sides", ()):
                        boxes[side["image"]] = side.pop("boxes")  # once an image
                    attention[f"{direction} {query} {column['model']} {row['item']}"] = session.attention
        offers = {"models": [], "lists": list(lists[direction]), "page_sizes": [], "free": False}
        views[f"{direction} {query}"] = session.view | {"offers": offers, "pages": 1, "link": ""}
    return {"views": views, "attention": attention, "lists": lists, "boxes": boxes, "rules": LISTS}


def _lists(browser: Browser, state: BrowserState, most: int) -> dict[str, list[int]]:
    """The queries of every list that is not empty; the first query alone where all are."""
    offered = LISTS if len(state.models) > 1 else (SECONDARY, "hardest")  # the others compare A and B
    lists = {name: curated_queries(browser, state, name, most) for name in offered}
    return {name: queries for name, queries in lists.items() if queries} or {"all, by number": [0]}


def _page(browser: Browser) -> str:
    """One page; the scripts are written into it, since a page from a file may load no module."""
    view = view_script().replace("export default", "const view =")
    names = " and ".join(map(html.escape, browser.models))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>vslnb: {names}</title><style>{asset('view.css')}\n"
        "body { margin: 0 auto; max-width: 1240px; }\n"
        "body > .vb-note { color: #666; font: 12.5px/1.4 system-ui, sans-serif; padding: 0 8px; }\n"
        "body.vslnb-dark > .vb-note { color: #aaa; }</style></head>"
        f'<body><div id="browser"></div><p class="vb-note">{FREE_TEXT}</p>'
        f'<script src="data.js"></script><script type="module">{view}\n'
        f"{asset('export.js')}</script></body></html>\n"
    )
