"""The tables of README.md and of the pages it links to, each between `<!-- generated: NAME -->` and `<!-- end -->`.

`python -m vslnb.study.readme_blocks` writes them from the results in figures/; a test compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.evaluation.measures import RECALLS, RSUM, measure_of
from vslnb.figures import MODULE_NAMES
from vslnb.figures.style import module_name
from vslnb.storage import write_text
from vslnb.study.architectures import ARCHITECTURES
from vslnb.study.decision import format_interval
from vslnb.study.evidence import effects, further, page, readings
from vslnb.study.evidence.across import Across
from vslnb.study.evidence.dose import Dose
from vslnb.study.evidence.further import Further
from vslnb.study.evidence.general import General
from vslnb.study.evidence.known_relevance import KnownRelevance
from vslnb.study.evidence.means import Means
from vslnb.study.evidence.runs import FIGURES, MODULES, SHUFFLED, TITLES, TRIPLET, VSL, load_study
from vslnb.study.evidence.strength import Strength
from vslnb.study.evidence.told_apart import ToldApart
from vslnb.study.markdown import markdown_table, table_of_rows
from vslnb.study.power import detectable
from vslnb.study.profiles import ROOT
from vslnb.study.report import minutes_of
from vslnb.study.speed_tables import SPEED, architecture_name

README = ROOT / "README.md"
PAGES = (README, FIGURES / "README.md", FIGURES / "flickr8k" / "README.md", ROOT / "benchmarks" / "README.md")
BLOCK = re.compile(r"(<!-- generated: ([^\n]+?) -->\n)(?:.*?\n)??(<!-- end -->)", re.DOTALL)


def render_blocks() -> dict[str, str]:
    """Every generated table by name, as Markdown."""
    return {name: render() for name, render in (BLOCKS | SPEED).items()}


def fill(text: str, blocks: dict[str, str]) -> str:
    """A text with its generated tables replaced; everything outside the markers stays.

    Args:
        text: with `<!-- generated: NAME -->` before and `<!-- end -->` after every table.
        blocks: by name.

    Raises:
        ValueError: if a marker names no block.

    >>> print(fill("<!-- generated: a -->\\nold\\n<!-- end -->", {"a": "new"}))
    <!-- generated: a -->
    new
    <!-- end -->
    """
    if unknown := names_in(text) - set(blocks):
        raise ValueError(f"no block is named {', '.join(sorted(unknown))}")
    return BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]}\n{found[3]}", text)


def names_in(text: str) -> set[str]:
    """Names of the blocks that a text has markers for."""
    return {name for _, name, _ in BLOCK.findall(text)}


def _levels(results: Callable[[str, str], Sequence[dict[str, Any]]]) -> str:
    """The triplet and VSL as printed, mean over the results of a module and arm."""
    heads = [""]
    for name in RECALLS:
        heads.append(name.metric if name.metric != "R@1" else f"{name.direction.replace('_', ' ')} R@1")
    rows = []
    for module in MODULES:
        for arm, mark in ((TRIPLET, ""), (VSL, " + VSL")):
            chosen = results(module, arm)
            means = [np.mean([measure_of(run, name) for run in chosen]) for name in (*RECALLS, RSUM)]
            rows.append([MODULE_NAMES[module] + mark, *(f"{mean:.1f}" for mean in means)])
    return table_of_rows([*heads, "rsum"], rows)


def _read(path: str) -> Any:
    return json.loads((FIGURES / path).read_text(encoding="utf-8"))


def _flickr8k() -> str:
    return _levels(load_study().results)


def _demo() -> str:
    runs = _read("demo/runs.json")
    return _levels(lambda module, arm: [run for run in runs if (run["module"], run["arm"]) == (module, arm)])


def _answer() -> str:
    study = load_study()
    return page.answer(study, readings.readings(study))


def _other_readings() -> str:
    """How many of the other analyses show each gain."""
    found = readings.readings(load_study())
    first, second = readings.shown(found).values()
    others = len(next(iter(found.values()))) - 1
    return (
        f"Of {others} other analyses, {first or 'none'} shows the gain over the triplet, and {second or 'none'} show "
        "the gain over shuffled captions, counting an interval whose lower bound rounds to zero."
    )


def _gains() -> str:
    """The triplet's level and what VSL changes, an architecture a row."""
    study = load_study()
    rows = []
    for module in ("mean", *MODULES):
        level = effects.mean_level(study, module, TRIPLET)
        gains = [format_interval(study.gain(module, VSL, against=arm)) for arm in (TRIPLET, SHUFFLED)]
        rising = f"{sum(study.differences(module, VSL) > 0)} of {len(study.seeds)}"
        rows.append([TITLES[module], f"{level:.1f}", *gains, rising])
    heads = [
        "",
        "rsum, triplet alone",
        "VSL minus triplet alone",
        "VSL minus shuffled captions",
        "seeds above the triplet",
    ]
    return table_of_rows(heads, rows)


