"""Arrays in, matplotlib Figure out. Okabe and Ito's colours, which colour-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

ARM_COLOURS = {"triplet": "#0072B2", "vsl-paper": "#D55E00"}
MAIN, SECONDARY, PLAIN = "#009E73", "#CC79A7", "#666666"
MODULE_NAMES = {"saf": "SAF", "sgr": "SGR", "cosine": "cosine"}
ARM_NAMES = {"triplet": "triplet alone", "vsl-paper": "triplet + VSL"}


def learning_curves(logs: Sequence[tuple[str, str, Sequence[float]]]) -> Figure:
    """Dev rsum after every epoch, a panel a module.

    Args:
        logs: (module, arm, rsum of every epoch).

    >>> len(learning_curves([("saf", "triplet", [100, 200])]).axes)
    1
    """
    modules = list(dict.fromkeys(module for module, _, _ in logs))
    figure = Figure(figsize=(3.2 * len(modules) + 0.6, 3.1), layout="constrained")
    axes = figure.subplots(1, len(modules), sharey=True, squeeze=False)[0]
    for axis, module in zip(axes, modules):
        for _, arm, values in (log for log in logs if log[0] == module):
            style = {"color": ARM_COLOURS[arm], "marker": "o" if arm == "triplet" else "s", "markersize": 5}
            style["linestyle"] = "-" if arm == "triplet" else "--"
            axis.plot(np.arange(1, len(values) + 1), values, label=ARM_NAMES[arm], **style)
        axis.set(title=MODULE_NAMES[module], xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        _clean(axis)
    axes[0].set_ylabel("rsum on dev (of 600)")
    axes[0].legend(frameon=False, fontsize=9)
    return figure


def recall_table(results: Sequence[dict]) -> Figure:
    """R@1 both ways of every run, baseline and VSL side by side.

    Args:
        results: contents of results.json.
    """
    figure = Figure(figsize=(8, 3.1), layout="constrained")
    modules = list(dict.fromkeys(result["module"] for result in results))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, way in zip(axes, ("image_to_text", "text_to_image")):
        for k, arm in enumerate(ARM_COLOURS):
            for result in (r for r in results if r["arm"] == arm):
                x, value = modules.index(result["module"]) + 0.36 * k - 0.18, result["test"][way]["R@1"]
                hatch = "//" if k else None
                axis.bar(x, value, 0.34, color=ARM_COLOURS[arm], hatch=hatch, edgecolor="white")
                axis.annotate(
                    f"{value:.1f}", (x, value), (0, 2), textcoords="offset points", ha="center", fontsize=8
                )
        axis.set(title=way.replace("_", " "), xticks=range(len(modules)))
        axis.set_xticklabels([MODULE_NAMES[module] for module in modules])
        _clean(axis)
    axes[0].set_ylabel("R@1 on test (percent)")
    handles = [Rectangle((0, 0), 1, 1, color=colour) for colour in ARM_COLOURS.values()]
    figure.legend(handles, list(ARM_NAMES.values()), loc="outside lower center", ncols=2, frameon=False)
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
            text = f"{value:.3f}" if signed else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"
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
    differences: dict[str, Sequence[float]], intervals: dict[str, tuple[float, float, float]], label: str
) -> Figure:
    """A forest plot: every seed's difference as a point, mean and interval as a bar, a row an arm."""
    figure = Figure(figsize=(6.8, 0.7 * len(differences) + 1.1), layout="constrained")
    axis = figure.subplots()
    for row, (arm, values) in enumerate(differences.items()):
        mean, low, high = intervals[arm]
        axis.plot([low, high], [row, row], color=ARM_COLOURS["triplet"], linewidth=2)
        axis.plot(mean, row, "D", color=ARM_COLOURS["triplet"], markersize=7)
        axis.plot(values, np.full(len(values), row - 0.22), "o", color=PLAIN, markersize=4)
    axis.axvline(0, color="#222222", linewidth=1, linestyle="--")
    axis.set(yticks=range(len(differences)), yticklabels=list(differences), xlabel=label)
    axis.set_ylim(len(differences) - 0.5, -0.6)
    _clean(axis)
    axis.grid(axis="x", color="#dddddd", linewidth=0.7)
    return figure


def _clean(axis) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="#dddddd", linewidth=0.7)
    axis.set_axisbelow(True)
