"""Arrays in, matplotlib Figure out. Okabe and Ito's colours, which colour-blind readers can tell apart."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib.figure
import numpy as np
from matplotlib.patches import Rectangle

ARM_COLOURS = {
    "triplet": "#0072B2",
    "vsl-paper": "#D55E00",
    "vsl-descending": "#009E73",
    "vsl-released": "#CC79A7",
    "vsl-shuffled": "#666666",
    "slack": "#E69F00",
    "slack-shuffled": "#56B4E9",
}
MARKS = (("o", "-"), ("s", "--"), ("^", "-."), ("v", ":"), ("x", (0, (1, 1))), ("D", "-"), ("P", ":"))
ARM_STYLES = dict(zip(ARM_COLOURS, MARKS))
MAIN, SECONDARY, PLAIN = "#009E73", "#CC79A7", "#666666"
MODULE_NAMES = {"saf": "SAF", "sgr": "SGR", "sgraf": "SGRAF", "cosine": "cosine"}
ARM_NAMES = {
    "triplet": "triplet alone",
    "vsl-paper": "triplet + VSL",
    "vsl-descending": "+ VSL, descending ranks",
    "vsl-released": "+ VSL, released ranks",
    "vsl-shuffled": "+ VSL, shuffled images",
    "slack": "margin by likeness",
    "slack-shuffled": "margin by likeness, shuffled",
}


class Figure(matplotlib.figure.Figure):
    """A Figure that a notebook shows as a picture, whether or not pyplot has set it up to."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=100)
        return stream.getvalue()


def learning_curves(logs: Sequence[tuple[str, str, Sequence[float]]]) -> Figure:
    """Dev rsum after every epoch, a panel a module.

    Args:
        logs: (module, arm, rsum of every epoch).

    >>> len(learning_curves([("saf", "triplet", [100, 200])]).axes)
    1
    """
    panels: dict[str, dict[str, Sequence[float]]] = {}
    for module, arm, values in logs:
        panels.setdefault(MODULE_NAMES[module], {})[arm] = values
    figure = by_epoch(panels, share=True)
    figure.axes[0].set_ylabel("rsum on dev (of 600)")
    return figure


