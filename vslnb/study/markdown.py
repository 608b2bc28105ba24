"""Frames and rows as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd


def markdown_table(frame: pd.DataFrame, digits: int = 1) -> str:
    """A frame's columns as a Markdown table; its index is left out, an unknown number is a dash.

    >>> print(markdown_table(pd.DataFrame({"arm": ["triplet"], "gain": [float("nan")]})))
    | arm | gain |
    | --- | --- |
    | triplet | – |
    """
    cells = frame.map(lambda cell: f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell))
    return table_of_rows(frame.columns, cells.replace("nan", "–").to_numpy())


def table_of_rows(columns: Iterable[object], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table of cells that are text already.

    >>> print(table_of_rows(["a"], [["1"]]))
    | a |
    | --- |
    | 1 |
    """
    heads = list(columns)
    lines: list[Sequence[object]] = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
