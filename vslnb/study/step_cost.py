"""What a training step and the scoring of a split cost on this device, measured on a small random data set.

Where a whole batch would take too long, smaller ones are measured, and the time of a batch of B is read from
t(B) = k + a B + c B^2: the optimizer, the encoders and the pairs. Whether blocks are recomputed in the backward pass
is decided there as in the whole batch.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import nnls

from vslnb.config import Config, ModelConfig
from vslnb.data.precomp import VOCABULARY, load_split, load_vocabulary, write_split
from vslnb.data.vocabulary import SPECIAL, Vocabulary
from vslnb.device import resolve_device
from vslnb.models import blocks
from vslnb.retrieval.similarity import encode_captions, encode_images
from vslnb.training.trainer import Trainer

SMALLEST, REPEATS = 8, 3
# Scorings that a step takes for each pair: one, twice as much backward, and once more where blocks are recomputed, as
# they are in batches so large that they are not measured whole.
FORWARDS = 4


@dataclass(frozen=True)
class DataSizes:
    """What a data set makes of the cost of a run: numbers of images and captions, and the sizes of both.

    Attributes:
        images: of each split.
        captions: of each split.
        words: of a caption on average, without start and end.
        there: whether the files are there, or these are the sizes that are known of them.
    """

    images: dict[str, int]
    captions: dict[str, int]
    regions: int
    feature_dim: int
    vocab_size: int
    words: float
    there: bool = False


# As the files of the field have them; the 5K test of coco, which `vslnb evaluate --split testall` reads, is no part.
KNOWN = {
    "f30k": DataSizes(
        {"train": 29_000, "dev": 1_014, "test": 1_000},
        {"train": 145_000, "dev": 5_070, "test": 5_000},
        36,
        2048,
        8_481,
        12.4,
    ),
    "coco": DataSizes(
        {"train": 113_287, "dev": 5_000, "test": 1_000},
        {"train": 566_435, "dev": 25_000, "test": 5_000},
        36,
        2048,
        11_353,
        10.5,
    ),
    "flickr8k": DataSizes(
        {"train": 6_000, "dev": 1_000, "test": 1_000},
        {"train": 30_000, "dev": 5_000, "test": 5_000},
        36,
        1280,
        2_500,
        10.9,
    ),
    "world": DataSizes(
        {"train": 800, "dev": 150, "test": 300},
        {"train": 4_000, "dev": 750, "test": 1_500},
        36,
        64,
        134,
        9.7,
    ),
}


def sizes_of(data: Path, dataset: str) -> DataSizes:
    """The sizes of a data set: read where its files are, known where they are not."""
    if not (data / "train_ims.npy").exists():
        return KNOWN[dataset]
    splits = {name: load_split(data, name) for name in ("train", "dev", "test")}
    some = splits["train"].captions[:2000]
    _, regions, width = splits["train"].features.shape
    return DataSizes(
        {name: len(split) for name, split in splits.items()},
        {name: len(split.captions) for name, split in splits.items()},
        regions,
        width,
        len(load_vocabulary(data)),
        statistics.mean(len(caption.split()) for caption in some),
        True,
    )


def fitted(config: Config, sizes: DataSizes) -> ModelConfig:
    """A configuration's model with the sizes that a data set decides."""
    return replace(
        config.model,
        vocab_size=sizes.vocab_size,
        num_regions=sizes.regions,
        feature_dim=sizes.feature_dim,
    )


@dataclass(frozen=True)
class Cost:
    """Seconds of a step of the whole batch, and of encoding and scoring; of one process, its memory.

    Attributes:
        step: seconds.
        image: seconds to encode one,
        caption: and a caption,
        pair: and to score the two.
        measured_batch: the largest batch that was measured.
        process_mib: peak memory of the process at that batch, of the GPU where it is one.
    """

    step: float
    image: float
    caption: float
    pair: float
    measured_batch: int
    process_mib: float

    def scoring(self, images: int, captions: int) -> float:
        """Seconds to score a split."""
        return images * self.image + captions * self.caption + images * captions * self.pair


def measure(
    configs: Sequence[Config], sizes: DataSizes, device: str, workers: int, limit: float
) -> list[Cost]:
    """The cost of every configuration, in as many processes at once as a sweep has.

    Args:
        configs: one of a kind.
        sizes: of the data.
        device: `auto`, `cuda`, `mps` or `cpu`.
        workers: processes, of one thread each on a CPU.
        limit: seconds that all of it may take.
    """
    if not configs:
        return []
    began, found = time.monotonic(), []
    with tempfile.TemporaryDirectory() as home:
        data = write_sample(Path(home), sizes, max(config.training.batch_size for config in configs))
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for done, config in enumerate(configs):
                left = max(0.0, limit - (time.monotonic() - began)) / (len(configs) - done)
                jobs = [pool.submit(_measure, config, data, device, left / 2) for _ in range(workers)]
                costs = [job.result() for job in jobs]
                found.append(max(costs, key=lambda cost: cost.step))
    return found