def _architectures() -> str:
    """Every architecture with the triplet alone on Flickr8k, one seed."""
    path = FIGURES / "flickr8k" / "architectures.json"
    if not path.exists():
        return "On Flickr8k these architectures have not been trained yet."
    runs = _read("flickr8k/architectures.json")
    rows = [
        [
            architecture_name(run["architecture"].replace("-", " "), "small width"),
            f"{run['learning_rate']:g}",
            f"{run['dev_whole']['rsum']:.1f}",
            f"{run['test']['rsum']:.1f}",
        ]
        for run in sorted(runs, key=lambda run: -run["test"]["rsum"])
    ]
    about = "The triplet alone, one seed each, at the best of three learning rates on dev; this says nothing about VSL."
    trained = {run["module"] for run in runs} | {"sgr"}  # which takes SAF's rate
    if waiting := [module_name(module) for module in ARCHITECTURES if module not in trained]:
        about += f" Not trained here yet: {', '.join(waiting)}."
    tried = [run for run in _read("flickr8k/tuning.json") if run["module"] == "gpo"]
    plain, dropped = (
        max(run["dev"]["rsum"] for run in tried if ("dropout=0" in run["name"]) == without)
        for without in (True, False)
    )
    about += (
        f" {module_name('gpo')} was published without dropout. So trained, it learns its training pairs by heart and "
        f"reaches {plain:.1f} on dev; with dropout on its words it reaches {dropped:.1f}."
    )
    return f"{about}\n\n" + table_of_rows(["architecture", "learning rate", "dev rsum", "test rsum"], rows)


def _decision() -> str:
    return markdown_table(
        readings.readings_table(readings.readings(load_study())).reset_index(names="reading")
    )


def _measures() -> str:
    return markdown_table(effects.other_table(load_study()).reset_index(names="measure"))


def _full_width() -> str:
    return markdown_table(Further(load_study()).nearest_table().reset_index(names="module"))


def _hardest_at_once() -> str:
    """rsum of the runs that count the hardest negative alone from the first step, an architecture a row."""
    runs, arms = Further(load_study()), (TRIPLET, VSL, SHUFFLED)
    rows = []
    for module in further.MODULES:
        found = [runs.results("hardest at once", module, arm) for arm in arms]
        cells = (", ".join(f"{measure_of(run):.0f}" for run in seeds.values()) for seeds in found)
        rows.append([MODULE_NAMES[module], *cells])
    return table_of_rows(["rsum, hardest at once", *arms], rows)


def _dose() -> str:
    dose = Dose()
    rows = [["triplet alone", format_interval(dose.growth)]]
    for name, slope in dose.slopes().items():
        rows.append([name if " over " in name else f"{name} minus the triplet", format_interval(slope)])
    return table_of_rows(["secondary mistakes of a hundred captions, SAF", "slope over the strength"], rows)


def _ablations() -> str:
    found = _read("flickr8k/04_ablations.json")
    rows = [[f"VSL, batch {size}", _gap(one)] for size, one in found["gain by batch size"].items()]
    rows += [[name, _gap(one)] for name, one in found["left out"].items() if name != "VSL"]
    return table_of_rows(["cosine", "rsum minus the triplet's"], rows)


