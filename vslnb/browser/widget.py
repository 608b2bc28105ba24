"""Widgets for JupyterLab: they show what `presenting` and `figures` make, and have no logic of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import torch
import traitlets

from vslnb.browser.rankings import Browser, BrowserState
from vslnb.browser.session import Session, inline, load_browser
from vslnb.config import SIMILARITIES
from vslnb.data.precomp import Split
from vslnb.figures import charts
from vslnb.figures.rankings import read_picture
from vslnb.ranking import VARIANTS, soft_rank
from vslnb.semantics import CaptionSpace

STATIC = Path(__file__).parent / "static"


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

    _esm = STATIC / "view.js"
    _css = STATIC / "view.css"
    view = traitlets.Dict().tag(sync=True)
    look = traitlets.Dict().tag(sync=True)
    request = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        runs: Sequence[str | Path] | Browser,
        data: str | Path | None = None,
        split: str = "test",
        link: str = "",
    ):
        super().__init__()
        browser = runs if isinstance(runs, Browser) else load_browser(runs, data, split)
        self.session = Session(browser, inline(browser.split), BrowserState.from_link(link) if link else None)
        self.view = self.session.view
        self.observe(self._answer, "request")

    def _answer(self, change: dict) -> None:
        self.session.ask(change["new"])
        self.view, self.look = self.session.view, self.session.look


class SoftRankExplorer(ipywidgets.VBox):
    """Eq. 4 under each variant, on random scores: move tau and the size of the batch."""

    def __init__(self):
        tau = _slider(ipywidgets.FloatSlider, "log10 tau", -2, -5, 0, 0.25)
        size = _slider(ipywidgets.IntSlider, "batch", 5, 2, 12, 1)
        super().__init__([ipywidgets.HBox([tau, size]), _shown(self._figure, tau, size)])

    def _figure(self, log_tau: float, n: int) -> charts.Figure:
        scores = torch.rand(n, n, generator=torch.Generator().manual_seed(n))
        ranks = {name: soft_rank(scores, 10**log_tau, name) for name in VARIANTS}
        return charts.matrices({"scores": scores} | ranks)


class CiderExplorer(ipywidgets.VBox):
    """The pictures nearest to one of a split in Eq. 3, under each similarity of captions.

    Args:
        split: whose captions are compared.
        nearest: how many neighbours are shown.
    """

    def __init__(self, split: Split, nearest: int = 4):
        self.split, self.nearest, self.spaces = split, nearest, {}
        image = _slider(ipywidgets.IntSlider, "picture", 0, 0, len(split) - 1, 1)
        kind = ipywidgets.Dropdown(options=SIMILARITIES, value="cider", description="similarity")
        super().__init__([ipywidgets.HBox([image, kind]), _shown(self._figure, image, kind)])

    def _figure(self, image: int, kind: str) -> charts.Figure:
        if kind not in self.spaces:
            captions, q = self.split.captions, self.split.captions_per_image
            self.spaces[kind] = CaptionSpace.fit(captions, q, kind)
        row = self.spaces[kind].image_similarity([image], np.arange(len(self.split)))[0]
        near = [image, *(k for k in np.argsort(-row, kind="stable") if k != image)][: 1 + self.nearest]
        first = self.split.starts
        titles = [f"C {row[k]:.3f}\n{self.split.captions[first[k]][:44]}" for k in near]
        return charts.pictures([read_picture(self.split, int(k)) for k in near], titles)


def _shown(draw, *controls: ipywidgets.Widget) -> ipywidgets.Image:
    """A picture of `draw(values of the controls)` that is replaced in place when one of them changes."""
    picture = ipywidgets.Image(format="png")

    def update(_: object = None) -> None:
        picture.value = draw(*(control.value for control in controls))._repr_png_()

    for control in controls:
        control.observe(update, "value")
    update()
    return picture


def _slider(kind: type, name: str, value: float, low: float, high: float, step: float):
    """A slider that speaks when it is let go of."""
    return kind(value, min=low, max=high, step=step, description=name, continuous_update=False)
