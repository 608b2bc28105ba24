"""A dose and its response in the bundled world: secondary mistakes by the strength of secondary content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.figures import ARM_NAMES
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.evidence.runs import FIGURES, SHUFFLED, TRIPLET, VSL, read_evidence

OVER_SHUFFLED = f"{VSL} over {SHUFFLED}"


def secondary_mistakes(result: Mapping[str, Any]) -> float:
    """Secondary mistakes of a hundred captions looking for their image, right and wrong ones together."""
    found = result["measures"]["secondary"]["text_to_image"]
    return found["secondary"] / found["wrong"] * (100 - result["test"]["text_to_image"]["R@1"])


class Dose:
    """The runs of `experiments/dose.py`.

    Args:
        runs: contents of results.json, each with its `strength`; read from figures/world/dose.json by default.

    Attributes:
        mistakes: a frame indexed by strength and seed, an arm a column.
    """

    def __init__(
        self, runs: Sequence[dict[str, Any]] | None = None, path: Path = FIGURES / "world" / "dose.json"
    ):
        listed = read_evidence(path, []) if runs is None else runs
        rows = [(run["strength"], run["seed"], run["arm"], secondary_mistakes(run)) for run in listed]
        frame = pd.DataFrame(rows, columns=["strength", "seed", "arm", "mistakes"])
        self.mistakes = frame.pivot(index=["strength", "seed"], columns="arm", values="mistakes").dropna()

    def __bool__(self) -> bool:
        return len(self.mistakes) > 0

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return self.mistakes.index.get_level_values("seed").nunique()

    def series(self, arms: Sequence[str]) -> dict[str, dict[str, Interval]]:
        """Mistakes by arm and strength, with intervals over seeds, as `figures.ablation_plot` takes them."""
        return {ARM_NAMES[arm]: _by_strength(self.mistakes[arm]) for arm in arms if arm in self.mistakes}

    def differences(self) -> dict[str, pd.Series]:
        """Every arm minus the triplet, and VSL minus the same on shuffled captions, indexed by strength and seed."""
        found = {str(a): self.mistakes[a] - self.mistakes[TRIPLET] for a in self.mistakes if a != TRIPLET}
        return found | {OVER_SHUFFLED: self.mistakes[VSL] - self.mistakes[SHUFFLED]} if self else {}

    @property
    def growth(self) -> Interval:
        """How the triplet's mistakes grow with a unit of strength, over seeds."""
        return _slope(self.mistakes[TRIPLET])

    def slopes(self) -> dict[str, Interval]:
        """How every difference grows with a unit of strength, over seeds."""
        return {name: _slope(gap) for name, gap in self.differences().items()}

    def table(self) -> pd.DataFrame:
        """Differences by strength and arm, and under `slope` how they grow with a unit of strength."""
        gaps = self.differences()
        rows = {(s, arm): one.known() for arm, gap in gaps.items() for s, one in _by_strength(gap).items()}
        rows |= {("slope", arm): slope.known() for arm, slope in self.slopes().items()}
        return pd.DataFrame(rows).T


def _by_strength(values: pd.Series) -> dict[str, Interval]:
    return {f"{s:g}": interval_over_seeds(rows.to_numpy()) for s, rows in values.groupby("strength")}


def _slope(values: pd.Series) -> Interval:
    wide = values.unstack("strength").dropna()
    return interval_over_seeds(np.polyfit(wide.columns, wide.to_numpy().T, 1)[0])
