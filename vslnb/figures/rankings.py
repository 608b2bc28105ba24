"""Ranked images and captions, and attention: hits have a tick, misses a cross, besides the colour."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from vslnb.data.photos import read_photo
from vslnb.data.precomp import Split
from vslnb.figures.style import MAIN, Figure, Style, bare, canvas, escaped, wrapped

HIT, MISS = MAIN, "#B2182B"  # green and a red that is darker, so that they differ in grey too
ATTENTION, LEAST = (
    "#B8009C",
    0.08,
)  # a colour that no picture of the world has; the least share that is outlined


class Ranking(NamedTuple):
    """The first few of one model's ranking, and the rank of the ground truth, counted from 1."""

    model: str
    items: Sequence[Any]  # images, or captions
    hits: Sequence[bool]
    rank: int
    ground_truth: Any = None  # an item, shown after the others where it is not among them


def read_picture(split: Split, image: int) -> np.ndarray:
    """The picture (height, width, 3) of an image; a grey plate where a data set comes without, as the field's do."""
    files = split.pictures()
    if files is None:
        return np.full((64, 64, 3), 225, dtype=np.uint8)
    return np.asarray(read_photo(files[image]))


def ranked_images(query: str, rankings: Sequence[Ranking]) -> Figure:
    """Text to image: a caption's first images under each model, a row a model.

    Args:
        query: the caption.
        rankings: one a model; items are images, anything matplotlib shows.

    >>> ranking = Ranking("SAF", [np.zeros((4, 4)), np.ones((4, 4))], [False, True], 2)
    >>> [axis.get_title() for axis in ranked_images("a dog", [ranking]).axes]
    ['1 ✗', '2 ✓']
    """
    top = max(len(ranking.items) for ranking in rankings)
    columns = top + any(map(_is_deeper, rankings))
    with canvas(1.6 * columns + 0.4, 1.75 * len(rankings) + 0.2, len(rankings), columns) as (figure, axes):
        figure.suptitle(f"Query: {query}", x=0.01, ha="left")
        for row, ranking in zip(axes.reshape(len(rankings), columns), rankings):
            shown = [(k, *pair) for k, pair in enumerate(zip(ranking.items, ranking.hits), 1)]
            places = list(zip(row, shown))
            if _is_deeper(ranking):
                places.append((row[top], (ranking.rank, ranking.ground_truth, True)))
            for axis in row:
                axis.set_axis_off()
            for axis, (k, image, hit) in places:
                axis.set_axis_on()
                axis.imshow(image)
                _frame(axis, hit)
                axis.set_title(f"{'… ' if k > top else ''}{k} {_mark(hit)}", color=_colour(hit))
            row[0].set_ylabel(f"{ranking.model}\nground truth at rank {ranking.rank}", fontsize=9)
    return figure


def ranked_captions(query: Any, rankings: Sequence[Ranking]) -> Figure:
    """Image to text: an image's first captions under each model, a column a model.

    Args:
        query: the image, anything matplotlib shows.
        rankings: one a model; items are captions.

    >>> figure = ranked_captions(np.zeros((4, 4)), [Ranking("SAF", ["a dog"], [True], 1)])
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['✓ 1', 'a dog']
    """
    top = max(len(ranking.items) for ranking in rankings)
    lines = top + any(map(_is_deeper, rankings))
    left, letters = (0.17, 46) if lines > top else (0.1, 50)  # a rank such as 104 takes more room
    widths = [2.0] + [3.5] * len(rankings)
    size = sum(widths), 0.42 * lines + 0.7
    with canvas(*size, 1, len(widths), width_ratios=widths) as (figure, axes):
        axes[0].imshow(query)
        bare(axes[0])
        axes[0].set_title("query")
        for axis, ranking in zip(axes[1:], rankings):
            axis.set_axis_off()
            axis.set_title(f"{ranking.model}: ground truth at rank {ranking.rank}", loc="left")
            shown = [(k, *pair) for k, pair in enumerate(zip(ranking.items, ranking.hits), 1)]
            if _is_deeper(ranking):
                shown.append((ranking.rank, ranking.ground_truth, True))
            for line, (k, caption, hit) in enumerate(shown):
                text = textwrap.fill(textwrap.shorten(escaped(caption), 92, placeholder=" …"), letters)
                y = 1 - (line + 0.5) / lines
                axis.text(0, y, f"{_mark(hit)} {k}", color=_colour(hit), va="center", weight="bold")
                axis.text(left, y, text, va="center", fontsize=8.5)
    return figure


