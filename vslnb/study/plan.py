"""What `vslnb reproduce PROFILE` would train: for which table, what is done, and what the rest takes.

The runs are those of notebooks 03, 04, 07 and 09, whose other notebooks read the same ones; a test compares them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from vslnb.config import MODULES, RANKS, Config, ModelConfig
from vslnb.data.precomp import load_split
from vslnb.errors import InputError
from vslnb.recipes import arm_recipe, recipe, run_name
from vslnb.storage import read_json
from vslnb.study.profiles import known_results, most_captions
from vslnb.study.step_cost import Cost, DataSizes
from vslnb.training.checkpoint import PROGRESS
from vslnb.training.run import REMEDY, Run

YEAR = 365.25 * 86400
ANYWAY = {"training.stop_on_collapse": False}  # a run that collapses counts as it is
MAIN_TABLE = {"coco": "I", "f30k": "II"}


class Kind(NamedTuple):
    """Runs of one kind take the same time a step: the model and the batch, whatever the loss."""

    model: ModelConfig
    batch: int


@dataclass(frozen=True)
class PlannedRun:
    """A run that a notebook trains: the tables it is for, its settings, its folder and what is left of its epochs."""

    tables: str  # of the paper; `beyond` it, or 07 or 09, what the notebook of that number adds
    config: Config
    run: Run
    left: float  # share of its training, from 1 to 0
    known: bool = False  # from another machine: not trained here

    @property
    def kind(self) -> Kind:
        """What its time depends on."""
        return Kind(self.config.model, self.config.training.batch_size)

    @property
    def state(self) -> str:
        """In a word."""
        if self.known:
            return "known"
        return (
            "done" if not self.left else "to do" if self.left == 1 else f"{100 - 100 * self.left:.0f} % done"
        )


def planned_runs(parameters: dict, root: Path) -> list[PlannedRun]:
    """All runs of a profile, each once, in the order of the notebooks.

    Args:
        parameters: of the profile.
        root: what its paths begin from.
    """
    results, data = root / parameters["run"], root / parameters["data"]
    known = {one["config_hash"] for one in known_results(parameters["known"])}
    wanted: dict[Path, tuple[list[str], Config, Path]] = {}
    short_results = results / "ablations" if parameters["ablation_epochs"] else results
    for table, config, folder, its_data in itertools.chain(
        ((*one, results, data) for one in _main_runs(parameters)),
        ((*one, short_results, data) for one in _ablation_runs(parameters, most_captions(data))),
        _notebook_07(parameters, results, data),
        ((*one, results, data) for one in _other_models(parameters)),
    ):
        place = folder / run_name(config)
        tables = wanted.setdefault(place, ([], config, its_data))[0]
        if table not in tables:
            tables.append(table)
    runs = []
    for place, (tables, config, its_data) in wanted.items():
        given = config.hash in known and not _shown(config, parameters)
        left = 0.0 if given else _left(Run(place), config, its_data)
        runs.append(PlannedRun(", ".join(tables), config, Run(place), left, given))
    return runs


def _shown(config: Config, parameters: dict) -> bool:
    """Whether notebooks 00, 05 and 06 show a run, for which they need its weights: results alone will not do."""
    arms = [arm_recipe(parameters["dataset"], config.model.module, arm).arm for arm in parameters["arms"][:2]]
    return config.seed == parameters["seeds"][0] and config.arm in arms and run_name(config).count("=") == 0


def _main_runs(parameters: dict) -> list[tuple[str, Config]]:
    """Notebook 03: every architecture and arm."""
    dataset = parameters["dataset"]
    table = MAIN_TABLE.get(dataset, "I/II")  # as these, on other data
    wanted = itertools.product(parameters["seeds"], parameters["modules"], parameters["arms"])
    return [(table, arm_recipe(dataset, m, arm, seed).with_settings(ANYWAY)) for seed, m, arm in wanted]


def _ablation_runs(parameters: dict, captions: int) -> list[tuple[str, Config]]:
    """Notebook 04: Tables III to V, and what the paper leaves out; images have up to so many captions."""
    dataset, epochs = parameters["dataset"], parameters["ablation_epochs"]
    third, fourth, fifth = parameters["ablation_modules"]
    short = _short(epochs) if epochs else {}
    wanted: list[tuple[str, str, bool, dict[str, object]]] = []
    for batch, vsl in itertools.product((32, 64, 128), (False, True)):
        plain = recipe(f"{dataset}-{third}-vsl")
        changes: dict[str, object] = {"training.batch_size": batch}
        if vsl:
            changes["loss.beta"] = plain.loss.beta * batch / plain.training.batch_size
        wanted.append(("III", third, vsl, changes))
    wanted += [("III", third, True, {"training.batch_size": b, "loss.beta": 10.0}) for b in (32, 64, 128)]
    for module in ("sgr", "saf") if fourth == "sgraf" else (fourth,):
        beta_text = recipe(f"{dataset}-{module}-vsl").loss.beta
        wanted += [("IV", module, False, {}), ("IV", module, True, {})]
        wanted.append(("IV", module, True, {"loss.beta_text": beta_text}))
    unit = recipe(f"{dataset}-cosine").training.batch_size / 128  # the paper's beta at our batch size
    wanted += [("V", fifth, True, {"loss.beta": beta * unit}) for beta in (6, 10, 15, 20, 25)]
    wanted += [("V", fifth, False, {}), ("beyond", "cosine", False, {}), ("beyond", "cosine", True, {})]
    for name, value in (
        ("temperature", 0.01),
        ("temperature", 0.1),
        ("rank", "descending"),
        ("rank", "released"),
        ("similarity", "tfidf"),
        ("similarity", "cider_d"),
        *(("captions_per_image", few) for few in (1, 3) if few < captions),
        ("alpha", 0.0),
    ):
        wanted.append(("beyond", "cosine", True, {f"loss.{name}": value}))
    return [
        (
            table,
            recipe(f"{dataset}-{module}{'-vsl' if vsl else ''}").with_settings(
                short | changes | ANYWAY | {"seed": seed}
            ),
        )
        for seed in parameters["ablation_seeds"]
        for table, module, vsl, changes in wanted
    ]


def _notebook_07(parameters: dict, results: Path, data: Path) -> Iterable[tuple[str, Config, Path, Path]]:
    """The three ranks on the bundled world, at least three seeds."""
    seeds, epochs = parameters["seeds"], parameters["ablation_epochs"]
    trial = [*seeds, *range(len(seeds), 3)] if len(seeds) < 3 else seeds
    world, home = (
        (data, results) if parameters["dataset"] == "world" else (results / "world", results / "world_runs")
    )
    home, short = (home / "ablations", _short(epochs)) if epochs else (home, {})
    arms: list[tuple[str, dict[str, object]]] = [("", {})]
    arms += [("-vsl", {"loss.rank": rank}) for rank in RANKS]
    for seed in trial:
        for suffix, changes in arms:
            config = recipe(f"world-cosine{suffix}").with_settings(short | changes | {"seed": seed})
            yield "07", config, home, world


def _other_models(parameters: dict) -> list[tuple[str, Config]]:
    """Notebook 09: the other architectures beside those of notebook 03, with VSL, without it and with its control."""
    more = parameters["architectures"]
    modules = [module for module in MODULES if module in (*more, *parameters["modules"])] if more else []
    wanted = itertools.product(parameters["seeds"], ("triplet", "vsl-paper", "vsl-shuffled"), modules)
    return [
        ("09", arm_recipe(parameters["dataset"], module, arm, seed).with_settings(ANYWAY))
        for seed, arm, module in wanted
    ]


def _short(epochs: int) -> dict[str, object]:
    return {"training.epochs": epochs, "training.decay_after": epochs, "loss.vsl_warmup_epochs": 0}


def _left(run: Run, config: Config, data: Path) -> float:
    """Which share of a run's training is still to be done."""
    try:
        if run.results_if_complete(config, data):
            return 0.0
        if not (run.last_folder / PROGRESS).exists() or run.config().hash != config.hash:
            return 1.0
        progress = read_json(run.last_folder / PROGRESS, REMEDY, ("epochs", "steps"))
        begun = progress["steps"] / _steps(config, data) if progress["steps"] else 0.0
        return max(0.0, 1 - (progress["epochs"] + begun) / config.training.epochs)
    except InputError:  # damaged: the run itself will say what to do
        return 1.0


