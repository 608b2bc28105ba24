"""What averaging the scores of two trainings buys and costs: the means of `experiments/strength_means.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vslnb.figures.trade_off import Curve
from vslnb.study.evidence.runs import FIGURES, read_evidence
from vslnb.study.evidence.strength import EPOCH, SCOUTED, SIMILARITIES, VSL_BEGINS, Choice

SETTING = ["similarity", "rank", "strength", "captions"]
MEASURES = ["dev rsum", "test rsum", "experts", "crowd"]
PARTNERS = {"itself": "both with VSL", "triplet": "one with VSL"}


class Means:
    """Means of two trainings' scores beside the mean of the two triplets of the same seeds.

    The pairs of seeds share their trainings, so no interval is given.

    Args:
        means: contents of strength_means.json; read from figures/flickr8k by default.

    Attributes:
        means: a row a mean: its setting of VSL, what it stands `beside` (`itself` or the `triplet`), both seeds,
            the earlier epoch whose weights count, and every measure.
    """

    def __init__(
        self,
        means: Sequence[dict[str, Any]] | None = None,
        path: Path = FIGURES / "flickr8k" / "strength_means.json",
    ):
        listed = read_evidence(path, []) if means is None else means
        rows = [one | {"seeds": tuple(one["seeds"])} for one in listed]
        self.means = pd.DataFrame(rows, columns=[*SETTING, "beside", "seeds", EPOCH, *MEASURES])

    def __bool__(self) -> bool:
        return len(self.means) > 0

    def differences(self) -> pd.DataFrame:
        """Every mean with VSL, its measures minus those of the two triplets of its seeds; columns as in `means`.

        A mean whose triplets are not there is left out.
        """
        triplets = self.means[self.means["strength"] == 0].set_index("seeds")[MEASURES]
        found = self.means[self.means["strength"] > 0].copy()
        found[MEASURES] = found[MEASURES].to_numpy() - triplets.reindex(found["seeds"]).to_numpy()
        return found.dropna(subset=MEASURES)

    def curves(self, similarity: str, rank: str, strongest: float = 10) -> dict[str, Curve]:
        """As `figures.trade_off` takes them: test rsum and experts' tau by strength, a curve a kind of mean.

        Means of weights that never saw VSL are left out.

        Args:
            similarity: of the captions, on which VSL was trained.
            rank: of VSL.
            strongest: larger strengths are left out; they lose so much recall that the others would lie close together.
        """
        kind = "similarity == @similarity and rank == @rank and captions == 'true' and strength <= @strongest"
        rows = self.differences().query(kind)
        rows = rows[rows[EPOCH] >= VSL_BEGINS]
        found: dict[str, dict[float, tuple[Any, Any]]] = {}
        for (beside, _), pairs in rows.groupby(["beside", "strength"]):
            paid, bought = pairs["test rsum"].to_numpy(), pairs["experts"].to_numpy()
            curve = found.setdefault(PARTNERS[str(beside)], {})
            curve[float(pairs["strength"].iloc[0])] = paid, bought
        return dict(found)

    def change(self, setting: Choice, beside: str, measure: str) -> pd.Series:
        """What a measure of a mean changes over the mean of two triplets, by the pair of seeds.

        Args:
            setting: of VSL, with true captions.
            beside: `itself` or `triplet`.
            measure: one of `MEASURES`.
        """
        rows = setting.of(self.differences().query("captions == 'true' and beside == @beside"))
        return rows.set_index("seeds")[measure]

    def summary(self, setting: Choice) -> str:
        """What both kinds of mean buy and cost in a setting, in a sentence of Markdown; empty where one is missing.

        Only pairs of seeds count of which both kinds are there.
        """
        changes = {
            (beside, name): self.change(setting, beside, name)
            for beside in PARTNERS
            for name in ("experts", "test rsum")
        }
        both = pd.DataFrame(changes).dropna()
        if both.empty:
            return ""
        mean = both.mean()
        return (
            f"At {setting.words}, two trainings with VSL "
            f"change the experts' tau by {mean['itself', 'experts']:+.1f} and rsum by "
            f"{mean['itself', 'test rsum']:+.1f}. One with VSL and one without change them by "
            f"{mean['triplet', 'experts']:+.1f} and {mean['triplet', 'test rsum']:+.1f}."
        )

    def block(self) -> str:
        """Ten times beta by both similarities, for the results page."""
        said = filter(None, (self.summary(SCOUTED._replace(similarity=one)) for one in SIMILARITIES))
        return " ".join(said) or "None of them has been computed yet."

    def table(self) -> pd.DataFrame:
        """A row a setting and kind of mean: how many pairs of seeds, and what changes over two triplets."""
        rows = []
        for _, found in self.differences().groupby([*SETTING, "beside"], sort=False):
            changes = {name: f"{found[name].mean():+.1f}" for name in MEASURES}
            first = found.iloc[0]
            about = first[SETTING].to_dict() | {"mean of": PARTNERS[first["beside"]]}
            about |= {"pairs": len(found), EPOCH: f"{found[EPOCH].mean():.2g}"}
            rows.append(about | changes)
        return (
            pd.DataFrame(rows).sort_values([*SETTING, "mean of"], ignore_index=True)
            if rows
            else pd.DataFrame()
        )
