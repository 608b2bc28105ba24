"""A run's folder: whose it is, its checkpoints, its model (DESIGN, "A run").

Everything is written aside and renamed, so that a kill at any moment leaves the old file or the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from vslnb.config import GIVES_UP, Config
from vslnb.data.changes import notice_changes
from vslnb.data.precomp import MANIFEST, Split, file_hash
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError
from vslnb.files import read_json, sync_folder, write_bytes, write_json
from vslnb.models import Matcher, load_released
from vslnb.retrieval.similarity import resolve_device

# Whole epochs and steps of the next, best dev rsum, training time; `lines` and `beaten` are the log and the guard's.
FRESH = {"epochs": 0, "steps": 0, "best": -1.0, "seconds": 0.0}
PROGRESS = {
    "epochs": int,
    "steps": int,
    "best": int | float,
    "seconds": int | float,
    "lines": list,
    "beaten": list,
}
REMEDY = "Remove the run and train it again, or choose another --run."


def load_run(run: str | Path, device: str = "auto") -> tuple[Matcher, Config]:
    """The best model of a run, in eval mode, and its configuration.

    Raises:
        InputError: if the folder holds no trained run, or a damaged one.
    """
    run = Path(run)
    if not (run / "best.safetensors").exists():
        raise InputError(
            run, "no trained run here", "Make it with `vslnb train RECIPE --data DATA --run RUN`."
        )
    config = read_config(run)
    try:
        model = Matcher(config.model)
    except (TypeError, RuntimeError, MemoryError) as fault:
        reason = " ".join(str(fault).split())[:200]
        raise InputError(run / "config.json", f"no model has these sizes ({reason})", REMEDY) from None
    load_best(run, model)
    return model.to(resolve_device(device)).eval(), config


def read_config(run: Path) -> Config:
    """The configuration of a run.

    Raises:
        InputError: for a config.json that is missing, damaged or of a program with other settings.
    """
    path = run / "config.json"
    try:
        return Config.from_dict(read_json(path, REMEDY))
    except TypeError as fault:
        raise InputError(path, f"not the settings of a run ({fault})", REMEDY) from None


def load_best(run: Path, model: Matcher) -> None:
    """Put the best weights of a run into its model.

    Raises:
        InputError: for weights that are damaged or of another shape.
    """
    path = run / "best.safetensors"
    _fill(model.load_state_dict, read_tensors(path, REMEDY), path)


def _fill(load, content: object, path: Path) -> None:
    try:
        load(content)
    except (RuntimeError, ValueError, KeyError, AttributeError) as fault:
        reason = " ".join(str(fault).split())[:200]
        raise InputError(path, f"it does not fit the model of this run ({reason})", REMEDY) from None


def load_matcher(path: str | Path, split: Split, vocabulary: Vocabulary, device: str = "auto") -> Matcher:
    """A run's best model or a released checkpoint, checked against the data it is to read.

    Raises:
        InputError: if vocabulary, number or width of the regions are not those the model was trained on, or
            the data set or its photos have changed since.
    """
    path = Path(path)
    model = load_run(path, device)[0] if path.is_dir() else load_released(path).to(resolve_device(device))
    config, (_, regions, features) = model.config, split.features.shape
    wanted = (config.vocabulary, config.regions, config.features)
    if wanted != (len(vocabulary), regions, features):
        raise InputError(
            path,
            f"trained on {wanted[0]} words and {wanted[1]} regions of {wanted[2]}, but {split.folder} has "
            f"{len(vocabulary)} words and {regions} regions of {features}",
            "Give the data set and vocabulary this model was trained with.",
        )
    if path.is_dir():
        _check_data(path, split.folder, vocabulary)
    notice_changes(split.folder)
    return model


def _check_data(run: Path, data: Path, vocabulary: Vocabulary) -> None:
    """Refuse another vocabulary than the run's, and a data set that was made anew in the run's folder.

    Raises:
        InputError: with what to do.
    """
    path = run / "environment.json"
    known = read_json(path, REMEDY) if path.exists() else {}
    remedy = "Put the data set back as it was, or train again with another --run."
    if known.get("vocabulary", vocabulary.digest) != vocabulary.digest:
        raise InputError(data, f"not the vocabulary that {run} was trained with", remedy)
    own = isinstance(known.get("folder"), str) and Path(known["folder"]).resolve() == data.resolve()
    if own and known.get("data", data_hash(data)) != data_hash(data):
        raise InputError(data, f"the data set was made anew after {run} was trained on it", remedy)


def data_hash(data: Path) -> dict[str, str]:
    """What tells a data set from another: its manifest's hash, nothing for the field's own folders."""
    return {name: file_hash(data / name) for name in [MANIFEST] if (data / name).exists()}


def data_of(runs: Sequence[str | Path]) -> Path:
    """The data set of several runs, as those say that know it.

    Raises:
        InputError: if none does (a released checkpoint does not), the data set has gone, or runs have several.
    """
    found: Path | None = None
    for run in map(Path, runs):
        path = run / "environment.json"
        if path.exists() and "folder" in (content := read_json(path, "Give --data DATA.")):
            folder = Path(str(content["folder"]))
            if not folder.is_dir():
                raise InputError(path, f"its data set is not at {folder} any more", "Give --data DATA.")
            if found and folder.resolve() != found.resolve():
                problem = f"it was trained on {folder}, but {runs[0]} on {found}"
                raise InputError(run, problem, "Take each alone, or give --data DATA for both.")
            found = found or folder
    if found:
        return found
    raise InputError(runs[0], "it does not say which data set it belongs to", "Give --data DATA.")


def training_seconds(run: Path) -> float:
    """What a run's epochs took together; its results hold no clock time, so that the same run has the same bytes."""
    return read_json(run / "last" / "progress.json", REMEDY, ("seconds",))["seconds"]