def by_epoch(panels: dict[str, dict[str, Sequence[float]]], share: bool = False) -> Figure:
    """What was measured after or over every epoch, an arm a line; three panels a row.

    Args:
        panels: by title, the values of every arm; NaN is not drawn, and an arm without values not at all.
        share: one y axis for all panels.
    """
    rows, columns = -(-len(panels) // 3), min(3, len(panels))
    size = (3.2 * columns + 0.6, 2.7 * rows + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, sharey=share, squeeze=False).ravel()
    for axis, (title, arms) in zip(axes, panels.items()):
        for arm, values in arms.items():
            if len(values):
                marker, line = ARM_STYLES[arm]
                style = {"color": ARM_COLOURS[arm], "marker": marker, "linestyle": line, "markersize": 5}
                axis.plot(np.arange(1, len(values) + 1), values, label=ARM_NAMES[arm], **style)
        axis.set(title=title, xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        _clean(axis)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    most = max(axes[: len(panels)], key=lambda axis: len(axis.lines))
    names = most.get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=min(3, len(names[1])), frameon=False, fontsize=9)
    return figure


def recall_table(results: Sequence[dict]) -> Figure:
    """R@1 both ways by module and arm, mean over seeds, every seed a point.

    Args:
        results: contents of results.json.
    """
    figure = Figure(figsize=(8, 3.1), layout="constrained")
    modules = list(dict.fromkeys(result["module"] for result in results))
    arms = [arm for arm in ARM_COLOURS if any(result["arm"] == arm for result in results)]
    width = 0.76 / len(arms)
    axes = figure.subplots(1, 2, sharey=True)
    for axis, direction in zip(axes, ("image_to_text", "text_to_image")):
        for k, arm in enumerate(arms):
            for m, module in enumerate(modules):
                values = [
                    r["test"][direction]["R@1"] for r in results if (r["arm"], r["module"]) == (arm, module)
                ]
                if not values:
                    continue
                x, mean = m + width * (k + 0.5) - 0.38, float(np.mean(values))
                colour, hatch = ARM_COLOURS[arm], ("", "//", "..", "xx", "--")[k % 5]
                axis.bar(x, mean, 0.94 * width, color=colour, hatch=hatch, edgecolor="white")
                if len(values) > 1:
                    axis.plot([x] * len(values), values, ".", color="#222222", markersize=4)
                place = {"textcoords": "offset points", "ha": "center", "va": "bottom"}
                upright = {"fontsize": 8} if len(arms) < 3 else {"fontsize": 7, "rotation": 90}
                axis.annotate(f"{mean:.1f}", (x, max(values)), (0, 3), **place, **upright)
        axis.margins(y=0.16)
        axis.set(title=direction.replace("_", " "), xticks=range(len(modules)))
        axis.set_xticklabels([MODULE_NAMES[module] for module in modules])
        _clean(axis)
    axes[0].set_ylabel("R@1 on test (percent)")
    handles = [Rectangle((0, 0), 1, 1, color=ARM_COLOURS[arm]) for arm in arms]
    names = [ARM_NAMES[arm] for arm in arms]
    figure.legend(handles, names, loc="outside lower center", ncols=min(3, len(arms)), frameon=False)
    return figure


def ablation(series: dict[str, dict[str, tuple]], xlabel: str, ylabel: str = "rsum on test") -> Figure:
    """Values with their intervals over a few settings, told apart by colour and mark.

    Args:
        series: by name, and by setting: (value, low, high, ...).
        xlabel: what the settings are.
        ylabel: what the values are.
    """
    settings = list(dict.fromkeys(setting for values in series.values() for setting in values))
    figure = Figure(figsize=(max(4.2, 1.05 * len(settings) + 2.4), 2.9), layout="constrained")
    axis = figure.subplots()
    apart = 0.16 if sum(map(len, series.values())) > len(settings) else 0  # where they share a setting
    for k, (name, values) in enumerate(series.items()):
        plain = list(ARM_COLOURS.values())[k % len(ARM_COLOURS)]
        colour = next((ARM_COLOURS[arm] for arm, told in ARM_NAMES.items() if told == name), plain)
        x = np.array([settings.index(setting) for setting in values]) + apart * (k - (len(series) - 1) / 2)
        points = np.array([value[:3] for value in values.values()])
        reach = np.abs(points[:, 1:].T - points[:, 0])
        axis.errorbar(x, points[:, 0], reach, fmt="os^vD"[k % 5], color=colour, capsize=3, label=name)
    axis.set(xticks=range(len(settings)), xlabel=xlabel, ylabel=ylabel, xlim=(-0.5, len(settings) - 0.5))
    axis.set_xticklabels(settings)
    if len(series) > 1:
        figure.legend(loc="outside right center", frameon=False)
    _clean(axis)
    return figure


def pictures(images: Sequence, titles: Sequence[str], boxes: Sequence[dict] | None = None) -> Figure:
    """Pictures in a row with text under each, and boxes by colour.

    Args:
        images: anything matplotlib shows.
        titles: text below each; plain text, whatever it holds.
        boxes: for each picture {colour: boxes (n, 4) as shares of the picture}.
    """
    figure = Figure(figsize=(3.3 * len(images), 4.1), layout="constrained")
    axes = figure.subplots(1, len(images), squeeze=False)[0]
    for k, (axis, image, title) in enumerate(zip(axes, images, titles)):
        axis.imshow(image)
        height, width = np.asarray(image).shape[:2]
        for colour, group in (boxes[k] if boxes else {}).items():
            for x0, y0, x1, y1 in group:
                corner, size = (x0 * width, y0 * height), ((x1 - x0) * width, (y1 - y0) * height)
                axis.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=1.6))
        # A dollar sign in a caption is not mathematics.
        axis.set_xlabel(title.replace("$", r"\$"), fontsize=9.5, loc="left")
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set_visible(False)
    return figure


