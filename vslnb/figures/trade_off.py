"""What a stronger loss buys against what it costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.lines import Line2D

from vslnb.figures.style import MARKERS, PALETTE, PLAIN, Figure, Style, canvas

Curve = Mapping[float, tuple[np.ndarray, np.ndarray]]


def trade_off(
    curves: Mapping[str, Curve], xlabel: str, ylabel: str, unit: str, controls: Collection[str] = ()
) -> Figure:
    """Two differences to a baseline against each other: a curve an arm, from the baseline at zero along its strengths.

    Args:
        curves: by the name of an arm, by strength in rising order, both differences, a seed each, (seeds,) twice. A
            mark is the mean over the seeds, of one size for one strength in all curves; a dot is one seed.
        xlabel: what the first differences are, such as what is paid.
        ylabel: and the second.
        unit: what the strengths count, such as `times beta`.
        controls: names of curves that are drawn hollow, dashed and grey.

    >>> curve = {3: (np.array([1.0, 3.0]), np.array([2.0, 4.0])), 10: (np.array([-1.0]), np.array([5.0]))}
    >>> figure = trade_off({"cider": curve}, "rsum", "tau", "times beta")
    >>> figure.axes[0].lines[-1].get_xydata().tolist()
    [[0.0, 0.0], [2.0, 3.0], [-1.0, 5.0]]
    """
    keys: list[Line2D] = []
    strengths = sorted({strength for curve in curves.values() for strength in curve})
    with canvas(6.4, 4.2) as (figure, (axis,)):
        axis.axhline(0, color=".2", linewidth=1, linestyle="--")
        axis.axvline(0, color=".2", linewidth=1, linestyle="--")
        for k, (name, curve) in enumerate(curves.items()):
            control = name in controls
            colour = PLAIN if control else PALETTE[k % len(PALETTE)]
            style: Style = {"color": colour, "marker": MARKERS[k % len(MARKERS)]}
            style |= {"linestyle": "--", "markerfacecolor": "white"} if control else {}
            means = [(0.0, 0.0)]
            for strength, (x, y) in curve.items():
                axis.scatter(x, y, s=10, color=colour, alpha=0.6, linewidth=0)
                means.append((float(x.mean()), float(y.mean())))
                axis.plot(*means[-1], **style, markersize=4 + 2.2 * strengths.index(strength), zorder=3)
            axis.plot(*zip(*means), **style | {"marker": ""})
            keys.append(Line2D([], [], label=name, markersize=6, **style))
        axis.grid(True, axis="both")
        axis.set(xlabel=xlabel, ylabel=ylabel)
        axis.margins(0.08)
        title = f"marks from small to large: {', '.join(f'{strength:g}' for strength in strengths)} {unit}"
        figure.legend(handles=keys, title=title, loc="outside lower center", ncols=2)
    return figure
