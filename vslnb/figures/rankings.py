"""Rankings and attention as pictures, matplotlib Figures: hits have a tick, misses a cross, besides the colour."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from vslnb.data.photos import read_photo
from vslnb.data.precomp import Split
from vslnb.figures.charts import Figure

HIT, MISS, LOOK = "#009E73", "#D55E00", "#E69F00"


class Ranking(NamedTuple):
    """The first few of one model's ranking, and the rank of the truth, counted from 1."""

    model: str
    items: Sequence  # pictures, or captions
    hits: Sequence[bool]
    rank: int


def read_picture(split: Split, image: int) -> np.ndarray:
    """The picture (height, width, 3) of an image; a grey plate where a data set comes without, as the field's do."""
    files = split.pictures()
    if files is None:
        return np.full((64, 64, 3), 225, dtype=np.uint8)
    return np.asarray(read_photo(files[image]))


def ranked_pictures(query: str, rankings: Sequence[Ranking]) -> Figure:
    """A caption's first pictures under each model, a row a model."""
    columns = max(len(ranking.items) for ranking in rankings)
    figure = Figure(figsize=(1.75 * columns, 1.85 * len(rankings) + 0.5), layout="constrained")
    figure.suptitle(textwrap.fill(_plain(f"Query: {query}"), 100), fontsize=10.5, x=0.01, ha="left")
    rows = figure.subplots(len(rankings), columns, squeeze=False)
    for axes, ranking in zip(rows, rankings):
        for k, axis in enumerate(axes):
            axis.set(xticks=[], yticks=[])
            if k >= len(ranking.items):
                axis.set_axis_off()
                continue
            axis.imshow(ranking.items[k])
            _frame(axis, ranking.hits[k])
            axis.set_title(f"{k + 1} {_mark(ranking.hits[k])}", color=_colour(ranking.hits[k]), fontsize=10)
        axes[0].set_ylabel(f"{ranking.model}\ntruth at rank {ranking.rank}", fontsize=9.5)
    return figure


def ranked_captions(query: object, rankings: Sequence[Ranking]) -> Figure:
    """A picture's first captions under each model, a column a model."""
    lines = max(len(ranking.items) for ranking in rankings)
    figure = Figure(figsize=(2.3 + 3.9 * len(rankings), 0.42 * lines + 0.7), layout="constrained")
    axes = figure.subplots(1, 1 + len(rankings), width_ratios=[2.3] + [3.9] * len(rankings))
    axes[0].imshow(query)
    axes[0].set(xticks=[], yticks=[], title="query")
    for axis, ranking in zip(axes[1:], rankings):
        axis.set_axis_off()
        axis.set_title(f"{ranking.model}: truth at rank {ranking.rank}", fontsize=10, loc="left")
        for k, (caption, hit) in enumerate(zip(ranking.items, ranking.hits)):
            text = textwrap.shorten(_plain(caption), 96, placeholder=" …")
            text = textwrap.fill(text, 56)
            y = 1 - (k + 0.5) / lines
            axis.text(
                0, y, f"{_mark(hit)} {k + 1}", color=_colour(hit), va="center", fontsize=9, weight="bold"
            )
            axis.text(0.09, y, text, va="center", fontsize=8.5)
    return figure


def attention_maps(
    rows: Sequence[str],
    columns: Sequence[str],
    pictures: Sequence,
    boxes: Sequence[np.ndarray],
    weights: np.ndarray,
) -> Figure:
    """Where a word looked: pictures with their regions, the more opaque the more weight.

    Args:
        rows: a name each, such as models.
        columns: a title each, one a picture.
        pictures: one a column.
        boxes: regions (R, 4) of every picture, as shares of width and height.
        weights: (rows, columns, R), each summing to one.
    """
    figure = Figure(figsize=(3 * len(columns) + 0.4, 3 * len(rows) + 0.3), layout="constrained")
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for i, name in enumerate(rows):
        for j, title in enumerate(columns):
            axis, picture = axes[i, j], np.asarray(pictures[j])
            height, width = picture.shape[:2]
            axis.imshow(picture)
            for (x0, y0, x1, y1), weight in zip(boxes[j], weights[i, j]):
                corner, size = (x0 * width, y0 * height), ((x1 - x0) * width, (y1 - y0) * height)
                strength = float(weight / weights.max())
                axis.add_patch(Rectangle(corner, *size, color=LOOK, alpha=0.75 * strength, linewidth=0))
            best = int(weights[i, j].argmax())
            x0, y0, x1, y1 = boxes[j][best] * (width, height, width, height)
            axis.add_patch(
                Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="#000000", linewidth=1.5)
            )
            axis.set(xticks=[], yticks=[], title=_plain(title) if not i else "")
            axis.set_xlabel(f"strongest region {100 * weights[i, j, best]:.0f} %", fontsize=9)
        axes[i, 0].set_ylabel(name)
    return figure


def _frame(axis, hit: bool) -> None:
    for spine in axis.spines.values():
        spine.set(color=_colour(hit), linewidth=3, linestyle="-" if hit else (0, (3, 1.5)))


def _mark(hit: bool) -> str:
    return "✓" if hit else "✗"


def _colour(hit: bool) -> str:
    return HIT if hit else MISS


def _plain(text: str) -> str:
    """A dollar sign in a caption is not mathematics, and a line break no layout."""
    return " ".join(text.split()).replace("$", r"\$")
