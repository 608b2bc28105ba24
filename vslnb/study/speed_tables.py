"""The README's tables of speed, from figures/bench*.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from vslnb.study.markdown import table_of_rows
from vslnb.study.profiles import ROOT

MODULES = ("saf", "sgr")


def _bench(name: str = "bench") -> Any:
    return json.loads((ROOT / "figures" / f"{name}.json").read_text(encoding="utf-8"))


def _engine() -> str:
    """Ours beside literal loops, on two cores."""
    rows, found = [], _bench()
    for module in MODULES:
        for what, kinds in found[module].items():
            for kind in ("float32", "bfloat16"):
                ours, loops = kinds[kind], kinds["reference"]
                digits = 0 if what == "pairs a second" else 2
                speed = [f"{one['median']:,.{digits}f}" for one in (loops, ours)]
                memory = [f"{one['peak_mib']:,.0f}" for one in (loops, ours)]
                rows.append([f"{module.upper()}, {what}, {kind}", *speed, f"{ours['ratio']:.1f} x", *memory])
    return table_of_rows(["", "loops", "ours", "faster", "loops, MiB", "ours, MiB"], rows)


def _large() -> str:
    """The whole of MSCOCO's 5K test: all pairs by the rate of a part of them, and a search by shortlist."""
    rows = []
    for name, one in _bench("bench_large").items():
        if not name.startswith(("exact", "by shortlist")):
            continue
        hours = one["hours"] if "hours" in one else one["hours for the whole"]
        rows.append([name, f"{hours:.1f}", f"{one['MiB above the interpreter'] / 1024:.1f}"])
    return table_of_rows(["MSCOCO 5K, 125 million pairs", "hours", "GiB above the interpreter"], rows)


def _accelerator() -> str:
    """A training step on a GPU, and how far its scores are from the CPU's."""
    found, rows = _bench("bench_accelerator"), []
    for module in MODULES:
        for kind in ("float32", "TF32"):
            step, small = found[f"step, {module}, batch 128"][kind], found[f"step, {module}, batch 32"][kind]
            rows.append(
                [
                    f"{module.upper()}, {kind}",
                    f"{1000 * step['median']:.0f}",
                    f"{step['peak_mib'] / 1024:.1f}",
                    f"{small['ratio']:.0f} x",
                    f"{found[f'agreement, {module}'][kind]:.0e}",
                ]
            )
    heads = [
        "ms a step, batch 128",
        "GiB above the model's",
        "faster than loops, batch 32",
        "scores differ by",
    ]
    return table_of_rows([found["gpu"], *heads], rows)


def _approximate() -> str:
    """What bfloat16 and a shortlist of a twentieth cost on trained models of Flickr8k."""
    precision, shortlist = _bench("bench_precision")["runs"], _bench("bench_shortlist")["runs"]
    most = max(abs(change) for run in precision.values() for change in run.values())
    chosen = [row for rows in shortlist.values() for row in rows if row["times fewer"] == 20]
    rows = [["bfloat16: a recall moves by at most", f"{most:.1f} points"]]
    for k, label in ((1, "the exact first result is kept"), (10, "of the exact best ten are kept")):
        kept = sorted(row[f"top-{k} kept"] for row in chosen)
        rows.append([f"shortlist of a twentieth: {label}", f"{kept[0]:.1f} to {kept[-1]:.1f} percent"])
    slower = sum(row["ms a query, exact"] < row["ms a query"] for row in chosen)
    rows.append(["galleries of Flickr8k where it takes longer than all pairs", f"{slower} of {len(chosen)}"])
    return table_of_rows(["four trained models of Flickr8k", ""], rows)


SPEED: dict[str, Callable[[], str]] = {
    "bench": _engine,
    "bench large": _large,
    "bench gpu": _accelerator,
    "bench approximate": _approximate,
}
