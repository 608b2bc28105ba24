"""The text of `vslnb reproduce PROFILE --plan`: what would run, and hours, disk and memory that it takes here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from vslnb.config import MODULES
from vslnb.device import resolve_device
from vslnb.models import build_model
from vslnb.recipes import run_name
from vslnb.study import published
from vslnb.study.plan import (
    Kind,
    PlannedRun,
    in_words,
    measured_epochs,
    of_kinds,
    planned_runs,
    seconds_of_run,
    time_left,
    with_seeds,
)
from vslnb.study.step_cost import Cost, DataSizes, fitted, measure, sizes_of

LIMIT, SEEDS = 110.0, 5  # seconds that are measured; seeds of the paper's profiles that are costed too
FLOAT = 4  # bytes


def workers_on(device: str, runs: int) -> int:
    """Runs at a time, as `training.sweep` has them: one on an accelerator, one a core on a CPU."""
    return min(max(1, runs), os.cpu_count() or 1) if device == "cpu" else 1


def plan_text(parameters: dict, root: Path, limit: float = LIMIT) -> str:
    """What a profile would train and what that takes on this device.

    Args:
        parameters: of the profile.
        root: what its paths begin from.
        limit: seconds that measuring steps may take; kinds that runs here have trained need none.
    """
    device, data = resolve_device(parameters["device"]).type, root / parameters["data"]
    runs = planned_runs(parameters, root)
    more = (
        planned_runs(with_seeds(parameters, SEEDS), root) if parameters["dataset"] in ("f30k", "coco") else []
    )
    world = root / parameters["run"] / "world"
    sizes = {parameters["dataset"]: sizes_of(data, parameters["dataset"])}
    sizes.setdefault("world", sizes_of(world, "world"))
    left = [one for one in runs if one.left]
    workers = workers_on(device, len(left))
    epochs = measured_epochs(runs, device)
    costs: dict[Kind, Cost] = {}
    for dataset, its_sizes in sizes.items():
        wanted = {
            kind: config
            for kind, config in of_kinds(runs).items()
            if kind not in epochs and _dataset(config.recipe) == dataset
        }
        share = limit * len(wanted) / max(1, len(of_kinds(runs)))
        found = measure(list(wanted.values()), its_sizes, parameters["device"], workers, share)
        costs |= dict(zip(wanted, found))

    def seconds(planned: PlannedRun) -> float:
        if planned.kind not in costs:
            return planned.left * planned.config.training.epochs * epochs.get(planned.kind, 0.0)
        its_sizes = sizes[_dataset(planned.config.recipe)]
        parts = seconds_of_run(planned.config, its_sizes, costs[planned.kind])
        return planned.left * planned.config.training.epochs * (parts.steps + parts.dev) + parts.test

    there = (
        "" if sizes[parameters["dataset"]].there else " is not there: sizes as they are known of its files"
    )
    at_once = f"{workers} runs at a time, a thread each" if device == "cpu" else "a run at a time"
    lines = [
        f"{parameters['profile']}: {len(runs)} runs, {len(runs) - len(left)} of them done or known",
        f"data: {parameters['data']}{there}",
        f"device: {device}, {at_once}",
        "",
        *_table(runs, seconds),
        "",
        *_steps(costs, epochs, of_kinds(runs)),
        "",
        f"time: about {in_words(total / workers)} if nothing else runs here; "
        "the notebooks' own figures come on top",
    ]
    if dev > 0.1 * total:
        share = f"{100 * dev / total:.0f} %"
        lines.append(
            f"time: {share} of it scores dev after every epoch; training.dev_images scores a part of it"
        )
    if more:
        all_seeds = sum(seconds(one) for one in more if one.left) / workers
        lines.append(f"with {SEEDS} seeds: {len(more)} runs, about {in_words(all_seeds)}")
    lines += [*_disk(runs, sizes, root, parameters), *_memory(costs, workers, device), ""]
    return "\n".join([*lines, "not in this plan:", *(f"- {line}" for line in left_out(parameters))])


def time_left_here(parameters: dict, root: Path) -> str:
    """In words what is left of a profile's training, from what its runs took so far; empty where none tells."""
    device, runs = resolve_device(parameters["device"]).type, planned_runs(parameters, root)
    return time_left(runs, device, workers_on(device, sum(one.left > 0 for one in runs)))


def _dataset(name: str) -> str:
    return name.partition("-")[0]


