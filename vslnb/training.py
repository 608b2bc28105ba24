"""One training loop; a run folder that says all about it; resume after an interruption.

All randomness of an epoch (order, dropout, shuffled control) follows from (seed, epoch), so a run that is
stopped and resumed from its last whole epoch ends with the same weights as one that never stopped.
"""

from __future__ import annotations

import json
import platform
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vslnb import __version__
from vslnb.collapse import CollapseGuard, beaten_share
from vslnb.comparison import write_ranks
from vslnb.config import Config
from vslnb.data.precomp import MANIFEST, Split, file_hash, load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.evaluation import recall
from vslnb.files import read_json, write_json
from vslnb.losses import Objective
from vslnb.measures import measure
from vslnb.memory import keep_freed_memory
from vslnb.models import Matcher
from vslnb.ranking import live_share
from vslnb.retrieval import products, resolve_device, split_scores
from vslnb.runs import REMEDY, claim, load_best, load_last, save_last, write_tensors
from vslnb.semantics import CaptionSpace

LOG_EVERY = 10
SEMANTICS = "semantics.npz"


class TrainingError(RuntimeError):
    """Training went wrong and was stopped; the message says what to try."""


def epoch_batches(captions: int, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The caption indices of every batch of an epoch; an incomplete last batch is left out.

    >>> [b.tolist() for b in epoch_batches(5, 2, seed=0, epoch=0)]
    [[2, 4], [3, 0]]
    """
    size = min(batch_size, captions)
    order = np.random.default_rng([seed, epoch]).permutation(captions)
    return [order[i : i + size] for i in range(0, captions - size + 1, size)]


def channel_statistics(split: Split, block: int = 256) -> tuple[Tensor, Tensor]:
    """Mean and 1 / deviation of every feature channel (F,), streamed over the split."""
    total, squares, count = 0.0, 0.0, 0
    for start in range(0, len(split), block):
        part = split.regions(slice(start, start + block)).astype(np.float64)
        total, squares = total + part.sum((0, 1)), squares + np.square(part).sum((0, 1))
        count += part.shape[0] * part.shape[1]
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-6)
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(inverse, dtype=torch.float32)


class Trainer:
    """A configuration, a data set and a device, ready to run epochs."""

    def __init__(self, config: Config, data: str | Path, device: str = "auto", space: Path | None = None):
        keep_freed_memory()
        self.data = Path(data)
        self.split = load_split(data, "train")
        self.dev = load_split(data, "dev").head(config.training.dev_images)
        self.vocabulary = load_vocabulary(data)
        _, regions, features = self.split.features.shape
        model = replace(config.model, vocabulary=len(self.vocabulary), regions=regions, features=features)
        self.config = replace(config, model=model)
        self.device = resolve_device(device)
        self.ids, self.lengths = map(torch.from_numpy, self.vocabulary.encode_all(self.split.captions))
        torch.manual_seed(config.seed)
        self.model = Matcher(model)
        if config.training.standardise:
            shift, scale = channel_statistics(self.split)
            self.model.image_encoder.shift.copy_(shift)
            self.model.image_encoder.scale.copy_(scale)
        self.model.to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.training.learning_rate)
        loss = config.loss
        self.objective = Objective(
            loss.margin, loss.alpha, loss.beta, loss.beta_text, loss.temperature, loss.rank
        )
        self.reader = ThreadPoolExecutor(1)
        self.reading: dict[bytes, Future] = {}
        self.guard = CollapseGuard(loss.margin)
        self.space = None
        if loss.beta or loss.beta_text:
            if space and space.exists():  # of an earlier start of this run
                self.space = CaptionSpace.load(space)
            else:
                self.space = self._fit_space()
        images = np.arange(len(self.split))
        self.meaning_of = np.random.default_rng(config.seed).permutation(images) if loss.shuffled else images

    def _fit_space(self) -> CaptionSpace:
        loss, q = self.config.loss, self.split.captions_per_image
        count = loss.captions or q
        if count > q or (count < q and loss.beta_text):
            remedy = f"At most {q}, and all of them where beta_text is not 0."
            raise InputError(f"loss.captions={count}", "cannot be served", remedy)
        captions = [caption for k, caption in enumerate(self.split.captions) if k % q < count]
        return CaptionSpace.fit(captions, count, loss.similarity)

    def read(self, captions: np.ndarray) -> Future:
        """Features (B, R, F) of the images of a batch of captions, from the memory map, in a thread beside."""
        return self.reader.submit(self.split.regions, captions // self.split.captions_per_image)

    def scores(self, captions: np.ndarray) -> Tensor:
        """Scores (B, B) of a batch of captions and their images."""
        read = self.reading.pop(captions.tobytes(), None) or self.read(captions)
        lengths = self.lengths[captions]
        ids = self._there(self.ids[captions, : int(lengths.max())])
        regions = self.model.encode_images(self._there(torch.from_numpy(read.result())))
        return self.model.scores(regions, self.model.encode_captions(ids, lengths), lengths)

    def _there(self, tensor: Tensor) -> Tensor:
        """On the device; through pinned memory, so that an accelerator goes on working meanwhile."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def losses(self, captions: np.ndarray, epoch: int) -> tuple[dict[str, Tensor], Tensor]:
        """The objective's parts and the scores of a batch."""
        # On an accelerator the scores are on their way while the semantics are computed here.
        scores, loss = self.scores(captions), self.config.loss
        semantics = textual = None
        begun = epoch >= loss.triplet_epochs
        if loss.beta and begun:
            images = self.meaning_of[captions // self.split.captions_per_image]
            semantics = self._there(torch.from_numpy(self.space.image_similarity(images)))
        if loss.beta_text and begun:
            textual = self._there(torch.from_numpy(self.space.caption_similarity(captions)))
        negatives = "violating" if epoch < loss.all_negatives_epochs else "hardest"
        return self.objective(scores, semantics, textual, negatives), scores.detach()

    def step(self, captions: np.ndarray, epoch: int) -> tuple[dict[str, Tensor], Tensor]:
        """One step of Adam with the gradient's norm clipped."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        with products(self.config.training.precision):
            parts, scores = self.losses(captions, epoch)
            parts["loss"].backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.training.clip)
        self.optimizer.step()
        return parts, scores

    def epoch(self, epoch: int, progress: bool = True) -> list[dict]:
        """Train one epoch; returns log lines.

        Raises:
            TrainingError: for a loss that is not finite, or a collapse.
        """
        training = self.config.training
        rate = training.learning_rate * (0.1 if epoch >= training.decay_after else 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(1_000_003 * self.config.seed + epoch)
        batches = epoch_batches(len(self.split.captions), training.batch_size, self.config.seed, epoch)
        lines = []
        bar = tqdm(batches, desc=f"epoch {epoch + 1}/{training.epochs}", disable=not progress, leave=False)
        for step, captions in enumerate(bar):
            for coming in batches[step + 1 : step + 2]:
                self.reading[coming.tobytes()] = self.read(coming)
            parts, scores = self.step(captions, epoch)
            told = torch.stack(
                [*(value.detach() for value in parts.values()), scores.std(), beaten_share(scores)]
            )
            *values, spread, beaten = told.tolist()  # one wait for the device a step
            values = dict(zip(parts, values))
            self._watch(values, spread, beaten, len(captions), epoch, step)
            if step % LOG_EVERY == 0:
                live = live_share(scores, self.config.loss.temperature)
                lines.append(
                    {"epoch": epoch, "step": step, **values, "spread": spread, "live": live, "lr": rate}
                )
                bar.set_postfix(loss=f"{values['loss']:.2f}")
        return lines

    def _watch(
        self, values: dict[str, float], spread: float, beaten: float, batch: int, epoch: int, step: int
    ) -> None:
        place = f"epoch {epoch + 1}, step {step + 1}"
        if not np.isfinite(values["loss"]):
            raise TrainingError(
                f"{place}: the loss is {values['loss']}. Try a smaller --set training.learning_rate, or run "
                "`vslnb check` on the data."
            )
        if self.guard(values["triplet"], spread, beaten, batch) and self.config.training.stop_on_collapse:
            raise TrainingError(
                f"{place}: collapsed: every score is equal (spread {spread:.1e}) and the triplet loss stands at "
                f"2 * batch * margin = {2 * batch * self.config.loss.margin:.1f}. Try all negatives first "
                "(--set loss.all_negatives_epochs=1 or more), a smaller learning rate or a larger batch; "
                "--set training.stop_on_collapse=false goes on regardless."
            )


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
        InputError: for a folder that holds a run when not resuming, or one of other settings.
        TrainingError: for a collapse or a loss that is not finite.
    """
    run = Path(run)
    trainer = Trainer(config, data, device, run / SEMANTICS)
    config = trainer.config
    data_hash = _hash_of(trainer.data)
    claim(run, config, data_hash, resume)
    if (run / "results.json").exists():
        return read_json(run / "results.json", REMEDY, ("dev", "test"))
    if trainer.space:
        trainer.space.save(run / SEMANTICS)
    done = load_last(run, trainer.model, trainer.optimizer)
    environment = {
        "vslnb": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": str(trainer.device),
        "threads": torch.get_num_threads(),
        "data": data_hash,
        "folder": str(trainer.data.resolve()),
    }
    write_json(run / "environment.json", environment)
    for epoch in range(done["epochs"], config.training.epochs):
        began = time.perf_counter()
        done["lines"] += trainer.epoch(epoch, progress)
        scores = split_scores(trainer.model, trainer.dev, trainer.vocabulary, progress=progress)
        dev = recall(scores, trainer.dev.captions_per_image)
        done["seconds"] += time.perf_counter() - began
        done["lines"].append({"epoch": epoch, "dev": dev, "seconds": round(done["seconds"], 2)})
        if dev["rsum"] > done["best"]:
            done["best"] = dev["rsum"]
            write_tensors(run / "best.safetensors", trainer.model.state_dict())
        done["epochs"] = epoch + 1
        save_last(run, trainer.model, trainer.optimizer, done)
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in done["lines"]))
        if progress:
            tqdm.write(f"{config.recipe} seed {config.seed} epoch {epoch + 1}: dev rsum {dev['rsum']:.1f}")
    return _finish(run, trainer, done, progress)