def claim(run: Path, config: Config, data_hash: dict, resume: bool) -> None:
    """Refuse a folder whose run is another's: without `resume`, of other settings or of other data."""
    path = run / "config.json"
    if path.exists():
        if not resume:
            raise InputError(
                run, "a run is already here", "Add --resume to go on with it, or choose another --run."
            )
        old, new = (c.with_settings({GIVES_UP: True}).to_dict() for c in (read_config(run), config))
        if old != new:
            parts = [f"{a}: {old.get(a)} there, {new[a]} asked" for a in new if old.get(a) != new[a]]
            raise InputError(
                path, "other settings: " + "; ".join(parts), "Use the same, or choose another --run."
            )
        environment = run / "environment.json"
        if environment.exists() and read_json(environment, REMEDY).get("data", data_hash) != data_hash:
            problem = "the data set has changed since this run was trained"
            raise InputError(run, problem, "Remove the run, or choose another --run.")
    write_json(path, config.to_dict())


def save_last(run: Path, model: Matcher, optimizer: torch.optim.Optimizer, progress: dict) -> None:
    """Write `last` aside, then rename: a kill at any moment leaves the old or the new one whole.

    Raises:
        InputError: for a full disk; the old one is then still there.
    """
    new, last, old = run / "last.new", run / "last", run / "last.old"
    new.mkdir(exist_ok=True)
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    try:
        write_tensors(new / "state.safetensors", tensors)
        write_json(new / "progress.json", progress)
    except BaseException:
        _remove(new)  # half a checkpoint would only take the room that is missing
        raise
    for folder, target in ((last, old), (new, last)):
        if folder.exists():
            _remove(target)
            folder.rename(target)
            sync_folder(run)
    _remove(old)


def load_last(run: Path, model: Matcher, optimizer: torch.optim.Optimizer) -> dict:
    """Put the last checkpoint into model and optimizer; what `save_last` was told, or a fresh start.

    Raises:
        InputError: for a checkpoint that is damaged or of another model.
    """
    folder = next((run / name for name in ("last", "last.old") if (run / name).exists()), None)
    if folder is None:
        return FRESH | {"lines": [], "beaten": []}
    path = folder / "state.safetensors"
    tensors, content = read_tensors(path, REMEDY), optimizer.state_dict()
    weights = {key.removeprefix("model."): v for key, v in tensors.items() if key.startswith("model.")}
    _fill(model.load_state_dict, weights, path)
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            index, _, name = key.removeprefix("optimizer.").partition(".")
            if not index.isdecimal():
                raise InputError(path, f"a tensor is called {key!r:.60}", REMEDY)
            content["state"].setdefault(int(index), {})[name] = value
    _fill(optimizer.load_state_dict, content, path)
    path = folder / "progress.json"
    there = FRESH | {"beaten": []} | read_json(path, REMEDY, ("epochs", "best", "lines", "seconds"))
    for name, kind in PROGRESS.items():
        if not isinstance(there[name], kind) or isinstance(there[name], bool):
            raise InputError(path, f"{name} is {there[name]!r:.60}", REMEDY)
    return there


def clear_leftovers(run: Path) -> None:
    """Remove what a kill in the middle of `save_last` left beside a whole checkpoint."""
    if (run / "last").exists():
        _remove(run / "last.old")
    _remove(run / "last.new")


def _remove(folder: Path) -> None:
    for file in folder.glob("*"):
        file.unlink()
    if folder.exists():
        folder.rmdir()


def read_tensors(path: str | Path, remedy: str) -> dict[str, Tensor]:
    """A safetensors file.

    Raises:
        InputError: for a file that is missing or damaged, with `remedy`.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as fault:
        raise InputError(path, f"not a whole safetensors file ({fault})", remedy) from None


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """A safetensors file, whole or not at all."""
    write_bytes(path, save({key: value.detach().cpu().contiguous() for key, value in tensors.items()}))
