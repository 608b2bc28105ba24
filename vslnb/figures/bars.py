"""A few numbers as bars, each beside what it would be if nothing were special."""

from __future__ import annotations

from collections.abc import Mapping

from vslnb.figures.style import PALETTE, SECONDARY, Figure, canvas, wrapped


def bars_against(panels: Mapping[str, tuple[Mapping[str, float], float | None, str]]) -> Figure:
    """Bars with their numbers, panels side by side, and a line at the value to compare with.

    Args:
        panels: by the label of an x axis, the numbers by row, the value to compare with or None, and its name.

    >>> figure = bars_against({"share on the top tenth (%)": ({"SAF": 0.1, "SGR": 1.0}, 9.4, "an even share")})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['0.1', '1', 'an even share, 9.4']
    """
    rows = list(dict.fromkeys(row for values, *_ in panels.values() for row in values))
    with canvas(3.6 * len(panels) + 0.6, 0.42 * len(rows) + 1.1, 1, len(panels), sharey=True) as drawn:
        figure, axes = drawn
        for axis, (label, (values, reference, name)) in zip(axes, panels.items()):
            axis.barh([rows.index(row) for row in values], list(values.values()), 0.55, color=PALETTE[0])
            for row, value in values.items():
                place = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
                axis.annotate(f"{value:.2g}", (value, rows.index(row)), fontsize=9, **place)
            if reference is not None:
                axis.axvline(reference, color=SECONDARY, linewidth=2, linestyle="--")
                note = {"xytext": (-4, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
                axis.annotate(f"{name}, {reference:.2g}", (reference, -0.75), fontsize=9, **note)
            axis.set(xlim=(0, 1.25 * max(*values.values(), reference or 0)), xlabel=wrapped(label, 42))
            axis.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.5, -1.1))
            axis.grid(True, axis="x")
            axis.grid(False, axis="y")
            axis.tick_params(axis="y", length=0)
    return figure
