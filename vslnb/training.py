"""One training loop; a run folder that says all about it; resume after an interruption.

All randomness of an epoch (order, dropout, shuffled control) follows from (seed, epoch), so a run that is
stopped and resumed from its last whole epoch ends with the same weights as one that never stopped.
"""

from __future__ import annotations

import json
import platform
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm.auto import tqdm

from vslnb import __version__
from vslnb.config import Config
from vslnb.data.precomp import MANIFEST, Split, file_hash, load_split, load_vocabulary
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError
from vslnb.evaluation import recall
from vslnb.losses import Objective
from vslnb.memory import keep_freed_memory
from vslnb.models import Matcher, load_released
from vslnb.ranking import live_share
from vslnb.retrieval import resolve_device, split_scores
from vslnb.semantics import CaptionSpace

LOG_EVERY = 10
WINDOW = 300  # steps that must all look collapsed; healthy runs were seen to lie flat for 200


class TrainingError(RuntimeError):
    """Training went wrong and was stopped; the message says what to try."""


class CollapseGuard:
    """Knows the collapse of STUDY section 3, row 14: equal scores, the triplet stuck at 2 * B * margin.

    Scores can be nearly equal and still be learning: VSL first orders them on the scale of its temperature.
    So a pair must also beat no more of its negatives than chance, 0.5, over the whole window.

    >>> guard = CollapseGuard(margin=0.2, window=2)
    >>> [guard(triplet=51.2, spread=1e-5, beaten=0.5, batch=128) for _ in range(2)]
    [False, True]
    >>> [guard(triplet=51.2, spread=1e-5, beaten=0.6, batch=128) for _ in range(2)]
    [False, False]
    """

    def __init__(self, margin: float, window: int = WINDOW):
        self.margin, self.window, self.beaten = margin, window, []

    def __call__(self, triplet: float, spread: float, beaten: float, batch: int) -> bool:
        """True once the last `window` steps look collapsed.

        Args:
            triplet: its value.
            spread: standard deviation of the scores.
            beaten: share of negatives below their pair's score.
            batch: B.
        """
        stuck = abs(triplet / (2 * batch * self.margin) - 1) < 0.01 and spread < 0.005
        self.beaten = [*self.beaten, beaten][-self.window :] if stuck else []
        return len(self.beaten) == self.window and sum(self.beaten) / self.window < 0.52


