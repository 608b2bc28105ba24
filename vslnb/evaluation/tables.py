"""Evaluations as the command line prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vslnb.evaluation.recall_at_k import CUTS, DIRECTIONS
from vslnb.evaluation.summary import Evaluation

TERMS = """NCS@10: how much meaning the first ten results share with the query, in percent of the most that is possible.
Secondary: a wrong first result that shares with the query only secondary content."""
OTHERS = ", others"  # ends the names of judges that leave a query's own captions out


def recall_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Recall in both directions and rsum, a line a run.

    Args:
        rows: by name, what `recall` returns.
    """
    width = max(len(name) for name in rows)
    lines = [
        f"{'':<{width}}   image to text       text to image       rsum",
        f"{'':<{width}}   R@1   R@5   R@10   R@1   R@5   R@10",
    ]
    for name, found in rows.items():
        cells = [found[direction][f"R@{k}"] for direction in DIRECTIONS for k in CUTS]
        values = "  ".join(f"{cell:4.1f}" for cell in cells)
        lines.append(f"{name:<{width}}  {values}  {found['rsum']:6.1f}")
    return "\n".join(lines)


def further_lines(found: Evaluation) -> list[str]:
    """What was measured beyond recall, a line each; nothing for a mean over folds."""
    if not found.intervals:
        return []
    bounds = found.intervals["rsum"]
    lines = [
        f"rsum {found.recall['rsum']:.1f}, between {bounds.low:.1f} and {bounds.high:.1f} "
        "for 95 % of other draws of images"
    ]
    if gain := found.gain:
        bounds_of_gain = f"{gain.low:+.1f} to {gain.high:+.1f}, p = {gain.p:.3f}"
        lines.append(f"rsum minus that of the first run: {gain.value:+.1f} ({bounds_of_gain})")
    for judge in (name for name in found.ncs if not name.endswith(OTHERS)):
        whole, others = found.ncs[judge], found.ncs[judge + OTHERS]
        lines.append(f"NCS@10 by {judge}: {_sides(whole)}; without the query's own captions {_sides(others)}")
    for direction, counts in found.secondary.items():
        planted = found.secondary_rule == "planted"
        rule = "known from the drawing" if planted else "words that only one caption of a photo uses"
        lines.append(
            f"secondary, {direction.replace('_', ' ')}: {counts['rate']:.1f} % of {counts['wrong']} wrong first "
            f"results ({rule})"
        )
    if found.ratings:
        values = ", ".join(f"{name} {tau:.1f}" for name, tau in found.ratings.items())
        lines.append(f"Kendall's tau with human ratings: {values}")
    lines += [
        f"{name}: {sides['i2t']:.1f} to text, {sides['t2i']:.1f} to image"
        for name, sides in found.coco.items()
    ]
    return lines


def _sides(values: Mapping[str, float]) -> str:
    return ", ".join(f"{values[direction]:.1f} {direction.replace('_', ' ')}" for direction in DIRECTIONS)
