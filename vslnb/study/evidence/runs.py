"""The runs of the design on Flickr8k: which seeds are complete, which decide, and differences between arms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vslnb.config import ensemble_hash
from vslnb.evaluation.intervals import Interval
from vslnb.evaluation.measures import RSUM, MeasureName, measure_of
from vslnb.figures import ARM_NAMES, MODULE_NAMES
from vslnb.recipes import arm_recipe
from vslnb.study.comparison import interval_over_seeds
from vslnb.study.profiles import ROOT, known_results, load_profile

FIGURES = ROOT / "figures"
TRIPLET, VSL, SHUFFLED = "triplet", "vsl-paper", "vsl-shuffled"
MODULES = ("saf", "sgr", "sgraf", "cosine")  # in the order of the tables
TITLES = {"mean": "mean of SAF, SGR, cosine", "paper": "mean of SAF, SGR"} | MODULE_NAMES
# A panel of a forest plot: by row, a difference a seed, and their interval.
Panel = tuple[dict[str, np.ndarray], dict[str, Interval]]


@dataclass(frozen=True)
class Study:
    """A design and the results of its runs.

    Attributes:
        design: the parameters of the profile, such as `modules`, `arms` and `seeds`.
        runs: contents of results.json by config_hash.
        folder: where they are, with rsum_by_image.npz.
    """

    design: Mapping[str, Any]
    runs: Mapping[str, dict[str, Any]]
    folder: Path

    @property
    def arms(self) -> list[str]:
        """All arms but the triplet."""
        return [arm for arm in self.design["arms"] if arm != TRIPLET]

    @property
    def modules(self) -> list[str]:
        """The modules that were trained; SGRAF is a mean of two of them."""
        return self.design["modules"]

    @cached_property
    def complete(self) -> list[int]:
        """The seeds of which every module has every arm."""
        pairs = [(module, arm) for module in MODULES for arm in self.design["arms"]]
        return [s for s in self.design["seeds"] if all(self.hash_of(*pair, s) in self.runs for pair in pairs)]

    @property
    def seeds(self) -> list[int]:
        """The seeds that decide: all complete ones but the pilot, seed 0, which counts while there is no other."""
        return [seed for seed in self.complete if seed] or self.complete

    @property
    def planned(self) -> int:
        """How many seeds are to decide."""
        return len(self.design["seeds"]) - 1

    @property
    def decided(self) -> bool:
        """Whether all of them are complete."""
        return self.seeds == [seed for seed in self.design["seeds"] if seed]

    @property
    def state(self) -> str:
        """Which seeds stand behind the numbers, in words."""
        if self.decided:
            return f"seeds {self.seeds[0]} to {self.seeds[-1]}"
        return f"{len(self.seeds) if self.seeds[0] else 'the pilot, none'} of {self.planned} seeds"

    def hash_of(self, module: str, arm: str, seed: int) -> str:
        """The config_hash of a run, or of SGRAF's pair of runs."""
        return _hash_of(self.design["dataset"], module, arm, seed)

    def members(self, module: str) -> list[str]:
        """The modules over which `mean` or `paper` is a mean; any other is itself."""
        return {"mean": self.modules, "paper": ["saf", "sgr"]}.get(module, [module])

    def results(
        self,
        module: str,
        arm: str,
        seeds: Sequence[int] | None = None,
        runs: Mapping[str, dict[str, Any]] | None = None,
    ) -> list[dict[str, Any]]:
        """Results of an arm, a seed each; of `mean` and `paper` those of every module, one after the other.

        Args:
            module: a module, `mean` or `paper`.
            arm: such as `vsl-paper`.
            seeds: those that decide, unless others are given.
            runs: other results by config_hash, such as those on other photos.

        Raises:
            KeyError: for a run that is not there.
        """
        among = self.runs if runs is None else runs
        chosen = self.seeds if seeds is None else seeds
        return [among[self.hash_of(m, arm, seed)] for m in self.members(module) for seed in chosen]

    def differences(
        self,
        module: str,
        arm: str,
        measure: MeasureName = RSUM,
        against: str = TRIPLET,
        seeds: Sequence[int] | None = None,
        runs: Mapping[str, dict[str, Any]] | None = None,
        split: str = "test",
    ) -> np.ndarray:
        """An arm minus another of the same seed, (seeds,); of `mean` and `paper` the mean over their modules."""
        pairs = zip(self.results(module, against, seeds, runs), self.results(module, arm, seeds, runs))
        found = [measure_of(b, measure, split) - measure_of(a, measure, split) for a, b in pairs]
        return np.reshape(found, (len(self.members(module)), -1)).mean(0)

    def panel(self, module: str, measure: MeasureName = RSUM) -> Panel:
        """What every arm changes over the triplet, as a panel of a forest plot."""
        return as_panel({ARM_NAMES[arm]: self.differences(module, arm, measure) for arm in self.arms})

    def gain(self, module: str, arm: str, measure: MeasureName = RSUM, against: str = TRIPLET) -> Interval:
        """The mean of `differences` with Student's interval over the seeds that decide."""
        return interval_over_seeds(self.differences(module, arm, measure, against))


@cache
def _hash_of(dataset: str, module: str, arm: str, seed: int) -> str:
    members = ["sgr", "saf"] if module == "sgraf" else [module]
    recipes = [arm_recipe(dataset, member, arm, seed) for member in members]
    return ensemble_hash(recipes) if len(recipes) > 1 else recipes[0].hash


def load_study(folder: Path = FIGURES / "flickr8k", profile: str = "flickr8k") -> Study:
    """The design of a profile and its committed results.

    Args:
        folder: with `*runs.json` and rsum_by_image.npz.
        profile: the design.

    Raises:
        InputError: for a damaged file.
        ValueError: if no seed is complete.
    """
    runs = {result["config_hash"]: result for result in known_results(str(folder))}
    study = Study(load_profile(profile), runs, folder)
    if not study.complete:
        raise ValueError(f"no complete seed in {folder}: make evidence")
    return study


def read_evidence(path: Path, default: Any) -> Any:
    """The content of a JSON file of results, or a default where there is none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else default


def as_panel(points: dict[str, np.ndarray]) -> Panel:
    """A panel of a forest plot from a difference a seed by row."""
    return points, {row: interval_over_seeds(values) for row, values in points.items()}


def collapsed(result: Mapping[str, Any]) -> bool:
    """Whether a run's scores were all but equal in the last epoch: a standard deviation below 0.005."""
    return result["mechanism"]["spread"][-1] < 0.005
