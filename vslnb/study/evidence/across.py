"""Is what VSL buys general? One setting on several architectures: each by itself, and their mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.decision import format_interval
from vslnb.study.evidence.general import (
    ALLOWED,
    PERCENT,
    PLANNED,
    SEEDS,
    SHUFFLED,
    TRIPLET,
    General,
    in_turn,
    name_of,
)
from vslnb.study.evidence.runs import Panel, as_panel
from vslnb.study.evidence.strength import Choice, format_gaps
from vslnb.study.markdown import markdown_table
from vslnb.study.random_effects import RandomEffects, random_effects


class Asked(NamedTuple):
    """A measure minus that of a baseline; `bound` is what the hypothesis asks the interval to lie above."""

    measure: str
    against: str = TRIPLET
    shuffled: bool = False  # of the setting with shuffled captions
    bound: float = 0.0


# The three hypotheses of the design, by the axis of a figure,
HYPOTHESES = {
    "experts' tau minus the triplet's": Asked("experts"),
    "experts' tau minus that with shuffled captions": Asked("experts", SHUFFLED),
    "rsum minus the triplet's, % of it": Asked(PERCENT, bound=-ALLOWED),
}
OVER, CONTROL, PAID = HYPOTHESES
# and what shuffled captions do by themselves.
BESIDE = {
    "shuffled captions: experts' tau minus the triplet's": Asked("experts", shuffled=True),
    "shuffled captions: rsum minus the triplet's, % of it": Asked(PERCENT, shuffled=True),
}
ASKED = HYPOTHESES | BESIDE


class Across:
    """One setting of VSL on every architecture that was trained with it, with the triplet and with its control.

    An architecture counts once all three are there with at least one seed.

    Args:
        general: the runs.
        setting: of VSL.
    """

    def __init__(self, general: General, setting: Choice):
        self.general, self.setting = general, setting
        self._gaps = {
            asked: general.gaps(asked.measure, setting, asked.against, asked.shuffled)
            for asked in ASKED.values()
        }
        self.architectures = [
            name for name in self._gaps[HYPOTHESES[OVER]] if all(name in gaps for gaps in self._gaps.values())
        ]

    def __len__(self) -> int:
        return len(self.architectures)

    def gaps(self, asked: Asked) -> dict[str, np.ndarray]:
        """By the name of an architecture, a number a seed."""
        return {name_of(one): self._gaps[asked][one] for one in self.architectures}

    @property
    def fewest(self) -> int:
        """Seeds behind the comparison that has fewest; 0 without an architecture."""
        return min((len(gap) for one in ASKED.values() for gap in self.gaps(one).values()), default=0)

    def alike(self, asked: Asked) -> Interval:
        """Student's interval over the architectures, each counted once with the mean of its seeds."""
        return interval_over_seeds([gap.mean() for gap in self.gaps(asked).values()])

    def together(self, asked: Asked) -> RandomEffects:
        """The random-effects mean.

        Raises:
            ValueError: while an architecture has one seed, or there are fewer than two architectures.
        """
        found = self.gaps(asked).values()
        if min(map(len, found), default=0) < 2:
            raise ValueError("needs two seeds of every architecture")
        return random_effects([gap.mean() for gap in found], [gap.var(ddof=1) / len(gap) for gap in found])

    def means(self, asked: Asked) -> dict[str, Interval]:
        """By its name: the mean that counts each architecture once, and random effects where two seeds are there."""
        if len(self) < 2:
            return {}
        found = {"mean, each counted once": self.alike(asked)}
        return found | ({"mean, random effects": self.together(asked).mean} if self.fewest > 1 else {})

    def panels(self) -> dict[str, Panel]:
        """A forest plot: an architecture a row, and their mean below them where there are two."""
        found = {}
        for label, asked in HYPOTHESES.items():
            gaps, intervals = as_panel(self.gaps(asked))
            for name, mean in self.means(asked).items():
                gaps[name], intervals[name] = np.zeros(0), mean
            found[label] = gaps, intervals
        return found

    def table(self) -> pd.DataFrame:
        """A row an architecture: seeds, the triplet's levels, and what changes; the means below them."""
        rows: dict[str, dict[str, str]] = {}
        for architecture in self.architectures:
            rows[name_of(architecture)] = {
                "seeds": str(len(self.gaps(HYPOTHESES[OVER])[name_of(architecture)])),
                "experts' tau, triplet": f"{self.general.level('experts', architecture):.1f}",
                "rsum, triplet": f"{self.general.level('test rsum', architecture):.1f}",
            }
        for label, asked in ASKED.items():
            for name, gap in self.gaps(asked).items():
                rows[name][label] = format_gaps(gap)
            for name, mean in self.means(asked).items():
                rows.setdefault(name, {})[label] = format_interval(mean)
        return pd.DataFrame(rows).T.rename_axis("architecture").fillna("").reset_index()

    def block(self) -> str:
        """What is said of it and the table, for the results page."""
        if len(self) < 2:
            return "No architecture but `cosine` is trained with it yet."
        return f"{self.summary()}\n\n{markdown_table(self.table())}"

    def headline(self) -> str:
        """The message of the figure: in how many architectures experts agree more, and how many seeds say so."""
        gaps = self.gaps(HYPOTHESES[OVER])
        most = max(map(len, gaps.values()), default=0)
        seeds = f"{self.fewest} to {most}" if self.fewest < most else f"{most}"
        return f"{self.setting.strength:g} times beta: experts agree more in {_above(gaps)} architectures ({seeds} seeds each)"

    def summary(self) -> str:
        """What is there, in a paragraph; empty below two architectures."""
        if len(self) < 2:
            return ""
        gaps = {label: self.gaps(asked) for label, asked in HYPOTHESES.items()}
        seeds = ", ".join(f"{name} ({len(gap)})" for name, gap in gaps[OVER].items())
        over, control, paid = (list(self.means(asked).values())[-1] for asked in HYPOTHESES.values())
        counted = "by random effects" if self.fewest > 1 else "over architectures, each counted once"
        within = "It does." if paid.low > -ALLOWED else "It does not."
        said = [
            f"Trained so far with {self.setting.words}, seeds in brackets: {seeds}.",
            f"The experts' tau is above the triplet's in {_above(gaps[OVER])}, on average by {format_interval(over)}.",
            f"It is above the tau with shuffled captions in {_above(gaps[CONTROL])}, by {format_interval(control)}.",
            f"The rsum changes by {format_interval(paid)} percent of the triplet's; the design asks that this interval lie "
            f"above -{ALLOWED:g}. {within}",
            f"These means and intervals are {counted}.",
        ]
        if self.fewest < SEEDS or len(self) < PLANNED:
            said += [
                f"The design asks for {SEEDS} seeds of {PLANNED} architectures, so this decides nothing yet."
            ]
        else:
            said += [self._decision()]
        return " ".join(said)

    def _decision(self) -> str:
        """H1 to H3 over architectures, in their order, and how much of the spread seeds alone explain."""
        above = [self.together(asked).mean.low > asked.bound for asked in HYPOTHESES.values()]
        found = [f"**H{number} {word}.**" for number, word in enumerate(in_turn(above), start=1)]
        alone = 100 - self.together(HYPOTHESES[OVER]).heterogeneity
        explained = f"Seeds alone explain {alone:.0f} percent of how much the experts' gains differ between architectures."
        return " ".join([*found, explained])


def _above(gaps: dict[str, np.ndarray]) -> str:
    """In how many of how many the mean difference is positive.

    >>> _above({"cosine": np.array([1.0, -0.5]), "SAF": np.array([-1.0])})
    '1 of 2'
    """
    return f"{sum(gap.mean() > 0 for gap in gaps.values())} of {len(gaps)}"