def similarity_map(matrix: np.ndarray, images: Sequence) -> Figure:
    """A square matrix (n, n) with a picture for every row and column.

    Args:
        matrix: the similarities.
        images: n pictures, anything matplotlib shows.
    """
    n = len(matrix)
    figure = Figure(figsize=(7.2, 6.6), layout="constrained")
    axis = figure.subplots()
    shown = axis.imshow(matrix, cmap="viridis_r", vmin=0)
    axis.set(xticks=[], yticks=[], xlim=(-1.6, n - 0.5), ylim=(n - 0.5, -1.6))
    for k, image in enumerate(images):
        for extent in ((k - 0.46, k + 0.46, -0.6, -1.52), (-1.52, -0.6, k + 0.46, k - 0.46)):
            axis.imshow(image, extent=extent, aspect="auto")
    axis.set(xlim=(-1.6, n - 0.5), ylim=(n - 0.5, -1.6))
    axis.set_aspect("equal")
    for spine in axis.spines.values():
        spine.set_visible(False)
    bright = matrix.max() / 2
    for i in range(n):
        for j in range(n):
            colour = "white" if matrix[i, j] > bright else "#333333"
            axis.text(j, i, f"{100 * matrix[i, j]:.0f}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(shown, ax=axis, shrink=0.8, label="C (cells show 100 C)")
    return figure


def histogram(groups: dict[str, np.ndarray], label: str) -> Figure:
    """The distribution of each group of numbers, as shares, on one axis."""
    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    axis = figure.subplots()
    edges = np.linspace(0, max(float(np.max(values)) for values in groups.values()), 50)
    for (name, values), (colour, hatch) in zip(groups.items(), ((MAIN, None), (SECONDARY, "//"))):
        weights = np.full(len(values), 100 / len(values))
        axis.hist(values, edges, weights=weights, label=name, color=colour, alpha=0.75, hatch=hatch)
    axis.set(xlabel=label, ylabel="percent of pairs", yscale="log")
    axis.legend(frameon=False)
    _clean(axis)
    return figure


def agreement(values: dict[str, np.ndarray], taus: dict[str, float], points: int = 4000) -> Figure:
    """Scatter of every two named similarities, with Kendall's tau.

    Args:
        values: the same pairs' values under each name.
        taus: by "NAME, NAME".
        points: drawn at most, evenly taken.
    """
    figure = Figure(figsize=(9, 3.1), layout="constrained")
    axes = figure.subplots(1, len(taus))
    for axis, (names, tau) in zip(np.atleast_1d(axes), taus.items()):
        a, b = names.split(", ")
        step = max(1, len(values[a]) // points)
        axis.plot(
            values[a][::step], values[b][::step], ".", color=PLAIN, markersize=2, alpha=0.4, rasterized=True
        )
        axis.set(xlabel=a, ylabel=b, title=f"Kendall tau {tau:.2f}")
        _clean(axis)
    return figure


def by_group(groups: dict[int, np.ndarray], xlabel: str, ylabel: str) -> Figure:
    """Median, quartiles and 5 to 95 percent of each group of numbers."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    axis = figure.subplots()
    for x, values in groups.items():
        low, first, middle, third, high = np.percentile(values, [5, 25, 50, 75, 95])
        axis.plot([x, x], [low, high], color=MAIN, linewidth=1.5)
        axis.plot([x, x], [first, third], color=MAIN, linewidth=9, alpha=0.5, solid_capstyle="butt")
        axis.plot(x, middle, "o", color=MAIN)
        axis.annotate(
            f"{len(values):,}", (x, high), (0, 4), textcoords="offset points", ha="center", fontsize=8
        )
    axis.set(xlabel=f"{xlabel} (number of pairs above)", ylabel=ylabel, xticks=list(groups))
    axis.margins(y=0.12)
    _clean(axis)
    return figure


def matrices(named: dict[str, np.ndarray], signed: bool = False) -> Figure:
    """Small matrices side by side, with their numbers while these are legible.

    Args:
        named: title and matrix (n, m).
        signed: colours around zero, each panel by its own largest absolute value.
    """
    figure = Figure(figsize=(3 * len(named), 3.4), layout="constrained")
    axes = figure.subplots(1, len(named), squeeze=False)[0]
    for axis, (name, matrix) in zip(axes, named.items()):
        matrix = np.asarray(matrix, dtype=float)
        limit = float(np.abs(matrix).max()) or 1.0
        colours = {"cmap": "PuOr", "vmin": -limit, "vmax": limit} if signed else {"cmap": "viridis_r"}
        shown = axis.imshow(matrix, **colours)
        axis.set(title=name, xticks=[], yticks=[])
        if matrix.size > 64:
            continue
        for (i, j), value in np.ndenumerate(matrix):
            red, green, blue, _ = shown.cmap(shown.norm(value))
            light = 0.3 * red + 0.6 * green + 0.1 * blue > 0.5
            digits = 3 if signed else 2 if limit <= 1 else 1 if abs(value) < 10 else 0
            text = f"{value:.{digits}f}"
            axis.text(j, i, text, ha="center", va="center", fontsize=7.5, color="black" if light else "white")
    return figure


def curves(
    x: np.ndarray,
    named: dict[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    falling: bool = False,
    log: bool = True,
) -> Figure:
    """Lines told apart by colour, dash and a label at the side.

    Args:
        x: common to all.
        named: label and values.
        xlabel: with unit.
        ylabel: with unit.
        falling: the largest x at the left.
        log: a logarithmic x axis.
    """
    figure = Figure(figsize=(6.8, 3), layout="constrained")
    axis = figure.subplots()
    palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
    for k, (name, values) in enumerate(named.items()):
        dash = ("-", "--", "-.", ":")[k % 4]
        axis.plot(x, values, dash, color=palette[k % len(palette)], label=name, linewidth=1.8)
    axis.set(xscale="log" if log else "linear", xlabel=xlabel, ylabel=ylabel)
    if falling:
        axis.invert_xaxis()
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    _clean(axis)
    return figure


def effects(
    panels: dict[str, tuple[dict[str, Sequence[float]], dict[str, tuple]]],
    share: bool = False,
    published: dict[str, dict[str, float]] | None = None,
) -> Figure:
    """Forest plots side by side: every seed's difference a point, mean and interval a bar, a row an arm.

    Args:
        panels: by the label of an x axis, the differences of every row and (mean, low, high, ...) of every row;
            bounds that are NaN are not drawn.
        share: one x axis for all panels.
        published: by panel and row, what others have published, a hollow triangle.
    """
    rows = list(dict.fromkeys(row for differences, _ in panels.values() for row in differences))
    width = 6.8 if len(panels) == 1 else 2.5 * len(panels) + 1.6
    figure = Figure(figsize=(width, 0.5 * len(rows) + 1.3), layout="constrained")
    for axis, (label, (differences, intervals)) in zip(
        figure.subplots(1, len(panels), sharey=True, sharex=share, squeeze=False)[0], panels.items()
    ):
        for name, values in differences.items():
            row, (mean, low, high) = rows.index(name), intervals[name][:3]
            axis.plot([low, high], [row, row], color=ARM_COLOURS["triplet"], linewidth=2)
            axis.plot(mean, row, "D", color=ARM_COLOURS["triplet"], markersize=6)
            if len(values) > 1:
                axis.plot(values, np.full(len(values), row + 0.25), "o", color=PLAIN, markersize=3.5)
            if name in (claimed := (published or {}).get(label, {})):
                axis.plot(claimed[name], row, "v", markerfacecolor="white", markeredgecolor="#D55E00")
        axis.axvline(0, color="#222222", linewidth=1, linestyle="--")
        axis.set(yticks=range(len(rows)), yticklabels=rows, xlabel=label)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        _clean(axis)
        axis.grid(axis="x", color="#dddddd", linewidth=0.7)
    return figure


def _clean(axis) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="#dddddd", linewidth=0.7)
    axis.set_axisbelow(True)
