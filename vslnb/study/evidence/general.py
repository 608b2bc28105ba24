"""Is what VSL buys general? The runs of `experiments/general.py`, architecture by architecture and together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.evidence.runs import FIGURES, read_evidence
from vslnb.study.evidence.strength import Choice, frame_of
from vslnb.study.random_effects import RandomEffects, random_effects

TRIPLET, SHUFFLED = "triplet", "shuffled"
PAPER = Choice("cider", "paper", 1.0)  # the setting of the recipe
SEEDS = 5  # that decide
ALLOWED = 1.0  # percent of the triplet's rsum that recall may pay (H3)


class General:
    """The same settings of VSL on every architecture.

    Args:
        runs: contents of general.json; read from figures/flickr8k by default.

    Attributes:
        runs: as those of `Strength`, with `architecture` in the place of the module.
    """

    def __init__(
        self,
        runs: Sequence[dict[str, Any]] | None = None,
        path: Path = FIGURES / "flickr8k" / "general.json",
    ):
        listed = read_evidence(path, []) if runs is None else runs
        self.runs = frame_of(listed, "architecture")

    def __bool__(self) -> bool:
        return len(self.runs) > 0

    def gaps(self, measure: str, setting: Choice | str, against: str = TRIPLET) -> dict[str, np.ndarray]:
        """A measure minus that of the baseline, by architecture, a pair of runs a seed.

        Args:
            measure: a column of `runs`.
            setting: of VSL, or the name of what is trained in its place, such as `slack`.
            against: `triplet`, or `shuffled` for shuffled captions in the same setting.

        Raises:
            ValueError: if a run is there twice.
        """
        found = self._values(measure, setting)
        base = self._values(measure, None if against == TRIPLET else setting, shuffled=against == SHUFFLED)
        gap = (found - base).dropna()
        return {str(name): rows.to_numpy() for name, rows in gap.groupby(level=0, sort=False)}

    def _values(self, measure: str, setting: Choice | str | None, shuffled: bool = False):
        """A measure by architecture and seed: of a setting, or of the triplet alone."""
        runs = self.runs[(self.runs["captions"] == SHUFFLED) == shuffled]
        if isinstance(setting, Choice):
            kind = [runs[name] == value for name, value in setting._asdict().items()]
            runs = runs[np.logical_and.reduce([*kind, runs["instead"] == ""])]
        else:
            runs = runs[(runs["strength"] == 0) & (runs["instead"] == (setting or ""))]
        values = runs.set_index(["architecture", "seed"])[measure]
        if not values.index.is_unique:
            raise ValueError("a run is there twice")
        return values

    def together(self, measure: str, setting: Choice | str, against: str = TRIPLET) -> RandomEffects:
        """The mean over the architectures that have at least two seeds.

        Raises:
            ValueError: while there are fewer than two of these.
        """
        found = [gap for gap in self.gaps(measure, setting, against).values() if len(gap) > 1]
        return random_effects([gap.mean() for gap in found], [gap.var(ddof=1) / len(gap) for gap in found])

    def unweighted(self, measure: str, setting: Choice | str, against: str = TRIPLET) -> Interval:
        """Student's interval over the means of the architectures, each counted alike; it stands beside `together`."""
        gaps = self.gaps(measure, setting, against).values()
        return interval_over_seeds([gap.mean() for gap in gaps if len(gap) > 1])

    def hypotheses(self, setting: Choice, architecture: str = "cosine") -> dict[str, tuple[Interval, bool]]:
        """H1 to H3 of the design on one architecture: the interval over seeds, and whether it holds.

        H1 and H2: agreement with experts is above that of the triplet, and of shuffled captions. H3: rsum is not below
        the triplet's by more than one percent. A later one holds only if those before it do.

        Raises:
            LookupError: while the five seeds are not all there, with every baseline.
        """
        level = self._values("test rsum", None).get(architecture, pd.Series(dtype=float)).mean()
        asked = {
            "H1": ("experts", TRIPLET, 0.0),
            "H2": ("experts", SHUFFLED, 0.0),
            "H3": ("test rsum", TRIPLET, -ALLOWED / 100 * level),
        }
        found, so_far = {}, True
        for name, (measure, against, bound) in asked.items():
            gap = self.gaps(measure, setting, against).get(architecture, ())
            if len(gap) < SEEDS:
                raise LookupError(
                    f"{architecture}, {measure} over {against}: {len(gap)} of {SEEDS} seeds are there"
                )
            interval = interval_over_seeds(gap)
            so_far = so_far and bool(interval.low > bound)
            found[name] = interval, so_far
        return found

    def panel(self, measure: str, setting: Choice | str, against: str = TRIPLET) -> tuple[dict, dict]:
        """A forest plot's panel: the differences of every architecture, and its interval; the mean below them."""
        gaps = self.gaps(measure, setting, against)
        intervals: dict[str, Interval] = {name: interval_over_seeds(gap) for name, gap in gaps.items()}
        if sum(len(gap) > 1 for gap in gaps.values()) > 1:
            gaps["mean"], intervals["mean"] = np.zeros(0), self.together(measure, setting, against).mean
        return gaps, intervals