def _is_deeper(ranking: Ranking) -> bool:
    return ranking.ground_truth is not None and not any(ranking.hits)


def image_row(
    images: Sequence[Any], labels: Sequence[str], boxes: Sequence[Mapping[str, Any]] | None = None
) -> Figure:
    """Images in a row with text under each, and boxes by colour.

    Args:
        images: anything matplotlib shows.
        labels: text below each; plain text, whatever it holds.
        boxes: for each image {colour: boxes (n, 4) as shares of width and height}.

    >>> figure = image_row([np.zeros((4, 4))], ["costs $5"], [{"red": [(0, 0, 0.5, 1)]}])
    >>> len(figure.axes[0].patches)
    1
    """
    texts = [wrapped(label, 40) for label in labels]
    height = 3.1 * _tallest(images) + 0.1 + 0.28 * max(2, *(len(text.splitlines()) for text in texts))
    with canvas(3.1 * len(images), height, 1, len(images)) as (figure, axes):
        for axis, image, text, groups in zip(axes, images, texts, boxes or [{}] * len(images)):
            axis.imshow(image)
            bare(axis)
            for colour, group in groups.items():
                for box in group:
                    _outline(axis, image, box, colour)
            axis.set_xlabel(text, loc="left")
    return figure


def attention_maps(
    rows: Sequence[str],
    columns: Sequence[str],
    images: Sequence[Any],
    boxes: Sequence[np.ndarray],
    weights: np.ndarray,
) -> Figure:
    """The regions that a word attends to, outlined: the wider the line the more weight, as percent at the strongest.

    A region with less than `LEAST` of the weight has no outline, so that weak attention looks weak.

    Args:
        rows: a name each, such as models.
        columns: a title each, one an image.
        images: one a column.
        boxes: regions (R, 4) of every image, as shares of width and height.
        weights: (rows, columns, R), each summing to one.

    >>> image, boxes = np.zeros((8, 8, 3)), np.array([[0, 0, 0.5, 1], [0.5, 0, 1, 1]])
    >>> figure = attention_maps(["SAF"], ["dog"], [image], [boxes], np.array([[[0.2, 0.8]]]))
    >>> figure.axes[0].get_xlabel()
    'strongest region 80 %'
    """
    size = 3 * len(columns) + 0.4, (2.95 * _tallest(images) + 0.3) * len(rows) + 0.3
    with canvas(*size, len(rows), len(columns)) as (figure, axes):
        for k, axis in enumerate(axes):
            i, j = divmod(k, len(columns))
            axis.imshow(images[j])
            bare(axis)
            for region in np.argsort(weights[i, j]):
                if (weight := float(weights[i, j, region])) >= LEAST:
                    for colour, extra in (("white", 1.6), (ATTENTION, 0.0)):
                        _outline(axis, images[j], boxes[j][region], colour, linewidth=1 + 6 * weight + extra)
            axis.set_title(escaped(columns[j]) if not i else "")
            axis.set_xlabel(f"strongest region {100 * weights[i, j].max():.0f} %")
            axis.set_ylabel("" if j else rows[i])
    return figure


def _tallest(images: Sequence[Any]) -> float:
    """The largest height of images of one width."""
    return max(height / width for height, width, *_ in (np.asarray(image).shape for image in images))


def _outline(axis: Axes, image: Any, box: Sequence[float], colour: str, **style: Any) -> None:
    height, width = np.asarray(image).shape[:2]
    x0, y0, x1, y1 = np.asarray(box) * (width, height, width, height)
    corner = (x0 - 0.5, y0 - 0.5)  # imshow puts the middle of the first pixel at 0
    options: Style = {"fill": False, "edgecolor": colour, "linewidth": 1.6} | style
    axis.add_patch(Rectangle(corner, x1 - x0, y1 - y0, **options))


def _frame(axis: Axes, hit: bool) -> None:
    bare(axis)
    for spine in axis.spines.values():
        spine.set(visible=True, color=_colour(hit), linewidth=3, linestyle="-" if hit else (0, (3, 1.5)))


def _mark(hit: bool) -> str:
    return "✓" if hit else "✗"


def _colour(hit: bool) -> str:
    return HIT if hit else MISS
