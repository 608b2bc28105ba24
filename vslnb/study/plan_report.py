"""The text of `vslnb reproduce PROFILE --plan`: what would run, and hours, disk and memory that it takes here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from vslnb.config import MODULES
from vslnb.device import resolve_device
from vslnb.recipes import run_name
from vslnb.study import published
from vslnb.study.plan import (
    Kind,
    PlannedRun,
    RunSeconds,
    in_words,
    measured_epochs,
    of_kinds,
    planned_runs,
    seconds_of_run,
    time_left,
    with_seeds,
)
from vslnb.study.run_size import FLOAT, size_of_run
from vslnb.study.step_cost import Cost, measure, sizes_of

LIMIT, SEEDS = 110.0, 5  # seconds that are measured; seeds of the paper's profiles that are costed too


def workers_on(device: str, runs: int) -> int:
    """Runs at a time, as `training.sweep` has them: one on an accelerator, one a core on a CPU."""
    return min(max(1, runs), os.cpu_count() or 1) if device == "cpu" else 1


class Estimate:
    """Seconds of the runs of a profile on this device: by earlier runs here, else by steps that are measured.

    Args:
        parameters: of the profile.
        root: what its paths begin from.
        limit: seconds that measuring may take.
    """

    def __init__(self, parameters: dict, root: Path, limit: float):
        self.device = resolve_device(parameters["device"]).type
        self.runs = planned_runs(parameters, root)
        self.left = [one for one in self.runs if one.left]
        self.workers = workers_on(self.device, len(self.left))
        dataset = parameters["dataset"]
        # Notebook 07 trains on the bundled world, whatever the profile.
        self.sizes = {"world": sizes_of(root / parameters["run"] / "world", "world")}
        self.sizes[dataset] = sizes_of(root / parameters["data"], dataset)
        self.epochs = measured_epochs(self.runs, self.device)
        self.kinds = of_kinds(self.runs)
        self.costs: dict[Kind, Cost] = {}
        for name, sizes in self.sizes.items():
            wanted = {
                kind: config
                for kind, config in self.kinds.items()
                if kind not in self.epochs and _dataset(config.recipe) == name
            }
            share = limit * len(wanted) / max(1, len(self.kinds))
            found = measure(list(wanted.values()), sizes, parameters["device"], self.workers, share)
            self.costs |= dict(zip(wanted, found))

    def parts(self, planned: PlannedRun) -> RunSeconds:
        """Seconds that are left of a run; of one whose kind ran here before, its steps stand for all."""
        epochs = planned.left * planned.config.training.epochs
        if not planned.left:
            return RunSeconds(0.0, 0.0, 0.0)
        if planned.kind not in self.costs:
            return RunSeconds(epochs * self.epochs.get(planned.kind, 0.0), 0.0, 0.0)
        sizes = self.sizes[_dataset(planned.config.recipe)]
        steps, dev, test = seconds_of_run(planned.config, sizes, self.costs[planned.kind])
        return RunSeconds(epochs * steps, epochs * dev, test)

    def hours(self, runs: Sequence[PlannedRun]) -> float:
        """Of one process for all of these runs."""
        return sum(sum(self.parts(one)) for one in runs) / 3600

    def together(self, runs: Sequence[PlannedRun]) -> str:
        """In words, as many runs at a time as a sweep has."""
        return in_words(3600 * self.hours(runs) / self.workers)


def plan_text(parameters: dict, root: Path, limit: float = LIMIT) -> str:
    """What a profile would train and what that takes on this device.

    Args:
        parameters: of the profile.
        root: what its paths begin from.
        limit: seconds that measuring steps may take; kinds that runs here have trained need none.
    """
    found = Estimate(parameters, root, limit)
    runs, own = found.runs, found.sizes[parameters["dataset"]]
    at_once = f"{found.workers} runs at a time, a thread each" if found.device == "cpu" else "a run at a time"
    lines = [
        f"{parameters['profile']}: {len(runs)} runs, {len(runs) - len(found.left)} of them done or known",
        f"data: {parameters['data']}"
        + ("" if own.there else " is not there: sizes as they are known of its files"),
        f"device: {found.device}, {at_once}",
        "",
        *_table(runs, found.hours),
        "",
        *_steps(found),
        "",
        f"time: about {found.together(found.left)} if nothing else runs here; "
        "the notebooks' own figures come on top",
    ]
    dev = sum(found.parts(one).dev for one in found.left) / 3600
    if dev > 0.1 * found.hours(found.left):
        share = f"{100 * dev / found.hours(found.left):.0f} %"
        lines.append(
            f"time: {share} of it scores dev after the epochs; training.dev_images takes a part of dev"
        )
    if parameters["dataset"] in ("f30k", "coco"):
        more = planned_runs(with_seeds(parameters, SEEDS), root)
        lines.append(f"with {SEEDS} seeds: {len(more)} runs, about {found.together(more)}")
    lines += [*_disk(found, root, parameters), *_memory(found), ""]
    return "\n".join([*lines, "not in this plan:", *(f"- {line}" for line in left_out(parameters))])


def time_left_here(parameters: dict, root: Path) -> str:
    """In words what is left of a profile's training, from what its runs took so far; empty where none tells."""
    device, runs = resolve_device(parameters["device"]).type, planned_runs(parameters, root)
    return time_left(runs, device, workers_on(device, sum(one.left > 0 for one in runs)))


