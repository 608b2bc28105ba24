"""The style of all figures: Okabe and Ito's colours, which colour-blind readers can tell apart, markers and names."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import cycle
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

Style = dict[str, Any]  # keywords of matplotlib or seaborn

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "v", "X", "D", "P")
DASHES: tuple[Any, ...] = (
    "",
    (4, 1.5),
    (6, 1.5, 1.5, 1.5),
    (1.2, 1.2),
    (2.5, 1),
    (8, 1.5),
    (6, 1, 1, 1, 1, 1),
)
MAIN, SECONDARY, PLAIN, PUBLISHED = "#009E73", "#CC79A7", "#666666", "#D55E00"
ARM_NAMES = {
    "triplet": "triplet alone",
    "vsl-paper": "triplet + VSL",
    "vsl-descending": "+ VSL, descending ranks",
    "vsl-released": "+ VSL, released ranks",
    "vsl-shuffled": "+ VSL, shuffled captions",
    "slack": "margin by similarity",
    "slack-shuffled": "the same, shuffled captions",
    "left-out": "similar negatives left out",
    "left-out-shuffled": "the same, shuffled captions",
    "contrast": "InfoNCE",
    "soft-labels": "InfoNCE, labels by similarity",
    "soft-labels-shuffled": "the same, shuffled captions",
}
ARM_COLOURS = dict(zip(ARM_NAMES, cycle(PALETTE)))
MODULE_NAMES = {"saf": "SAF", "sgr": "SGR", "sgraf": "SGRAF", "cosine": "cosine"}
# The architectures that the paper compares with.
ZOO_NAMES = {
    "vsepp": "VSE++",
    "gpo": "VSE∞",
    "scan": "SCAN",
    "vsrn": "VSRN",
    "imram": "IMRAM",
    "chan": "CHAN",
}


def module_name(module: str) -> str:
    """The name of an architecture in a figure.

    >>> module_name("sgr"), module_name("vsepp")
    ('SGR', 'VSE++')
    """
    return (MODULE_NAMES | ZOO_NAMES)[module]


class _Seaborn:
    """seaborn, loaded when it first draws: it takes seconds, and many who import a figure never draw one."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("seaborn"), name)


sns = _Seaborn()

RC: Any = {
    # seaborn's whitegrid in the sizes of its context for papers.
    **matplotlib.style.library["seaborn-v0_8-whitegrid"],
    **dict.fromkeys(("font.size", "axes.labelsize", "legend.title_fontsize"), 9.6),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 8.8),
    **dict.fromkeys(("grid.linewidth", "patch.linewidth"), 0.8),
    "lines.markersize": 4.8,
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
    "figure.titlesize": 10.5,
    "axes.titlesize": 10,
    "axes.edgecolor": ".4",
    "axes.grid.axis": "y",
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": "#dddddd",
    "lines.linewidth": 1.5,
    "legend.frameon": False,
    "xtick.bottom": True,
    "ytick.left": True,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}


class Figure(matplotlib.figure.Figure):
    """A Figure in the style of all, which a notebook shows as a picture with or without pyplot."""

    def suptitle(self, t: str, **options: Any) -> Text:
        """A title over all axes, broken into lines that fit; the figure grows by these."""
        title = wrapped(t, int(11 * self.get_figwidth()))
        self.set_figheight(self.get_figheight() + 0.2 * len(title.splitlines()))
        with matplotlib.rc_context(RC):
            return super().suptitle(title, **options)

    def draw(self, renderer: Any) -> None:
        """Draw; tick labels are made only now, so the style holds here too."""
        with matplotlib.rc_context(RC):
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=100)
        return stream.getvalue()


@contextmanager
def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure and its axes, row by row; what is drawn within `with` has the style of all figures.

    Args:
        width: in inches; about 7 are legible at the width of a README.
        height: in inches.
        rows: of axes.
        columns: of axes.
        options: of `Figure.subplots`, such as sharey.

    >>> with canvas(6, 3, columns=2) as (figure, axes):
    ...     line = axes[0].plot([1, 2])
    >>> len(figure.axes), axes[1].spines["top"].get_visible()
    (2, False)
    """
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=0.04))
        yield figure, figure.subplots(rows, columns, squeeze=False, **options).ravel()


def bare(axis: Axes) -> None:
    """Leave nothing of an axis but what is drawn and its labels."""
    axis.grid(False)
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)


def escaped(text: str) -> str:
    r"""One line of plain text: a dollar sign in a caption is not mathematics.

    >>> print(escaped("two  for $5"))
    two for \$5
    """
    return " ".join(text.split()).replace("$", r"\$")


def wrapped(text: str, width: int) -> str:
    """Plain text in lines of at most `width` characters, about equally long; its own line breaks stay.

    >>> wrapped("secondary matches\\nimage to text", 12).splitlines()
    ['secondary', 'matches', 'image', 'to text']
    >>> wrapped("the last word is not left alone", 28).splitlines()
    ['the last word is', 'not left alone']
    >>> wrapped("a verylongword", 13).splitlines()  # no word is broken for it
    ['a', 'verylongword']
    """
    return "\n".join(_balanced(escaped(line), width) for line in text.splitlines())


def _balanced(line: str, width: int) -> str:
    lines, word = textwrap.wrap(line, width), max(map(len, line.split()), default=0)
    while width > word and len(narrower := textwrap.wrap(line, width - 1)) == len(lines) > 1:
        lines, width = narrower, width - 1
    return "\n".join(lines)
