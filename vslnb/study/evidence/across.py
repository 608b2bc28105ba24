"""Is what VSL buys general? One setting on several architectures: each by itself, and their mean."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.decision import format_interval
from vslnb.study.evidence.general import ALLOWED, PERCENT, PLANNED, SEEDS, SHUFFLED, TRIPLET, General, name_of
from vslnb.study.evidence.runs import Panel, as_panel
from vslnb.study.evidence.strength import Choice, format_gaps
from vslnb.study.markdown import markdown_table
from vslnb.study.random_effects import RandomEffects, random_effects

# What is asked of every architecture: by the axis of a figure, a measure and its baseline.
ASKED = {
    "experts' tau minus the triplet's": ("experts", TRIPLET),
    "experts' tau minus that with shuffled captions": ("experts", SHUFFLED),
    "rsum minus the triplet's, % of it": (PERCENT, TRIPLET),
}


class Across:
    """One setting of VSL on every architecture that was trained with it.

    Args:
        general: the runs.
        setting: of VSL.
    """

    def __init__(self, general: General, setting: Choice):
        self.general, self.setting = general, setting

    def gaps(self, measure: str, against: str = TRIPLET) -> dict[str, np.ndarray]:
        """By the name of an architecture, a measure minus that of the baseline, a number a seed."""
        found = self.general.gaps(measure, self.setting, against)
        return {name_of(architecture): gap for architecture, gap in found.items()}

    def __len__(self) -> int:
        """Architectures with at least one seed of the setting and of the triplet."""
        return len(self.gaps("experts"))

    def together(self, measure: str, against: str = TRIPLET) -> RandomEffects:
        """The random-effects mean over the architectures that have at least two seeds.

        Raises:
            ValueError: while there are fewer than two of these.
        """
        found = [gap for gap in self.gaps(measure, against).values() if len(gap) > 1]
        return random_effects([gap.mean() for gap in found], [gap.var(ddof=1) / len(gap) for gap in found])

    def alike(self, measure: str, against: str = TRIPLET) -> Interval:
        """Student's interval over the architectures, each counted once with the mean of its seeds."""
        return interval_over_seeds([gap.mean() for gap in self.gaps(measure, against).values()])

    def mean(self, measure: str, against: str = TRIPLET) -> Interval:
        """The random-effects mean if all have at least two seeds, of two architectures or more; until then `alike`."""
        gaps = self.gaps(measure, against)
        whole = len(gaps) > 1 and all(len(gap) > 1 for gap in gaps.values())
        return self.together(measure, against).mean if whole else self.alike(measure, against)

    def panels(self) -> dict[str, Panel]:
        """A forest plot: an architecture a row, and their mean below them where there are two."""
        found = {}
        for label, asked in ASKED.items():
            gaps, intervals = as_panel(self.gaps(*asked))
            if len(gaps) > 1:
                gaps["mean"], intervals["mean"] = np.zeros(0), self.mean(*asked)
            found[label] = gaps, intervals
        return found

    def table(self) -> pd.DataFrame:
        """A row an architecture: seeds, the triplet's levels, and what changes; the mean below them."""
        rows: dict[str, dict[str, str]] = {}
        for architecture, gap in self.general.gaps("experts", self.setting).items():
            levels = {
                measure: self.general.level(measure, architecture) for measure in ("experts", "test rsum")
            }
            rows[name_of(architecture)] = {
                "seeds": str(len(gap)),
                "experts' tau, triplet": f"{levels['experts']:.1f}",
                "rsum, triplet": f"{levels['test rsum']:.1f}",
            }
        for label, asked in ASKED.items():
            for name, gap in (gaps := self.gaps(*asked)).items():
                rows[name][label] = format_gaps(gap)
            if len(gaps) > 1:
                rows.setdefault("mean", {})[label] = format_interval(self.mean(*asked))
        return pd.DataFrame(rows).T.rename_axis("architecture").fillna("").reset_index()

    def block(self) -> str:
        """What is said of it and the table, for the results page."""
        if len(self) < 2:
            return "No architecture but `cosine` is trained with it yet."
        return f"{self.summary()}\n\n{markdown_table(self.table())}"

    def headline(self) -> str:
        """What a figure says above its panels."""
        bought, paid = (self.mean(*ASKED[label]).value for label in (list(ASKED)[0], list(ASKED)[2]))
        return f"{len(self)} architectures, {self.setting.strength:g} times beta: experts' tau {bought:+.1f}, rsum {paid:+.1f} %"

    def summary(self) -> str:
        """In how many architectures each of the three is so, with the mean, in a paragraph; empty below two."""
        if len(self) < 2:
            return ""
        gaps = {label: self.gaps(*asked) for label, asked in ASKED.items()}
        means = {label: format_interval(self.mean(*asked)) for label, asked in ASKED.items() if gaps[label]}
        over, control, paid = ASKED
        fewest = min(map(len, gaps[over].values()))
        seeds = f"at least {fewest} seeds" if fewest > 1 else "one seed or more"
        said = [
            f"With {self.setting.words}, {len(self)} architectures have {seeds} each.",
            f"The experts' tau is above the triplet's in {_above(gaps[over])}, on average by {means[over]}.",
        ]
        if gaps[control]:
            said += [
                f"It is above that with shuffled captions in {_above(gaps[control])}, on average by {means[control]}."
            ]
        below = sum(gap.mean() < 0 for gap in gaps[paid].values())
        said += [
            f"rsum is below the triplet's in {below} of {len(self)}, and changes by {means[paid]} percent of it; "
            f"the design allows a loss of {ALLOWED:g} percent."
        ]
        if fewest < SEEDS or len(self) < PLANNED:
            said += [
                f"The design asks for {SEEDS} seeds of {PLANNED} architectures, so this decides nothing yet."
            ]
        if fewest < 2:
            return " ".join([*said, "Each architecture counts once in these means."])
        spread = self.together(*ASKED[over]).heterogeneity
        more = f"{spread:.0f} percent is more than the spread over seeds explains"
        return " ".join([*said, f"Of the spread of the experts' gains among architectures, {more}."])


def _above(gaps: dict[str, np.ndarray]) -> str:
    """In how many of how many the mean difference is positive.

    >>> _above({"cosine": np.array([1.0, -0.5]), "SAF": np.array([-1.0])})
    '1 of 2'
    """
    return f"{sum(gap.mean() > 0 for gap in gaps.values())} of {len(gaps)}"