def _steps(config: Config, data: Path) -> int:
    return max(1, len(load_split(data, "train").captions) // config.training.batch_size)


def measured_epochs(runs: Sequence[PlannedRun], device: str) -> dict[Kind, float]:
    """Seconds of an epoch, dev included, of the kinds that runs here have trained; the mean of these.

    Args:
        runs: of a profile.
        device: type of the device that counts, such as `cpu`.
    """
    found: dict[Kind, list[float]] = {}
    for planned in runs:
        path, environment = planned.run.last_folder / PROGRESS, planned.run.environment_file
        if planned.known or not path.exists() or not environment.exists():
            continue
        progress, there = read_json(path, REMEDY, ("epochs", "seconds")), read_json(environment, REMEDY)
        epochs = (1 - planned.left) * planned.config.training.epochs
        if epochs >= 1 and str(there.get("device")).startswith(device):
            found.setdefault(planned.kind, []).append(progress["seconds"] / epochs)
    return {kind: mean(seconds) for kind, seconds in found.items()}


class RunSeconds(NamedTuple):
    """Of the steps of an epoch, of scoring dev after it, and of scoring test at the end."""

    steps: float
    dev: float
    test: float


def seconds_of_run(config: Config, sizes: DataSizes, cost: Cost) -> RunSeconds:
    """What the parts of a run take, by what a step of its kind costs."""
    training = config.training
    dev, images = sizes.images["dev"], sizes.images["dev"]
    if 0 < training.dev_images < dev:
        images = training.dev_images
    captions = sizes.captions["dev"] * images // dev
    steps = sizes.captions["train"] // training.batch_size
    test = cost.scoring(sizes.images["test"], sizes.captions["test"])
    return RunSeconds(steps * cost.step, cost.scoring(images, captions), test)


def with_seeds(parameters: dict, count: int) -> dict:
    """The same profile with the seeds 0 to count - 1 in every table."""
    return parameters | {"seeds": list(range(count)), "ablation_seeds": list(range(count))}


def of_kinds(runs: Sequence[PlannedRun]) -> dict[Kind, Config]:
    """A configuration of every kind that is still to be trained, with as many losses as its runs have."""
    chosen: dict[Kind, Config] = {}
    for planned in runs:
        if planned.left:
            before = chosen.get(planned.kind)
            if before is None or _losses(planned.config) > _losses(before):
                chosen[planned.kind] = replace(planned.config, seed=0)
    return chosen


def _losses(config: Config) -> int:
    return bool(config.loss.beta) + bool(config.loss.beta_text)


def time_left(runs: Sequence[PlannedRun], device: str, workers: int) -> str:
    """In words, from what the runs here have taken so far; nothing is measured for it.

    Returns:
        An empty text where no run has trained an epoch, or none is left.
    """
    epochs, done = measured_epochs(runs, device), sum(not one.left for one in runs)
    unknown = sum(one.left > 0 and one.kind not in epochs for one in runs)
    seconds = sum(one.left * one.config.training.epochs * epochs.get(one.kind, 0.0) for one in runs) / workers
    if not epochs or done == len(runs):
        return ""
    rest = f" for {len(runs) - done - unknown} of them; {unknown} are not timed yet" if unknown else ""
    return f"{done} of {len(runs)} runs done, about {in_words(seconds)} left{rest}"


def in_words(seconds: float) -> str:
    """A time for people.

    >>> in_words(40), in_words(600), in_words(5 * 3600), in_words(1e6), in_words(1e8)
    ('a minute', '10 minutes', '5.0 hours', '12 days', '3.2 years')
    """
    if seconds > 2 * YEAR:
        return f"{seconds / YEAR:.1f} years"
    if seconds < 90:
        return "a minute"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
