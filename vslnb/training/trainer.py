"""One run's model, data and optimizer: the losses of a batch, a step, an epoch; one process or several.

All randomness follows from the seed and the place: the order from (seed, epoch), dropout from (seed, epoch,
step). So a run that is stopped and goes on from what it last saved ends with the same weights as one that
never stopped, and no random state needs saving.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vslnb import distributed
from vslnb.config import Config
from vslnb.data.precomp import Split, load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.losses import Objective
from vslnb.memory import keep_freed_memory
from vslnb.models import Matcher
from vslnb.ranking import live_share
from vslnb.retrieval.similarity import encode_captions, products, resolve_device
from vslnb.semantics import CaptionSpace
from vslnb.training.collapse import CollapseGuard, beaten_share
from vslnb.training.mechanism import pulls

LOG_EVERY = 10
EXPLODED = 1e8  # a gradient's norm before it is clipped


class TrainingError(RuntimeError):
    """Training went wrong and was stopped; the message says what to try, `batch` where it was."""

    batch: dict | None = None


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


@lru_cache(maxsize=2)
def fit_once(captions: tuple[str, ...], captions_per_image: int | tuple[int, ...], kind: str) -> CaptionSpace:
    """The space of a corpus; the runs that a worker of a sweep trains in turn share it."""
    return CaptionSpace.fit(captions, captions_per_image, kind)


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
        size = min(config.training.batch_size, len(self.split.captions))
        if size % distributed.process_count():
            problem = f"{distributed.process_count()} processes cannot share it out"
            raise InputError(f"training.batch_size={size}", problem, "Use a multiple of their number.")
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
            loss.margin, loss.alpha, loss.beta, loss.beta_text, loss.temperature, loss.rank, loss.slack
        )
        self.reader = ThreadPoolExecutor(1)
        self.reading: dict[bytes, Future] = {}
        self.guard = CollapseGuard(loss.margin)
        self.space = None
        if loss.reads_images or loss.beta_text:
            if space and space.exists():  # of an earlier start of this run
                self.space = CaptionSpace.load(space)
            else:
                self.space = self._fit_space()
        images = np.arange(len(self.split))
        self.meaning_of = np.random.default_rng(config.seed).permutation(images) if loss.shuffled else images

    def _fit_space(self) -> CaptionSpace:
        loss, q = self.config.loss, self.split.captions_per_image
        if isinstance(q, tuple):  # images with their own numbers of captions
            if loss.captions:
                problem, remedy = "images have unequal numbers of captions", "Leave it at 0, which takes all."
                raise InputError(f"loss.captions={loss.captions}", problem, remedy)
            return fit_once(tuple(self.split.captions), q, loss.similarity)
        count = loss.captions or q
        if count > q or (count < q and loss.beta_text):
            remedy = f"At most {q}, and all of them where beta_text is not 0."
            raise InputError(f"loss.captions={count}", "cannot be served", remedy)
        captions = tuple(caption for k, caption in enumerate(self.split.captions) if k % q < count)
        return fit_once(captions, count, loss.similarity)

    def read(self, captions: np.ndarray) -> Future:
        """Features (n, R, F) of the images of captions, from the memory map, in a thread beside."""
        return self.reader.submit(self.split.regions, self.split.owner[captions])

    def scores(self, captions: np.ndarray, epoch: int, step: int) -> Tensor:
        """Scores (B, B) of a batch of captions and their images; each process computes its captions' columns."""
        mine = distributed.shard(captions)
        read = self.reading.pop(mine.tobytes(), None) or self.read(mine)
        lengths = self.lengths[mine]
        ids = self._there(self.ids[mine, : int(lengths.max())])
        features = self._there(torch.from_numpy(read.result()))
        regions = distributed.gather_parts(self.model.encode_images(features))
        self._sow(epoch, step, 0)  # one dropout for everyone's images
        image_globals = self.model.image_global(regions)
        self._sow(epoch, step, 1 + distributed.process_index())
        words, globals_ = encode_captions(self.model, ids, lengths)
        columns = self.model.pair_scores(regions, image_globals, words, globals_, lengths)
        return distributed.gather_results(columns.T).T.contiguous()

    def _sow(self, epoch: int, step: int, part: int) -> None:
        place = np.random.SeedSequence([self.config.seed, epoch, step, part])
        # torch.manual_seed leaves word for accelerators that are not there: a millisecond, twice a step.
        sow = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        sow(int(place.generate_state(1, np.uint64)[0]))

    def _there(self, tensor: Tensor) -> Tensor:
        """On the device; through pinned memory, so that an accelerator goes on working meanwhile."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def losses(self, captions: np.ndarray, epoch: int, step: int) -> tuple[dict[str, Tensor], Tensor]:
        """The objective's parts and the scores of a batch."""
        # On an accelerator the scores are on their way while the semantics are computed here.
        scores, loss = self.scores(captions, epoch, step), self.config.loss
        textual = None
        if loss.beta_text and epoch >= loss.triplet_epochs:
            textual = self._there(torch.from_numpy(self.space.caption_similarity(captions)))
        semantics = self._semantics(captions, epoch)
        return self.objective(scores, semantics, textual, self._negatives(epoch)), scores.detach()

    def _negatives(self, epoch: int) -> str:
        return "violating" if epoch < self.config.loss.all_negatives_epochs else "hardest"

    def _semantics(self, captions: np.ndarray, epoch: int) -> Tensor | None:
        """What L_vs and slack read of a batch, None while they are not at work."""
        if not self.config.loss.reads_images or epoch < self.config.loss.triplet_epochs:
            return None
        images = self.meaning_of[self.split.owner[captions]]
        return self._there(torch.from_numpy(self.space.image_similarity(images)))

    def step(self, captions: np.ndarray, epoch: int, step: int) -> tuple[dict[str, float], Tensor]:
        """One step of Adam with the gradient's norm clipped: what the log says of it, and the scores.

        Raises:
            TrainingError: before the weights change, for a loss or gradient that went wrong, or a collapse.
        """
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        with products(self.config.training.precision):
            parts, scores = self.losses(captions, epoch, step)
            parts["loss"].backward()
        distributed.sum_gradients(self.model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.training.clip)
        told = [*(value.detach() for value in parts.values()), scores.std(), beaten_share(scores), norm]
        values = torch.stack(told).tolist()  # one wait for the device a step
        values = dict(zip([*parts, "spread", "beaten", "norm"], values))
        if fault := self._fault(values, len(captions)):
            raise TrainingError(f"epoch {epoch + 1}, step {step + 1}: {fault}")
        self.optimizer.step()
        return values, scores

    def epoch(self, epoch: int, first: int = 0, progress: bool = True) -> Iterator[tuple[int, dict | None]]:
        """Train an epoch from its step `first` on; yields how many steps are done and at times a log line.

        Raises:
            TrainingError: for a loss that went wrong; the batch is in its `batch`.
        """
        training = self.config.training
        rate = training.learning_rate * (0.1 if epoch >= training.decay_after else 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batches = epoch_batches(len(self.split.captions), training.batch_size, self.config.seed, epoch)
        with tqdm(total=len(batches), initial=first, desc=f"epoch {epoch + 1}/{training.epochs}",
                  disable=not progress or distributed.process_index() > 0, leave=False) as bar:  # fmt: skip
            for step, captions in enumerate(batches[first:], start=first):
                for coming in map(distributed.shard, batches[step + 1 : step + 2]):
                    self.reading[coming.tobytes()] = self.read(coming)
                try:
                    values, scores = self.step(captions, epoch, step)
                except TrainingError as fault:
                    fault.batch = {"epoch": epoch, "step": step, "captions": captions.tolist()}
                    raise
                line = None
                if step % LOG_EVERY == 0:
                    line = {"epoch": epoch, "step": step, **values, "lr": rate}
                    line |= self._mechanism(captions, scores, epoch)
                    bar.set_postfix(loss=f"{values['loss']:.2f}")
                bar.update()
                yield step + 1, line

    def _mechanism(self, captions: np.ndarray, scores: Tensor, epoch: int) -> dict[str, float]:
        """For the log: the share of live comparisons, and how the two losses pull where both are at work."""
        semantics = self._semantics(captions, epoch)
        found = {}
        if self.config.loss.beta and semantics is not None:
            found = pulls(self.objective, scores, semantics, self._negatives(epoch))
        return {"live": live_share(scores, self.config.loss.temperature)} | found

    def _fault(self, values: dict[str, float], batch: int) -> str:
        """What is wrong with a step and what to try, or nothing."""
        remedy = "Try a smaller --set training.learning_rate, or run `vslnb check` on the data."
        for name in ("loss", "norm"):
            if not np.isfinite(values[name]):
                return f"the {'gradient' if name == 'norm' else name} is {values[name]}. {remedy}"
        if values["norm"] > EXPLODED:
            return f"the gradient explodes (norm {values['norm']:.1e}). {remedy}"
        collapsed = self.guard(values["triplet"], values["spread"], values["beaten"], batch)
        if collapsed and self.config.training.stop_on_collapse:
            return (
                f"collapsed: every score is equal (spread {values['spread']:.1e}) and the triplet loss stands at "
                f"2 * batch * margin = {2 * batch * self.config.loss.margin:.1f}. Try all negatives first "
                "(--set loss.all_negatives_epochs=1 or more), a smaller learning rate or a larger batch; "
                "--set training.stop_on_collapse=false goes on regardless."
            )
        return ""
