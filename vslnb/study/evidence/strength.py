"""What a stronger VSL buys and what it costs: the runs of `experiments/strength.py`, beside their triplets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from vslnb.evaluation.measures import RSUM, SECONDARY, TAU_CROWD, TAU_EXPERT, measure_of
from vslnb.figures.style import module_name
from vslnb.figures.trade_off import Curve
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.decision import format_interval
from vslnb.study.evidence.runs import FIGURES, read_evidence
from vslnb.study.markdown import markdown_table


class Choice(NamedTuple):
    """A setting of VSL; `strength` in multiples of the recipe's beta."""

    similarity: str
    rank: str
    strength: float

    @property
    def words(self) -> str:
        """As a sentence has it.

        >>> Choice("cider", "paper", 10.0).words
        '10 times beta (cider, paper ranks)'
        """
        return f"{self.strength:g} times beta ({self.similarity}, {self.rank} ranks)"

    def of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """The rows that have this setting."""
        return runs[runs[list(self._fields)].eq(pd.Series(self._asdict())).all(axis=1)]


ARM = ["module", "similarity", "rank", "strength", "captions", "trial"]
INSTEAD = "instead"  # what is trained in the place of VSL, such as `slack`; empty for the triplet and for VSL
# What is compared with the triplet of the same seed, by column.
MEASURES = [
    "dev rsum",
    "test rsum",
    "experts",
    "crowd",
    "within photos",
    "centred",
    "secondary",
    "NCS by sentence",
]
CHOSEN_BY = "dev NCS by tfidf"  # beside dev rsum; test decides nothing
EXPLORED = (1, 2, 3)  # seeds on which a setting is chosen,
SIMILARITIES, RANKS, STRENGTHS = ("cider", "sentence"), ("paper", "descending"), (1, 3, 10, 30)  # among these
SCOUTED = Choice("cider", "paper", 10.0)  # the setting that made us ask
# Of its triplet's dev rsum in the last epoch; a setting of which one run lost more is not chosen.
MOST_LOST = 0.1
PHOTOS = FIGURES / "flickr8k" / "strength_photos.json"
EPOCH = "epoch"  # the one whose weights count, from 1
VSL_BEGINS = 2  # in the recipes of Flickr8k; weights of an epoch before it never saw VSL
LAST = "last dev rsum"  # dev rsum is that of the best epoch, which for a run that collapses is an early one


class BesideTriplets:
    """Runs with several strengths of VSL beside the triplets of their seeds.

    Attributes:
        measures: names of columns that are compared with the triplet.
        runs: a row a run: module, similarity, rank, strength (0 is the triplet alone), captions, trial (what else was
            changed, mostly nothing), what is trained `instead` of VSL, seed, and every measure.
    """

    def __init__(self, runs: pd.DataFrame, measures: Sequence[str]):
        self.runs, self.measures = runs, list(measures)

    def __bool__(self) -> bool:
        return len(self.runs) > 0

    def differences(self) -> pd.DataFrame:
        """Every run with VSL, its measures minus those of the triplet of its module and seed; columns as in `runs`.

        Every other column stays as it is. A run whose triplet is not there is left out.
        """
        triplets = self.runs[(self.runs["strength"] == 0) & (self.runs[INSTEAD] == "")]
        alone = triplets.set_index(["module", "seed"])[self.measures]
        found = self.runs[self.runs["strength"] > 0].copy()
        keys = pd.MultiIndex.from_frame(found[["module", "seed"]])
        found[self.measures] = found[self.measures].to_numpy() - alone.reindex(keys).to_numpy()
        return found.dropna(subset=["test rsum"])

    def gaps(
        self, measure: str, setting: Choice, module: str = "cosine", against: str = "triplet"
    ) -> np.ndarray:
        """A measure of a setting minus that of its baseline, a number a seed that has both, in the order of the seeds.

        Args:
            measure: one of `measures`.
            setting: of VSL with true captions.
            against: `triplet`, or `shuffled` for shuffled captions in the same setting.
        """
        rows = setting.of(self._without_trials(module))
        by_seed = rows.pivot(index="seed", columns="captions", values=measure)
        true = by_seed.get("true", pd.Series(dtype=float))
        base = 0.0 if against == "triplet" else by_seed.get("shuffled", pd.Series(dtype=float))
        return (true - base).dropna().to_numpy()

    def _without_trials(self, module: str) -> pd.DataFrame:
        """The differences of a module whose runs change nothing beyond similarity, rank, strength and captions."""
        return self.differences().query("module == @module and trial == ''")


