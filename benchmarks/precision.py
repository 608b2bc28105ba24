"""What bfloat16 products change in the recall of trained Flickr8k models: `python benchmarks/precision.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from measure import ROOT, write
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.evaluation.recall_at_k import CUTS, DIRECTIONS, recall
from vslnb.retrieval.similarity import split_scores
from vslnb.training.run import data_of, load_run

RUNS = ("saf-triplet-s0", "saf-vsl-paper-s0", "sgr-triplet-s0", "sgr-vsl-paper-s0")


def changes(run: Path) -> dict:
    """Points by which each recall on test differs from float32's."""
    model, data = load_run(run, "cpu")[0], data_of([run])
    split, vocabulary = load_split(data, "test"), load_vocabulary(data)
    single, half = (
        recall(split_scores(model, split, vocabulary, kind), split.captions_per_image)
        for kind in ("float32", "bfloat16")
    )
    return {
        f"{direction} R@{k}": round(half[direction][f"R@{k}"] - single[direction][f"R@{k}"], 3)
        for direction in DIRECTIONS
        for k in CUTS
    }


def main() -> None:
    """Measure the runs in a folder, default runs/flickr8k, print and write."""
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs" / "flickr8k"
    rows = {}
    for name in RUNS:
        rows[name] = changes(home / name)
        print(name, rows[name], flush=True)
    write("bench_precision", {"data": "Flickr8k test", "runs": rows})


if __name__ == "__main__":
    main()
