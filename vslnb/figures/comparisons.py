"""Arms and settings side by side: differences with their intervals, recall, ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vslnb.figures.style import (
    ARM_COLOURS,
    ARM_NAMES,
    MARKERS,
    PALETTE,
    PLAIN,
    PUBLISHED,
    Figure,
    Style,
    canvas,
    module_name,
    sns,
    wrapped,
)

HATCHES = ("", "//", "..", "xx", "--", "\\\\", "++")
MEAN: Style = {"color": PALETTE[0], "marker": "D", "markersize": 5.5, "linewidth": 2}
SEED: Style = {"color": PLAIN, "marker": "o", "markersize": 3.5, "markeredgewidth": 0, "linestyle": "none"}
CLAIM: Style = {"marker": "v", "markersize": 6, "markerfacecolor": "white", "markeredgecolor": PUBLISHED}


def forest_plot(
    panels: Mapping[str, tuple[Mapping[str, Sequence[float]], Mapping[str, tuple]]],
    share: bool = False,
    published: Mapping[str, Mapping[str, float]] | None = None,
    own_rows: Sequence[float] = (),
) -> Figure:
    """Forest plots side by side: every seed a dot, and above the dots the mean and 95 % interval.

    A row of one seed is that dot alone: one training has no spread.

    Args:
        panels: by the label of an x axis, the differences of every row, a seed each, and (mean, low, high, ...)
            of every row; bounds that are NaN are not drawn.
        share: one x axis for all panels.
        published: by panel and row, what others have published; a row may have nothing else.
        own_rows: the widths of the panels, where each has rows of its own; without them all have the same rows.

    >>> panel = {"triplet + VSL": [0.5, 1.5]}, {"triplet + VSL": (1.0, -0.2, 2.2)}
    >>> figure = forest_plot({"gain in rsum": panel})
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['triplet + VSL']
    """
    claims = published or {}
    rows = [list(dict.fromkeys([*panels[label][0], *claims.get(label, {})])) for label in panels]
    if not own_rows:
        rows = [list(dict.fromkeys(row for each in rows for row in each))] * len(panels)
    width = 7.8 if own_rows else max(6.8, 1.9 * len(panels) + 1.8)
    letters = 80 if len(panels) == 1 else 66 // len(panels) - 6 if own_rows else 25  # of a line of an x label
    options: Style = {"width_ratios": list(own_rows) or None, "sharey": not own_rows, "sharex": share}
    keys: dict[str, Style] = {}
    with canvas(width, 0.4 * max(map(len, rows)) + 1.3, 1, len(panels), **options) as (figure, axes):
        for axis, names, (label, (differences, intervals)) in zip(axes, rows, panels.items()):
            axis.axvline(0, color=".2", linewidth=1, linestyle="--")
            for name, values in differences.items():
                keys |= _forest_row(axis, names.index(name), values, intervals[name][:3])
            for name, value in claims.get(label, {}).items():
                axis.plot(value, names.index(name), **CLAIM)
                keys["published"] = CLAIM | {"linestyle": "none"}
            axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
            axis.set_xlabel(wrapped(label, letters))
            axis.xaxis.set_major_locator(MaxNLocator(8 if len(panels) == 1 else 4, steps=[1, 2, 5, 10]))
            axis.grid(True, axis="x")
            axis.grid(False, axis="y")
            axis.tick_params(axis="y", length=0)
            axis.spines["left"].set_visible(False)
            axis.margins(x=0.1)
        handles = [Line2D([], [], label=label, **style) for label, style in keys.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _forest_row(axis: Axes, row: int, values: Sequence[float], interval: Sequence[float]) -> dict[str, Style]:
    """Draw one row of a forest plot; the keys of what was drawn."""
    mean, low, high = interval
    if len(values) == 1:
        axis.plot(values, [row], **SEED | {"markersize": 5})
        return {"one seed": SEED}
    axis.plot([low, high], [row, row], **MEAN | {"marker": ""})
    axis.plot(mean, row, **MEAN)
    if not len(values):
        return {"mean and 95 % interval": MEAN}
    axis.plot(values, np.full(len(values), row + 0.28), **SEED)
    return {"mean and 95 % interval" if np.isfinite(low) else "mean": MEAN, "one seed": SEED}


def recall_bars(results: Sequence[Mapping[str, Any]]) -> Figure:
    """R@1 in both directions by module and arm: the mean over seeds, and every seed a point.

    Args:
        results: contents of results.json, each with module, arm and test (what `recall` returns).

    >>> test = {"image_to_text": {"R@1": 50.0}, "text_to_image": {"R@1": 40.0}}
    >>> figure = recall_bars([{"module": "saf", "arm": "triplet", "test": test}])
    >>> [axis.texts[0].get_text() for axis in figure.axes]
    ['50.0', '40.0']
    """
    modules = list(dict.fromkeys(result["module"] for result in results))
    arms = [arm for arm in ARM_NAMES if any(result["arm"] == arm for result in results)]
    with canvas(7.4, 3, 1, 2, sharey=True) as (figure, axes):
        for axis, direction in zip(axes, ("image_to_text", "text_to_image")):
            found = [(r["module"], r["arm"], r["test"][direction]["R@1"]) for r in results]
            frame = pd.DataFrame(found, columns=["module", "arm", "R@1"])
            place = {"x": "module", "y": "R@1", "hue": "arm", "order": modules, "hue_order": arms, "ax": axis}
            style = {"palette": ARM_COLOURS, "saturation": 1, "errorbar": None, "edgecolor": "white"}
            sns.barplot(frame, **place, **style)
            for bars, hatch in zip(axis.containers, HATCHES):
                for bar in bars:
                    bar.set_hatch(hatch)
            if len(frame) > len(frame.groupby(["module", "arm"])):
                points = {"palette": dict.fromkeys(arms, ".15"), "size": 3, "dodge": len(arms) > 1}
                sns.stripplot(frame, **place, **points, jitter=False)
            for (module, arm), values in frame.groupby(["module", "arm"])["R@1"]:
                x = modules.index(str(module)) + 0.8 * ((arms.index(str(arm)) + 0.5) / len(arms) - 0.5)
                upright = {"fontsize": 8} if len(arms) < 3 else {"fontsize": 7, "rotation": 90}
                offset = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center", "va": "bottom"}
                axis.annotate(f"{values.mean():.1f}", (x, values.max()), **offset, **upright)
            axis.margins(y=0.16)
            axis.set(title=direction.replace("_", " "), xlabel="", ylabel="R@1 on test (percent)")
            axis.set_xticks(range(len(modules)), [module_name(module) for module in modules])
            handles = axis.get_legend().legend_handles[: len(arms)]
            axis.get_legend().remove()
        for handle, hatch in zip(handles, HATCHES):
            handle.set_hatch(hatch)
        names = [ARM_NAMES[arm] for arm in arms]
        figure.legend(handles, names, loc="outside lower center", ncols=min(3, len(arms)))
    return figure


def ablation_plot(
    series: Mapping[str, Mapping[str, tuple]], xlabel: str, ylabel: str = "rsum on test"
) -> Figure:
    """Values with their intervals over a few settings, distinguished by colour and mark.

    Args:
        series: by name, and by setting: (value, low, high, ...).
        xlabel: what the settings are.
        ylabel: what the values are.

    >>> figure = ablation_plot({"triplet": {"32": (250, 245, 255), "64": (252, 248, 256)}}, "batch size")
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['32', '64']
    """
    settings = list(dict.fromkeys(setting for values in series.values() for setting in values))
    step = 0.16 if sum(map(len, series.values())) > len(settings) else 0  # where they share a setting
    arms = list(ARM_NAMES.values())
    with canvas(max(4.2, 0.9 * len(settings) + 2.4), 2.9) as (figure, (axis,)):
        for k, (name, values) in enumerate(series.items()):
            points = np.array([value[:3] for value in values.values()], dtype=float)
            x = np.array([settings.index(setting) for setting in values]) + step * (k - (len(series) - 1) / 2)
            index = arms.index(name) if name in arms else k % len(arms)
            style = {"color": PALETTE[index], "fmt": MARKERS[index], "capsize": 3, "elinewidth": 1.5}
            reach = np.abs(points[:, 1:].T - points[:, 0])
            axis.errorbar(x, points[:, 0], reach, label=name, **style)
        axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.5, len(settings) - 0.5))
        axis.set_xticks(range(len(settings)), settings)
        if len(series) > 1:
            figure.legend(loc="outside right center")
    return figure


def share_bars(
    shares: Mapping[str, Mapping[str, float]], xlabel: str, signs: Sequence[str] = PALETTE
) -> Figure:
    """A bar a row, divided into named shares with their numbers; what is left to 100 stays pale.

    Args:
        shares: by row and name, in percent; the rows have the same names.
        xlabel: of what these are percent.
        signs: a colour a name.

    >>> figure = share_bars({"SAF": {"fits": 12.0, "secondary": 27.0}}, "wrong first results (percent)")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['12', '27']
    """
    names = list(next(iter(shares.values())))
    with canvas(6.8, 0.38 * len(shares) + 1.3) as (figure, (axis,)):
        axis.barh(range(len(shares)), 100, color=".93", height=0.66)
        left = np.zeros(len(shares))
        for name, colour, hatch in zip(names, signs, HATCHES):
            values = np.array([row[name] for row in shares.values()])
            style = {"color": colour, "hatch": hatch, "edgecolor": "white", "height": 0.66}
            axis.barh(range(len(shares)), values, left=left, label=name, **style)
            for row, value in enumerate(values):
                if value >= 4:  # narrower parts have no room for a number
                    plate = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
                    place = {"ha": "center", "va": "center", "fontsize": 8.5, "bbox": plate}
                    axis.text(left[row] + value / 2, row, f"{value:.0f}", **place)
            left += values
        axis.set(xlabel=xlabel, xlim=(0, 100), ylim=(len(shares) - 0.5, -0.5))
        axis.set_yticks(range(len(shares)), list(shares))
        axis.grid(False)
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        figure.legend(loc="outside lower center", ncols=min(3, len(names)))
    return figure
