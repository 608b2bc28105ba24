"""The browser of rankings as a widget for JupyterLab: it passes on what `Session` and `static/view.js` say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anywidget
import traitlets

from vslnb.browser.assets import asset, view_script
from vslnb.browser.load import load_browser
from vslnb.browser.rankings import Browser
from vslnb.browser.session import Session
from vslnb.browser.state import BrowserState
from vslnb.browser.thumbnails import inline_pictures


class RetrievalBrowser(anywidget.AnyWidget):
    """Ranked retrievals side by side, to see why one went wrong.

    Args:
        runs: folders of trained runs; the first two are shown, all can be chosen. Or what `load_browser` made of
            them, for a second widget without loading them again.
        data: their data set, by default the one they were trained on.
        split: whose queries are browsed.
        link: a view's link, which restores it.

    Raises:
        InputError: for a folder without a trained run, or a link to what is not there.
    """

    _esm = view_script()
    _css = asset("view.css")
    view = traitlets.Dict().tag(sync=True)
    attention = traitlets.Dict().tag(sync=True)
    request = traitlets.Dict().tag(sync=True)
    typed = traitlets.Unicode().tag(sync=True)  # a free text that is not asked for yet
    warning = traitlets.Dict().tag(sync=True)  # what to say of it

    def __init__(
        self,
        runs: Sequence[str | Path] | Browser,
        data: str | Path | None = None,
        split: str = "test",
        link: str = "",
    ):
        super().__init__()
        browser = runs if isinstance(runs, Browser) else load_browser(runs, data, split)
        state = BrowserState.from_link(link) if link else None
        self.session = Session(browser, inline_pictures(browser.split), state)
        self.view = self.session.view
        self.observe(self._handle, "request")
        self.observe(self._warn, "typed")

    def _handle(self, change: dict) -> None:
        self.session.handle(change["new"])
        self.view, self.attention = self.session.view, self.session.attention

    def _warn(self, change: dict) -> None:
        self.warning = self.session.warning(change["new"])
