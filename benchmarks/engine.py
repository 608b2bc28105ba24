"""`make bench`: every architecture beside the loop over captions, one caption against all images (`caption_loop.py`).

A row is an architecture, a width and a task: to score a block of pairs whose embeddings are there, or a training
step, forward and backward. Its kinds take turns in one process, and what is given is the median of the rounds. The
inputs are random files in the SCAN layout, read through the loader. Rows go into figures/bench.json as they come.

    python benchmarks/engine.py                          # what is missing; `--again` measures it anew
    python benchmarks/engine.py --only "saf, full width" # rows whose name has this in it
    python benchmarks/engine.py --tiny --rounds 1        # whether it runs: small inputs, nothing is written
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

import caption_loop
from measure import alone, extra_mib, rows_under, seconds, write
from vslnb.data.loader import Batch, BatchLoader
from vslnb.data.precomp import VOCABULARY, load_split, load_vocabulary, write_split
from vslnb.data.vocabulary import SPECIAL, Vocabulary
from vslnb.device import keep_freed_memory, matmul_precision, processor
from vslnb.losses import Objective
from vslnb.models import Matcher, build_model
from vslnb.recipes import recipe
from vslnb.retrieval.similarity import IMAGES

ROUNDS, REGIONS, VOCABULARY_SIZE, SHORTEST, LONGEST = 5, 36, 8000, 7, 17
ARCHITECTURES = (
    "saf",
    "sgr",
    "cosine",
    "vsepp",
    "gpo",
    "scan t2i",
    "scan i2t",
    "vsrn",
    "imram",
    "chan",
)
WIDTHS, TASKS = ("full width", "small width"), ("scoring", "step")
MEMORY = "memory of IMRAM"  # a row of its own: its update in plain form beside the rearranged one
# Images and captions of a block that is scored, and of a step's batch. The loop keeps IMRAM's queries of
# every pair, whose memory grows with the square of the batch: at full width 16 images fit a machine of 16 GB.
BLOCK, BATCH = (128, 64), {"full width": 128, "small width": 64}
SMALLER = {
    ("imram", "full width"): ((32, 16), 16),
    ("imram", "small width"): ((64, 32), 32),
    ("vsrn", "full width"): (BLOCK, 32),
}


def full_width(module: str) -> Matcher:
    """36 regions of 2048, D = 1024 (VSRN: its published 2048), S = 256, words of 300, and 8,000 of them."""
    return model_of(module, "full width")


def model_of(architecture: str, width: str) -> Matcher:
    """Fresh weights: the published sizes, or those of the flickr8k recipes on features of 1280."""
    module, _, direction = architecture.partition(" ")
    data, features = ("f30k", 2048) if width == "full width" else ("flickr8k", 1280)
    settings: dict = {"vocab_size": VOCABULARY_SIZE, "num_regions": REGIONS, "feature_dim": features}
    settings |= {"direction": direction} if direction else {}
    if width == "full width" and module != "vsrn":
        settings["embed_dim"] = 1024
    torch.manual_seed(0)
    return build_model(replace(recipe(f"{data}-{module}").model, **settings))


def inputs(images: int, captions: int, width: int = 2048) -> tuple:
    """Random features, word ids and lengths, without a file."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(SHORTEST + 2, LONGEST + 3, (captions,), generator=generator)
    ids = torch.randint(4, VOCABULARY_SIZE, (captions, int(lengths.max())), generator=generator)
    return torch.randn(images, REGIONS, width, generator=generator), ids, lengths


def from_files(images: int, width: int) -> Batch:
    """A batch of random images of `REGIONS` regions with a caption each, written in the SCAN layout and loaded."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as home:
        folder, words = Path(home), [f"w{k}" for k in range(VOCABULARY_SIZE - len(SPECIAL))]
        np.save(folder / "train_ims.npy", rng.standard_normal((images, REGIONS, width), dtype=np.float32))
        lengths = rng.integers(SHORTEST, LONGEST + 1, 5 * images)
        captions = [" ".join(rng.choice(words, n)) for n in lengths]
        write_split(folder, "train", captions, [str(k) for k in range(images)], None)
        Vocabulary([*SPECIAL, *words]).write(folder / VOCABULARY)
        loader = BatchLoader(load_split(folder, "train"), load_vocabulary(folder), images, seed=0)
        return loader.load(np.arange(0, 5 * images, 5))


def scoring(model: Matcher, batch: Batch, captions: int) -> dict[str, Callable]:
    """Scores of all images with some captions, their embeddings given: the loop, and the engine in its blocks."""
    model.eval()
    lengths = batch.lengths[:captions]
    ids = batch.ids[:captions, : int(lengths.max())]
    with torch.inference_mode():
        images = torch.cat([model.encode_images(part) for part in batch.features.split(IMAGES)])
        embedded = model.encode_captions(ids, lengths)

    @torch.inference_mode()
    def loop() -> None:
        caption_loop.scores(model, images, embedded, lengths)

    @torch.inference_mode()
    def ours(scorer: Matcher = model) -> None:
        items = scorer.caption_items(embedded, lengths)
        for part in images.split(IMAGES):
            scorer.pair_scores(scorer.image_items(part), items, lengths)

    return {"loop": loop, "ours": ours, "plain": partial(ours, plain_of(model))}


def step(model: Matcher, batch: Batch) -> dict[str, Callable]:
    """Forward and backward of a batch, encoders and triplet included, the optimizer not."""
    model.train()

    def forward_backward(scorer: Callable) -> None:
        model.zero_grad(set_to_none=True)
        images = model.encode_images(batch.features)
        captions = model.encode_captions(batch.ids, batch.lengths)
        Objective()(scorer(model, images, captions, batch.lengths))["loss"].backward()

    return {
        "loop": partial(forward_backward, caption_loop.scores),
        "ours": partial(forward_backward, Matcher.scores),
    }


def plain_of(model: Matcher) -> Matcher:
    """The same IMRAM with its memory in plain form; any other model as it is."""
    if model.config.module != "imram":
        return model
    plain = caption_loop.PlainIMRAM(model.config).eval()
    plain.load_state_dict(model.state_dict())
    return plain


def sizes_of(architecture: str, width: str) -> tuple[tuple[int, int], int]:
    """Images and captions of a block that is scored, and how many pairs a step's batch has."""
    return SMALLER.get((architecture, width), (BLOCK, BATCH[width]))


