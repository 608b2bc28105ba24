"""How far a run has come, and its newest checkpoint: model, optimizer and progress, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from vslnb.errors import InputError
from vslnb.models import Matcher
from vslnb.run_folder import RunFolder
from vslnb.storage import read_json, sync_folder, write_bytes, write_json


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        epochs: whole ones.
        steps: of the epoch that has begun.
        best: rsum on dev of the best epoch.
        seconds: of training.
        lines: of the log.
        pairwise_accuracy: what the collapse guard has seen.
    """

    epochs: int = 0
    steps: int = 0
    best: float = -1.0
    seconds: float = 0.0
    lines: list[dict] = field(default_factory=list)
    pairwise_accuracy: list[float] = field(default_factory=list)

    def end_epoch(self, epoch: int, dev: dict, seconds: float) -> bool:
        """Note an epoch's recall on dev; returns whether it is the best so far."""
        self.lines.append({"epoch": epoch, "dev": dev, "seconds": round(seconds, 2)})
        self.epochs, self.steps = epoch + 1, 0
        better = dev["rsum"] > self.best
        self.best = max(self.best, dev["rsum"])
        return better

    @property
    def curve(self) -> list[dict]:
        """Recall on dev after every epoch."""
        return [line["dev"] for line in self.lines if "dev" in line]

    @classmethod
    def read(cls, path: Path, remedy: str) -> Progress:
        """The progress that a checkpoint noted.

        Raises:
            InputError: for a file that is damaged.
        """
        found = read_json(path, remedy, ("epochs", "best", "lines", "seconds"))
        for name, plain in asdict(cls()).items():
            value = found.setdefault(name, plain)
            wanted = (int, float) if isinstance(plain, float) else type(plain)
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise InputError(path, f"{name} is {value!r:.60}", remedy)
        return cls(**{name: found[name] for name in asdict(cls())})


PROGRESS, STATE = "progress.json", "state.safetensors"  # of a checkpoint


def save_checkpoint(
    run: RunFolder,
    model: Matcher,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    memory: Mapping[str, Tensor],
) -> None:
    """Write last/ aside, then rename: a kill at any moment leaves the old or the new one whole.

    `memory` is what the trainer's next steps need besides, see `Trainer`.

    Raises:
        InputError: for a full disk; the old one is then still there.
    """
    new, last, old = run.new_last_folder, run.last_folder, run.old_last_folder
    new.mkdir(exist_ok=True)
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    tensors |= {f"memory.{key}": value for key, value in memory.items()}
    try:
        write_tensors(new / STATE, tensors)
        write_json(new / PROGRESS, asdict(progress))
    except BaseException:
        _remove(new)  # half a checkpoint would only take the room that is missing
        raise
    for source, target in ((last, old), (new, last)):
        if source.exists():
            _remove(target)
            source.rename(target)
            sync_folder(run.folder)
    _remove(old)


def load_checkpoint(
    run: RunFolder,
    model: Matcher,
    optimizer: torch.optim.Optimizer,
    remedy: str,
    memory: dict[str, Tensor],
) -> Progress:
    """Put the newest checkpoint into model, optimizer and memory; its progress, or that of a fresh start.

    Raises:
        InputError: for a checkpoint that is damaged or of another model.
    """
    last = next((place for place in (run.last_folder, run.old_last_folder) if place.exists()), None)
    if last is None:
        return Progress()
    path = last / STATE
    tensors, content = read_tensors(path, remedy), optimizer.state_dict()
    weights = {key.removeprefix("model."): v for key, v in tensors.items() if key.startswith("model.")}
    fill(model.load_state_dict, weights, path, remedy)
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            index, _, name = key.removeprefix("optimizer.").partition(".")
            if not index.isdecimal():
                raise InputError(path, f"a tensor is called {key!r:.60}", remedy)
            content["state"].setdefault(int(index), {})[name] = value
        elif key.startswith("memory."):
            memory[key.removeprefix("memory.")] = value
    fill(optimizer.load_state_dict, content, path, remedy)
    return Progress.read(last / PROGRESS, remedy)


def clear_leftovers(run: RunFolder) -> None:
    """Remove what a kill in the middle of `save_checkpoint` left beside a whole checkpoint."""
    if run.last_folder.exists():
        _remove(run.old_last_folder)
    _remove(run.new_last_folder)


def _remove(folder: Path) -> None:
    for file in folder.glob("*"):
        file.unlink()
    if folder.exists():
        folder.rmdir()


def fill(load: Callable, content: object, path: Path, remedy: str) -> None:
    """Call `load` with what was read from a file.

    Raises:
        InputError: if it does not fit.
    """
    try:
        load(content)
    except (RuntimeError, ValueError, KeyError, AttributeError) as fault:
        reason = " ".join(str(fault).split())[:200]
        raise InputError(path, f"it does not fit the model of this run ({reason})", remedy) from None


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
