"""Two networks that teach each other which pairs of a data set are wrong.

Both first learn from all pairs. Then, before every epoch, each computes the loss of every pair, and a mixture splits
the pairs into clean and noisy ones. Each network learns from the split of the other: from the clean pairs, whose
margin is nearly whole, and in the second half of the epochs from the noisy ones too, with the margin that both
networks together think they deserve.

As everything in training, what a step does follows from (seed, epoch, step), and from the probabilities of that
epoch, which a checkpoint keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vslnb import distributed
from vslnb.config import Config
from vslnb.data.loader import Batch
from vslnb.device import matmul_precision
from vslnb.errors import InputError
from vslnb.losses import Margins
from vslnb.models.ensemble import Ensemble
from vslnb.training.guard import TrainingError
from vslnb.training.noisy.labels import clean_labels, pair_losses, predicted_labels, soft_margins
from vslnb.training.noisy.mixture import called_clean, clean_probabilities
from vslnb.training.trainer import Trainer

CLEAN = "clean"  # in a trainer's memory: of each network the probability that a pair is clean, (2, C)


class Update(NamedTuple):
    """One step: the network that learns, which part of the pairs these are (`all`, `clean`, `noisy`), and they."""

    network: int
    part: str
    captions: np.ndarray


class NoisyTrainer(Trainer):
    """A trainer whose model is an `Ensemble` of two networks; a step changes one of them.

    One optimizer holds the weights of both: those without a gradient keep their values and their moments, so it does
    what two would. The label of a noisy batch is predicted after the step of the clean batch before it, where the
    released program predicts both before either step.
    """

    def __init__(
        self, config: Config, data: str | Path, device: str = "auto", saved_space: Path | None = None
    ):
        super().__init__(config, data, device, saved_space)
        assert isinstance(self.model, Ensemble)
        self.networks = self.model.members
        self.updates: list[Update] = []
        self.now: Update | None = None
        pairs, training = len(self.split.captions), self.config.training
        warmup = self.config.ncr.warmup_epochs
        # The second half of those epochs that follow the warm-up.
        self.first_noisy_epoch = warmup + (training.epochs - warmup) // 2
        self.mismatched = np.isin(self.split.owner, self.noisy_images)
        if pairs < 4:
            problem = f"{pairs} training captions cannot be split into clean and noisy ones"
            raise InputError(self.data, problem, "Use a recipe without -ncr.")

    def epoch(self, epoch: int, first: int = 0, progress: bool = True) -> Iterator[tuple[int, dict | None]]:
        """As of every trainer; one that begins after the warm-up first asks both networks about all pairs.

        Raises:
            TrainingError: also for a split without clean pairs.
        """
        if first == 0:
            self.memory.clear()
            if epoch >= self.config.ncr.warmup_epochs:
                for _ in self._ask(epoch, progress):
                    yield 0, None
        yield from super().epoch(epoch, first, progress)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The captions of every step: those of the first network, then those of the second."""
        split = self._warmup_updates if epoch < self.config.ncr.warmup_epochs else self._taught_updates
        self.updates = [update for network in (0, 1) for update in split(epoch, network)]
        return [update.captions for update in self.updates]

    def losses(self, batch: Batch, epoch: int, step: int) -> tuple[dict[str, Tensor], Tensor]:
        """The objective's parts and the scores (B, B) of the network whose turn it is."""
        self.now = self.updates[step]
        self.margins = None if self.now.part == "all" else self._margins(batch, epoch, step, self.now)
        scores = self.scores(batch, epoch, step, self.networks[self.now.network])
        return self._objective(scores, batch, epoch), scores.detach()

    def diagnose(self, batch: Batch, scores: Tensor, epoch: int) -> dict:
        """For the log: as of every trainer, and how good the split is that the step learns from.

        `called_clean` is a share of all pairs; `clean_precision` the share of these that do belong together;
        `noise_recall` the share of the pairs made wrong on purpose that were called noisy.
        """
        assert self.now is not None
        found = super().diagnose(batch, scores, epoch) | {"network": self.now.network, "part": self.now.part}
        if CLEAN in self.memory:
            clean = self._clean(1 - self.now.network)
            found["called_clean"] = float(clean.mean())
            if self.mismatched.any():
                found["clean_precision"] = float(1 - self.mismatched[clean].mean())
                found["noise_recall"] = float(1 - clean[self.mismatched].mean())
        return found

    def _negatives(self, epoch: int) -> str:
        return "mean" if epoch < self.config.ncr.warmup_epochs else super()._negatives(epoch)

    def _similarities(self, batch: Batch, epoch: int) -> tuple[Tensor | None, Tensor | None]:
        """None for noisy pairs: the captions that are thought wrong say nothing of their images."""
        noisy = self.now is not None and self.now.part == "noisy"
        return (None, None) if noisy else super()._similarities(batch, epoch)

    def _ask(self, epoch: int, progress: bool) -> Iterator[None]:
        """Put into the memory how probably each pair is clean, by each network; pauses after every batch."""
        pairs, size = len(self.split.captions), self.loader.batch_size
        order = np.random.default_rng([self.config.seed, epoch, *b"ask"]).permutation(pairs)
        # The last batch overlaps the one before, so that every pair meets as many negatives.
        batches = [order[start : start + size] for start in (*range(0, pairs - size, size), pairs - size)]
        losses = np.zeros((2, pairs), dtype=np.float32)
        self.model.eval()
        show = progress and distributed.process_index() == 0
        for batch in tqdm(
            self.loader.load_all(batches), "clean or noisy", len(batches), leave=False, disable=not show
        ):
            with torch.no_grad(), matmul_precision(self.config.training.precision):
                for number, row in enumerate(losses):
                    scores = self.scores(batch, epoch, 0, self.networks[number])
                    row[batch.captions] = pair_losses(scores, self.config.loss.margin).cpu().numpy()
            yield
        if not np.isfinite(losses).all():
            raise TrainingError(f"epoch {epoch + 1}: the scores of the training pairs are not finite.")
        probabilities = np.stack([clean_probabilities(row) for row in losses])
        # The first process decides: a bit that differs would send the processes to different batches.
        self.memory[CLEAN] = torch.from_numpy(distributed.all_gather_object(probabilities)[0])

    def _clean(self, network: int) -> np.ndarray:
        """Which pairs (C,) a network calls clean."""
        probabilities, pairs = self.memory.get(CLEAN), len(self.split.captions)
        if probabilities is None or probabilities.shape != (2, pairs):
            problem = f"it does not say how probably each of {pairs} pairs is clean"
            raise InputError("the run's checkpoint", problem, "Remove the run and train it again.")
        return called_clean(probabilities[network].numpy(), self.config.ncr.threshold)

    def _warmup_updates(self, epoch: int, network: int) -> list[Update]:
        return [Update(network, "all", some) for some in self._shuffled(None, epoch, network)]

    def _taught_updates(self, epoch: int, network: int) -> list[Update]:
        """The clean pairs of the other network's split once; between them its noisy pairs, as often as it takes."""
        clean = self._clean(1 - network)
        batches = self._shuffled(clean, epoch, network)
        if not batches:
            problem = f"{clean.sum()} of {len(clean)} training pairs are called clean"
            remedy = "Try more --set ncr.warmup_epochs, or a smaller --set ncr.threshold."
            raise TrainingError(f"epoch {epoch + 1}: {problem}. {remedy}")
        if epoch < self.first_noisy_epoch:
            return [Update(network, "clean", some) for some in batches]
        rounds = (self._shuffled(~clean, epoch, network, number) for number in range(1, len(batches) + 1))
        noisy = chain.from_iterable(rounds)
        updates = []
        for some in batches:
            updates.append(Update(network, "clean", some))
            updates += [Update(network, "noisy", few) for few in islice(noisy, 1)]
        return updates

    def _shuffled(
        self, wanted: np.ndarray | None, epoch: int, network: int, round_: int = 0
    ) -> list[np.ndarray]:
        """Whole batches of the wanted pairs, or of all; one smaller batch of few pairs, none of fewer than two."""
        pairs = np.arange(len(self.split.captions)) if wanted is None else np.flatnonzero(wanted)
        place = [self.config.seed, epoch, network, round_, *b"pairs"]
        order = np.random.default_rng(place).permutation(pairs)
        size = min(self.loader.batch_size, len(pairs))
        size -= size % distributed.process_count()
        return [order[k : k + size] for k in range(0, len(order) - size + 1, size)] if size > 1 else []

    @torch.no_grad()
    def _margins(self, batch: Batch, epoch: int, step: int, update: Update) -> Margins:
        """The margins of a batch: by the labels of the other network and its own, of noisy pairs by both's."""
        ncr, margin = self.config.ncr, self.config.loss.margin
        asked = (update.network,) if update.part == "clean" else (0, 1)
        self.model.eval()
        found = [self.scores(batch, epoch, step, self.networks[number]) for number in asked]
        self.model.train()
        labels = torch.stack([predicted_labels(scores, margin) for scores in found]).mean(0)
        if update.part == "clean":
            weights = self.memory[CLEAN][1 - update.network][torch.from_numpy(batch.captions)]
            labels = clean_labels(weights.to(labels), labels, ncr.label)
        return soft_margins(labels, margin, ncr.soft_margin, ncr.label)
