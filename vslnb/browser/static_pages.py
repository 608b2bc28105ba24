"""`vslnb export`: a folder of pages that shows the curated lists without a network or a kernel."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from vslnb.browser.rankings import LISTS, SECONDARY, Browser, BrowserState
from vslnb.browser.session import Session, load_browser, shrunk
from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import DIRECTIONS
from vslnb.files import write_text

STATIC = Path(__file__).parent / "static"
BEGIN = "window.VSLNB ="
FREE_TEXT = "These pages show lists. To search in your own words, use <code>vslnb search</code> or the browser in JupyterLab."
LOOKS = 3  # results of a column whose attention is exported, the truth besides


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
        raise InputError(out, "this folder holds something else", "Name a new folder.")
    if not 1 <= len(runs) <= 2:
        raise InputError("runs", f"{len(runs)} of them", "Give one, or two to compare.")
    browser = load_browser(runs, data, split, progress)
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    write_text(data_file, f"{BEGIN} null;\n")  # ours from here on, also when cut short

    def address(image: int, size: int) -> str:
        path = out / "pictures" / f"{image}-{size}.jpg"
        if not path.exists():
            path.write_bytes(shrunk(browser.split, image, size))
        return f"pictures/{path.name}"

    for old in (out / "pictures").iterdir():
        if re.fullmatch(r"\d+-\d+\.jpg", old.name):
            old.unlink()
    content = _content(browser, address, most, progress)
    write_text(data_file, f"{BEGIN} {json.dumps(content)};\n")
    page = out / "index.html"
    write_text(page, _page(browser))
    return page


def _content(browser: Browser, address, most: int, progress: bool) -> dict:
    names = tuple(browser.models)
    lists: dict = {}
    for way in DIRECTIONS:
        state = BrowserState(names, way)
        offered = [name for name in LISTS if len(names) > 1 or name in (SECONDARY, "hardest")]
        found = {name: browser.curated(state, name, most) for name in offered}
        lists[way] = {name: queries for name, queries in found.items() if queries} or {"all, by number": [0]}
    wanted = sorted(
        {(way, query) for way, found in lists.items() for queries in found.values() for query in queries}
    )
    views, looks, boxes = {}, {}, {}
    for way, query in tqdm(wanted, desc="views", disable=not progress, leave=False):
        session = Session(browser, address, replace(BrowserState(names, way), query=query))
        view = session.view
        for column in view["columns"]:
            for row in column["rows"]:
                if row["rank"] <= LOOKS or row["hit"]:
                    session.ask({"kind": "look", "model": column["model"], "item": row["item"]})
                    looks[f"{way} {query} {column['model']} {row['item']}"] = session.look
                    boxes |= {side["image"]: side.pop("boxes") for side in session.look.get("sides", ())}
        offers = {"models": [], "lists": list(lists[way]), "tops": [], "free": False}
        views[f"{way} {query}"] = view | {"offers": offers, "pages": 1, "link": ""}
    return {"views": views, "looks": looks, "lists": lists, "boxes": boxes, "rules": LISTS}


def _page(browser: Browser) -> str:
    """One page; view.js and export.js are written into it, since a page from a file may load no module."""
    view = (STATIC / "view.js").read_text(encoding="utf-8").replace("export default", "const view =")
    names = " and ".join(map(html.escape, browser.models))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>vslnb: {names}</title><style>{(STATIC / 'view.css').read_text(encoding='utf-8')}\n"
        "body { margin: 0 auto; max-width: 1240px; }</style></head>"
        f'<body><div id="browser"></div><p class="vb-note">{FREE_TEXT}</p><script src="data.js"></script><script type="module">{view}\n'
        f"{(STATIC / 'export.js').read_text(encoding='utf-8')}</script></body></html>\n"
    )