def beaten_share(scores: Tensor) -> Tensor:
    """Of scores (B, B): the share of negatives, both ways, that score below the pair; ties count half.

    >>> float(beaten_share(torch.tensor([[0.9, 0.1], [0.95, 0.9]])))
    0.5
    """
    own, others = scores.diagonal(), max(len(scores) * (len(scores) - 1), 1)
    signs = torch.sign(own[:, None] - scores).sum() + torch.sign(own[None, :] - scores).sum()
    return 0.5 + signs / (4 * others)


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

    def __init__(self, config: Config, data: str | Path, device: str = "auto"):
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
        self.guard = CollapseGuard(loss.margin)
        self.space = None
        if loss.beta or loss.beta_text:
            self.space = CaptionSpace.fit(self.split.captions, self.split.captions_per_image, loss.similarity)
        images = np.arange(len(self.split))
        self.meaning_of = np.random.default_rng(config.seed).permutation(images) if loss.shuffled else images

    def scores(self, captions: np.ndarray) -> Tensor:
        """Scores (B, B) of a batch of captions and their images."""
        images = self.split.regions(captions // self.split.captions_per_image)
        lengths = self.lengths[captions]
        ids = self.ids[captions, : int(lengths.max())].to(self.device)
        regions = self.model.encode_images(torch.from_numpy(images).to(self.device))
        return self.model.scores(regions, self.model.encode_captions(ids, lengths), lengths)

    def losses(self, captions: np.ndarray, epoch: int) -> tuple[dict[str, Tensor], Tensor]:
        """The objective's parts and the scores of a batch."""
        scores, loss = self.scores(captions), self.config.loss
        semantics = textual = None
        begun = epoch >= loss.triplet_epochs
        if loss.beta and begun:
            images = self.meaning_of[captions // self.split.captions_per_image]
            semantics = torch.from_numpy(self.space.image_similarity(images)).to(self.device)
        if loss.beta_text and begun:
            textual = torch.from_numpy(self.space.caption_similarity(captions)).to(self.device)
        negatives = "violating" if epoch < loss.all_negatives_epochs else "hardest"
        return self.objective(scores, semantics, textual, negatives), scores.detach()

    def step(self, captions: np.ndarray, epoch: int) -> tuple[dict[str, Tensor], Tensor]:
        """One step of Adam with the gradient's norm clipped."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
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
            parts, scores = self.step(captions, epoch)
            values = {name: float(value.detach()) for name, value in parts.items()}
            spread, beaten = float(scores.std()), float(beaten_share(scores))
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
    trainer = Trainer(config, data, device)
    config = trainer.config
    data_hash = {
        name: file_hash(trainer.data / name) for name in [MANIFEST] if (trainer.data / name).exists()
    }
    _claim(run, config, data_hash, resume)
    if (run / "results.json").exists():
        return json.loads((run / "results.json").read_text())
    start, best, lines, seconds = _load_last(run, trainer)
    environment = {
        "vslnb": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": str(trainer.device),
        "threads": torch.get_num_threads(),
        "data": data_hash,
    }
    _write_json(run / "environment.json", environment)
    for epoch in range(start, config.training.epochs):
        began = time.perf_counter()
        lines += trainer.epoch(epoch, progress)
        dev = recall(
            split_scores(trainer.model, trainer.dev, trainer.vocabulary, progress=progress),
            trainer.dev.captions_per_image,
        )
        seconds += time.perf_counter() - began
        lines.append({"epoch": epoch, "dev": dev, "seconds": round(seconds, 2)})
        if dev["rsum"] > best:
            best = dev["rsum"]
            _save(trainer.model.state_dict(), run / "best.safetensors")
        _save_last(run, trainer, {"epochs": epoch + 1, "best": best, "lines": lines, "seconds": seconds})
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        if progress:
            tqdm.write(f"{config.recipe} seed {config.seed} epoch {epoch + 1}: dev rsum {dev['rsum']:.1f}")
    return _finish(run, trainer, seconds, progress)


def load_run(run: str | Path, device: str = "auto") -> tuple[Matcher, Config]:
    """The best model of a run, in eval mode, and its configuration.

    Raises:
        InputError: if the folder holds no trained run.
    """
    run = Path(run)
    if not (run / "best.safetensors").exists():
        raise InputError(
            run, "no trained run here", "Make it with `vslnb train RECIPE --data DATA --run RUN`."
        )
    config = Config.from_dict(json.loads((run / "config.json").read_text()))
    model = Matcher(config.model)
    model.load_state_dict(load_file(run / "best.safetensors"))
    return model.to(resolve_device(device)).eval(), config


def load_matcher(path: str | Path, split: Split, vocabulary: Vocabulary, device: str = "auto") -> Matcher:
    """A run's best model or a released checkpoint, checked against the data it is to read.

    Raises:
        InputError: if vocabulary, number or width of the regions are not those the model was trained on.
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
    return model


def _finish(run: Path, trainer: Trainer, seconds: float, progress: bool) -> dict:
    config = trainer.config
    trainer.model.load_state_dict(load_file(run / "best.safetensors"))
    results = {
        "recipe": config.recipe,
        "module": config.model.module,
        "arm": config.arm,
        "seed": config.seed,
        "config_hash": config.hash,
        "seconds": round(seconds, 1),
    }
    for name in ("dev", "test"):
        split = load_split(trainer.data, name)
        scores = split_scores(trainer.model, split, trainer.vocabulary, progress=progress)
        results[name] = recall(scores, split.captions_per_image)
    _write_json(run / "results.json", results)
    return results


def _claim(run: Path, config: Config, data_hash: dict, resume: bool) -> None:
    """Refuse a folder whose run is another's: without `resume`, of other settings or of other data."""
    path = run / "config.json"
    if path.exists():
        if not resume:
            raise InputError(
                run, "a run is already here", "Add --resume to go on with it, or choose another --run."
            )
        old, new = json.loads(path.read_text()), config.to_dict()
        if old != new:
            parts = [f"{a}: {old.get(a)} there, {new[a]} asked" for a in new if old.get(a) != new[a]]
            raise InputError(
                path, "other settings: " + "; ".join(parts), "Use the same, or choose another --run."
            )
        environment = run / "environment.json"
        if environment.exists() and json.loads(environment.read_text())["data"] != data_hash:
            problem = "the data set has changed since this run was trained"
            raise InputError(run, problem, "Remove the run, or choose another --run.")
    run.mkdir(parents=True, exist_ok=True)
    _write_json(path, config.to_dict())


def _save_last(run: Path, trainer: Trainer, progress: dict) -> None:
    """Write `last` aside, then rename: a kill at any moment leaves the old or the new one whole."""
    new, last, old = run / "last.new", run / "last", run / "last.old"
    new.mkdir(exist_ok=True)
    tensors = {f"model.{key}": value for key, value in trainer.model.state_dict().items()}
    for index, state in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    _save(tensors, new / "state.safetensors")
    _write_json(new / "progress.json", progress)
    for folder, target in ((last, old), (new, last)):
        if folder.exists():
            _remove(target)
            folder.rename(target)
    _remove(old)


def _load_last(run: Path, trainer: Trainer) -> tuple[int, float, list[dict], float]:
    folder = next((run / name for name in ("last", "last.old") if (run / name).exists()), None)
    if folder is None:
        return 0, -1.0, [], 0.0
    tensors = load_file(folder / "state.safetensors")
    model = {key.removeprefix("model."): v for key, v in tensors.items() if key.startswith("model.")}
    trainer.model.load_state_dict(model)
    content = trainer.optimizer.state_dict()
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            content["state"].setdefault(int(index), {})[name] = value
    trainer.optimizer.load_state_dict(content)
    progress = json.loads((folder / "progress.json").read_text())
    return progress["epochs"], progress["best"], progress["lines"], progress["seconds"]


def _remove(folder: Path) -> None:
    for file in folder.glob("*"):
        file.unlink()
    if folder.exists():
        folder.rmdir()


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    aside = path.with_suffix(".tmp")
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, aside)
    aside.replace(path)


def _write_json(path: Path, content: dict) -> None:
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    aside.replace(path)
