"""One run's model, data and optimizer: the losses of a batch, a step, an epoch; one process or several.

All randomness follows from the seed and the place: the order from (seed, epoch), dropout and what is dropped from (seed, epoch,
step). So a run that is stopped and goes on from what it last saved ends with the same weights as one that
never stopped, and no random state needs saving.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vslnb import distributed
from vslnb.config import Config
from vslnb.data.augmentation import SizeAugmentation
from vslnb.data.loader import Batch, BatchLoader, channel_statistics
from vslnb.data.noise import exchange_captions
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.device import keep_freed_memory, matmul_precision, resolve_device
from vslnb.errors import InputError
from vslnb.losses import Margins, Objective
from vslnb.models import Matcher, build_model
from vslnb.models.encoders import ImageEncoder
from vslnb.ranking import in_unit
from vslnb.training.diagnostics import compare_gradients, live_share, pairwise_accuracy
from vslnb.training.guard import CollapseGuard, TrainingError, check_step
from vslnb.training.targets import SimilarityTargets

LOG_EVERY = 10  # steps
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class Trainer:
    """A configuration, a data set and a device, ready to run epochs.

    Args:
        config: of the run; the data set fills in the sizes that it decides.
        data: a folder in the SCAN layout with train and dev.
        device: `auto`, `cuda`, `mps` or `cpu`.
        saved_space: where an earlier start of the run saved its caption space.

    Attributes:
        noisy_images: numbers of the training images whose captions were exchanged on purpose.
        memory: what the steps of an epoch need besides the weights; a checkpoint keeps it.
        margins: of the last step, where its pairs had margins of their own.
    """

    def __init__(
        self, config: Config, data: str | Path, device: str = "auto", saved_space: Path | None = None
    ):
        keep_freed_memory()
        self.data, self.device = Path(data), resolve_device(device)
        clean_split = load_split(data, "train")
        self.split, self.noisy_images = exchange_captions(
            clean_split, config.training.noise_ratio, config.seed
        )
        self.dev = load_split(data, "dev").head(config.training.dev_images)
        self.vocabulary = load_vocabulary(data)
        self.loader = BatchLoader(self.split, self.vocabulary, config.training.batch_size, config.seed)
        self.config = self._fitted(config)
        self.model = self._new_model()
        training = config.training
        self.optimizer = OPTIMIZERS[training.optimizer](
            self.model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        loss = config.loss
        self.objective = Objective(
            margin=loss.margin,
            alpha=loss.alpha,
            beta=loss.beta,
            beta_text=loss.beta_text,
            temperature=loss.temperature,
            rank=loss.rank,
            unit=loss.temperature_unit,
            slack=loss.slack,
            left_out=loss.left_out,
            contrast=loss.contrast,
            contrast_temperature=loss.contrast_temperature,
            softness=loss.softness,
        )
        unseen = next(part.shift for part in self.model.modules() if isinstance(part, ImageEncoder)).cpu()
        self.augment = SizeAugmentation(
            training.drop_regions, training.drop_words, self.vocabulary, config.seed, unseen
        )
        self.targets = SimilarityTargets(loss, self.split, config.seed, saved_space)
        self.guard = CollapseGuard()
        self.memory: dict[str, Tensor] = {}
        self.margins: Margins | None = None

    def _fitted(self, config: Config) -> Config:
        """The configuration with the sizes that the data set decides."""
        if self.loader.batch_size % distributed.process_count():
            problem = f"{distributed.process_count()} processes cannot share it out"
            raise InputError(
                f"training.batch_size={self.loader.batch_size}", problem, "Use a multiple of their number."
            )
        _, regions, features = self.split.features.shape
        sizes = {"vocab_size": len(self.vocabulary), "num_regions": regions, "feature_dim": features}
        return replace(config, model=replace(config.model, **sizes))

    def _new_model(self) -> Matcher:
        torch.manual_seed(self.config.seed)
        model = build_model(self.config.model)
        if self.config.training.drop_regions and not model.reads_ragged:
            problem = f"{self.config.model.module} reads images that all have the same number of regions"
            raise InputError("training.drop_regions", problem, "Leave it at 0; words can be dropped.")
        if self.config.training.standardise:
            shift, scale = channel_statistics(self.split)
            for encoder in model.modules():
                if isinstance(encoder, ImageEncoder):
                    encoder.shift.copy_(shift)
                    encoder.scale.copy_(scale)
        return model.to(self.device)

    def epoch(self, epoch: int, first: int = 0, progress: bool = True) -> Iterator[tuple[int, dict | None]]:
        """Train an epoch from its step `first` on; yields how many steps are done and at times a log line.

        Raises:
            TrainingError: for a step that went wrong; its batch is in `batch`.
        """
        training = self.config.training
        decays = (epoch >= training.decay_after) + (0 < training.decay_again <= epoch)
        rate = training.learning_rate * 0.1**decays
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batches = self.batches(epoch)
        with tqdm(total=len(batches), initial=first, desc=f"epoch {epoch + 1}/{training.epochs}", unit="batch",
                  disable=not progress or distributed.process_index() > 0, leave=False) as bar:  # fmt: skip
            for step, batch in enumerate(self.loader.load_all(batches[first:]), start=first):
                try:
                    values, scores = self.step(batch, epoch, step)
                except TrainingError as fault:
                    named = TrainingError(f"epoch {epoch + 1}, step {step + 1}: {fault}")
                    named.batch = {"epoch": epoch, "step": step, "captions": batch.captions.tolist()}
                    raise named from None
                line = None
                if step % LOG_EVERY == 0:
                    line = {"epoch": epoch, "step": step, **values, "lr": rate}
                    line |= self.diagnose(batch, scores, epoch)
                    bar.set_postfix(loss=f"{values['loss']:.2f}")
                bar.update()
                yield step + 1, line

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The captions of every step of an epoch."""
        return self.loader.order(epoch)

    def step(self, batch: Batch, epoch: int, step: int) -> tuple[dict[str, float], Tensor]:
        """One step of the optimizer with the gradient's norm clipped.

        Returns:
            What was measured, by name, for the log; and the scores (B, B).

        Raises:
            TrainingError: before the weights change, for a loss or gradient that went wrong, or a collapse.
        """
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        with matmul_precision(self.config.training.precision):
            losses, scores = self.losses(batch, epoch, step)
            losses["loss"].backward()
        distributed.sum_gradients(self.model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.training.clip)
        measured = {name: loss.detach() for name, loss in losses.items()}
        measured |= {"spread": scores.std(), "pairwise_accuracy": pairwise_accuracy(scores), "norm": norm}
        triplet = self.objective.triplet[self._negatives(epoch)]
        measured["level"] = triplet(torch.zeros_like(scores), margins=self.margins)
        # One transfer, so one synchronisation with the device a step.
        values = dict(zip(measured, torch.stack(list(measured.values())).tolist()))
        check_step(values, values.pop("level"), self.config, self.guard)
        self.optimizer.step()
        return values, scores

    def losses(self, batch: Batch, epoch: int, step: int) -> tuple[dict[str, Tensor], Tensor]:
        """The objective's parts (Eq. 6 and 7), `captions` of a model that writes them, and the scores (B, B)."""
        scores = self.scores(batch, epoch, step)
        losses = self._objective(scores, batch, epoch)
        count = len(batch.ids)
        mine = slice(distributed.process_index() * count, (distributed.process_index() + 1) * count)
        own = self.model.own_loss(self._to_device(batch.ids), batch.lengths, mine)
        if own is not None:
            losses["captions"] = distributed.gather_results(own[None]).mean()
            losses["loss"] = losses["loss"] + losses["captions"]
        return losses, scores.detach()

    def _objective(self, scores: Tensor, batch: Batch, epoch: int) -> dict[str, Tensor]:
        """The objective's parts as an epoch has them."""
        # An accelerator goes on computing the scores while the similarities are looked up here.
        images, captions = self._similarities(batch, epoch)
        self.objective.beta, self.objective.beta_text = self._vsl_weights(epoch)
        return self.objective(scores, images, captions, self._negatives(epoch), self.margins)

    def _similarities(self, batch: Batch, epoch: int) -> tuple[Tensor | None, Tensor | None]:
        """Of the batch's images and of its captions, (B, B) each, where a loss reads them."""
        found = self.targets.images(batch, epoch), self.targets.captions(batch, epoch)
        images, captions = (one if one is None else self._to_device(one) for one in found)
        return images, captions

    def scores(self, batch: Batch, epoch: int, step: int, network: Matcher | None = None) -> Tensor:
        """Scores (B, B) of a batch by the model, or by one network of it.

        Each process computes the columns of its own captions. In eval mode there is neither dropout nor size
        augmentation.
        """
        model = self.model if network is None else network
        if model.training:
            batch = self.augment(batch, epoch, step)
        features, ids, counts = (
            self._to_device(batch.features),
            self._to_device(batch.ids),
            batch.region_counts,
        )
        if model.mixes_images:  # by batch norm: every process encodes all
            if counts is not None:
                counts = distributed.gather_results(self._to_device(counts))
            embeddings = model.encode_images(distributed.gather_results(features), counts)
        else:
            embeddings = distributed.gather_parts(model.encode_images(features, counts))
        self._seed_dropout(epoch, step, 0)  # the same in every process, for all score all images
        images = model.image_items(embeddings)
        self._seed_dropout(epoch, step, 1 + distributed.process_index())
        captions = model.encode_captions(ids, batch.lengths)
        columns = model.pair_scores(images, model.caption_items(captions, batch.lengths), batch.lengths)
        if (statistics := model.caption_statistics) is not None:
            model.update_statistics(distributed.gather_results(statistics))
        return distributed.gather_results(columns.T).T.contiguous()

    def diagnose(self, batch: Batch, scores: Tensor, epoch: int) -> dict[str, float]:
        """For the log: the share of live comparisons, and how the two losses pull where both are at work."""
        loss = self.config.loss
        found = {"live": live_share(in_unit(scores, loss.temperature_unit), loss.temperature)}
        images, _ = self._similarities(batch, epoch)
        if loss.beta and images is not None:
            negatives = self._negatives(epoch)
            found |= compare_gradients(self.objective, scores, images, negatives, self.margins)
        return found

    def _vsl_weights(self, epoch: int) -> tuple[float, float]:
        """beta and beta_text of an epoch: those of the recipe, or a part of them while they rise."""
        loss = self.config.loss
        risen = max(0, epoch + 1 - loss.vsl_warmup_epochs)
        part = min(1.0, risen / loss.vsl_rise_epochs) if loss.vsl_rise_epochs else 1.0
        return part * loss.beta, part * loss.beta_text

    def _negatives(self, epoch: int) -> str:
        loss = self.config.loss
        if epoch < loss.sum_epochs:
            return "all"
        return "violating" if epoch < loss.violating_epochs else "hardest"

    def _seed_dropout(self, epoch: int, step: int, part: int) -> None:
        place = np.random.SeedSequence([self.config.seed, epoch, step, part])
        # torch.manual_seed also queues a seed for absent accelerators, about 1 ms a call; on a CPU the default
        # generator is seeded directly.
        seed = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        seed(int(place.generate_state(1, np.uint64)[0]))

    def _to_device(self, tensor: Tensor) -> Tensor:
        """On the device; through pinned memory, so that an accelerator goes on working meanwhile."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)
