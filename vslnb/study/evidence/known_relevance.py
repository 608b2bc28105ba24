"""What a stronger VSL buys where relevance is known exactly: the runs of `experiments/strength_world.py`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.figures.style import module_name
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.evidence.runs import FIGURES, read_evidence
from vslnb.study.evidence.strength import (
    ARM,
    INSTEAD,
    RANKS,
    STRENGTHS,
    BesideTriplets,
    Choice,
    format_gaps,
)
from vslnb.study.markdown import markdown_table

RSUM, FITS, SHARED = "test rsum", "fits", "shared"
MODULES = ("cosine", "saf")
NAMES = {RSUM: "rsum", FITS: "the first picture fits", SHARED: "shared main event"}
BASELINES = {"triplet": "the triplet", "shuffled": "shuffled captions"}


class KnownRelevance(BesideTriplets):
    """The runs in the bundled world beside the triplets of their seeds.

    Args:
        runs: contents of strength.json; read from figures/world by default.

    Attributes:
        runs: as those of `BesideTriplets`; `fits` is how many of a hundred captions have a picture first that fits them,
            `shared` is NCS@10 by the parts of the main event that scenes share, mean of both directions.
    """

    def __init__(
        self,
        runs: Sequence[dict[str, Any]] | None = None,
        path: Path = FIGURES / "world" / "strength.json",
    ):
        listed = read_evidence(path, []) if runs is None else runs
        measures = [RSUM, FITS, SHARED]
        rows = [_row(run) for run in listed]
        super().__init__(pd.DataFrame(rows, columns=[*ARM, INSTEAD, "seed", *measures]), measures)

    def series(self, measure: str) -> dict[str, dict[str, Interval]]:
        """What a measure gains over the triplet with the paper's ranks, as `figures.ablation_plot` takes it.

        Returns:
            By module and captions and by strength, with intervals over seeds.
        """
        found: dict[str, dict[str, Interval]] = {}
        rows = self.differences().query("rank == 'paper'")
        rows = rows.sort_values(["module", "captions", "strength"], ascending=[True, False, True])
        for (module, captions), line in rows.groupby(["module", "captions"], sort=False):
            name = f"{module_name(str(module))}, {'VSL' if captions == 'true' else 'shuffled captions'}"
            by_strength = line.groupby("strength")[measure]
            found[name] = {f"{s:g}": interval_over_seeds(seeds.to_numpy()) for s, seeds in by_strength}
        return found

    def table(self) -> pd.DataFrame:
        """A row a setting: seeds, and every measure over both baselines, with intervals over seeds.

        Only the paper's ranks have a control, shuffled captions at the same strength.
        """
        rows = []
        for module, setting in _settings():
            row: dict[str, Any] = {
                "module": module_name(module),
                "ranks": setting.rank,
                "strength": f"{setting.strength:g} x beta",
            }
            row["seeds"] = len(self.gaps(RSUM, setting, module))
            for measure, (against, over) in product(self.measures, BASELINES.items()):
                gaps = self.gaps(measure, setting, module, against)
                row[f"{NAMES[measure]}, over {over}"] = format_gaps(gaps) if len(gaps) else ""
            rows.append(row)
        return pd.DataFrame(rows)

    def block(self) -> str:
        """What counts and the settings with the paper's ranks, for the results page; empty without runs."""
        if not self:
            return "None of its runs has been made yet."
        shown = (
            self.table()
            .query("ranks == 'paper'")
            .drop(columns=["ranks", f"{NAMES[RSUM]}, over shuffled captions"])
        )
        return f"{self.summary_of(FITS)} {self.summary_of(SHARED)}\n\n{markdown_table(shown)}"

    def gained(self, measure: str) -> tuple[int, int, int]:
        """How many settings with the paper's ranks gain over the triplet, how many over both baselines, of how many.

        A gain is an interval over seeds above zero; settings of a single seed do not count.
        """
        kinds = [kind for kind in _settings() if kind[1].rank == "paper"]
        kinds = [kind for kind in kinds if len(self.gaps(measure, kind[1], kind[0], "shuffled")) > 1]
        firm = {
            against: [
                interval_over_seeds(self.gaps(measure, setting, module, against)).low > 0
                for module, setting in kinds
            ]
            for against in BASELINES
        }
        return sum(firm["triplet"]), sum(map(all, zip(*firm.values()))), len(kinds)

    def summary_of(self, measure: str) -> str:
        """The same in a sentence of Markdown."""
        over, both, settings = self.gained(measure)
        return (
            f"In *{NAMES[measure]}*, {over or 'none'} of {settings} settings {'gains' if over < 2 else 'gain'} over the "
            f"triplet, and {both or 'none'} over both the triplet and shuffled captions."
        )


def _settings() -> list[tuple[str, Choice]]:
    return [
        (module, Choice("cider", rank, float(strength)))
        for module, rank, strength in product(MODULES, RANKS, STRENGTHS)
    ]


def _row(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "module": run["module"],
        "similarity": "cider",
        "rank": run["rank"],
        "strength": run["strength"],
        "captions": run["captions"],
        "trial": "",
        INSTEAD: "",
        "seed": run["seed"],
        RSUM: run["test"]["rsum"],
        FITS: run["fits"]["R@1"],
        SHARED: sum(run["shared"].values()) / len(run["shared"]),
    }
