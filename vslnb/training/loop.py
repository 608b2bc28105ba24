"""One training loop; a run folder that says all about it; exact resume."""

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
from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import recall
from vslnb.evaluation.summary import measure
from vslnb.files import read_json, write_json, write_text
from vslnb.locks import locked
from vslnb.retrieval.similarity import kept_scores, resolve_device, split_scores
from vslnb.study.comparison import write_ranks
from vslnb.training.mechanism import by_epoch
from vslnb.training.run import (
    REMEDY,
    claim,
    clear_leftovers,
    data_hash,
    load_best,
    load_last,
    save_last,
    write_tensors,
)
from vslnb.training.signals import Interrupts
from vslnb.training.trainer import Trainer, TrainingError

SAVE_EVERY = 600  # seconds, where an epoch takes longer
SEMANTICS = "semantics.npz"


def train(
    config: Config,
    data: str | Path,
    run: str | Path,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
) -> dict:
    """Train a run to its end and write its folder (DESIGN, "A run").

    Args:
        config: usually `recipe(name)`, with settings changed.
        data: a folder in the SCAN layout with train, dev and test.
        run: where the run lives.
        device: `auto`, `cuda`, `mps` or `cpu`.
        resume: go on with what is there; the settings must be the same. A complete run is left as it is.

    Returns:
        The content of results.json.

    Raises:
        InputError: for a folder that holds a run when not resuming, one of other settings, or a full disk.
        Busy: for a run that another process is training.
        TrainingError: for a collapse, or a loss or gradient that went wrong.
        KeyboardInterrupt: after Ctrl-C, once everything is saved.
    """
    run, first = Path(run), distributed.process_index() == 0
    if resolve_device(device).type == "cuda":  # the same bytes twice, where an operation can
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    trainer = Trainer(config, data, device, run / SEMANTICS)
    with locked(run) if first else contextlib.nullcontext():
        if first:
            _begin(run, trainer, resume)
        distributed.barrier()
        if (run / "results.json").exists():
            return read_json(run / "results.json", REMEDY, ("dev", "test"))
        done = load_last(run, trainer.model, trainer.optimizer)
        trainer.guard.beaten = done["beaten"]
        _train(run, trainer, done, progress)
        return _finish(run, trainer, done, progress and first)


def _begin(run: Path, trainer: Trainer, resume: bool) -> None:
    """Settings, surroundings and semantics of a run into its folder."""
    hashes = data_hash(trainer.data)
    clear_leftovers(run)
    claim(run, trainer.config, hashes, resume)
    if (run / "results.json").exists():
        return
    if trainer.space:
        trainer.space.save(run / SEMANTICS)
    environment = {
        "vslnb": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": str(trainer.device),
        "threads": torch.get_num_threads(),
        "processes": distributed.process_count(),
        "data": hashes,
        "vocabulary": trainer.vocabulary.digest,
        "folder": str(trainer.data.resolve()),
    }
    write_json(run / "environment.json", environment)


