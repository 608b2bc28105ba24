"""figures/bench.png from figures/bench*.json: what the three measurements found, in one picture."""

from __future__ import annotations

import hashlib
import json

from measure import ROOT, read
from vslnb.figures import MAIN, PALETTE, SECONDARY, canvas
from vslnb.study.speed_tables import FULL, VECTORS, architecture_name, bench_rows

KINDS = ("float32", "bfloat16")
COLOURS, MARKS = {"float32": PALETTE[0], "bfloat16": PALETTE[1]}, {"float32": "o", "bfloat16": "^"}
DASHES = {"saf": "-", "sgr": "--"}


def ratios(axis, task: str, title: str) -> None:
    """How many times as fast as the loop over captions, an architecture a row; filled: full width."""
    rows = [row for row in bench_rows(task) if row[0] not in VECTORS]
    names = list(dict.fromkeys(architecture for architecture, _, _ in rows))
    for architecture, width, found in rows:
        for kind in KINDS:
            if one := found["kinds"].get(kind):
                y = names.index(architecture) + (0.14 if width == FULL else -0.14)
                filled = COLOURS[kind] if width == FULL else "white"
                axis.plot(one["ratio"], y, MARKS[kind], color=COLOURS[kind], markerfacecolor=filled)
    axis.axvline(1, color="#222222", linewidth=0.8, linestyle=":")
    values = [
        found["kinds"][kind]["ratio"] for _, _, found in rows for kind in KINDS if kind in found["kinds"]
    ]
    axis.set(
        title=f"{title}: {min(values):.1f} to {max(values):.1f} times as fast",
        xlabel="times as fast as the loop over captions\n(dotted: equally fast)",
        yticks=range(len(names)),
        yticklabels=[architecture_name(name) for name in names],
    )
    axis.set_xlim(left=0)
    axis.grid(axis="x")
    shown = list(
        dict.fromkeys((width, kind) for _, width, found in rows for kind in found["kinds"] if kind in KINDS)
    )
    for width, kind in shown:
        filled = COLOURS[kind] if width == FULL else "white"
        axis.plot([], [], MARKS[kind], color=COLOURS[kind], markerfacecolor=filled, label=f"{width}, {kind}")
    axis.set_ylim(len(names) - 0.4, -1 - 0.45 * len(shown))  # room for the legend
    axis.legend(loc="upper center", ncols=2, columnspacing=1, frameon=True, framealpha=1, edgecolor="white")


def pairs(axis, bench: dict) -> None:
    """Scores of pairs whose embeddings are there."""
    ratios(axis, "scoring", "Scoring pairs")


def steps(axis, bench: dict) -> None:
    """A training step."""
    ratios(axis, "step", "A training step")


def kept(axis, shortlist: dict) -> None:
    """Share of the exact first results that a shorter list keeps, Flickr8k test."""
    colours = {"images": MAIN, "captions": SECONDARY}
    for run, rows in shortlist["runs"].items():
        module = run.partition("-")[0]
        for gallery, colour in colours.items():
            chosen = [row for row in rows if row["gallery"] == gallery]
            x, y = ([row[key] for row in chosen] for key in ("times fewer", "top-1 kept"))
            axis.plot(
                x,
                y,
                DASHES[module],
                marker={"images": "o", "captions": "s"}[gallery],
                markersize=4,
                color=colour,
                label=f"{module.upper()}, {gallery}",
            )
    axis.set(
        title="The best of a twentieth of the gallery is mostly the best of all",
        xlabel="times fewer full comparisons",
        ylabel="first result is the exact one (%)",
        xscale="log",
    )
    ticks = sorted({row["times fewer"] for rows in shortlist["runs"].values() for row in rows})
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=8)


def growth(axis, large: dict) -> None:
    """Milliseconds a query by the size of the gallery, full width."""
    for module, dash in DASHES.items():
        rows = large[f"growth, {module}"]
        x, y = ([row[key] for row in rows] for key in ("images", "ms a query"))
        axis.plot(x, y, dash, marker="o", color=PALETTE[0], markersize=4, label=module.upper())
    axis.set(
        title="A query's time grows with the gallery",
        xlabel="images in the gallery",
        ylabel="milliseconds at full width",
        ylim=0,
    )
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.legend(frameon=False, fontsize=8)


PANELS = [(pairs, "bench"), (steps, "bench"), (kept, "bench_shortlist"), (growth, "bench_large")]


def digest() -> str:
    """Of what the picture is drawn from; it stands in the picture, so that a test finds one that is out of date."""
    return hashlib.sha256(json.dumps([read(name) for _, name in PANELS]).encode()).hexdigest()


def main() -> None:
    """Draw what has been measured."""
    found = [(panel, content) for panel, name in PANELS if (content := read(name))]
    with canvas(9, 6.4, 2, 2) as (figure, axes):
        for axis, (panel, content) in zip(axes, found):
            panel(axis, content)
        for axis in axes[len(found) :]:
            axis.set_axis_off()
    metadata = {"Software": None, "Source": digest()}
    figure.savefig(ROOT / "figures" / "bench.png", dpi=130, metadata=metadata)
    print("wrote figures/bench.png")


if __name__ == "__main__":
    main()
