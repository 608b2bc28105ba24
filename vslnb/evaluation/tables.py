"""Evaluations as the command line prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vslnb.evaluation.recall_at_k import CUTS, DIRECTIONS
from vslnb.evaluation.summary import Evaluation


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
        f"rsum {found.recall['rsum']:.1f}, 95 % of resampled images {bounds.low:.1f} to {bounds.high:.1f}"
    ]
    if gain := found.gain:
        lines.append(
            f"rsum minus the first's {gain.value:+.1f}, {gain.low:+.1f} to {gain.high:+.1f}, p = {gain.p:.3f}"
        )
    for judge, sides in found.ncs.items():
        lines.append(
            f"NCS@10 by {judge}: {sides['image_to_text']:.1f} to text, {sides['text_to_image']:.1f} to image"
        )
    for direction, counts in found.secondary.items():
        lines.append(
            f"{direction.replace('_', ' ')}: {counts['wrong']} wrong first results, {counts['rate']:.1f} % of them "
            f"secondary matches ({found.secondary_rule})"
        )
    if found.ratings:
        values = ", ".join(f"{name} {tau:.1f}" for name, tau in found.ratings.items())
        lines.append(f"Kendall's tau with human ratings: {values}")
    for name, sides in found.coco.items():
        lines.append(f"{name}: {sides['i2t']:.1f} to text, {sides['t2i']:.1f} to image")
    return lines
