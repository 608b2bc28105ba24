"""`make bench-accelerator`: a GPU with CUDA at full width, into figures/bench_accelerator.json.

Whether it computes what the CPU does; and seconds and memory of a batch forward and backward, without the optimizer,
beside the loop over captions on the same GPU in float32.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

import torch

import caption_loop
from engine import ARCHITECTURES, inputs, model_of
from measure import read, seconds, write
from vslnb.device import matmul_precision
from vslnb.losses import Objective
from vslnb.models import Matcher
from vslnb.retrieval.similarity import similarity_matrix

REPEATS, BATCHES = 7, (32, 128)
KINDS = {"float32": "float32", "TF32": "bfloat16"}  # what CUDA makes of a precision


def timed(action: Callable, repeats: int = REPEATS) -> dict:
    """Median, lowest and highest seconds of some calls after one that warms up; MiB of the GPU above what was there."""

    def once() -> None:
        action()
        torch.cuda.synchronize()

    once()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    times = [seconds(once) for _ in range(repeats)]
    peak = (torch.cuda.max_memory_allocated() - before) / 2**20
    named = {"median": statistics.median(times), "lowest": min(times), "highest": max(times)}
    return {name: round(value, 4) for name, value in named.items()} | {"peak_mib": round(peak)}


def agreement(architecture: str) -> dict[str, float]:
    """The largest difference from the CPU's float32 scores."""
    model, given = model_of(architecture, "full width").eval(), inputs(64, 128)
    here = similarity_matrix(model, *given)
    there = {kind: similarity_matrix(model.cuda(), *given, precision) for kind, precision in KINDS.items()}
    spread = {"spread of the scores": float(here.std())}
    return spread | {kind: float(abs(scores - here).max()) for kind, scores in there.items()}


def step(architecture: str, batch: int) -> dict[str, dict]:
    """Forward and backward pass of a batch: the loop, then ours."""
    model, (features, ids, lengths) = (
        model_of(architecture, "full width").train().cuda(),
        inputs(batch, batch),
    )
    features, ids = features.cuda(), ids.cuda()

    def action(scorer: Callable) -> None:
        regions, words = model.encode_images(features), model.encode_captions(ids, lengths)
        Objective()(scorer(model, regions, words, lengths))["loss"].backward()

    rows = {}
    try:
        with matmul_precision("float32"):
            rows["loop"] = timed(lambda: action(caption_loop.scores))
    except torch.OutOfMemoryError:  # IMRAM's keeps the queries of every pair
        torch.cuda.empty_cache()
    for kind, precision in KINDS.items():
        with matmul_precision(precision):
            rows[kind] = timed(lambda: action(Matcher.scores))
        if "loop" in rows:
            rows[kind]["ratio"] = round(rows["loop"]["median"] / rows[kind]["median"], 1)
    return rows


def main() -> None:
    """Measure, print and write as it comes; a row of this GPU and torch is kept, unless `--again`."""
    if not torch.cuda.is_available():
        raise SystemExit("No GPU with CUDA is there.")
    about = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "repeats": REPEATS}
    kept = {} if "--again" in sys.argv else read("bench_accelerator")
    result = about | (kept if about.items() <= kept.items() else {})
    tasks = {f"agreement, {one}": (agreement, one) for one in ARCHITECTURES}
    tasks |= {f"step, {one}, batch {batch}": (step, one, batch) for one in ARCHITECTURES for batch in BATCHES}
    for name, (function, *arguments) in tasks.items():
        if name not in result:
            result[name] = function(*arguments)
            write("bench_accelerator", result)
        print(name, result[name], flush=True)


if __name__ == "__main__":
    main()
