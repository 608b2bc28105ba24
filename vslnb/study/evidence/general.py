"""Is what VSL buys general? The runs of `experiments/general.py`, architecture by architecture and together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vslnb.evaluation.intervals import Interval
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.evidence.runs import FIGURES, read_evidence
from vslnb.study.evidence.strength import frame_of
from vslnb.study.random_effects import RandomEffects, random_effects

TRIPLET, SHUFFLED = "triplet", "shuffled"
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

    def gaps(self, measure: str, strength: float, against: str = TRIPLET) -> dict[str, np.ndarray]:
        """A measure of VSL at a strength minus that of the baseline, by architecture, a pair of runs a seed.

        Args:
            measure: a column of `runs`.
            strength: in multiples of the recipe's beta.
            against: `triplet`, or `shuffled` for shuffled captions at the same strength.
        """
        keys = ["architecture", "seed"]
        true = self.runs.query("strength == @strength and captions == 'true'").set_index(keys)[measure]
        if against == TRIPLET:
            base = self.runs.query("strength == 0").set_index(keys)[measure]
        else:
            base = self.runs.query("strength == @strength and captions == 'shuffled'").set_index(keys)[
                measure
            ]
        gap = (true - base).dropna()
        return {str(name): rows.to_numpy() for name, rows in gap.groupby(level=0, sort=False)}

    def together(self, measure: str, strength: float, against: str = TRIPLET) -> RandomEffects:
        """The mean over the architectures that have at least two seeds.

        Raises:
            ValueError: while there are fewer than two of these.
        """
        found = [gap for gap in self.gaps(measure, strength, against).values() if len(gap) > 1]
        return random_effects([gap.mean() for gap in found], [gap.var(ddof=1) / len(gap) for gap in found])

    def hypotheses(self, strength: float, architecture: str = "cosine") -> dict[str, tuple[Interval, bool]]:
        """H1 to H3 of the design on one architecture: the interval over seeds, and whether it holds.

        H1 and H2: agreement with experts is above that of the triplet, and of shuffled captions. H3: rsum is not below
        the triplet's by more than one percent. A later one holds only if those before it do.
        """
        level = self.runs.query("strength == 0 and architecture == @architecture")["test rsum"].mean()
        asked = {
            "H1": ("experts", TRIPLET, 0.0),
            "H2": ("experts", SHUFFLED, 0.0),
            "H3": ("test rsum", TRIPLET, -ALLOWED / 100 * level),
        }
        found, so_far = {}, True
        for name, (measure, against, bound) in asked.items():
            interval = interval_over_seeds(self.gaps(measure, strength, against)[architecture])
            so_far = so_far and bool(interval.low > bound)
            found[name] = interval, so_far
        return found

    def panels(self, measure: str, strength: float, against: str = TRIPLET) -> tuple[dict, dict]:
        """A forest plot's panel: the differences of every architecture, and its interval; the mean below them."""
        gaps = self.gaps(measure, strength, against)
        intervals: dict[str, Interval] = {name: interval_over_seeds(gap) for name, gap in gaps.items()}
        if sum(len(gap) > 1 for gap in gaps.values()) > 1:
            gaps["mean"], intervals["mean"] = np.zeros(0), self.together(measure, strength, against).mean
        return gaps, intervals
