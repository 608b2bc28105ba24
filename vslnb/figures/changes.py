"""What one model ranks better than another, query by query."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import StrMethodFormatter

from vslnb.figures.rankings import HIT, MISS
from vslnb.figures.style import PLAIN, Figure, Style, canvas

PLATE: Style = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2}


def rank_changes(panels: Mapping[str, tuple[np.ndarray, np.ndarray]], before: str, after: str) -> Figure:
    """The rank of the ground truth under two models, a dot a pair of ranks, larger the more queries have it.

    Args:
        panels: by title, such as a direction, the ranks under both models, counted from 1, (queries,) each.
        before: name of the first model, the x axis.
        after: of the second, the y axis.

    >>> figure = rank_changes({"text to image": (np.array([1, 4, 9]), np.array([1, 2, 3]))}, "triplet", "VSL")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['0 worse', '2 better']
    """
    most = max(int(ranks.max()) for pair in panels.values() for ranks in pair)
    with canvas(3.4 * len(panels) + 0.3, 3.5, 1, len(panels), sharey=True) as (figure, axes):
        for axis, (title, (x, y)) in zip(axes, panels.items()):
            pairs, counts = np.unique(np.stack([x, y]), axis=1, return_counts=True)
            colours = [MISS if b > a else HIT if b < a else PLAIN for a, b in pairs.T]
            axis.scatter(*pairs, s=9 * np.sqrt(counts), c=colours, alpha=0.7, linewidth=0, zorder=2)
            axis.axline((1, 1), (2, 2), color=PLAIN, linewidth=1, linestyle="--")
            sides = {"worse": (0.04, 0.96, y > x, MISS), "better": (0.96, 0.04, y < x, HIT)}
            for word, (left, up, of, colour) in sides.items():
                place = {"ha": "left" if left < 0.5 else "right", "va": "top" if up > 0.5 else "bottom"}
                text = f"{int(of.sum()):,} {word}"
                axis.text(
                    left, up, text, transform=axis.transAxes, color=colour, weight="bold", bbox=PLATE, **place
                )
            limits = {"xlim": (0.8, 1.3 * most), "ylim": (0.8, 1.3 * most)}
            axis.set(title=title, xscale="log", yscale="log", aspect="equal", xlabel=before, **limits)
            for one in (axis.xaxis, axis.yaxis):
                one.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.grid(True, axis="both")
        axes[0].set_ylabel(after)
    return figure
