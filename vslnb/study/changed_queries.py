"""Queries whose ground truth changes its rank between two models, and a fair draw of those that anyone would notice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

TOP = 5  # results of a ranking that a reader is shown
Changes = dict[str, dict[str, np.ndarray]]  # by kind, then `better` and `worse`: queries


def changed_queries(before: np.ndarray, after: np.ndarray, visible: bool = False) -> Changes:
    """Queries by kind, apart by whether the second model ranks the ground truth better or worse.

    *hard*: at least one of the models leaves the ground truth out of its first five results. *normal*: both have it
    there, and not both in the first place. A change is *visible* where a reader of the first five results notices it:
    the ground truth enters or leaves them (hard), or enters or leaves the first place (normal).

    Args:
        before: ranks of the ground truth under the first model, from 0, (queries,).
        after: the same under the second.
        visible: only the visible changes.

    >>> found = changed_queries(np.array([9, 9, 1]), np.array([2, 8, 0]))
    >>> {kind: side["better"].tolist() for kind, side in found.items()}
    {'hard': [0, 1], 'normal': [2]}
    >>> changed_queries(np.array([9, 9, 1]), np.array([2, 8, 0]), visible=True)["hard"]["better"].tolist()
    [0]
    """
    best, worst = np.minimum(before, after), np.maximum(before, after)
    kinds = {"hard": worst >= TOP, "normal": (worst >= 1) & (worst < TOP)}
    seen = {"hard": best < TOP, "normal": best == 0}
    sides = {"better": after < before, "worse": after > before}
    return {
        kind: {
            side: np.flatnonzero(of & moved & (seen[kind] | (not visible))) for side, moved in sides.items()
        }
        for kind, of in kinds.items()
    }


def draw_queries(
    found: Mapping[str, np.ndarray], count: int, rng: np.random.Generator
) -> list[tuple[str, int]]:
    """Queries of one kind drawn at random, better and worse in the proportion in which they occur.

    Args:
        found: `better` and `worse`, as one kind of `changed_queries`.
        count: how many; fewer where there are not enough.
        rng: draws.

    >>> draw_queries({"better": np.array([4]), "worse": np.array([7])}, 2, np.random.default_rng(0))
    [('better', 4), ('worse', 7)]
    """
    total = len(found["better"]) + len(found["worse"])
    better = round(count * len(found["better"]) / total) if total else 0
    sizes = {"better": better, "worse": count - better}
    return [
        (side, int(query))
        for side, size in sizes.items()
        for query in rng.choice(found[side], min(size, len(found[side])), replace=False)
    ]
