"""Widgets for JupyterLab: they show what `presenting` and `figures` make, and have no logic of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anywidget
import traitlets

from vslnb.browsing import BrowserState
from vslnb.presenting import Session, inline, load_browser

STATIC = Path(__file__).parent / "static"


class RetrievalBrowser(anywidget.AnyWidget):
    """Ranked retrievals side by side, to see why one went wrong.

    Args:
        runs: folders of trained runs; the first two are shown, all can be chosen.
        data: their data set, by default the one they were trained on.
        split: whose queries are browsed.
        link: a view's link, which restores it.

    Raises:
        InputError: for a folder without a trained run, or a link to what is not there.
    """

    _esm = STATIC / "view.js"
    _css = STATIC / "view.css"
    view = traitlets.Dict().tag(sync=True)
    look = traitlets.Dict().tag(sync=True)
    request = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        runs: Sequence[str | Path],
        data: str | Path | None = None,
        split: str = "test",
        link: str = "",
    ):
        super().__init__()
        browser = load_browser(runs, data, split)
        self.session = Session(browser, inline(browser.split), BrowserState.from_link(link) if link else None)
        self.view = self.session.view
        self.observe(self._answer, "request")

    def _answer(self, change: dict) -> None:
        self.session.ask(change["new"])
        self.view, self.look = self.session.view, self.session.look
