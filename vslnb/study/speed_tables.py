"""The README's tables of speed, from figures/bench*.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from vslnb.figures.style import module_name
from vslnb.study.markdown import table_of_rows
from vslnb.study.profiles import ROOT

FULL = "full width"
# How many times as fast as the loop over captions was asked for, before anything was measured, by row of bench.json.
TARGETS = {"saf, small width, step": 2.5} | {
    f"{architecture}, {width}, {task}": 5.0
    for architecture in ("scan t2i", "scan i2t", "chan")
    for width in (FULL, "small width")
    for task in ("scoring", "step")
}
VECTORS = ("cosine", "vsepp", "gpo", "vsrn")  # one vector an item: their programs score by one product too


def _bench(name: str = "bench") -> Any:
    return json.loads((ROOT / "figures" / f"{name}.json").read_text(encoding="utf-8"))


def architecture_name(architecture: str, width: str = FULL) -> str:
    """As tables say it: a module, and where words or regions attend; a small IMRAM has one branch of two.

    >>> architecture_name("scan i2t"), architecture_name("imram", "small width")
    ('SCAN, regions attend', 'IMRAM, words attend')
    """
    module, _, direction = architecture.partition(" ")
    attends = {"t2i": ", words attend", "i2t": ", regions attend"}
    if module == "scan" or (module == "imram" and width != FULL):
        direction = direction or "t2i"
    return module_name(module) + attends.get(direction, "")


def _label(architecture: str, width: str, found: dict[str, Any]) -> str:
    return f"{architecture_name(architecture, width)}, D = {found['embed_dim']:,}"


def bench_rows(task: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Architecture, width and what was measured of every row of a task in figures/bench.json, wide models first."""
    rows = []
    for name, found in _bench()["rows"].items():
        architecture, width, what = name.split(", ")
        if what == task:
            rows.append((architecture, width, found))
    return sorted(rows, key=lambda row: row[1] != FULL)


def _engine(task: str, heads: list[str], speed: Callable[[dict[str, Any]], str]) -> str:
    """Ours beside the loop over captions; `speed` says a kind's speed."""
    rows = []
    for architecture, width, found in bench_rows(task):
        kinds = found["kinds"]
        loop, ours, half = kinds["loop"], kinds["float32"], kinds.get("bfloat16")
        size = f"{found['batch']}" if "batch" in found else f"{found['images']} x {found['captions']}"
        rows.append(
            [
                _label(architecture, width, found),
                size,
                speed(loop),
                speed(ours),
                f"{ours['ratio']:.1f} x",
                f"{half['ratio']:.1f} x" if half else "–",
                f"{loop['extra_mib']:,}",
                f"{ours['extra_mib']:,}",
            ]
        )
    faster = ["faster", "faster, bfloat16", "loop, MiB", "ours, MiB"]
    return table_of_rows(["", *heads, *faster], rows)


def _scoring() -> str:
    heads = ["images x captions", "loop, pairs a second", "ours"]
    return _engine("scoring", heads, lambda one: f"{one['pairs a second']:,}")


def _step() -> str:
    heads = ["batch", "loop, seconds", "ours"]
    return _engine("step", heads, lambda one: f"{one['seconds']:.3g}")


def _memory_of_imram() -> str:
    """IMRAM's memory in plain form beside the rearranged one, in the same blocks."""
    rows = []
    for architecture, width, found in bench_rows("memory of IMRAM"):
        plain, ours = found["kinds"]["plain"], found["kinds"]["rearranged"]
        cells = [f"{one['pairs a second']:,}" for one in (plain, ours)]
        memory = [f"{one['extra_mib']:,}" for one in (plain, ours)]
        rows.append([_label(architecture, width, found), *cells, f"{ours['ratio']:.1f} x", *memory])
    heads = ["pairs a second", "plain form", "rearranged", "faster", "plain, MiB", "rearranged, MiB"]
    return table_of_rows(heads, rows)


def _conditions() -> str:
    """Where and how figures/bench.json was measured."""
    found = _bench()
    half = any("bfloat16" in row["kinds"] for row in found["rows"].values())
    without = "" if half else ", which does not multiply bfloat16"
    rounds = "one round" if found["rounds"] == 1 else f"the median of {found['rounds']} rounds in turn"
    threads = "one thread" if found["threads"] == 1 else f"{found['threads']} threads"
    return f"Measured with {threads} of {found['cpu']}{without}: {rounds}, torch {found['torch']}."


