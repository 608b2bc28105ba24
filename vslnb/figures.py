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


def _clean(axis) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="#dddddd", linewidth=0.7)
    axis.set_axisbelow(True)