def write_sample(folder: Path, sizes: DataSizes, images: int) -> Path:
    """A data set of some random images in the SCAN layout, of the sizes of another."""
    rng = np.random.default_rng(0)
    words = [f"w{k}" for k in range(max(2, sizes.vocab_size - len(SPECIAL)))]
    Vocabulary([*SPECIAL, *words]).write(folder / VOCABULARY)
    spread = max(1, round(sizes.words / 3))
    for name in ("train", "dev"):
        rows = rng.standard_normal((images, sizes.regions, sizes.feature_dim), dtype=np.float32)
        np.save(folder / f"{name}_ims.npy", rows)
        counts = np.maximum(1, rng.integers(-spread, spread + 1, 5 * images) + round(sizes.words))
        captions = [" ".join(rng.choice(words, count)) for count in counts]
        write_split(folder, name, captions, [str(k) for k in range(images)], None)
    return folder


def _measure(config: Config, data: Path, device: str, limit: float) -> Cost:
    """Steps of batches that double while the next one fits into the limit, then encoding and scoring."""
    on = resolve_device(device).type
    if on == "cpu":
        torch.set_num_threads(1)
    whole = config.training.batch_size
    trainer = Trainer(config, data, device)
    epoch = config.training.epochs - 1  # every loss is at work
    sizes = (
        [whole] if on == "cuda" else [SMALLEST * 2**k for k in range(20) if SMALLEST * 2**k < whole] + [whole]
    )
    times: dict[int, float] = {}
    began, keep = time.monotonic(), blocks.KEEP

    def late() -> bool:
        return time.monotonic() - began > limit

    for size in sizes:
        if len(times) > 1 and (late() or _predicted(times, size) * 2 > limit - (time.monotonic() - began)):
            break
        blocks.KEEP = int(keep * (size / whole) ** 2)
        batch = trainer.loader.load(np.arange(size) * 5)
        if not times:
            trainer.step(batch, epoch, 0)  # the first one of all makes the optimizer's moments
        spent: list[float] = []
        while len(spent) < REPEATS and not (spent and late()):
            spent.append(_seconds(lambda batch=batch: trainer.step(batch, epoch, 0), on))  # type: ignore[misc]
        times[size] = statistics.median(spent)
    blocks.KEEP = keep
    some = min(max(times), 32)
    ids, lengths = trainer.loader.ids[: 2 * some], trainer.loader.lengths[: 2 * some]
    trainer.model.eval()

    images = list(encode_images(trainer.model, [trainer.split.regions(slice(some))]))
    captions = next(encode_captions(trainer.model, ids, lengths))

    @torch.inference_mode()
    def pairs() -> None:
        trainer.model.pair_scores(images[0].items, captions.items, captions.lengths)

    image_time = _seconds(
        lambda: list(encode_images(trainer.model, [trainer.split.regions(slice(some))])), on
    )
    caption_time = _seconds(lambda: next(encode_captions(trainer.model, ids, lengths)), on)
    pairs()
    pair_time = _seconds(pairs, on)
    pair = pair_time / some / len(ids)
    peak = torch.cuda.max_memory_allocated() / 2**20 if on == "cuda" else _peak_mib()
    return Cost(
        times[whole] if whole in times else _predicted(times, whole, pair),
        image_time / some,
        caption_time / len(ids),
        pair,
        max(times),
        peak,
    )


def _predicted(times: dict[int, float], size: int, pair: float = 0.0) -> float:
    """Seconds of a batch of another size, from those that were measured.

    Args:
        times: by batch.
        size: of the batch that is asked for.
        pair: seconds to score one, where that is known: small batches alone say little of how the time grows.

    >>> round(_predicted({8: 8.0, 16: 32.0}, 32))
    128
    >>> round(_predicted({8: 1.0 + 8, 16: 1.0 + 16, 32: 1.0 + 32}, 64))
    65
    >>> round(_predicted({8: 8.0 + 4 * 64, 16: 16.0 + 4 * 256}, 128, pair=1.0))
    65664
    """
    measured = np.array(sorted(times), dtype=float)
    seconds = np.array([times[int(one)] for one in measured])
    terms = np.stack([np.ones_like(measured), measured, measured**2], axis=1)
    if len(measured) == 1:  # nothing says how it grows: with the pairs
        return float(seconds[0] * (size / measured[0]) ** 2)
    if pair:
        terms = np.vstack([terms, [0, 0, 1]])
        seconds = np.append(seconds, FORWARDS * pair)
    # Relative errors: the largest batch does not decide alone.
    factors, _ = nnls(terms / seconds[:, None], np.ones_like(seconds))
    return float(factors @ [1, size, size**2])


def _seconds(action: Callable[[], object], device: str) -> float:
    """What a call takes: on a CPU of its time, whatever else runs there; else by the clock, to its end."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    action()
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
    return clock() - start


def _peak_mib() -> float:
    """Peak memory of this process; macOS counts bytes, Linux KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
