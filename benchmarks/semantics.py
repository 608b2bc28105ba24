"""`make bench-semantics`: fitting and asking a CaptionSpace of Flickr30K's training captions."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import numpy as np

from measure import ROOT, alone, peak_mib, resident_mib, seconds, write
from vslnb.data.precomp import read_lines
from vslnb.semantics import CaptionSpace

SIZES = (10_000, 20_000, 50_000, 100_000, 145_000)


def captions(count: int) -> list[str]:
    """The first captions of shared/."""
    shared = Path(os.environ.get("VSLNB_SHARED", ROOT.parent / "shared"))
    return read_lines(shared / "data" / "f30k_captions" / "train_caps.txt")[:count]


def measure(kind: str, count: int) -> dict:
    """Fit seconds, memory above the interpreter's with the captions in it, and a batch of 128 images."""
    lines = captions(count)
    before, spaces = resident_mib(), []
    fit = seconds(lambda: spaces.append(CaptionSpace.fit(lines, 5, kind)))
    above, rng = peak_mib() - before, np.random.default_rng(0)
    batches = [rng.choice(count // 5, 128, replace=False) for _ in range(20)]
    batch = statistics.median(seconds(lambda b=b: spaces[0].image_similarity(b)) for b in batches)
    dense = count * spaces[0].candidates.shape[1] * 8 / 2**20
    return {
        "captions": count,
        "fit_seconds": round(fit, 2),
        "fit_mib": round(above),
        "dense_mib": round(dense),
        "batch_ms": round(1000 * batch, 2),
    }


def main() -> None:
    """Measure, print and write."""
    result = {"batch": 128, "kinds": {}}
    print("kind     captions   fit s   MiB above   dense MiB   batch ms")
    for kind in ("tfidf", "cider", "cider_d"):
        rows = result["kinds"][kind] = [alone(measure, kind, count) for count in SIZES]
        for row in rows:
            print(
                f"{kind:<8} {row['captions']:8}  {row['fit_seconds']:6.1f}  {row['fit_mib']:10} "
                f"{row['dense_mib']:11}  {row['batch_ms']:9.1f}"
            )
    write("bench_semantics", result)


if __name__ == "__main__":
    main()