class Strength(BesideTriplets):
    """The runs of `experiments/strength.py`; `share` is the length of VSL's gradient as a share of the triplet's.

    Args:
        runs: contents of strength.json; read from figures/flickr8k by default.
    """

    def __init__(
        self,
        runs: Sequence[dict[str, Any]] | None = None,
        path: Path = FIGURES / "flickr8k" / "strength.json",
    ):
        listed = read_evidence(path, []) if runs is None else runs
        super().__init__(frame_of(listed), MEASURES)

    def examples(self, settings: Sequence[Choice], module: str = "cosine") -> pd.DataFrame:
        """What some settings buy and what they cost, a row each, with intervals over the seeds that exist."""
        asked = [
            ("experts", "triplet"),
            ("experts", "shuffled"),
            ("crowd", "triplet"),
            ("test rsum", "triplet"),
            ("test rsum", "shuffled"),
        ]
        rows = []
        for setting in settings:
            kind = f"{setting.strength:g} x beta, {setting.similarity}, {setting.rank} ranks"
            row = {f"{module_name(module)} with": kind, "seeds": len(self.gaps("experts", setting, module))}
            for measure, against in [*asked, ("dev rsum", "triplet")]:
                found = self.gaps(measure, setting, module, against)
                over = "shuffled captions" if against == "shuffled" else "the triplet"
                name = (
                    f"{measure}' tau"
                    if measure == "experts"
                    else f"{measure}'s tau"
                    if measure == "crowd"
                    else measure
                )
                row[f"{name}, over {over}"] = format_gaps(found) if len(found) else ""
            rows.append(row)
        return pd.DataFrame(rows)

    def block(self) -> str:
        """Three times beta of every kind, the setting that made us ask, and its photos, for the results page."""
        if not self:
            return "None of its runs has been made yet."
        three = [Choice(similarity, rank, 3.0) for similarity, rank in product(SIMILARITIES, RANKS)]
        examples = self.examples([*three, SCOUTED])
        return f"{markdown_table(examples)}\n\n{over_photos(SCOUTED)}"

    def choice(self, module: str = "cosine") -> Choice | None:
        """The one setting that goes on, by the rule of `experiments/strength.md`, which reads dev alone.

        For each similarity and rank the largest strength counts whose dev rsum is not below the triplet's by more than
        one standard error of the paired difference, and no run of which lost a tenth of it; of these the one with the
        highest NCS on dev is chosen. What a run lost is judged by its last epoch, everything else by its best one. Runs
        that cannot change the choice may be missing.

        Returns:
            None where no strength qualifies.

        Raises:
            LookupError: while a seed is missing of a setting that may still qualify, naming the setting.
        """
        rows = self._without_trials(module).query("captions == 'true' and seed in @EXPLORED")
        allowed: dict[tuple[str, str], tuple[float, float]] = {}
        triplets = self.runs.query("module == @module and strength == 0 and instead == ''").set_index("seed")
        for similarity, rank, strength in product(SIMILARITIES, RANKS, STRENGTHS[::-1]):
            if (similarity, rank) in allowed:
                continue  # a larger strength qualifies
            seeds = Choice(similarity, rank, strength).of(rows).set_index("seed")
            if (seeds[LAST] < (1 - MOST_LOST) * triplets[LAST].reindex(seeds.index)).any():
                continue  # whatever its other seeds say
            if sorted(seeds.index) != sorted(EXPLORED):
                raise LookupError(
                    f"{module}, {similarity}, {rank} ranks, {strength} x beta: not all seeds are there"
                )
            gap = seeds["dev rsum"]
            if gap.mean() >= -gap.std(ddof=1) / len(gap) ** 0.5:
                allowed[similarity, rank] = float(strength), float(seeds[CHOSEN_BY].mean())
        if not allowed:
            return None
        similarity, rank = max(allowed, key=lambda kind: allowed[kind][1])
        return Choice(similarity, rank, allowed[similarity, rank][0])

    def curves(self, module: str, paid: str = "test rsum", bought: str = "experts") -> dict[str, Curve]:
        """What `figures.trade_off` draws of a module: by similarity, rank and captions, two measures by strength.

        Runs whose best epoch lies before VSL began are left out.
        """
        found: dict[str, dict[float, tuple[np.ndarray, np.ndarray]]] = {}
        rows = self._without_trials(module).query("epoch >= @VSL_BEGINS").sort_values("strength")
        keys = ["similarity", "rank", "captions", "strength"]
        for (similarity, rank, captions, _), seeds in rows.groupby(keys, sort=False):
            name = f"{similarity}, {rank} ranks" + (", shuffled captions" if captions == "shuffled" else "")
            curve = found.setdefault(name, {})
            curve[float(seeds["strength"].iloc[0])] = seeds[paid].to_numpy(), seeds[bought].to_numpy()
        return dict(found)

    def table(self) -> pd.DataFrame:
        """A row an arm: seeds, gradient share in percent, and what changes against the triplet, mean over seeds."""
        rows = []
        for arm, found in self.differences().groupby(ARM, sort=False):
            means = found[MEASURES].mean()
            name = dict(zip(ARM, arm)) | {"module": module_name(str(arm[0]))}
            share = {"seeds": len(found), "epoch": f"{found[EPOCH].mean():.2g}"}
            share["gradient share"] = 100 * found["share"].mean()
            changes = {key: f"{means[key]:+.1f}" for key in MEASURES}
            if name["similarity"] == "sentence":  # no judge of what was trained on it
                changes["NCS by sentence"] = ""
            rows.append(name | share | changes)
        if not rows:
            return pd.DataFrame()
        found = pd.DataFrame(rows).sort_values(ARM, ignore_index=True)
        return found if found["trial"].any() else found.drop(columns="trial")


