"""What decides, and the same runs read in other ways, none of which decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.study.comparison import gain_over_images, interval_over_seeds
from vslnb.study.decision import format_interval, verdict
from vslnb.study.evidence.runs import SHUFFLED, TRIPLET, VSL, Panel, Study, read_evidence
from vslnb.study.power import mean_of_independent

AGAINST = {"over the triplet": TRIPLET, "over shuffled captions": SHUFFLED}
FIRST_PLAN = "seeds of the first plan"
DECIDES, DEV_750, DEV_250 = "as decided", "750 photos of dev", "250 photos of dev"
Readings = dict[str, dict[str, Interval]]  # by what VSL is compared with, and by reading


def other_photos(
    study: Study, found: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """The runs with the recalls on photos that chose nothing of theirs in place of test, by config_hash.

    Args:
        study: the runs.
        found: by config_hash `dev`, as `recall` returns it; read from other_photos.json by default.
    """
    listed = read_evidence(study.folder / "other_photos.json", {}) if found is None else found
    return {one: study.runs[one] | {"test": listed[one]["dev"]} for one in listed.keys() & study.runs.keys()}


def readings(study: Study, elsewhere: Mapping[str, dict[str, Any]] | None = None) -> Readings:
    """What VSL changes in rsum over the triplet and over shuffled captions; the first reading decides.

    Args:
        study: the runs.
        elsewhere: as `other_photos` returns them.
    """
    photos = other_photos(study) if elsewhere is None else elsewhere
    return {label: _readings_over(study, against, photos) for label, against in AGAINST.items()}


def _readings_over(study: Study, against: str, photos: Mapping[str, dict[str, Any]]) -> dict[str, Interval]:
    def over_seeds(module: str = "mean", **options: Any) -> Interval:
        return interval_over_seeds(study.differences(module, VSL, against=against, **options))

    first_plan = [seed for seed in study.complete if seed < study.planned]
    needed = [study.hash_of(m, a, s) for m in study.modules for a in (VSL, against) for s in study.seeds]
    found: dict[str, Interval | None] = {
        DECIDES: over_seeds(),
        FIRST_PLAN: over_seeds(seeds=first_plan),
        "with the pilot": over_seeds(seeds=study.complete),
        "SAF and SGR alone": over_seeds("paper"),
        "modules independent": None,
        "test queries resampled": gain_over_images(
            study.results("mean", against), study.results("mean", VSL), [study.folder]
        ),
        DEV_750: over_seeds(runs=photos) if all(one in photos for one in needed) else None,
        DEV_250: over_seeds(split="dev"),
    }
    if len(study.seeds) > 1:
        each = [study.differences(module, VSL, against=against) for module in study.modules]
        found["modules independent"] = mean_of_independent(each)
    return {name: one for name, one in found.items() if one}


def readings_table(found: Readings) -> pd.DataFrame:
    """The readings as text with their p-values, indexed by reading."""
    columns = {}
    for label, intervals in found.items():
        columns[label] = {name: format_interval(one) for name, one in intervals.items()}
        columns[f"{label}, p"] = {name: f"{one.p:.2f}" for name, one in intervals.items()}
    return pd.DataFrame(columns)


def readings_panels(found: Readings) -> dict[str, Panel]:
    """The readings as panels of a forest plot, without points."""
    return {
        f"rsum, {label}": ({name: np.zeros(0) for name in intervals}, intervals)
        for label, intervals in found.items()
    }


def verdicts(study: Study, found: Readings) -> dict[str, str]:
    """The rule's outcome as decided, and what the same rule says of the photos of dev, by reading."""
    pairs = {
        name: [intervals.get(name) for intervals in found.values()] for name in (DECIDES, DEV_750, DEV_250)
    }
    return {
        name: verdict(gain, over_shuffled, study.decided)
        for name, (gain, over_shuffled) in pairs.items()
        if gain and over_shuffled
    }


def shown(found: Readings) -> dict[str, int]:
    """Of the other readings, how many have an interval above zero, by what VSL is compared with."""
    return {
        label: sum(one.low > 0 for name, one in intervals.items() if name != DECIDES)
        for label, intervals in found.items()
    }