def _dataset(name: str) -> str:
    return name.partition("-")[0]


def _table(runs: Sequence[PlannedRun], hours: Callable[[Sequence[PlannedRun]], float]) -> Iterable[str]:
    """A row for the seeds of one setting."""
    rows: dict[tuple, list[PlannedRun]] = {}
    for planned in runs:
        name = f"{_dataset(planned.config.recipe)} {run_name(planned.config).rpartition('-s')[0]}"
        training = planned.config.training
        rows.setdefault((planned.tables, name, training.epochs, training.batch_size), []).append(planned)
    cells = [("table", "data, architecture, arm", "epochs", "batch", "seeds", "state", "hours left")]
    for (tables, name, epochs, batch), some in rows.items():
        states = list(dict.fromkeys(one.state for one in some))
        left = hours(some)
        seeds = ",".join(str(one.config.seed) for one in some)
        cells.append(
            (
                tables,
                name,
                str(epochs),
                str(batch),
                seeds,
                ", ".join(states),
                f"{left:,.{2 if left < 10 else 0}f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _steps(found: Estimate) -> Iterable[str]:
    """Where the hours come from, a line a kind."""
    yield "seconds of a step of training:"
    for kind in found.kinds:
        label = f"{kind.model.module}, D = {kind.model.embed_dim}, batch {kind.batch}"
        if kind in found.costs:
            cost = found.costs[kind]
            scaled = (
                "" if cost.measured_batch == kind.batch else f", from batches up to {cost.measured_batch}"
            )
            yield f"  {label}: {cost.step:.3g}{scaled}"
        else:
            yield f"  {label}: an epoch took {found.epochs[kind]:.3g} in earlier runs"


def _disk(found: Estimate, root: Path, parameters: dict) -> Iterable[str]:
    """What the runs will write, and the features where they are missing."""
    runs = [size_of_run(one.config, found.sizes[_dataset(one.config.recipe)]) for one in found.left]
    # As many runs as train at a time have a second checkpoint at once: at worst those with the largest.
    aside = sorted(run.aside for run in runs)[-found.workers :]
    total = sum(run.kept for run in runs) + sum(aside)
    place = next(
        path for path in (root / parameters["run"], *(root / parameters["run"]).parents) if path.exists()
    )
    free = shutil.disk_usage(place).free
    word = "" if total < free else ", which is too little"
    yield f"disk: {total / 1e9:.1f} GB for the runs, {free / 1e9:.0f} GB free{word}"
    own = found.sizes[parameters["dataset"]]
    if not own.there and parameters["dataset"] in ("f30k", "coco"):
        rows = own.images["train"] + 5 * (own.images["dev"] + own.images["test"])  # these repeat every image
        size = rows * own.regions * own.feature_dim * FLOAT
        yield f"disk: {size / 1e9:.0f} GB more for the features as the field has them, in float32"


def _memory(found: Estimate) -> Iterable[str]:
    """Of the largest kind that was measured."""
    if not found.costs:
        return
    kind, cost = max(found.costs.items(), key=lambda item: item[1].process_mib)
    parts = any(one.measured_batch < each.batch for each, one in found.costs.items())
    least, size = "at least " if parts else "", cost.process_mib / 1024
    whose = f"measured with {kind.model.module} at batch {cost.measured_batch}"
    if found.device == "cuda":
        yield f"memory: {least}{size:.1f} GB of the GPU, {whose}"
    else:
        yield f"memory: {least}{size:.1f} GB a run, {found.workers * size:.1f} GB in all, {whose}"


def left_out(parameters: dict) -> list[str]:
    """What of the paper this profile does not make."""
    dataset, planned = parameters["dataset"], {*parameters["modules"], *parameters["architectures"]}
    found = []
    if dataset == "coco":
        found.append("Table II, Flickr30K: vslnb reproduce f30k")
        found.append(
            "the 1K rows as they are published, means over five folds of testall; the runs score test alone: "
            "vslnb evaluate RUNS --split testall --folds 5"
        )
        found.append("the 5K columns of Tables I and IV: vslnb evaluate RUNS --split testall")
    elif dataset == "f30k":
        found.append("Table I, MSCOCO: vslnb reproduce coco; Tables III to V are run on Flickr30K here")
    else:
        found.append(f"Tables I to V on MSCOCO and Flickr30K: the same comparisons are run on {dataset} here")
    others = [name for name in published.TABLE_I if not name.endswith(("*", "+VSL"))]
    missing = [name for name in others if name.lower() in MODULES and name.lower() not in planned]
    if missing:
        found.append(f"rows of {', '.join(missing)}: add them to `architectures` of the profile")
    # A way of training and not a module, so no list of a profile can hold it.
    found.append(f"row of NCR: no notebook trains it; vslnb train {dataset}-sgr-ncr")
    rows = [name for name in others if name.lower() not in (*MODULES, "ncr")]
    found.append(f"rows of {', '.join(rows)}: there is no recipe, they are shown as published")
    if len(parameters["seeds"]) == 1:
        found.append("the noise of training: one seed has no interval over seeds")
    return found
