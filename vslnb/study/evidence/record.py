"""Everything that notebook 08 computes, as numbers for its JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vslnb.evaluation.intervals import Interval
from vslnb.study.evidence import effects, mechanism
from vslnb.study.evidence.dose import Dose
from vslnb.study.evidence.mechanism import WeightGradients
from vslnb.study.evidence.readings import Readings
from vslnb.study.evidence.runs import Panel, Study


def record(study: Study, found: Readings, weights: WeightGradients, dose: Dose) -> dict[str, Any]:
    """The evidence by what it is about, in types that JSON has; an unknown number is None.

    Args:
        study: the runs of the design.
        found: what decides and its other readings.
        weights: gradients at the weights.
        dose: the runs in the bundled world.
    """
    power, doses = effects.power_table(study), dose.table()
    semantics, others = effects.semantics_panels(study), effects.other_panels(study)
    return {
        "seeds": study.seeds,
        "planned": study.planned,
        "gains": {title: _with_seeds(study, panel) for title, panel in effects.gain_panels(study).items()},
        "levels": {f"{row.module} {row.arm}": row.rsum for row in effects.level_table(study).itertuples()},
        "readings": {label: _known(intervals) for label, intervals in found.items()},
        "over shuffled": {str(judge): _known(panel[1]) for judge, panel in semantics.items()},
        "other measures": {
            str(measure): _known(dict(zip(study.arms, panel[1].values())))
            for measure, panel in others.items()
        },
        "detectable": power.T.astype(object).where(power.T.notna(), None).to_dict(),
        "dose": {" ".join(key): row for key, row in zip(doses.index, doses.to_dict("records"))},
        "at the scores": mechanism.score_gradients(study).to_dict("records"),
        "at the weights": weights.to_json(),
    }


def _known(intervals: Mapping[Any, Interval]) -> dict[str, dict[str, float | None]]:
    return {str(name): one.known() for name, one in intervals.items()}


def _with_seeds(study: Study, panel: Panel) -> dict[str, dict[str, Any]]:
    """By arm, the difference of every seed and their interval."""
    rows = zip(study.arms, panel[0].values(), panel[1].values())
    return {arm: {"seeds": values.tolist(), **one.known()} for arm, values, one in rows}
