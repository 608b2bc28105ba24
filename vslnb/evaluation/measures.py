"""The measures of a run as rows with columns: metric, judge, direction, value.

`results.json` holds them nested (`test`, and `measures` with `ncs`, `secondary`, `ratings`); this is the one place
that knows how.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vslnb.evaluation.recall_at_k import CUTS, DIRECTIONS


class MeasureName(NamedTuple):
    """What is measured, and who or what judges, in which direction; empty where that does not apply.

    The judge of NCS@10 is a similarity of captions; `tfidf, others` leaves a query's own captions out.

    >>> str(MeasureName("NCS@10", "tfidf, others", "image_to_text"))
    'NCS@10 tfidf, others image to text'
    """

    metric: str
    judge: str = ""
    direction: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (*self[:2], self.direction.replace("_", " ")) if part)


class Measure(NamedTuple):
    """One row: a `MeasureName` and its value."""

    metric: str
    judge: str
    direction: str
    value: float

    @property
    def name(self) -> MeasureName:
        """What is measured, without the value."""
        return MeasureName(*self[:3])


RSUM = MeasureName("rsum")
RECALLS = tuple(MeasureName(f"R@{k}", "", direction) for direction in DIRECTIONS for k in CUTS)
NCS_OTHERS = tuple(MeasureName("NCS@10", "tfidf, others", direction) for direction in DIRECTIONS)
SECONDARY = tuple(MeasureName("secondary matches", "", direction) for direction in DIRECTIONS)
TAU_EXPERT, TAU_CROWD = MeasureName("tau", "expert"), MeasureName("tau", "crowd")


def measures_of(result: Mapping[str, Any], split: str = "test") -> list[Measure]:
    """Every measure of a run's results.

    Args:
        result: the content of results.json.
        split: whose recalls are read, `test` or `dev`; all other measures are of test alone.

    Returns:
        Rows, those without a direction or judge with an empty string there.

    >>> sides = dict.fromkeys(("image_to_text", "text_to_image"), {"R@1": 5.0, "R@5": 10.0, "R@10": 20.0, "median_rank": 9})
    >>> [row for row in measures_of({"test": sides | {"rsum": 70.0}}) if row.metric in ("rsum", "R@1")][:2]
    [Measure(metric='rsum', judge='', direction='', value=70.0), \
Measure(metric='R@1', judge='', direction='image_to_text', value=5.0)]
    """
    recalls, more = result[split], result.get("measures", {})
    rows = [Measure(*RSUM, recalls["rsum"])]
    rows += [Measure(*name, recalls[name.direction][name.metric]) for name in RECALLS]
    rows += [Measure("median rank", "", side, recalls[side]["median_rank"]) for side in DIRECTIONS]
    for judge, sides in more.get("ncs", {}).items():
        rows += [Measure("NCS@10", judge, side, sides[side]) for side in DIRECTIONS]
    if "secondary" in more:
        rows += [Measure(*name, more["secondary"][name.direction]["rate"]) for name in SECONDARY]
    return rows + [Measure("tau", judge, "", value) for judge, value in more.get("ratings", {}).items()]


def measure_of(result: Mapping[str, Any], name: MeasureName = RSUM, split: str = "test") -> float:
    """One measure of a run's results.

    Raises:
        KeyError: if the run has no such measure.
    """
    for row in measures_of(result, split):
        if row.name == name:
            return row.value
    raise KeyError(str(name))
