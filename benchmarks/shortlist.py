"""`make bench-shortlist`: how much of the exact result a search by shortlist keeps, on trained Flickr8k models."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from measure import ROOT, seconds, write
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.retrieval.gallery import Gallery, search
from vslnb.retrieval.similarity import encode_captions, encode_images, split_scores
from vslnb.training.run import data_of, load_run

RUNS = ("saf-triplet-s0", "sgr-triplet-s0")
FEWER = (10, 20, 40, 100)  # times fewer full comparisons than the gallery has items


def measure(run: Path) -> list[dict]:
    """A row for every direction and length: share of the exact top-1 and top-10 kept, time a query."""
    model, data = load_run(run, "cpu")[0], data_of([run])
    split, vocabulary = load_split(data, "test"), load_vocabulary(data)
    ids, lengths = vocabulary.encode_all(split.captions)
    exact = []
    whole = seconds(lambda: exact.append(split_scores(model, split, vocabulary)))
    images = list(encode_images(model, (split.regions([k]) for k in range(len(split)))))
    captions = [
        next(iter(encode_captions(model, ids[k : k + 1], lengths[k : k + 1]))) for k in range(len(ids))
    ]
    rows = []
    with tempfile.TemporaryDirectory() as home:
        for kind, queries, scores in (("images", captions, exact[0].T), ("captions", images, exact[0])):
            gallery = Gallery(Path(home) / kind, kind, "")
            if kind == "images":
                gallery.add(len(images), images)
            else:
                gallery.add(len(ids), encode_captions(model, ids, lengths))
            best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
            for fewer in FEWER:
                found = []

                def ask(gallery=gallery, queries=queries, fewer=fewer, found=found) -> None:
                    for query in tqdm(
                        queries, desc=f"{run.name} {gallery.note['kind']} 1/{fewer}", leave=False
                    ):
                        found.append(search(model, gallery, query, 10, len(gallery) // fewer)[0])

                time = seconds(ask)
                rows.append(
                    {
                        "gallery": kind,
                        "full comparisons a query": len(gallery) // fewer,
                        "times fewer": fewer,
                        "top-1 kept": round(
                            100 * float(np.mean([b[0] in f for b, f in zip(best, found)])), 2
                        ),
                        "top-10 kept": round(
                            100 * float(np.mean([len({*b} & {*f}) / 10 for b, f in zip(best, found)])), 2
                        ),
                        "ms a query": round(1000 * time / len(queries), 2),
                        "ms a query, exact": round(1000 * whole / len(queries), 2),
                    }
                )
                print(run.name, rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure the runs in a folder, default runs/flickr8k, print and write."""
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs" / "flickr8k"
    torch.manual_seed(0)
    write("bench_shortlist", {"data": "Flickr8k test", "runs": {name: measure(home / name) for name in RUNS}})


if __name__ == "__main__":
    main()
