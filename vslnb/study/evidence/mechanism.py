"""What VSL asks of the scores while training, and what of it reaches the weights of trained models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from vslnb.figures import ARM_NAMES
from vslnb.study.evidence.runs import TITLES, TRIPLET, VSL, Panel, Study, as_panel, read_evidence

# By the name in results.json, what is followed through training.
FOLLOWED = {"top": "top share (percent)", "pull": "gradient ratio", "agreement": "gradient cosine"}


def by_epoch(study: Study, module: str, arm: str, name: str) -> np.ndarray:
    """A diagnostic of training, mean over seeds, (epochs,); empty where an arm has none, NaN before VSL begins."""
    found = [result["mechanism"].get(name) for result in study.results(module, arm)]
    return np.zeros(0) if None in found else np.array(found, dtype=float).mean(0)


def epoch_panels(study: Study, module: str) -> dict[str, dict[str, np.ndarray]]:
    """All that is followed, a panel each, by arm."""
    return {
        label: {arm: by_epoch(study, module, arm, name) for arm in study.design["arms"]}
        for name, label in FOLLOWED.items()
    }


def score_gradients(study: Study) -> pd.DataFrame:
    """VSL's gradient with respect to the scores, mean over seeds and epochs with VSL.

    Columns module, arm, `top` (percent of it on the best-scoring tenth of a row), `pull` (its length, times beta,
    over the triplet's) and `agreement` (its cosine with the triplet's).
    """
    rows = [
        {"module": TITLES[module], "arm": arm}
        | {name: float(np.nanmean(by_epoch(study, module, arm, name))) for name in FOLLOWED}
        for module in study.modules
        for arm in study.arms
    ]
    return pd.DataFrame(rows)


class WeightGradients:
    """What `experiments/influence.py` measured on trained models, on 16 batches of dev.

    Args:
        study: the runs.
        measured: by config_hash `visual`, `order`, `ratio` and `cosine`; read from influence.json by default.

    Raises:
        ValueError: if no complete seed was measured.
    """

    def __init__(self, study: Study, measured: Mapping[str, Mapping[str, Any]] | None = None):
        self.study = study
        path = study.folder / "influence.json"
        self.measured = read_evidence(path, {}) if measured is None else measured
        seeds = [seed for seed in study.complete if self._complete(seed)]
        self.seeds = [seed for seed in study.seeds if seed in seeds] or seeds
        if not self.seeds:
            raise ValueError(f"no complete seed in {path}: make influence")

    def _complete(self, seed: int) -> bool:
        arms = self.study.design["arms"]
        return all(self.study.hash_of(m, a, seed) in self.measured for m in self.study.modules for a in arms)

    def values(self, module: str, arm: str, name: str) -> np.ndarray:
        """A number a seed, (seeds,); of `mean` the mean over modules, NaN where it is undefined."""
        found = [
            [self.measured[self.study.hash_of(m, arm, seed)][name] for seed in self.seeds]
            for m in self.study.members(module)
        ]
        return np.array(found, dtype=float).mean(0)

    def table(self) -> pd.DataFrame:
        """Means over seeds by module and arm: VSL's value, rank correlation, length and cosine of gradients."""
        rows = [
            {
                "module": TITLES[module],
                "arm": arm,
                "VSL": self.values(module, arm, "visual").mean(),
                "rank correlation": self.values(module, arm, "order").mean(),
                "percent of the triplet's": 100 * self.values(module, arm, "ratio").mean(),
                "cosine of gradients": self.values(module, arm, "cosine").mean(),
            }
            for module in self.study.modules
            for arm in self.study.design["arms"]
        ]
        return pd.DataFrame(rows)

    def correlation_panel(self, module: str) -> Panel:
        """What every arm changes in the rank correlation of scores and caption similarity, over the triplet."""
        level = self.values(module, TRIPLET, "order")
        return as_panel({ARM_NAMES[a]: self.values(module, a, "order") - level for a in self.study.arms})

    def outliers(self, module: str, arm: str, reach: float = 3.0) -> list[int]:
        """Seeds whose rank correlation lies further than `reach` from the median of the seeds."""
        found = self.values(module, arm, "order")
        return [seed for seed, gap in zip(self.seeds, found - np.median(found)) if abs(gap) > reach]

    def to_json(self) -> dict[str, Any]:
        """For the notebook's JSON: percent of the triplet's gradient, fall of VSL's value, rank correlations."""
        modules, visual = self.study.modules, "visual"
        before, after = ({m: self.values(m, arm, visual).mean() for m in modules} for arm in (TRIPLET, VSL))
        intervals = self.correlation_panel("mean")[1].values()
        return {
            "seeds": self.seeds,
            "percent": {m: 100 * self.values(m, VSL, "ratio").mean() for m in modules},
            "fall": {m: 100 - 100 * after[m] / before[m] for m in modules},
            "order": {arm: found.known() for arm, found in zip(self.study.arms, intervals)},
        }