def _train(run: Path, trainer: Trainer, done: dict, progress: bool) -> None:
    """Every epoch that is left; what is done is saved at its end, every ten minutes and at Ctrl-C."""
    config, first = trainer.config, distributed.process_index() == 0
    began = saved = time.monotonic()

    def save() -> None:
        nonlocal began, saved
        now = time.monotonic()
        done["seconds"], began, saved = done["seconds"] + now - began, now, now
        done["beaten"] = trainer.guard.beaten
        if first:
            write_text(run / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in done["lines"]))
            save_last(run, trainer.model, trainer.optimizer, done)

    def asked() -> bool:
        return any(distributed.all_gather_object(interrupts.asked))

    def stopped() -> KeyboardInterrupt:
        place = f"epoch {done['epochs'] + 1}, step {done['steps']}"
        return KeyboardInterrupt(f"{run}: stopped and saved after {place}. Go on with --resume.")

    with Interrupts() as interrupts:
        for epoch in range(done["epochs"], config.training.epochs):
            try:
                for steps, line in trainer.epoch(epoch, done["steps"], progress):
                    done["steps"] = steps
                    done["lines"] += [line] if line else []
                    stop = asked()
                    if stop or time.monotonic() - saved > SAVE_EVERY:
                        save()
                    if stop:
                        raise stopped()
            except TrainingError as fault:
                if first:
                    _tell(run, trainer, fault)
                raise
            if time.monotonic() - saved > 60:  # scoring dev takes long where an epoch does
                save()
            scores = split_scores(trainer.model, trainer.dev, trainer.vocabulary, progress=progress and first)
            dev = recall(scores, trainer.dev.captions_per_image)
            seconds = round(done["seconds"] + time.monotonic() - began, 2)
            done["lines"].append({"epoch": epoch, "dev": dev, "seconds": seconds})
            if dev["rsum"] > done["best"]:
                done["best"] = dev["rsum"]
                if first:
                    write_tensors(run / "best.safetensors", trainer.model.state_dict())
            done["epochs"], done["steps"] = epoch + 1, 0
            save()
            if asked():
                raise stopped()
            if first and progress:
                tqdm.write(
                    f"{config.recipe} seed {config.seed} epoch {epoch + 1}: dev rsum {dev['rsum']:.1f}"
                )


def _tell(run: Path, trainer: Trainer, fault: TrainingError) -> None:
    """The batch at which training went wrong, for whoever wants to know why."""
    captions, owner = fault.batch["captions"], trainer.split.owner
    texts = [trainer.split.captions[caption] for caption in captions]
    images = [trainer.split.ids[owner[caption]] for caption in captions]
    told = {"reason": str(fault), **fault.batch, "images": images, "texts": texts}
    with contextlib.suppress(InputError):  # no room; the fault itself is what matters
        write_json(run / "stopped.json", told)


def complete(config: Config, data: str | Path, run: str | Path) -> dict | None:
    """The results of a run that is whole, of these settings and of this data set; None where it is not."""
    run = Path(run)
    if not (run / "results.json").exists() or not (run / "environment.json").exists():
        return None
    results = read_json(run / "results.json", REMEDY, ("dev", "test"))
    there = read_json(run / "environment.json", REMEDY).get("data")
    return results if (results.get("config_hash"), there) == (config.hash, data_hash(Path(data))) else None


def _finish(run: Path, trainer: Trainer, done: dict, progress: bool) -> dict:
    """Evaluate the best weights on test; the first process writes, all return it.

    Dev is what the best epoch made of its `dev_images`: nothing needs all of it scored again.
    """
    config, curve = trainer.config, [line["dev"] for line in done["lines"] if "dev" in line]  # an epoch each
    distributed.barrier()
    load_best(run, trainer.model)
    test = load_split(trainer.data, "test")
    scored = (trainer.model, test, trainer.vocabulary, progress)
    alone = distributed.process_count() == 1
    scores = kept_scores(run, *scored) if alone else split_scores(*scored[:3], progress=progress)
    results = {
        "dev": max(curve, key=lambda dev: dev["rsum"]),
        "test": recall(scores, test.captions_per_image),
    }
    if distributed.process_index() == 0:
        about = {
            "name": config.name,
            "recipe": config.recipe,
            "module": config.model.module,
            "arm": config.arm,
            "seed": config.seed,
            "config_hash": config.hash,
            "curve": [round(dev["rsum"], 3) for dev in curve],
            "mechanism": by_epoch(done["lines"]),
        }
        write_ranks(run, scores, test.captions_per_image)
        measures = measure(scores, test)
        write_json(run / "results.json", about | results | {"measures": measures})
        (run / "stopped.json").unlink(missing_ok=True)  # of an earlier try
    distributed.barrier()
    return read_json(run / "results.json", REMEDY, ("dev", "test"))
