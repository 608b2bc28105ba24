"""`make bench-large`: 5,000 images and 25,000 captions at full width, exactly and by shortlist, and growth.

The exact matrix takes more than an hour; the rate and the memory of its first column blocks are shown.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from engine import full_width
from measure import alone, peak_mib, read, resident_mib, seconds, write
from vslnb.data.precomp import Split
from vslnb.device import keep_freed_memory
from vslnb.retrieval.gallery import Gallery, search
from vslnb.retrieval.matrix_store import MatrixFile
from vslnb.retrieval.shortlist import shortlist_scores
from vslnb.retrieval.similarity import CAPTIONS, encode_captions, encode_images, score_columns

IMAGES, PER_IMAGE, SHORTEST, LONGEST = 5000, 5, 8, 22
SIZES, QUERIES = (1000, 2000, 5000, 10000), 20


class Words:
    """A vocabulary's part in this: random ids of captions of 8 to 22 words."""

    def encode_all(self, captions: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids (C, W) padded with 0 and lengths (C,)."""
        rng = np.random.default_rng(1)
        lengths = rng.integers(SHORTEST, LONGEST + 1, len(captions))
        ids = rng.integers(4, 8000, (len(captions), LONGEST))
        return ids * (np.arange(LONGEST) < lengths[:, None]), lengths


def split_of(folder: Path, images: int) -> Split:
    """Random features in a memory map, every image repeated five times as the field's files have it."""
    path, rng = folder / "test_ims.npy", np.random.default_rng(0)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (PER_IMAGE * images, 36, 2048))
    for k in tqdm(range(images), desc="features", leave=False):
        rows[PER_IMAGE * k] = rng.standard_normal((36, 2048), dtype=np.float32)
    rows.flush()
    features = np.load(path, mmap_mode="r")
    return Split(folder, "test", features, [""] * PER_IMAGE * images, [""] * images, PER_IMAGE)


def exact(folder: Path, module: str, precision: str, blocks: int) -> dict:
    """The first column blocks of the exact matrix: seconds, pairs a second, memory above the interpreter."""
    keep_freed_memory()
    features = np.load(folder / "test_ims.npy", mmap_mode="r")
    split = Split(folder, "test", features, [""] * len(features), [""] * IMAGES, PER_IMAGE)
    before, model = resident_mib(), full_width(module).eval()
    ids, lengths = Words().encode_all(split.captions)
    every = len(lengths) // CAPTIONS // blocks  # from the shortest captions to the longest
    wanted = list(range(every // 2, len(lengths) // CAPTIONS, every))[:blocks]
    skip = set(range(len(lengths))) - set(wanted)
    pairs = []
    with tempfile.TemporaryDirectory() as place:
        matrix = MatrixFile(place, (IMAGES, len(lengths)), "")

        def action() -> None:
            for number, columns, block in score_columns(model, split, ids, lengths, precision, skip=skip):
                matrix.add(number, columns, block)
                pairs.append(block.size)

        time = seconds(action)
    share = sum(pairs) / IMAGES / len(lengths)
    return {
        "share of the matrix": round(share, 4),
        "seconds, encoding included": round(time, 1),
        "pairs a second": round(sum(pairs) / time),
        "hours for the whole": round(time / share / 3600, 2),
        "MiB above the interpreter": round(peak_mib() - before),
    }


def whole(folder: Path, module: str, precision: str, fewer: int) -> dict:
    """The whole matrix by shortlist."""
    features = np.load(folder / "test_ims.npy", mmap_mode="r")
    split = Split(folder, "test", features, [""] * len(features), [""] * IMAGES, PER_IMAGE)
    before, model, found = resident_mib(), full_width(module).eval(), []
    time = seconds(lambda: found.append(shortlist_scores(model, split, Words(), fewer, precision, True)))
    return {
        "times shorter lists": fewer,
        "share compared in full": round(float((found[0] > 0).mean()), 4),
        "hours": round(time / 3600, 3),
        "pairs a second": round(found[0].size / time),
        "MiB above the interpreter": round(peak_mib() - before),
    }


def growth(module: str) -> list[dict]:
    """One caption against galleries of several sizes: a row each."""
    model, rows = full_width(module).eval(), []
    ids, lengths = Words().encode_all([""] * QUERIES)
    asked = [next(iter(encode_captions(model, ids[k : k + 1], lengths[k : k + 1]))) for k in range(QUERIES)]
    generator = torch.Generator().manual_seed(2)
    with tempfile.TemporaryDirectory() as home:
        gallery = Gallery(Path(home), "images", "")
        for size in SIZES:
            new = size - len(gallery)
            blocks = (torch.randn(50, 36, 2048, generator=generator) for _ in range(new // 50))
            encode = seconds(lambda new=new, blocks=blocks: gallery.add(new, encode_images(model, blocks)))
            search(model, gallery, asked[0])
            times = [seconds(lambda q=q: search(model, gallery, q)) for q in asked]
            rows.append(
                {
                    "images": size,
                    "ms a query": round(1000 * statistics.median(times), 1),
                    "ms to encode an image": round(1000 * encode / new, 2),
                    "MiB on disk": round(sum(f.stat().st_size for f in Path(home).iterdir()) / 2**20),
                }
            )
            print(module, rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, print and write; what figures/bench_large.json has already is kept, unless `--again`."""
    result = {} if "--again" in sys.argv else read("bench_large")
    result |= {"images": IMAGES, "captions": IMAGES * PER_IMAGE, "threads": torch.get_num_threads()}
    for module in ("saf", "sgr"):
        if (name := f"growth, {module}") not in result:
            result[name] = growth(module)
            write("bench_large", result)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        tasks = {
            f"exact, {m}, {p}": (exact, folder, m, p, 2)
            for m, p in itertools.product(("saf", "sgr"), ("float32", "bfloat16"))
        }
        tasks["by shortlist, saf, bfloat16"] = (whole, folder, "saf", "bfloat16", 20)
        if any(name not in result for name in tasks):
            split_of(folder, IMAGES)
        for name, (function, *arguments) in tasks.items():
            if name not in result:
                result[name] = {k: v for k, v in alone(function, *arguments).items() if k != "peak_mib"}
                write("bench_large", result)
            print(name, result[name], flush=True)


if __name__ == "__main__":
    main()
