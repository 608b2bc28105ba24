"""The training of one run from start to results: epochs, checkpoints, interruptions, evaluation."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from vslnb import __version__, distributed
from vslnb.config import Config
from vslnb.data.precomp import load_split
from vslnb.device import resolve_device
from vslnb.errors import InputError
from vslnb.evaluation.ranks_file import write_ranks
from vslnb.evaluation.recall_at_k import recall
from vslnb.evaluation.summary import evaluate
from vslnb.recipes import run_name
from vslnb.retrieval.similarity import kept_scores, split_scores
from vslnb.storage import locked, write_json, write_text
from vslnb.training.checkpoint import (
    Progress,
    clear_leftovers,
    load_checkpoint,
    save_checkpoint,
    write_tensors,
)
from vslnb.training.diagnostics import epoch_means
from vslnb.training.guard import TrainingError
from vslnb.training.noisy import NoisyTrainer
from vslnb.training.run import REMEDY, Run, hash_of_data
from vslnb.training.signals import Interrupts
from vslnb.training.trainer import Trainer

SAVE_EVERY = 600  # seconds, where an epoch takes longer
SAVE_BEFORE_DEV = 60  # seconds since the last save after which dev is not scored without another


def train(
    config: Config,
    data: str | Path,
    run: str | Path,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
) -> dict:
    """Train a run to its end and write its folder, see `vslnb.run_folder`.

    Args:
        config: usually `recipe(name)`, with settings changed.
        data: a folder in the SCAN layout with train, dev and test.
        run: where the run lives.
        device: `auto`, `cuda`, `mps` or `cpu`.
        resume: go on with what is there; the settings must be the same. A complete run is left as it is.
        progress: show progress bars.

    Returns:
        The content of results.json.

    Raises:
        InputError: for a folder that holds a run when not resuming, one of other settings, or a full disk.
        FolderBusyError: for a run that another process is training.
        TrainingError: for a collapse, or a loss or gradient that went wrong.
        KeyboardInterrupt: after Ctrl-C, once everything is saved.
    """
    place, first = Run(Path(run)), distributed.process_index() == 0
    if resolve_device(device).type == "cuda":  # the same bytes twice, where an operation can
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    kind = NoisyTrainer if config.model.networks > 1 else Trainer
    trainer = kind(config, data, device, place.space_file)
    with locked(place.folder) if first else contextlib.nullcontext():
        if first:
            _begin(place, trainer, resume)
        distributed.barrier()
        if place.results_file.exists():
            return place.results()
        done = load_checkpoint(place, trainer.model, trainer.optimizer, REMEDY, trainer.memory)
        TrainingLoop(place, trainer, done, progress).run()
        return _finish(place, trainer, done, progress and first)


def _begin(run: Run, trainer: Trainer, resume: bool) -> None:
    """Settings, surroundings and caption space of a run into its folder."""
    clear_leftovers(run)
    run.claim(trainer.config, trainer.data, resume)
    if run.results_file.exists():
        return
    if trainer.targets.space:
        trainer.targets.space.save(run.space_file)
    environment = {
        "vslnb": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": str(trainer.device),
        "threads": torch.get_num_threads(),
        "processes": distributed.process_count(),
        "data": hash_of_data(trainer.data),
        "vocabulary": trainer.vocabulary.digest,
        "folder": str(trainer.data.resolve()),
    }
    write_json(run.environment_file, environment)


class TrainingLoop:
    """Every epoch that is left; what is done is saved at its end, every ten minutes and at Ctrl-C."""

    def __init__(self, run: Run, trainer: Trainer, done: Progress, progress: bool):
        self.place, self.trainer, self.done, self.progress = run, trainer, done, progress
        self.first = distributed.process_index() == 0
        self.began = self.saved = time.monotonic()
        trainer.guard.history = done.pairwise_accuracy

    def run(self) -> None:
        """Train, score dev and save, epoch by epoch.

        Raises:
            TrainingError: for a step that went wrong; its batch is in stopped.json.
            KeyboardInterrupt: after Ctrl-C, once everything is saved.
        """
        with Interrupts() as interrupts:
            for epoch in range(self.done.epochs, self.trainer.config.training.epochs):
                self._steps(epoch, interrupts)
                if self._since_save() > SAVE_BEFORE_DEV:  # scoring dev takes long where an epoch does
                    self._save()
                self._score_dev(epoch)
                self._save()
                self._stop_if(interrupts)

    def _steps(self, epoch: int, interrupts: Interrupts) -> None:
        try:
            for steps, line in self.trainer.epoch(epoch, self.done.steps, self.progress):
                self.done.steps = steps
                self.done.lines += [line] if line else []
                if self._since_save() > SAVE_EVERY:
                    self._save()
                self._stop_if(interrupts, save=True)
        except TrainingError as fault:
            if self.first:
                self._write_stopped(fault)
            raise

    def _score_dev(self, epoch: int) -> None:
        trainer = self.trainer
        show = self.progress and self.first
        scores = split_scores(trainer.model, trainer.dev, trainer.vocabulary, progress=show)
        dev = recall(scores, trainer.dev.captions_per_image)
        seconds = self.done.seconds + time.monotonic() - self.began
        best = self.done.end_epoch(epoch, dev, seconds)
        if best and self.first:
            write_tensors(self.place.best_file, trainer.model.state_dict())
        if show:
            config = trainer.config
            place = f"epoch {epoch + 1} of {config.training.epochs}"
            kept = ", the best so far: kept" if best else ""
            tqdm.write(f"{config.recipe}, seed {config.seed}, {place}: rsum {dev['rsum']:.1f} on dev{kept}")

    def _since_save(self) -> float:
        return time.monotonic() - self.saved

    def _save(self) -> None:
        now = time.monotonic()
        self.done.seconds += now - self.began
        self.began = self.saved = now
        self.done.pairwise_accuracy = self.trainer.guard.history
        if self.first:
            log = "".join(json.dumps(line) + "\n" for line in self.done.lines)
            write_text(self.place.log_file, log)
            trainer = self.trainer
            save_checkpoint(self.place, trainer.model, trainer.optimizer, self.done, trainer.memory)

    def _stop_if(self, interrupts: Interrupts, save: bool = False) -> None:
        """Raises KeyboardInterrupt if any process was asked to stop."""
        if not any(distributed.all_gather_object(interrupts.asked)):
            return
        if save:
            self._save()
        place = f"epoch {self.done.epochs + 1}, step {self.done.steps}"
        raise KeyboardInterrupt(f"{self.place.folder}: stopped and saved after {place}. Go on with --resume.")

    def _write_stopped(self, fault: TrainingError) -> None:
        """The batch at which training went wrong, for whoever wants to know why."""
        batch, split = fault.batch or {}, self.trainer.split
        captions = batch.get("captions", [])
        texts = [split.captions[caption] for caption in captions]
        images = [split.ids[split.owner[caption]] for caption in captions]
        content = {"reason": str(fault), **batch, "images": images, "texts": texts}
        with contextlib.suppress(InputError):  # the disk may be full; the fault itself is what matters
            write_json(self.place.stopped_file, content)


def _finish(run: Run, trainer: Trainer, done: Progress, progress: bool) -> dict:
    """Evaluate the best weights on test; the first process writes, all return it.

    Dev is what the best epoch made of its `dev_images`: nothing needs all of it scored again.
    """
    config = trainer.config
    distributed.barrier()
    run.load_best(trainer.model)
    test = load_split(trainer.data, "test")
    if distributed.process_count() == 1:
        scores = kept_scores(run.folder, trainer.model, test, trainer.vocabulary, progress)
    else:
        scores = split_scores(trainer.model, test, trainer.vocabulary, progress=progress)
    if distributed.process_index() == 0:
        evaluation = evaluate(scores, test)
        results = {
            "name": run_name(config),
            "recipe": config.recipe,
            "module": config.model.module,
            "arm": config.arm,
            "seed": config.seed,
            "config_hash": config.hash,
            "curve": [round(dev["rsum"], 3) for dev in done.curve],
            "mechanism": epoch_means(done.lines),
            "dev": max(done.curve, key=lambda dev: dev["rsum"]),
            "test": evaluation.recall,
            "measures": evaluation.to_json(),
        }
        if config.training.noise_ratio:
            results["noisy_images"] = len(trainer.noisy_images)
        write_ranks(run.folder, evaluation.ranks, test.captions_per_image)
        write_json(run.results_file, results)
        run.stopped_file.unlink(missing_ok=True)  # of an earlier try
    distributed.barrier()
    return run.results()