def prepared(
    architecture: str, width: str, task: str, block: tuple[int, int], size: int
) -> tuple[Matcher, Batch, dict[str, Callable]]:
    """A model, a batch of random files, and what is done with them, a kind each."""
    keep_freed_memory()
    model = model_of(architecture, width)
    images, captions = block
    batch = from_files(size if task == "step" else images, model.config.feature_dim)
    return model, batch, step(model, batch) if task == "step" else scoring(model, batch, captions)


def row(architecture: str, width: str, task: str, rounds: int, tiny: bool) -> dict:
    """Median seconds and extra memory of every kind, which take turns."""
    (images, captions), size = ((6, 4), 4) if tiny else sizes_of(architecture, width)
    model, _, actions = prepared(architecture, width, task, (images, captions), size)
    if task == MEMORY:
        kinds = {"plain": (actions["plain"], "float32"), "rearranged": (actions["ours"], "float32")}
    else:
        kinds = {"loop": (actions["loop"], "float32"), "float32": (actions["ours"], "float32")}
        if has_bfloat16():
            kinds["bfloat16"] = (actions["ours"], "bfloat16")

    def timed(kind: str) -> float:
        action, precision = kinds[kind]
        with matmul_precision(precision):
            return seconds(action)

    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for kind in kinds:
        timed(kind)
    memory = {kind: extra_mib(partial(timed, kind)) for kind in kinds}
    for _, kind in itertools.product(range(rounds), kinds):
        times[kind].append(timed(kind))
    pairs = size * size if task == "step" else images * captions
    baseline, found = statistics.median(next(iter(times.values()))), {}
    for kind, some in times.items():
        median = statistics.median(some)
        found[kind] = {
            "seconds": significant(median),
            "lowest": significant(min(some)),
            "highest": significant(max(some)),
            "pairs a second": round(pairs / median),
            "ratio": round(baseline / median, 2),
            "extra_mib": round(memory[kind]),
        }
    sizes = {"batch": size} if task == "step" else {"images": images, "captions": captions}
    return {**sizes, "embed_dim": model.config.embed_dim, "baseline": next(iter(kinds)), "kinds": found}


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16; where it does not, `matmul_precision` changes nothing."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def significant(value: float) -> float:
    """Four digits that count."""
    return float(f"{value:.4g}")


def tasks() -> dict[str, tuple[str, str, str]]:
    """Architecture, width and task of every row, by its name."""
    wanted = list(itertools.product(ARCHITECTURES, WIDTHS, TASKS))
    wanted += [("imram", width, MEMORY) for width in WIDTHS]
    return {", ".join(one): one for one in wanted}


def main() -> None:
    """Measure, print and write; a row that figures/bench.json has from this machine is kept, unless `--again`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], help="measure rows whose name has this in it")
    parser.add_argument("--again", action="store_true", help="measure them again")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--tiny", action="store_true", help="small inputs, nothing is written")
    asked = parser.parse_args()
    about = {
        "cpu": processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "rounds": asked.rounds,
        "baseline": "a loop over captions, one caption against all images",
    }
    result = about | {"rows": rows_under("bench", about)}
    for name, one in tasks().items():
        if not all(part in name for part in asked.only):
            continue
        if asked.tiny:
            show(name, alone(row, *one, asked.rounds, True))
        elif asked.again or name not in result["rows"]:
            measured = alone(row, *one, asked.rounds, False)
            result["rows"][name] = {key: value for key, value in measured.items() if key != "peak_mib"}
            write("bench", result)
            show(name, result["rows"][name])


def show(name: str, found: dict) -> None:
    """A line a kind."""
    for kind, one in found["kinds"].items():
        print(
            f"{name:<36} {kind:<10} {one['seconds']:9.4g} s {one['ratio']:6.2f} x {one['extra_mib']:7} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
