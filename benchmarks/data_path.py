"""`make bench-data`: features of MSCOCO's size read by the loader in training order, into figures/bench_data.json.

A card's step at batch 128 takes about 25 ms, so the next batch must be there by then. A file of random numbers is
written for float16 (16.7 GB at full size) and then for float32 (33.4 GB, as the field has it), and removed. Each is
read three times: by the loader with nothing of it in memory; the same records as plain bytes, which is what the disk
allows; and by the loader again with everything in memory, which is what the loader itself takes.

    python benchmarks/data_path.py                    # 34 GB of room are needed
    python benchmarks/data_path.py --images 20000     # a share of it, which is said in the result
    python benchmarks/data_path.py --folder /mnt/data # on another disk
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from measure import ROOT, alone, extra_mib, rows_under, seconds, write
from vslnb.data.loader import BatchLoader, epoch_batches
from vslnb.data.precomp import VOCABULARY, load_split, load_vocabulary, write_split
from vslnb.data.vocabulary import SPECIAL, Vocabulary
from vslnb.device import keep_freed_memory, processor

IMAGES, REGIONS, WIDTH, BATCH, BATCHES, BLOCK = 113_287, 36, 2048, 128, 200, 256
STEP_MS = 25.0  # of a card, SAF at batch 128 in TF32: figures/bench_accelerator.json


def write_dataset(folder: Path, images: int, dtype: str) -> None:
    """Random features with five short captions an image, in the SCAN layout, written through to the disk."""
    block = np.random.default_rng(0).standard_normal((BLOCK, REGIONS, WIDTH), dtype=np.float32).astype(dtype)
    with (folder / "train_ims.npy").open("wb") as stream:
        header = {"descr": block.dtype.str, "fortran_order": False, "shape": (images, REGIONS, WIDTH)}
        np.lib.format.write_array_header_1_0(stream, header)
        for start in tqdm(range(0, images, BLOCK), desc=dtype, leave=False):
            block[: min(BLOCK, images - start)].tofile(stream)
        stream.flush()
        os.fsync(stream.fileno())
    words = ["one", "two", "three"]
    write_split(folder, "train", [" ".join(words)] * (5 * images), [str(k) for k in range(images)], None)
    Vocabulary([*SPECIAL, *words]).write(folder / VOCABULARY)


def out_of_memory(path: Path) -> None:
    """Nothing of a file is left in the system's memory."""
    with path.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def through_loader(folder: Path, batches: int, cold: bool) -> dict:
    """Milliseconds from one batch to the next where nothing else is done, and memory above the process's."""
    keep_freed_memory()
    loader = BatchLoader(load_split(folder, "train"), load_vocabulary(folder), BATCH, seed=0)
    if cold:
        out_of_memory(folder / "train_ims.npy")
    times: list[float] = []

    def run() -> None:
        last = time.perf_counter()
        for _ in batches_of(loader, batches):
            now = time.perf_counter()
            times.append(1000 * (now - last))
            last = now

    used = time.process_time()
    memory = extra_mib(run)
    used = time.process_time() - used
    return {
        "ms a batch": round(statistics.median(times), 1),
        "slowest of twenty, ms": round(float(np.percentile(times, 95)), 1),
        "batches a second": round(1000 * len(times) / sum(times), 1),
        "ms of a processor a batch": round(1000 * used / len(times), 1),
        "MiB above the process": round(memory),
    }


def batches_of(loader: BatchLoader, count: int) -> Iterator[object]:
    """The first batches of an epoch, in the loader's own order."""
    for number, batch in enumerate(loader.epoch(0)):
        if number == count:
            return
        yield batch


def as_bytes(folder: Path, batches: int) -> dict:
    """The same records in the same order, read and thrown away."""
    path = folder / "train_ims.npy"
    split = load_split(folder, "train")
    size, start = split.features[0].nbytes, split.features.offset
    out_of_memory(path)
    wanted = epoch_batches(len(split.captions), BATCH, 0, 0)[:batches]

    def run() -> None:
        with path.open("rb", buffering=0) as stream:
            for captions in wanted:
                for image in split.owner[captions]:
                    os.pread(stream.fileno(), size, start + int(image) * size)

    took = seconds(run)
    return {
        "ms a batch": round(1000 * took / len(wanted), 1),
        "MB a second": round(len(wanted) * BATCH * size / took / 1e6),
    }


def limit(cold: dict, disk: dict, warm: dict) -> str:
    """What keeps a card waiting, if anything does: each part that takes longer than a step on its own."""
    if cold["ms a batch"] <= STEP_MS:
        return "none: a batch is there before the step ends"
    parts = (("the disk", disk), ("the loader", warm))
    slow = [name for name, row in parts if row["ms a batch"] > STEP_MS]
    return " and ".join(slow) or "the disk and the loader together"


def measure(home: Path, images: int, dtype: str, batches: int) -> dict:
    """Write a file, read it, remove it."""
    with tempfile.TemporaryDirectory(dir=home) as place:
        folder = Path(place)
        took = seconds(lambda: write_dataset(folder, images, dtype))
        size = (folder / "train_ims.npy").stat().st_size
        cold = alone(through_loader, folder, batches, True)
        disk = alone(as_bytes, folder, batches)
        alone(through_loader, folder, batches, False)  # what was read now fits into memory
        warm = alone(through_loader, folder, batches, False)
    rows = {"from disk": cold, "bytes alone": disk, "from memory": warm}
    rows = {name: {k: v for k, v in row.items() if k != "peak_mib"} for name, row in rows.items()}
    return (
        {"GB": round(size / 1e9, 1), "MB a second written": round(size / took / 1e6)}
        | rows
        | {"limit": limit(cold, disk, warm)}
    )


def main() -> None:
    """Measure, print and write; a row that is there already is kept, unless `--again`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--folder", type=Path, default=ROOT, help="on the disk that is measured")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="whether it runs; nothing is written")
    asked = parser.parse_args()
    images, batches = (600, 4) if asked.tiny else (asked.images, asked.batches)
    about = {
        "cpu": processor(),
        "torch": torch.__version__,
        "images": images,
        "of": IMAGES,
        "batch": BATCH,
        "batches": batches,
        "step, ms": STEP_MS,
    }
    result = about | {"rows": {} if asked.again else rows_under("bench_data", about)}
    for dtype in ("float16", "float32"):
        if dtype in result["rows"]:
            continue
        need = images * REGIONS * WIDTH * np.dtype(dtype).itemsize
        if need > 0.95 * shutil.disk_usage(asked.folder).free:
            raise SystemExit(f"{need / 1e9:.1f} GB are needed in {asked.folder}: --images takes a share.")
        result["rows"][dtype] = measure(asked.folder, images, dtype, batches)
        print(dtype, result["rows"][dtype], flush=True)
        if not asked.tiny:
            write("bench_data", result)


if __name__ == "__main__":
    main()