def _speed() -> str:
    """For the README: how many times as fast as the loop over captions."""
    found: dict[str, dict[str, str]] = {}
    for task in ("scoring", "step"):
        for architecture, width, row in bench_rows(task):
            if architecture not in VECTORS:
                found.setdefault(_label(architecture, width, row), {})[task] = (
                    f"{row['kinds']['float32']['ratio']:.1f} x"
                )
    rows = [[label, one.get("scoring", "–"), one.get("step", "–")] for label, one in found.items()]
    return table_of_rows(["times as fast as the loop over captions", "scoring", "training step"], rows)


def _targets() -> str:
    """What was asked of some rows, what was reached, and where the rest of their time goes."""
    rows, bench = [], _bench()["rows"]
    for name, found in _bench("bench_operators")["rows"].items():
        architecture, width, task = name.split(", ")
        kinds = bench[name]["kinds"]
        alone = found.get("encoders, seconds")
        others = list(found["others, percent"].items())[:3]
        rows.append(
            [
                f"{_label(architecture, width, bench[name])}, {task}",
                f"{TARGETS[name]:g} x" if name in TARGETS else "–",
                f"{kinds['float32']['ratio']:.1f} x",
                f"{kinds['loop']['seconds'] / alone:.1f} x" if alone else "–",
                f"{found['products, percent']:.0f} %",
                ", ".join(f"{key.removeprefix('aten::')} {share:.0f} %" for key, share in others),
            ]
        )
    heads = ["", "asked", "reached", "at most, with these encoders", "products of matrices", "then"]
    return table_of_rows(heads, rows)


def _speed_in_a_sentence() -> str:
    """For the README: a training step of SAF, small and wide, beside the loop over captions."""
    found = _bench()["rows"]
    small, wide = (
        found[f"saf, {width}, step"]["kinds"]["float32"]["ratio"] for width in ("small width", FULL)
    )
    return (
        "Earlier implementations compare one caption after the other with all images. Here a block of captions is "
        f"compared at once, with the same scores. A training step of a small SAF is {small:.1f} times as fast as with "
        f"that loop, and one of a full-sized SAF {wide:.1f} times ([every ratio](benchmarks/README.md))."
    )


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
    steps = [name for name in found if name.startswith("step, ") and name.endswith("batch 128")]
    for name in steps:
        architecture = name.split(", ")[1]
        for kind in ("float32", "TF32"):
            step = found[name][kind]
            rows.append(
                [
                    f"{architecture_name(architecture)}, {kind}",
                    f"{1000 * step['median']:.0f}",
                    f"{step['peak_mib'] / 1024:.1f}",
                    f"{step['ratio']:.1f} x" if "ratio" in step else "not measured",
                    f"{found[f'agreement, {architecture}'][kind]:.0e}",
                ]
            )
    heads = [
        "ms a step, batch 128",
        "GiB above the model's",
        "faster than the caption loop",
        "scores differ by",
    ]
    return table_of_rows([found["gpu"], *heads], rows)


def _data() -> str:
    """Features of MSCOCO's size through the loader, beside what a card's step leaves time for."""
    if not (ROOT / "figures" / "bench_data.json").exists():
        return "Not measured yet."
    found, rows = _bench("bench_data"), []
    for dtype, one in found["rows"].items():
        times = [f"{one[name]['ms a batch']:.1f}" for name in ("from disk", "bytes alone", "from memory")]
        memory = f"{one['from disk']['MiB above the process']:,}"
        rows.append([f"{dtype}, {one['GB']} GB", *times, memory, one["limit"]])
    heads = ["ms a batch, from disk", "the same bytes alone", "from memory", "MiB", "what limits"]
    share = f"{found['images']:,} of {found['of']:,} images, a step takes {found['step, ms']:.0f} ms"
    return table_of_rows([share, *heads], rows)


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
    "speed": _speed,
    "speed in a sentence": _speed_in_a_sentence,
    "bench conditions": _conditions,
    "bench scoring": _scoring,
    "bench step": _step,
    "bench imram": _memory_of_imram,
    "bench targets": _targets,
    "bench large": _large,
    "bench data": _data,
    "bench gpu": _accelerator,
    "bench approximate": _approximate,
}
