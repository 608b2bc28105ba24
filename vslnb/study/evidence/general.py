"""The chosen setting of VSL on fresh seeds: the runs of `experiments/general.py`, an architecture at a time."""

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
from vslnb.study.evidence.strength import Choice, Strength, format_gaps, frame_of, over_photos
from vslnb.study.markdown import markdown_table
from vslnb.study.speed_tables import architecture_name

TRIPLET, SHUFFLED = "triplet", "shuffled"
PAPER = Choice("cider", "paper", 1.0)  # the setting of the recipe
SEEDS, PLANNED = 5, 10  # seeds of an architecture, and architectures, that decide
PERCENT = "rsum, percent"  # of the triplet of the same architecture and seed
# What is trained in the place of VSL, as figures and tables name it.
INSTEAD_NAMES = {
    "slack": "margins by similarity",
    "left-out": "similar negatives left out",
    "contrast": "InfoNCE",
    "soft-labels": "InfoNCE, soft labels",
}
ALLOWED = 1.0  # percent of the triplet's rsum that recall may pay (H3)


Trained = tuple[
    Choice | str, bool
]  # a setting of VSL or what is in its place, and whether captions are shuffled


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
        keys = pd.MultiIndex.from_frame(self.runs[["architecture", "seed"]])
        alone = self._values("test rsum", None).reindex(keys).to_numpy()
        self.runs[PERCENT] = 100 * self.runs["test rsum"] / alone

    def __bool__(self) -> bool:
        return len(self.runs) > 0

    def gaps(
        self, measure: str, setting: Choice | str, against: str = TRIPLET, shuffled: bool = False
    ) -> dict[str, np.ndarray]:
        """A measure minus that of the baseline, by architecture, a pair of runs a seed.

        Args:
            measure: a column of `runs`.
            setting: of VSL, or the name of what is trained in its place, such as `slack`.
            against: `triplet`, or `shuffled` for shuffled captions in the same setting.
            shuffled: whether the setting itself is taken with shuffled captions.

        Raises:
            ValueError: if a run is there twice.
        """
        found = self._values(measure, setting, shuffled)
        base = self._values(measure, None if against == TRIPLET else setting, shuffled=against == SHUFFLED)
        gap = (found - base).dropna()
        return {str(name): rows.to_numpy() for name, rows in gap.groupby(level=0, sort=False)}

    def _values(self, measure: str, setting: Choice | str | None, shuffled: bool = False):
        """A measure by architecture and seed: of a setting, or of the triplet alone."""
        runs = self.runs[(self.runs["captions"] == SHUFFLED) == shuffled]
        if isinstance(setting, Choice):
            runs = setting.of(runs[runs["instead"] == ""])
        else:
            runs = runs[(runs["strength"] == 0) & (runs["instead"] == (setting or ""))]
        values = runs.set_index(["architecture", "seed"])[measure]
        if not values.index.is_unique:
            raise ValueError("a run is there twice")
        return values

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
            "H3": ("test rsum", TRIPLET, -ALLOWED / 100 * self.level("test rsum", architecture)),
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

        Before all five seeds are there with both baselines, it gives what is there and says that nothing is decided.
        """
        asked = {
            "the experts' tau, minus the triplet's": ("experts", TRIPLET),
            "the same, minus that with shuffled captions": ("experts", SHUFFLED),
            "recall (rsum), minus the triplet's": ("test rsum", TRIPLET),
        }
        gaps = {
            words: self.gaps(one, setting, base).get(architecture) for words, (one, base) in asked.items()
        }
        there = {words: gap for words, gap in gaps.items() if gap is not None}
        if not there:
            return ""
        setup = f"{setting.similarity}, {setting.rank} ranks, {setting.strength:g} times beta"
        about = f"Dev chose {setup}. With {name_of(architecture)} it is trained again on fresh seeds."
        try:
            outcomes = self.hypotheses(setting, architecture)
        except LookupError:
            seen = "; ".join(f"{words}: {format_gaps(gap)}" for words, gap in there.items())
            return f"{about} Nothing is decided yet, because {min(map(len, there.values()))} of {SEEDS} seeds are there: {seen}."
        bound = -ALLOWED / 100 * self.level("test rsum", architecture)
        found = []
        turns = in_turn([holds for _, holds in outcomes.values()])
        for (name, (interval, _)), words, outcome in zip(outcomes.items(), asked, turns, strict=True):
            reason = ", as one before it is not shown" if outcome == "does not count" else ""
            found.append(
                f"**{name} {outcome}{reason}.** {words[0].upper()}{words[1:]}: {format_interval(interval)}."
            )
        below = "; the whole interval lies below it" if outcomes["H3"][0].high < bound else ""
        return f"{about} {' '.join(found)} H3 asks for an interval above {bound:+.1f}{below}."

    def arms_panel(self, measure: str, chosen: Choice, architecture: str = "cosine") -> tuple[dict, dict]:
        """A forest plot's panel of one architecture: every arm minus the triplet alone, those that are there."""
        gaps = {name: self._over_triplet(measure, arm, architecture) for name, arm in _arms(chosen).items()}
        gaps = {name: gap for name, gap in gaps.items() if len(gap)}
        return gaps, {name: interval_over_seeds(gap) for name, gap in gaps.items()}

    def table(self, chosen: Choice, only: str = "") -> pd.DataFrame:
        """A row an architecture, or `only` the one, and arm: seeds, experts' tau and rsum over the baselines."""
        rows = []
        for architecture in [only] if only else dict.fromkeys(self.runs["architecture"]):
            for name, arm in _arms(chosen).items():
                bought, paid = (self._over_triplet(m, arm, architecture) for m in ("experts", "test rsum"))
                if not len(bought):
                    continue
                row = {"architecture": name_of(architecture), "arm": name, "seeds": len(bought)}
                row["experts' tau, over the triplet"] = format_gaps(bought)
                beside = {} if arm[1] or isinstance(arm[0], str) else self.gaps("experts", arm[0], SHUFFLED)
                control = beside.get(architecture, np.zeros(0))
                row["experts' tau, over shuffled captions"] = format_gaps(control) if len(control) else ""
                rows.append(row | {"test rsum, over the triplet": format_gaps(paid)})
        return pd.DataFrame(rows)

    def block(self, found: Strength | None = None) -> str:
        """What was decided on `cosine` and its table, for the results page; the setting is chosen from the runs of `found`."""
        if not self:
            return "None of its runs has been made yet."
        chosen = (found or Strength()).choice()
        if chosen is None:
            return "No setting qualifies on dev."
        photos = over_photos(chosen, path=FIGURES / "flickr8k" / "general_photos.json")
        return "\n\n".join(
            filter(None, [self.decided(chosen), photos, markdown_table(self.table(chosen, "cosine"))])
        )

    def _over_triplet(self, measure: str, arm: Trained, architecture: str) -> np.ndarray:
        """A measure of an arm minus that of the triplet alone, on an architecture, a number a seed."""
        return self.gaps(measure, arm[0], shuffled=arm[1]).get(architecture, np.zeros(0))

    def level(self, measure: str, architecture: str) -> float:
        """The mean of a measure over the seeds of the triplet alone; NaN where there is none."""
        return self._values(measure, None).get(architecture, pd.Series(dtype=float)).mean()


def _arms(chosen: Choice) -> dict[str, Trained]:
    """What is trained beside the triplet alone, by its name in figures and tables."""
    found: dict[str, Trained] = {}
    for setting in dict.fromkeys((chosen, PAPER)):
        name = "VSL, as in the paper" if setting == PAPER else f"VSL, {setting.strength:g} times beta"
        found |= {name: (setting, False), f"{name}, shuffled": (setting, True)}
    return found | {words: (name, False) for name, words in INSTEAD_NAMES.items()}


def in_turn(met: Sequence[bool]) -> list[str]:
    """What becomes of hypotheses that are tested in their order: a later one counts only if those before it hold.

    >>> in_turn([True, False, True])
    ['holds', 'is not shown', 'does not count']
    """
    words = []
    for number, one in enumerate(met):
        words.append("does not count" if not all(met[:number]) else "holds" if one else "is not shown")
    return words


def name_of(architecture: str) -> str:
    """As figures and tables name it, with its direction."""
    return architecture_name(architecture.replace("-", " "), "small width")