def format_gaps(gaps: np.ndarray) -> str:
    """Mean and interval of differences, a seed each; of a single one the number alone, and that it is one."""
    return format_interval(interval_over_seeds(gaps)) if len(gaps) > 1 else f"{gaps[0]:+.1f} (one seed)"


def photos_of(setting: Choice, module: str, captions: str, path: Path) -> dict[str, Any] | None:
    """What `experiments/strength_photos.py` found of an arm, or None where it was not asked."""
    arm = {"architecture": module, "captions": captions, "trial": "", INSTEAD: ""} | setting._asdict()
    asked = [one for one in read_evidence(path, []) if all(one[key] == value for key, value in arm.items())]
    return asked[0] if asked else None


def over_photos(setting: Choice, module: str = "cosine", path: Path = PHOTOS) -> str:
    """Whether a few photos carry the experts' gain of a setting, in a paragraph; empty where that was not asked."""
    found = photos_of(setting, module, "true", path)
    if not found:
        return ""
    seeds = f"{len(found['seeds'])} seeds" if len(found["seeds"]) > 1 else "one seed"
    firm = found["low"] > 0 and found["half"] >= 95
    carried = "does not come from a few photos" if firm else "may come from a few photos"
    return (
        f"At {setting.strength:g} times beta, with {seeds}, the experts' gain {carried}. With the photos drawn anew it "
        f"lies between {found['low']:+.1f} and {found['high']:+.1f}, and it is positive in {found['half']:.0f} of a "
        "hundred random halves of the photos. Exchanging ratings at random among one photo's captions removes the "
        f"agreement within photos ({found['exchanged']:+.1f}), as it must."
    )


def best_epoch(run: dict[str, Any]) -> int:
    """The epoch, from 1, whose weights a run kept.

    >>> best_epoch({"curve": [324.3, 378.6, 378.4]})
    2
    """
    return 1 + int(np.argmax(run["curve"]))


def frame_of(runs: Sequence[dict[str, Any]], model: str = "module") -> pd.DataFrame:
    """A row a run: what was trained, by the key `model` of its results, which arm and seed, and every measure."""
    columns = [model, *ARM[1:], INSTEAD, "seed", "share", *MEASURES, CHOSEN_BY, LAST, EPOCH]
    return pd.DataFrame([{model: run[model]} | _row(run) for run in runs], columns=columns)


def _row(run: dict[str, Any]) -> dict[str, Any]:
    sides, dev_sides = run["ncs_sentence"], run["ncs_dev"]
    return {key: run.get(key, "") for key in (*ARM[1:], INSTEAD, "seed")} | {
        "share": run.get("gradient_share", float("nan")),
        "dev rsum": run["dev"]["rsum"],
        "test rsum": measure_of(run, RSUM),
        "experts": measure_of(run, TAU_EXPERT),
        "crowd": measure_of(run, TAU_CROWD),
        "within photos": run["within_photos"],
        "centred": run["centred"],
        "secondary": sum(measure_of(run, side) for side in SECONDARY) / len(SECONDARY),
        "NCS by sentence": sum(sides.values()) / len(sides),
        CHOSEN_BY: sum(dev_sides.values()) / len(dev_sides),
        LAST: run["curve"][-1],
        EPOCH: best_epoch(run),
    }
