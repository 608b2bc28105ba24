"""What changes over epochs, steps or a setting, a line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from vslnb.figures.style import (
    ARM_COLOURS,
    ARM_NAMES,
    DASHES,
    MARKERS,
    PALETTE,
    Figure,
    Style,
    canvas,
    module_name,
    sns,
)

ARM_MARKERS = dict(zip(ARM_NAMES, MARKERS))
ARM_DASHES = dict(zip(ARM_NAMES, DASHES))


def learning_curves(logs: Sequence[tuple[str, str, Sequence[float]]]) -> Figure:
    """The rsum on dev after every epoch, a panel a module.

    Args:
        logs: (module, arm, rsum of every epoch).

    >>> figure = learning_curves([("saf", "triplet", [100, 200]), ("saf", "vsl-paper", [90, 210])])
    >>> figure.axes[0].get_title()
    'SAF'
    """
    panels: dict[str, dict[str, Sequence[float]]] = {}
    for module, arm, values in logs:
        panels.setdefault(module_name(module), {})[arm] = values
    return epoch_curves(panels, "rsum on dev (of 600)", share=True)


def epoch_curves(
    panels: Mapping[str, Mapping[str, Sequence[float]]], ylabel: str = "", share: bool = False
) -> Figure:
    """What was measured after or over every epoch, an arm a line; three panels a row.

    Args:
        panels: by title, the values of every arm, an epoch each; NaN is not drawn, nor an arm without values.
        ylabel: of the first panel.
        share: one y axis for all panels.

    >>> figure = epoch_curves({"spread": {"triplet": [float("nan"), 0.2, 0.3]}})
    >>> figure.axes[0].lines[0].get_xdata().astype(int).tolist()
    [2, 3]
    """
    rows, columns = -(-len(panels) // 3), min(3, len(panels))
    with canvas(2.7 * columns + 0.6, 2.3 * rows + 0.6, rows, columns, sharey=share) as (figure, axes):
        for axis, (title, arms) in zip(axes, panels.items()):
            found = [(arm, epoch, value) for arm in arms for epoch, value in enumerate(arms[arm], 1)]
            frame = pd.DataFrame(found, columns=["arm", "epoch", "value"])
            styles = {"hue": "arm", "style": "arm", "palette": ARM_COLOURS, "legend": False}
            styles |= {"markers": ARM_MARKERS, "dashes": ARM_DASHES, "estimator": None, "markersize": 6}
            sns.lineplot(frame, x="epoch", y="value", ax=axis, **styles)
            axis.set(title=title, xlabel="epoch", ylabel="")
            axis.xaxis.get_major_locator().set_params(integer=True)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        axes[0].set_ylabel(ylabel)
        drawn = [arm for arm in ARM_NAMES if any(len(arms.get(arm, ())) for arms in panels.values())]
        handles = [_key(arm) for arm in drawn]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(3, max(1, len(drawn))))
    return figure


def curves(
    x: Sequence[float],
    named: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    falling: bool = False,
    log: bool = True,
) -> Figure:
    """Lines distinguished by colour and dash, listed at the side in the order in which they end.

    Args:
        x: (n,), common to all.
        named: label and values (n,); NaN is not drawn.
        xlabel: with unit.
        ylabel: with unit.
        falling: the largest x at the left.
        log: a logarithmic x axis.

    >>> figure = curves([1, 10], {"a": [0, 1], "b": [0, 2]}, "steps", "loss")
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['b', 'a']
    """
    columns = {name: np.asarray(values, dtype=float) for name, values in named.items()}
    frame = pd.DataFrame(columns, index=np.asarray(x))
    last = frame.ffill().iloc[-1].sort_values(ascending=False, kind="stable")
    dashes = dict(zip(last.index, DASHES * 2))
    with canvas(6.8, 2.9) as (figure, (axis,)):
        colours = dict(zip(last.index, PALETTE * 2))
        styles = {"palette": colours, "dashes": dashes, "estimator": None, "linewidth": 1.8}
        sns.lineplot(frame[last.index], ax=axis, **styles)
        axis.set(xscale="log" if log else "linear", xlabel=xlabel, ylabel=ylabel)
        if falling:
            axis.invert_xaxis()
        sns.move_legend(axis, "center left", bbox_to_anchor=(1, 0.5), title=None)
    return figure


def _key(arm: str) -> Line2D:
    dashes = ARM_DASHES[arm]
    style: Style = {"color": ARM_COLOURS[arm], "marker": ARM_MARKERS[arm], "markeredgecolor": "white"}
    return Line2D(
        [], [], label=ARM_NAMES[arm], linestyle=(0, dashes) if dashes else "-", markersize=6, **style
    )
