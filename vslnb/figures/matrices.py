"""Matrices as heat maps, their numbers in the cells while these are legible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vslnb.figures.style import Figure, bare, canvas, sns

LEGIBLE = 64  # cells
SEQUENTIAL, DIVERGING = "YlGnBu", "PuOr"


def heat_maps(
    named: Mapping[str, Any],
    signed: bool = False,
    xlabel: str = "caption",
    ylabel: str = "image",
    key: str = "",
    limits: Sequence[tuple[float, float]] | None = None,
) -> Figure:
    """Small matrices side by side, with their numbers while these are legible.

    Args:
        named: title and matrix (n, m).
        signed: colours around zero.
        xlabel: what a column is.
        ylabel: what a row is.
        key: what the colours mean; with it, a colour bar under each matrix.
        limits: the values of the palest and the darkest colour of every matrix, so that two figures can be compared;
            without them each matrix has its own.

    >>> figure = heat_maps({"scores": np.eye(2), "ranks": [[1, 2], [2, 1]]})
    >>> [axis.get_title() for axis in figure.axes]
    ['scores', 'ranks']
    """
    columns = 2 if len(named) == 4 else min(3, len(named))
    rows = -(-len(named) // columns)
    size = 2.55 * columns + 0.3, (2.7 + 0.5 * bool(key)) * rows + 0.35
    with canvas(*size, rows, columns) as (figure, axes):
        for k, (axis, (name, values)) in enumerate(zip(axes, named.items())):
            matrix = np.asarray(values, dtype=float)
            limit = float(np.abs(matrix).max()) or 1.0
            colours = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit} if signed else {"cmap": SEQUENTIAL}
            if limits:
                colours |= dict(zip(("vmin", "vmax"), limits[k]))
            if matrix.size <= LEGIBLE:
                digits = 2 if signed or limit <= 1 else 1
                numbers = [[_short(value, digits) for value in row] for row in matrix]
                colours |= {"annot": np.array(numbers), "fmt": "", "annot_kws": {"fontsize": 7.5}}
            bar = {"cbar": bool(key), "cbar_kws": {"location": "bottom", "shrink": 0.9, "pad": 0.02}}
            sns.heatmap(matrix, ax=axis, square=True, linewidths=0.5, **colours, **bar)
            bare(axis)
            axis.set_title(name)
            axis.set_xlabel(xlabel if k + columns >= len(named) else "")
            axis.set_ylabel("" if k % columns else ylabel)
        for axis in axes[len(named) :]:
            axis.set_visible(False)
        if key:
            figure.supxlabel(key, fontsize=9)
    return figure


def similarity_map(matrix: np.ndarray, images: Sequence[Any]) -> Figure:
    """A square matrix of similarities with the image of every row and column beside it.

    Args:
        matrix: (n, n), from 0; the cells show a hundred times as much.
        images: n, anything matplotlib shows.

    >>> figure = similarity_map(np.eye(2), [np.zeros((4, 4)), np.ones((4, 4))])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['100', '0', '0', '100']
    """
    n = len(matrix)
    with canvas(7, 6.2) as (figure, (axis,)):
        style = {"cmap": SEQUENTIAL, "vmin": 0, "linewidths": 0.5, "annot_kws": {"fontsize": 8}}
        key = {"shrink": 0.8, "label": "C (cells show 100 C)"}
        numbers = np.round(100 * np.asarray(matrix)).astype(int)
        sns.heatmap(matrix, ax=axis, annot=numbers, fmt="d", cbar_kws=key, **style)
        bare(axis)
        for k, image in enumerate(images):
            for extent in ((k + 0.04, k + 0.96, -0.08, -1), (-1, -0.08, k + 0.96, k + 0.04)):
                axis.imshow(image, extent=extent, aspect="auto")
        axis.set(xlim=(-1.05, n), ylim=(n, -1.05), aspect="equal")
    return figure


def _short(value: float, digits: int) -> str:
    """A number of at most `digits` decimals; what rounds to zero is "0".

    >>> _short(-0.0001, 2), _short(0.5, 2), _short(12.34, 1)
    ('0', '0.50', '12')
    """
    if not round(value, digits):
        return "0"
    return f"{value:.{digits if abs(value) < 10 else 0}f}"
