"""One diagram of the method, as Fig. 2 of the paper: two matrices of a batch, their ranks, and the loss."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from vslnb.figures.style import MAIN, PALETTE, Figure, Style, bare, canvas, escaped, sns

WIDTH, HEIGHT = 11.0, 5.7  # inches, which are the units of the diagram
CELL, SMALL = 0.42, 8.8
UPPER, LOWER = 3.3, 0.4  # the lower edge of each branch
COLUMNS = 4.35, 7.05  # left edges of the matrices
SCORES, CAPTIONS = PALETTE[0], MAIN  # a colour a branch


def method_diagram(
    images: Sequence[Any],
    captions: Sequence[Sequence[str]],
    matrices: Sequence[np.ndarray],
    loss: float,
    framed: tuple[int, int] | None = None,
) -> Figure:
    """A batch on its way through Eq. 1 to 6: scores S above, similarity of captions C below, ranks, loss.

    Args:
        images: n, anything matplotlib shows; four are legible.
        captions: of every image, all of them; the first is the one that is scored.
        matrices: S, C and the rank matrices SR and CR, each (n, n).
        loss: the value of Eq. 5.
        framed: row and column of a cell of both rank matrices to look at.

    >>> square = np.eye(2)
    >>> figure = method_diagram([np.zeros((4, 4))] * 2, [["a dog"]] * 2, [square] * 4, 0.25)
    >>> any("0.250" in text.get_text() for text in figure.axes[0].texts)
    True
    """
    scores, similarity, score_ranks, caption_ranks = map(np.asarray, matrices)
    n = len(images)
    side = CELL * n
    with canvas(WIDTH, HEIGHT) as (figure, (axis,)):
        bare(axis)
        axis.set(xlim=(0, WIDTH), ylim=(0, HEIGHT), aspect="equal")
        scored = [_one(chr(ord("a") + k), texts[0]) for k, texts in enumerate(captions)]
        _inputs(axis, images, scored, UPPER, side, "A batch: pictures, and one caption of each")
        _inputs(axis, images, list(map(_many, captions)), LOWER, side, "All captions of each picture")
        branches = (
            (UPPER, SCORES, "the model's\nscores", (("S", scores), ("SR", score_ranks))),
            (LOWER, CAPTIONS, "CIDEr of\ncaptions\n(Eq. 3)", (("C", similarity), ("CR", caption_ranks))),
        )
        for bottom, colour, what, named in branches:
            middle = bottom + side / 2
            _arrow(axis, (2.95, middle), (COLUMNS[0] - 0.48, middle), what, colour)
            _arrow(
                axis,
                (COLUMNS[0] + side + 0.08, middle),
                (COLUMNS[1] - 0.48, middle),
                "soft rank\n(Eq. 4)",
                colour,
            )
            for left, (name, matrix) in zip(COLUMNS, named):
                letters = [chr(ord("a") + k) if bottom == UPPER else k for k in range(n)]
                _matrix(axis, left, bottom, matrix, name, images, letters, colour)
            if framed:
                corner = COLUMNS[1] + framed[1] * CELL, bottom + (n - 1 - framed[0]) * CELL
                axis.add_patch(Rectangle(corner, CELL, CELL, fill=False, edgecolor="black", linewidth=2.2))
        _losses(axis, side, loss)
    return figure


def _inputs(
    axis: Axes, images: Sequence, labels: Sequence[str], bottom: float, side: float, title: str
) -> None:
    axis.text(0.1, bottom + side + 0.3, title, weight="bold", va="bottom")
    height = side / len(images)
    for k, (image, label) in enumerate(zip(images, labels)):
        top = bottom + side - k * height
        axis.imshow(image, extent=(0.1, 0.1 + height * 0.92, top - height * 0.96, top - height * 0.04))
        style: Style = {"va": "center", "fontsize": 7.6, "linespacing": 1.05}
        axis.text(0.2 + height, top - height / 2, label, **style)


def _one(letter: str, text: str) -> str:
    """The caption that is scored, in at most two lines, after the letter of its column."""
    return textwrap.fill(f"{letter}  {textwrap.shorten(escaped(text), 66, placeholder=' …')}", 40)


def _many(texts: Sequence[str]) -> str:
    """The first two captions, a line each, and how many more there are."""
    lines = [textwrap.shorten(escaped(text), 27, placeholder=" …") for text in texts[:2]]
    if len(texts) > len(lines):
        lines[-1] = f"{lines[-1].removesuffix(' …')} … and {len(texts) - 2} more"
    return "\n".join(lines)


def _matrix(
    axis: Axes,
    left: float,
    bottom: float,
    matrix: np.ndarray,
    name: str,
    images: Sequence,
    columns: Sequence,
    colour: str,
) -> None:
    """Coloured cells with their numbers; a picture beside every row, a letter or a picture above every column."""
    n = len(matrix)
    low, high = float(matrix.min()), float(matrix.max())
    shades = sns.light_palette(colour, as_cmap=True)
    for i in range(n):
        y = bottom + (n - 1 - i) * CELL
        axis.imshow(images[i], extent=(left - CELL, left - 0.04, y + 0.03, y + CELL - 0.03), aspect="auto")
        for j in range(n):
            share = (matrix[i, j] - low) / ((high - low) or 1.0)
            style: Style = {"edgecolor": "white", "facecolor": shades(0.85 * share)}
            axis.add_patch(Rectangle((left + j * CELL, y), CELL, CELL, **style))
            text = (
                f"{matrix[i, j]:.1f}" if name.endswith("R") else f"{matrix[i, j]:.2f}".replace("0.", ".", 1)
            )
            place: Style = {"ha": "center", "va": "center", "fontsize": SMALL - 0.6}
            axis.text(
                left + (j + 0.5) * CELL,
                y + CELL / 2,
                text,
                color="white" if share > 0.7 else "black",
                **place,
            )
    for j, column in enumerate(columns):
        x, y = left + j * CELL, bottom + n * CELL
        if isinstance(column, str):
            axis.text(x + CELL / 2, y + 0.06, column, ha="center", va="bottom", fontsize=SMALL)
        else:
            axis.imshow(images[column], extent=(x + 0.05, x + CELL - 0.05, y + 0.03, y + 0.33), aspect="auto")
    axis.text(left + n * CELL / 2, bottom - 0.08, name, ha="center", va="top", weight="bold", color=colour)


def _arrow(axis: Axes, start: tuple, end: tuple, text: str, colour: str) -> None:
    _line(axis, start, end, colour)
    style: Style = {"ha": "center", "va": "bottom", "fontsize": SMALL - 0.6, "linespacing": 1.1}
    axis.text((start[0] + end[0]) / 2, start[1] + 0.1, text, **style)


def _losses(axis: Axes, side: float, loss: float) -> None:
    """The triplet loss of the scores above, VSL of the two rank matrices in the middle, their sum below."""
    right, x = COLUMNS[1] + side, 10.0
    upper, middle, lower = UPPER + side + 0.48, (UPPER + LOWER + side) / 2, LOWER + 0.1
    boxes = (
        (upper, "Triplet loss (Eq. 2): does\neach pair score highest?", SCORES),
        (middle, f"VSL (Eq. 5): are the\nranks the same?\n$\\mathcal{{L}}_{{vs}}$ = {loss:.3f}", CAPTIONS),
        (
            lower,
            "What is minimised (Eq. 6)\n$\\alpha\\,\\mathcal{L}_{triplet} + \\beta\\,\\mathcal{L}_{vs}$",
            ".3",
        ),
    )
    for y, text, colour in boxes:
        style: Style = {
            "boxstyle": "round,pad=0.45",
            "facecolor": "white",
            "edgecolor": colour,
            "linewidth": 1.4,
        }
        axis.text(x, y, text, ha="center", va="center", fontsize=SMALL, bbox=style, linespacing=1.3)
    for bottom, colour, end in ((UPPER, SCORES, 0.15), (LOWER, CAPTIONS, -0.15)):
        _line(axis, (right + 0.08, bottom + side / 2), (x - 0.95, middle + end), colour)
    start = COLUMNS[0] + side / 2, UPPER + side + 0.3
    _line(axis, start, (x - 1.0, upper), SCORES, "angle,angleA=90,angleB=0,rad=4")
    _line(axis, (x - 0.2, middle - 0.5), (x - 0.2, lower + 0.38), ".3")
    _line(axis, (x + 0.78, upper - 0.3), (x + 0.78, lower + 0.38), ".3")


def _line(axis: Axes, start: tuple, end: tuple, colour: str, path: str = "arc3") -> None:
    style: Style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.6, "connectionstyle": path}
    axis.annotate("", end, start, arrowprops=style)
