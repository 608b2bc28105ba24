"""How similarities are distributed, and how they agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from vslnb.figures.style import MAIN, PLAIN, SECONDARY, Figure, canvas, sns


def histogram(groups: Mapping[str, np.ndarray], xlabel: str) -> Figure:
    """The distribution of each group of numbers (n,), as percent of the group, on one axis.

    >>> figure = histogram({"same image": np.array([0.5, 0.6]), "other images": np.zeros(9)}, "C")
    >>> figure.axes[0].get_ylabel()
    'percent of pairs'
    """
    edges = np.linspace(0, max(float(np.max(values)) for values in groups.values()), 50)
    with canvas(6.4, 2.8) as (figure, (axis,)):
        for (name, values), colour, hatch in zip(groups.items(), (MAIN, SECONDARY), ("", "//")):
            style = {"color": colour, "label": name, "hatch": hatch, "alpha": 0.75}
            sns.histplot(x=values, bins=edges, stat="percent", ax=axis, **style)
        axis.set(xlabel=xlabel, ylabel="percent of pairs", yscale="log")
        axis.legend()
    return figure


def pairwise_scatter(
    values: Mapping[str, np.ndarray], taus: Mapping[str, float], points: int = 4000
) -> Figure:
    """Scatter of every two named similarities, with Kendall's tau.

    Args:
        values: by name (n,), for the same n pairs.
        taus: by "NAME, NAME".
        points: drawn at most, evenly taken.

    >>> figure = pairwise_scatter({"cider": np.arange(9), "tfidf": np.arange(9) ** 2}, {"cider, tfidf": 1.0})
    >>> figure.axes[0].get_title()
    'Kendall tau 1.00'
    """
    with canvas(2.5 * len(taus), 2.6, 1, len(taus)) as (figure, axes):
        for axis, (names, tau) in zip(axes, taus.items()):
            a, b = names.split(", ")
            step = max(1, len(values[a]) // points)
            style = {"color": PLAIN, "s": 6, "alpha": 0.4, "linewidth": 0, "rasterized": True}
            sns.scatterplot(x=values[a][::step], y=values[b][::step], ax=axis, **style)
            axis.set(xlabel=a, ylabel=b, title=f"Kendall tau {tau:.2f}")
    return figure


def box_by_group(
    groups: Mapping[int, np.ndarray] | Mapping[str, np.ndarray], xlabel: str, ylabel: str
) -> Figure:
    """Median, quartiles and 5 to 95 percent of each group of numbers (n,), and how many there are.

    >>> figure = box_by_group({0: np.arange(10), 1: np.arange(20)}, "things in common", "C")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['10', '20']
    """
    found = [(group, value) for group, values in groups.items() for value in values]
    frame = pd.DataFrame(found, columns=[xlabel, ylabel])
    with canvas(6, 3) as (figure, (axis,)):
        style = {
            "x": xlabel,
            "y": ylabel,
            "ax": axis,
            "color": MAIN,
            "estimator": "median",
            "linestyle": "none",
        }
        for percent, width, alpha in ((90, 1.5, 1.0), (50, 9, 0.5)):
            bar = {"linewidth": width, "alpha": alpha, "solid_capstyle": "butt"}
            sns.pointplot(frame, errorbar=("pi", percent), err_kws=bar, markersize=5, **style)
        for k, values in enumerate(groups.values()):
            above = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center", "fontsize": 8}
            axis.annotate(f"{len(values):,}", (k, np.percentile(values, 95)), **above)
        axis.set_xlabel(f"{xlabel} (number of pairs above)")
        axis.margins(y=0.12)
    return figure
