"""Beyond the design: the questions of `experiments/further.py`, each beside the triplet of its own settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.evaluation.measures import RSUM, TAU_EXPERT, MeasureName, measure_of
from vslnb.study.comparison import gain, interval_over_seeds
from vslnb.study.decision import format_interval
from vslnb.study.evidence.runs import SHUFFLED, TITLES, TRIPLET, VSL, Study, collapsed, read_evidence

Results = dict[int, dict[str, Any]]  # by seed
MODULES = ("saf", "cosine")  # those of every question
DESCENDING_CONTROL = "descending, shuffled captions"  # as further.json calls the question


class Further:
    """The runs beyond the design.

    Args:
        study: the design's runs, whose triplet serves questions that leave it as it is.
        runs: contents of results.json, each with its `question`; read from further.json by default.
    """

    def __init__(self, study: Study, runs: Sequence[dict[str, Any]] | None = None):
        self.study = study
        self.runs = read_evidence(study.folder / "further.json", []) if runs is None else runs
        self.own_triplet = {run["question"] for run in self.runs if run["arm"] == TRIPLET}

    def results(self, question: str, module: str, arm: str) -> Results:
        """By seed; the design's triplet where a question has none of its own. Empty if it was not run."""
        if question not in self.own_triplet and arm == TRIPLET:
            hashes = {seed: self.study.hash_of(module, arm, seed) for seed in self.study.design["seeds"]}
            return {seed: self.study.runs[one] for seed, one in hashes.items() if one in self.study.runs}
        key = (question, module, arm)
        return {run["seed"]: run for run in self.runs if (run["question"], run["module"], run["arm"]) == key}

    def table(self) -> pd.DataFrame:
        """Every question, module and arm: collapsed runs, pairwise accuracy, rsum, and its gain with an interval.

        The gain is over the triplet of the same settings and seeds; that of such a triplet over the design's.
        """
        keys = sorted({(run["question"], run["module"], run["arm"]) for run in self.runs})
        return pd.DataFrame([row for key in keys if (row := self._row(*key))])

    def _row(self, question: str, module: str, arm: str) -> dict[str, Any] | None:
        after = self.results(question, module, arm)
        before = self.results("" if arm == TRIPLET else question, module, TRIPLET)
        seeds = sorted(after.keys() & before.keys())
        if not seeds:
            return None
        runs = [after[seed] for seed in seeds]
        change = gain([before[seed] for seed in seeds], runs)
        return {
            "question": question,
            "module": TITLES[module],
            "arm": arm,
            "seeds": len(runs),
            "collapsed": sum(map(collapsed, runs)),
            "pairwise accuracy": 100 * np.mean([run["mechanism"]["pairwise_accuracy"][-1] for run in runs]),
            "rsum": np.mean([measure_of(run) for run in runs]),
            "gain": change.value,
            "from": change.low,
            "to": change.high,
        }

    def changes(
        self,
        question: str,
        arm: str,
        against: str = TRIPLET,
        measure: MeasureName = RSUM,
        split: str = "test",
    ) -> dict[str, Interval]:
        """What an arm changes over another of the same settings: SAF, cosine and their mean.

        Returns:
            Intervals over the seeds that all four have; empty if there is none.
        """
        sides = [[self.results(question, module, a) for a in (against, arm)] for module in MODULES]
        seeds = sorted(set.intersection(*(set(runs) for pair in sides for runs in pair)))
        if not seeds:
            return {}
        saf, cosine = (
            np.array([measure_of(b[s], measure, split) - measure_of(a[s], measure, split) for s in seeds])
            for a, b in sides
        )
        rows = {"SAF": saf, "cosine": cosine, "mean": (saf + cosine) / 2}
        return {name: interval_over_seeds(values) for name, values in rows.items()}

    def nearest_table(self) -> pd.DataFrame:
        """VSL at full width, batch 128 and beta 10, nearest to the paper: text, indexed by module.

        Columns: the gain in rsum on test and on the 250 photos of dev that chose the epoch, and the agreement with
        experts, each over the triplet and over shuffled captions. Empty where it was not run.
        """
        against = {"over the triplet": TRIPLET, "over shuffled captions": SHUFFLED}
        kinds = {"test": (RSUM, "test"), "dev": (RSUM, "dev"), "tau, experts": (TAU_EXPERT, "test")}
        columns = {}
        for kind, (measure, split) in kinds.items():
            for label, arm in against.items():
                found = self.changes("full width", VSL, arm, measure, split)
                columns[f"{kind}, {label}"] = {name: format_interval(one) for name, one in found.items()}
        return pd.DataFrame(columns)

    def descending_over_control(self) -> Interval | None:
        """VSL with descending ranks over the same on shuffled captions, mean of SAF, SGR and cosine."""
        controls = [self.results(DESCENDING_CONTROL, module, SHUFFLED) for module in self.study.modules]
        seeds = sorted(set(self.study.seeds).intersection(*controls))
        if not seeds:
            return None
        found = [self.study.results(module, "vsl-descending", seeds) for module in self.study.modules]
        differences = [
            [measure_of(run) - measure_of(control[seed]) for seed, run in zip(seeds, runs)]
            for control, runs in zip(controls, found)
        ]
        return interval_over_seeds(np.mean(differences, axis=0))
