"""`make bench-accelerator`: a CUDA card at full width, into figures/bench_accelerator.json.

Whether it computes what the CPU does, and seconds and memory of a training step beside the literal loop over pairs on
the same card (once, at the smallest batch: its time grows with the square).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

import torch

from engine import full_width, inputs
from measure import ROOT, read, seconds, write
from vslnb.losses import Objective
from vslnb.models import Matcher
from vslnb.retrieval import products, similarity_matrix

sys.path.insert(0, str(ROOT / "tests"))
import reference  # noqa: E402

REPEATS, BATCHES, PRECISIONS = 7, (32, 128), ("float32", "bfloat16")


def timed(action: Callable, repeats: int = REPEATS) -> dict:
    """Median, lowest and highest seconds of some calls after one that warms up; MiB of the card above what was there."""

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


def agreement(module: str) -> dict[str, float]:
    """The largest difference from the CPU's float32 scores, all of which lie between 0 and 1."""
    model, given = full_width(module).eval(), inputs(64, 128)
    here = similarity_matrix(model, *given)
    there = {precision: similarity_matrix(model.cuda(), *given, precision) for precision in PRECISIONS}
    spread = {"spread of the scores": float(here.std())}
    return spread | {precision: float(abs(scores - here).max()) for precision, scores in there.items()}


def step(module: str, batch: int) -> dict[str, dict]:
    """Forward and backward pass of a batch: the loop at the smallest, then ours."""
    model, (features, ids, lengths) = full_width(module).train().cuda(), inputs(batch, batch)
    features, ids = features.cuda(), ids.cuda()

    def action(scorer: Callable) -> None:
        regions, words = model.encode_images(features), model.encode_captions(ids, lengths)
        Objective()(scorer(model, regions, words, lengths))["loss"].backward()

    rows = {}
    for precision in PRECISIONS:
        with products(precision):
            rows[precision] = timed(lambda: action(Matcher.scores))
    if batch == BATCHES[0]:
        with products("float32"):
            rows["reference"] = timed(lambda: action(reference.scores), repeats=1)
        for precision in PRECISIONS:
            rows[precision]["ratio"] = round(rows["reference"]["median"] / rows[precision]["median"], 1)
    return rows


def main() -> None:
    """Measure, print and write as it comes; a row that is there is kept, unless `--again`."""
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device is there.")
    result = {} if "--again" in sys.argv else read("bench_accelerator")
    result |= {"card": torch.cuda.get_device_name(), "torch": torch.__version__, "repeats": REPEATS}
    modules = ("saf", "sgr")
    tasks = {f"agreement, {module}": (agreement, module) for module in modules}
    tasks |= {
        f"step, {module}, batch {batch}": (step, module, batch) for module in modules for batch in BATCHES
    }
    for name, (function, *arguments) in tasks.items():
        if name not in result:
            result[name] = function(*arguments)
            write("bench_accelerator", result)
        print(name, result[name], flush=True)


if __name__ == "__main__":
    main()
