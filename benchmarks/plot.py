"""figures/bench.png from figures/bench*.json: what the three measurements found, in one picture."""

from __future__ import annotations

import re

from measure import ROOT, read
from vslnb.figures import MAIN, PALETTE, SECONDARY, canvas

COLOURS = {"reference": PALETTE[4], "float32": PALETTE[0], "bfloat16": PALETTE[1]}
MARKS = {"reference": "s", "float32": "o", "bfloat16": "^"}
NAMES = {"reference": "literal loops", "float32": "ours, float32", "bfloat16": "ours, bfloat16"}
DASHES = {"saf": "-", "sgr": "--"}


def pairs(axis, bench: dict) -> None:
    """Pairs a second, a bar a kind."""
    for k, kind in enumerate(NAMES):
        for m, module in enumerate(DASHES):
            row = bench[module]["pairs a second"][kind]
            x = m + 0.26 * (k - 1)
            hatch = ("", "//", "..")[k]
            axis.bar(
                x,
                row["median"],
                0.25,
                color=COLOURS[kind],
                hatch=hatch,
                edgecolor="white",
                label=None if m else NAMES[kind],
            )
            axis.annotate(
                f"{row['ratio']:.1f}x",
                (x, row["median"]),
                (0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    axis.set(title="similarity", ylabel="pairs a second", xticks=[0, 1])
    axis.set_xticklabels(["SAF", "SGR"])
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.margins(y=0.3)
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", columnspacing=1)


def steps(axis, bench: dict) -> None:
    """Seconds a training step by batch size."""
    for module, dash in DASHES.items():
        tables = {
            int(re.findall(r"\d+", name)[0]): rows for name, rows in bench[module].items() if "batch" in name
        }
        for kind in NAMES:
            x = sorted(tables)
            y = [tables[batch][kind]["median"] for batch in x]
            axis.plot(
                x,
                y,
                dash,
                marker=MARKS[kind],
                color=COLOURS[kind],
                markersize=4,
                label=NAMES[kind] if module == "saf" else None,
            )
    axis.set(
        title="training step",
        xlabel="batch",
        ylabel="seconds",
        xscale="log",
        yscale="log",
        xticks=[32, 64, 128],
    )
    axis.set_xticklabels(["32", "64", "128"])
    axis.minorticks_off()
    axis.plot([], [], "k--", label="dashed: SGR")
    axis.legend(frameon=False, fontsize=8, loc="upper left")


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
    axis.axhline(99.5, color="#222222", linewidth=0.8, linestyle=":")
    axis.set(
        title="search by shortlist",
        xlabel="times fewer full comparisons",
        ylabel="exact top-1 kept (%)",
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
    axis.set(title="one query, full width", xlabel="images in the gallery", ylabel="milliseconds", ylim=0)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.legend(frameon=False, fontsize=8)


def main() -> None:
    """Draw what has been measured."""
    panels = [(pairs, "bench"), (steps, "bench"), (kept, "bench_shortlist"), (growth, "bench_large")]
    found = [(panel, content) for panel, name in panels if (content := read(name))]
    with canvas(9, 6.4, 2, 2) as (figure, axes):
        for axis, (panel, content) in zip(axes, found):
            panel(axis, content)
        for axis in axes[len(found) :]:
            axis.set_axis_off()
    figure.savefig(ROOT / "figures" / "bench.png", dpi=130, metadata={"Software": None})
    print("wrote figures/bench.png")


if __name__ == "__main__":
    main()