def complete(config: Config, data: str | Path, run: str | Path) -> dict | None:
    """The results of a run that is whole, of these settings and of this data set; None where it is not."""
    run = Path(run)
    if not (run / "results.json").exists() or not (run / "environment.json").exists():
        return None
    results = read_json(run / "results.json", REMEDY, ("dev", "test"))
    there = read_json(run / "environment.json", REMEDY).get("data")
    return results if (results.get("config_hash"), there) == (config.hash, _hash_of(Path(data))) else None


def _hash_of(data: Path) -> dict[str, str]:
    """What tells a data set from another: its manifest's hash, nothing for the field's own folders."""
    return {name: file_hash(data / name) for name in [MANIFEST] if (data / name).exists()}


def _finish(run: Path, trainer: Trainer, done: dict, progress: bool) -> dict:
    config = trainer.config
    load_best(run, trainer.model)
    results = {
        "name": config.name,
        "recipe": config.recipe,
        "module": config.model.module,
        "arm": config.arm,
        "seed": config.seed,
        "config_hash": config.hash,
        "seconds": round(done["seconds"], 1),
        "curve": [round(line["dev"]["rsum"], 3) for line in done["lines"] if "dev" in line],  # an epoch each
    }
    for name in ("dev", "test"):
        split = load_split(trainer.data, name)
        scores = split_scores(trainer.model, split, trainer.vocabulary, progress=progress)
        results[name] = recall(scores, split.captions_per_image)
    results["measures"] = measure(scores, split)  # of the test split
    write_ranks(run, scores, split.captions_per_image)
    write_json(run / "results.json", results)
    return results