def _table(runs: Sequence[PlannedRun], seconds: Callable[[PlannedRun], float]) -> Iterable[str]:
    """A row for the seeds of one setting."""
    rows: dict[tuple, list[PlannedRun]] = {}
    for planned in runs:
        name = f"{_dataset(planned.config.recipe)} {run_name(planned.config).rpartition('-s')[0]}"
        training = planned.config.training
        rows.setdefault((planned.tables, name, training.epochs, training.batch_size), []).append(planned)
    cells = [("table", "data, architecture, arm", "epochs", "batch", "seeds", "state", "hours left")]
    for (tables, name, epochs, batch), some in rows.items():
        states = list(dict.fromkeys(one.state for one in some))
        hours = sum(seconds(one) for one in some if one.left) / 3600
        seeds = ",".join(str(one.config.seed) for one in some)
        cells.append(
            (
                tables,
                name,
                str(epochs),
                str(batch),
                seeds,
                ", ".join(states),
                f"{hours:,.{2 if hours < 10 else 0}f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _steps(costs: dict[Kind, Cost], epochs: dict[Kind, float], wanted: Iterable[Kind]) -> Iterable[str]:
    """Where the hours come from, a line a kind."""
    yield "seconds of a step of training:"
    for kind in wanted:
        label = f"{kind.model.module}, D = {kind.model.embed_dim}, batch {kind.batch}"
        if kind in costs:
            cost = costs[kind]
            scaled = (
                "" if cost.measured_batch == kind.batch else f", from batches up to {cost.measured_batch}"
            )
            yield f"  {label}: {cost.step:.3g}{scaled}"
        else:
            yield f"  {label}: an epoch took {epochs[kind]:.3g} in earlier runs"


def _disk(
    runs: Sequence[PlannedRun], sizes: dict[str, DataSizes], root: Path, parameters: dict
) -> Iterable[str]:
    """What the runs will write, and the features where they are missing."""
    total = 0
    for planned in runs:
        if planned.left:
            its_sizes = sizes[_dataset(planned.config.recipe)]
            with torch.device("meta"):
                model = build_model(fitted(planned.config, its_sizes))
            weights = sum(tensor.numel() for tensor in model.state_dict().values())
            # The best weights, and the newest with Adam's two moments; the test matrix is kept too.
            total += FLOAT * (4 * weights + its_sizes.images["test"] * its_sizes.captions["test"])
    place = next(
        path for path in (root / parameters["run"], *(root / parameters["run"]).parents) if path.exists()
    )
    free = shutil.disk_usage(place).free
    word = "" if total < free else ", which is too little"
    yield f"disk: {total / 1e9:.1f} GB for the runs, {free / 1e9:.0f} GB free{word}"
    own = sizes[parameters["dataset"]]
    if not own.there and parameters["dataset"] in ("f30k", "coco"):
        rows = own.images["train"] + 5 * (own.images["dev"] + own.images["test"])  # these repeat every image
        size = rows * own.regions * own.feature_dim * FLOAT
        yield f"disk: {size / 1e9:.0f} GB more for the features as the field has them, in float32"


def _memory(costs: dict[Kind, Cost], workers: int, device: str) -> Iterable[str]:
    """Of the largest kind that was measured."""
    if not costs:
        return
    kind, cost = max(costs.items(), key=lambda item: item[1].process_mib)
    least = "at least " if any(one.measured_batch < each.batch for each, one in costs.items()) else ""
    whose = f"batch {cost.measured_batch} of {kind.model.module}"
    what = (
        "of the GPU"
        if device == "cuda"
        else f"a run, {least}{workers * cost.process_mib / 1024:.1f} GB in all"
    )
    yield f"memory: {least}{cost.process_mib / 1024:.1f} GB {what}, measured with {whose}"


def left_out(parameters: dict) -> list[str]:
    """What of the paper this profile does not make."""
    dataset, modules = parameters["dataset"], parameters["modules"]
    found = []
    if dataset == "coco":
        found.append("Table II, Flickr30K: vslnb reproduce f30k")
        found.append("the 5K columns of Tables I and IV: vslnb evaluate RUNS --split testall")
    elif dataset == "f30k":
        found.append("Table I, MSCOCO: vslnb reproduce coco; Tables III to V are run on Flickr30K here")
    else:
        found.append(f"Tables I to V on MSCOCO and Flickr30K: the same comparisons are run on {dataset} here")
    others = [name for name in published.TABLE_I if not name.endswith(("*", "+VSL"))]
    recipes = [name for name in others if name.lower() in MODULES and name.lower() not in modules]
    if recipes:
        found.append(f"rows of {', '.join(recipes)}: add them to `modules` of the profile")
    rows = [name for name in others if name.lower() not in MODULES]
    found.append(f"rows of {', '.join(rows)}: there is no recipe, they are shown as published")
    if len(parameters["seeds"]) == 1:
        found.append("the noise of training: one seed has no interval over seeds")
    return found
