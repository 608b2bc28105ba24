"""Is what VSL buys general? The runs of `experiments/general.py`, architecture by architecture and together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.decision import format_interval
from vslnb.study.evidence.runs import FIGURES, read_evidence
from vslnb.study.evidence.strength import Choice, format_gaps, frame_of
from vslnb.study.random_effects import RandomEffects, random_effects

TRIPLET, SHUFFLED = "triplet", "shuffled"
PAPER = Choice("cider", "paper", 1.0)  # the setting of the recipe
SEEDS = 5  # that decide
# What is trained in the place of VSL, as figures and tables name it.
INSTEAD_NAMES = {
    "slack": "margins by similarity",
    "left-out": "similar negatives left out",
    "contrast": "InfoNCE",
    "soft-labels": "InfoNCE, soft labels",
}
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
        asked = {
            "H1": ("experts", TRIPLET, 0.0),
            "H2": ("experts", SHUFFLED, 0.0),
            "H3": ("test rsum", TRIPLET, -ALLOWED / 100 * self._level(architecture)),
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

    def decided(self, setting: Choice, architecture: str = "cosine") -> str:
        """What became of H1 to H3 on an architecture, in a paragraph of Markdown; empty where no seed is there.

        Before all five seeds are there, it says what they show so far and that nothing is decided.
        """
        asked = {
            "the experts' tau over the triplet": ("experts", TRIPLET),
            "the experts' tau over shuffled captions": ("experts", SHUFFLED),
            "rsum over the triplet": ("test rsum", TRIPLET),
        }
        gaps = {
            name: self.gaps(one, setting, base).get(architecture, np.zeros(0))
            for name, (one, base) in asked.items()
        }
        if not all(map(len, gaps.values())):
            return ""
        try:
            outcomes = self.hypotheses(setting, architecture)
        except LookupError:
            seen = ", ".join(f"{name} {format_gaps(gap)}" for name, gap in gaps.items())
            seeds = min(map(len, gaps.values()))
            return f"Nothing is decided yet: {seeds} of {SEEDS} seeds are there. So far they change {seen}."
        said = [
            f"**{name} {'holds' if holds else 'is not shown'}**: {words} changes by {format_interval(interval)}"
            for (name, (interval, holds)), words in zip(outcomes.items(), asked, strict=True)
        ]
        allowed = -ALLOWED / 100 * self._level(architecture)
        return f"{'. '.join(said)}, where {allowed:+.1f} is the most that may be lost."

    def arms_panel(self, measure: str, chosen: Choice, architecture: str = "cosine") -> tuple[dict, dict]:
        """A forest plot's panel of one architecture: every arm minus the triplet alone, those that are there."""
        gaps: dict[str, np.ndarray] = {}
        for setting in dict.fromkeys((chosen, PAPER)):
            name = "VSL, as in the paper" if setting == PAPER else f"VSL, {setting.strength:g} times beta"
            control = self._values(measure, setting, shuffled=True) - self._values(measure, None)
            gaps[name] = self.gaps(measure, setting).get(architecture, np.zeros(0))
            gaps[f"{name}, shuffled"] = control.dropna().get(architecture, pd.Series(dtype=float)).to_numpy()
        for name, words in INSTEAD_NAMES.items():
            gaps[words] = self.gaps(measure, name).get(architecture, np.zeros(0))
        gaps = {name: gap for name, gap in gaps.items() if len(gap)}
        return gaps, {name: interval_over_seeds(gap) for name, gap in gaps.items()}

    def _level(self, architecture: str) -> float:
        """Mean test rsum of the triplet alone."""
        return self._values("test rsum", None).get(architecture, pd.Series(dtype=float)).mean()

    def panel(self, measure: str, setting: Choice | str, against: str = TRIPLET) -> tuple[dict, dict]:
        """A forest plot's panel: the differences of every architecture, and its interval; the mean below them."""
        gaps = self.gaps(measure, setting, against)
        intervals: dict[str, Interval] = {name: interval_over_seeds(gap) for name, gap in gaps.items()}
        if sum(len(gap) > 1 for gap in gaps.values()) > 1:
            gaps["mean"], intervals["mean"] = np.zeros(0), self.together(measure, setting, against).mean
        return gaps, intervals