def _world() -> str:
    """The gains of the world's runs whose interval leaves out zero, and what its seeds could find."""
    gains = _read("world/03_training.json")["gains"]["rsum"]
    rows = []
    for module in MODULE_NAMES.values():
        mine = {name: one for name, one in gains.items() if name.partition(",")[0] == module}
        clear = [f"{name}: {_gap(one)}" for name, one in mine.items() if one["low"] > 0 or one["high"] < 0]
        found = [detectable(one["seeds"]) for one in mine.values()]
        reach = f"{min(found):.0f} to {max(found):.0f}"
        rows.append([module, len(mine), "; ".join(clear) or "none", reach])
    heads = ["module", "gains", "with an interval without zero", "true gain found with probability 0.8"]
    return table_of_rows(heads, rows)


def _noise() -> str:
    """SAF and NCR where a part of the world's pairs is wrong: rsum, mean over the seeds that have both."""
    if not (FIGURES / "world" / "noise.json").exists():
        return "Not run yet: make noise."
    frame = pd.DataFrame(
        [
            {
                "training": "NCR" if "ncr" in run["name"] else "SAF",
                "wrong": run["noise_ratio"],
                "seed": run["seed"],
                "rsum": run["test"]["rsum"],
            }
            for run in _read("world/noise.json")
        ]
    )
    both = frame.groupby(["training", "seed"])["wrong"].transform("count") == 2
    frame = frame[both]
    means = frame.groupby(["training", "wrong"])["rsum"].agg(["mean", "count"])
    rows = [
        [name, *(f"{means['mean'][name, wrong]:.1f}" for wrong in (0.0, 0.4)), means["count"][name, 0.4]]
        for name in ("SAF", "NCR")
        if (name, 0.0) in means.index and (name, 0.4) in means.index
    ]
    return table_of_rows(["test rsum", "all pairs right", "two of five wrong", "seeds"], rows)


def _notebooks() -> str:
    rows, runs = [], _read("demo/reproduce.json")
    for run in runs:
        path = f"notebooks/{run['notebook']}.ipynb"
        notebook = json.loads((ROOT / path).read_text(encoding="utf-8"))
        question = notebook["cells"][0]["source"][0].partition(" · ")[2].strip()
        beside = notebook["metadata"].get("vslnb", {}).get("reads")
        took = "beside the others" if beside else f"{run['seconds']:.0f} s"
        rows.append([f"[{run['notebook']}]({path})", question, took])
    return table_of_rows(
        ["notebook", "its question", f"time on two cores ({minutes_of(runs):.0f} min together)"], rows
    )


def _gap(found: dict[str, Any]) -> str:
    return _interval(found["value"], found["low"], found["high"])


def _interval(value: float, low: float, high: float) -> str:
    return format_interval(Interval(value, low, high))


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": lambda: markdown_table(page.model_card(load_study())),
    "answer": _answer,
    "other readings": _other_readings,
    "gains": _gains,
    "arms": lambda: markdown_table(page.ARMS),
    "strength": lambda: Strength().block(),
    "told apart": lambda: ToldApart(Strength()).block(),
    "means": lambda: Means().block(),
    "general": lambda: General().block(),
    "across": lambda: Across(General(), chosen).block() if (chosen := Strength().choice()) else "",
    "known relevance": lambda: KnownRelevance().block(),
    "architectures": _architectures,
    "decision": _decision,
    "measures": _measures,
    "full width": _full_width,
    "hardest at once": _hardest_at_once,
    "flickr8k": _flickr8k,
    "demo": _demo,
    "dose": _dose,
    "ablations": _ablations,
    "world": _world,
    "noise": _noise,
    "notebooks": _notebooks,
}

if __name__ == "__main__":
    rendered = render_blocks()
    for page_file in PAGES:
        write_text(page_file, fill(page_file.read_text(encoding="utf-8"), rendered))
