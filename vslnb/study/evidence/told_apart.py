"""Which ratings of experts a stronger VSL tells apart better: from what `experiments/strength_photos.py` found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vslnb.study.evidence.runs import FIGURES, read_evidence
from vslnb.study.evidence.strength import PHOTOS, SCOUTED, Choice, Strength, photos_of

# Neighbouring ratings, as the results name them, and what they mean.
NEIGHBOURS = {
    "1 and 2": "unrelated (1) from minor aspects (2)",
    "2 and 3": "minor aspects (2) from almost right (3)",
    "3 and 4": "almost right (3) from right (4)",
}
STRENGTHS = (3.0, 10.0, 30.0)


class ToldApart:
    """How well ratings are told apart, beside the triplet alone; intervals are over photos.

    Of all two ratings that differ by one, the share of which the higher one has the higher score, minus the share in
    the other order, in percent.

    Args:
        stronger: the runs themselves, for the level that they reach.
        path: strength_photos.json.
        similarities: strength_similarities.json.
    """

    def __init__(
        self,
        stronger: Strength,
        path: Path = PHOTOS,
        similarities: Path = FIGURES / "flickr8k" / "strength_similarities.json",
    ):
        self.path = path
        alone = stronger.runs.query("module == 'cosine' and captions == 'true' and trial == ''")
        self.level = float(SCOUTED.of(alone)["experts"].mean())
        self.similarities: dict[str, dict[str, Any]] = read_evidence(similarities, {})

    def panels(self, rank: str = "paper", module: str = "cosine") -> dict[str, tuple[dict, dict]]:
        """As `figures.forest_plot` takes them: VSL with `cider` at several strengths, and a control."""
        rows = {f"{strength:g} times beta": (strength, "true") for strength in STRENGTHS}
        rows |= {"10 times, shuffled captions": (10.0, "shuffled")}
        asked = {
            name: photos_of(Choice("cider", rank, strength), module, captions, self.path)
            for name, (strength, captions) in rows.items()
        }
        found = {name: one["told_apart"] for name, one in asked.items() if one}
        return {
            words: ({name: [] for name in found}, {name: _bounds(one[two]) for name, one in found.items()})
            for two, words in NEIGHBOURS.items()
        }

    def headline(self, setting: Choice = SCOUTED, module: str = "cosine") -> str:
        """What a setting tells apart better, in one line for the title of a figure."""
        found = photos_of(setting, module, "true", self.path)
        better = [words for two, words in NEIGHBOURS.items() if found and found["told_apart"][two]["low"] > 0]
        return f"At {setting.strength:g} times beta VSL tells better: {' and '.join(better) or 'nothing'}"

    def summary(self, setting: Choice = SCOUTED, module: str = "cosine") -> str:
        """The same of one setting in a sentence of Markdown; empty where it was not asked."""
        found = photos_of(setting, module, "true", self.path)
        if not found:
            return ""
        changes = [
            f"{words[0].upper()}{words[1:]}: {bounds[0]:+.1f} ({bounds[1]:+.1f} to {bounds[2]:+.1f})."
            for two, words in NEIGHBOURS.items()
            for bounds in [_bounds(found["told_apart"][two])]
        ]
        return (
            f"What changes at {setting.words} is how well the scores tell ratings apart. {' '.join(changes)}"
        )

    def block(self) -> str:
        """The sentence, and what experts say of the similarities themselves, for the results page."""
        said = " and ".join(f"{one['experts']:.1f} for `{name}`" for name, one in self.similarities.items())
        if not said or not self.summary():
            return "Not computed yet."
        return (
            f"{self.summary()}\n\nDoes the model only copy the similarity that it was trained on? That can be asked, "
            "too, with a caption and the photo's own captions, which the model does not see. Its experts' tau is "
            f"{said}; `cosine` with ten times beta ({SCOUTED.similarity}, {SCOUTED.rank} ranks) reaches {self.level:.1f}."
        )


def _bounds(one: dict[str, float]) -> tuple[float, float, float]:
    return one["gain"], one["low"], one["high"]
