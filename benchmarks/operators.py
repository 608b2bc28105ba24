"""Where the time of our rows of `make bench` goes: by operator, and in the encoders, which the loop runs as well.

What the encoders take alone bounds every ratio of a training step: the loop over captions has them too. Rows go into
figures/bench_operators.json.

    python benchmarks/operators.py  # what is missing; `--again` measures it anew
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial

import torch
from torch.profiler import ProfilerActivity, profile

from engine import ROUNDS, prepared, significant, sizes_of
from measure import alone, rows_under, seconds, write
from vslnb.data.loader import Batch
from vslnb.device import processor
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
    model, batch, actions = prepared(architecture, width, task, *sizes_of(architecture, width))
    ours = actions["ours"]
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
    """Measure, write and print; a row that is there from this machine is kept, unless `--again`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--again", action="store_true", help="measure all rows anew")
    again = parser.parse_args().again
    about = {"cpu": processor(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    rows: dict[str, dict] = {} if again else rows_under("bench_operators", about)
    for name, one in {", ".join(one): one for one in ROWS}.items():
        if name in rows:
            continue
        rows[name] = alone(row, *one)
        rows[name].pop("peak_mib")
        print(name, rows[name], flush=True)
        write("bench_operators", about | {"rows": rows})


if __name__ == "__main__":
    main()
