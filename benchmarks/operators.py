"""Where the time of our rows of `make bench` goes: by operator, and in the encoders, which the loop runs as well.

What the encoders take alone bounds every ratio of a training step: the loop over captions has them too. Rows go into
figures/bench_operators.json.

    python benchmarks/operators.py
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

import torch
from torch.profiler import ProfilerActivity, profile

from engine import BATCH, BLOCK, ROUNDS, from_files, model_of, scoring, significant, step
from measure import alone, processor, seconds, write
from vslnb.data.loader import Batch
from vslnb.device import keep_freed_memory
from vslnb.models import Matcher

ROWS = [
    ("saf", "full width", "scoring"),
    ("saf", "full width", "step"),
    ("scan t2i", "full width", "scoring"),
    ("scan t2i", "full width", "step"),
    ("scan i2t", "full width", "step"),
    ("chan", "full width", "scoring"),
    ("chan", "full width", "step"),
    ("saf", "small width", "step"),
    ("scan t2i", "small width", "scoring"),
    ("scan t2i", "small width", "step"),
    ("chan", "small width", "scoring"),
    ("chan", "small width", "step"),
]
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
MOST = 5  # operators that are named


def encoders(model: Matcher, batch: Batch) -> None:
    """Forward and backward of the encoders alone."""
    model.zero_grad(set_to_none=True)
    images, captions = model.encode_images(batch.features), model.encode_captions(batch.ids, batch.lengths)
    (images.sum() + captions.sum()).backward()


def by_operator(action: Callable) -> dict[str, float]:
    """The share of every operator in the processor's time, in percent, the largest first."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        action()
    times = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    whole = sum(times.values())
    return {name: 100 * times[name] / whole for name in sorted(times, key=lambda name: -times[name])}


def row(architecture: str, width: str, task: str) -> dict:
    """Median seconds of ours and of the encoders alone, and the shares of operators."""
    keep_freed_memory()
    model = model_of(architecture, width)
    batch = from_files(BATCH[width] if task == "step" else BLOCK[0], model.config.feature_dim)
    ours = step(model, batch)["ours"] if task == "step" else scoring(model, batch, BLOCK[1])["ours"]
    ours()
    found = {"seconds": significant(statistics.median(seconds(ours) for _ in range(ROUNDS)))}
    if task == "step":
        both = partial(encoders, model, batch)
        both()
        found["encoders, seconds"] = significant(statistics.median(seconds(both) for _ in range(ROUNDS)))
    shares = by_operator(ours)
    found["products, percent"] = round(sum(shares.get(name, 0.0) for name in PRODUCTS), 1)
    rest = [name for name in shares if name not in PRODUCTS][:MOST]
    return found | {"others, percent": {name: round(shares[name], 1) for name in rest}}


def main() -> None:
    """Measure all rows, write and print."""
    about = {"cpu": processor(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    rows: dict[str, dict] = {}
    for one in ROWS:
        found = alone(row, *one)
        found.pop("peak_mib")
        rows[", ".join(one)] = found
        print(", ".join(one), found, flush=True)
        write("bench_operators", about | {"rows": rows})


if __name__ == "__main__":
    main()
