"""Two orders of the same images side by side: what Visual Semantic Loss compares (Eq. 4 and 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from vslnb.figures.style import MAIN, PALETTE, PLAIN, Figure, bare, canvas

WIDE = 0.64  # of a picture, in units of x, so that a square one looks square


def two_orders(
    images: Sequence[Any], query: int, score_ranks: np.ndarray, caption_ranks: np.ndarray
) -> Figure:
    """One row of Eq. 5: a batch ordered by the scores and by the captions, min/max of the ranks, and their loss.

    Args:
        images: n of a batch, anything matplotlib shows.
        query: the row; its own image is outlined in both columns.
        score_ranks: (n,), the soft ranks of the row by the model's scores; the best has the highest.
        caption_ranks: (n,), the same by the similarity of captions.

    >>> figure = two_orders([np.zeros((4, 4))] * 3, 0, np.array([3.5, 2.5, 1.5]), np.array([3.5, 1.5, 2.5]))
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['1.00', '0.60', '0.60']
    >>> figure.get_supxlabel()
    'Loss of this row: 1 − mean of min/max = 0.27'
    """
    n = len(images)
    ratios = np.minimum(score_ranks, caption_ranks) / np.maximum(score_ranks, caption_ranks)
    orders = [np.argsort(-np.asarray(ranks), kind="stable") for ranks in (score_ranks, caption_ranks)]
    with canvas(6.4, 0.78 * n + 0.9, 1, 2, width_ratios=[3.2, 1.6], sharey=True) as (figure, (left, right)):
        for x, order, ranks in zip((0.7, 2.5), orders, (score_ranks, caption_ranks)):
            for y, j in enumerate(order):
                left.imshow(images[j], extent=(x, x + WIDE, y + 0.43, y - 0.43), zorder=2)
                outside, side = (x - 0.1, "right") if x < 1 else (x + WIDE + 0.1, "left")
                left.text(outside, y, f"{ranks[j]:.1f}", ha=side, va="center", fontsize=9)
                if j == query:
                    frame = Rectangle(
                        (x, y - 0.43), WIDE, 0.86, fill=False, edgecolor=MAIN, linewidth=3, zorder=3
                    )
                    left.add_patch(frame)
        places = [{int(j): y for y, j in enumerate(order)} for order in orders]
        for j in range(n):
            ends = places[0][j], places[1][j]
            style = {"color": PLAIN, "linewidth": 1.4} if ends[0] == ends[1] else {"color": PALETTE[1]}
            left.plot([0.74 + WIDE, 2.46], ends, **{"linewidth": 1.8} | style)
        left.set(xlim=(0, 3.8), ylim=(n - 0.4, -0.6), aspect="auto")
        bare(left)
        for x, name in ((0.7, "by score, SR"), (2.5, "by captions, CR")):
            left.text(x + WIDE / 2, -0.62, name, ha="center", va="bottom", fontsize=10)
        left.set_title(" ")
        values = [ratios[j] for j in orders[1]]
        colours = [PLAIN if ratio > 0.999 else PALETTE[1] for ratio in values]
        right.barh(range(n), values, height=0.55, color=colours)
        for y, ratio in enumerate(values):
            right.text(min(ratio, 1) + 0.03, y, f"{ratio:.2f}", va="center", fontsize=9)
        bare(right)
        right.set(xlim=(0, 1.25), title="min / max of the two ranks")
        figure.suptitle("One row of a batch in the two orders that the loss compares")
        figure.supxlabel(f"Loss of this row: 1 − mean of min/max = {1 - ratios.mean():.2f}", fontsize=10.5)
    return figure
