"""`make bench`: the fast similarity and training step beside the literal loops, at full width.

Every kind has a process of its own, the kinds alternate, and what is given is the median of the rounds.
"""

from __future__ import annotations

import statistics
import sys

import torch

from measure import ROOT, alone, read, resident_mib, seconds, write
from vslnb.config import ModelConfig
from vslnb.device import keep_freed_memory, matmul_precision
from vslnb.losses import Objective
from vslnb.models import Matcher, build_model
from vslnb.retrieval.similarity import similarity_matrix

sys.path.insert(0, str(ROOT / "tests"))
import reference  # noqa: E402

IMAGES, CAPTIONS, WORDS, BATCHES, REPEATS = 128, 256, 15, (32, 64, 128), 5
KINDS = ("reference", "float32", "bfloat16")
# MFLOP a pair of 15 words, an image and a caption: the work that cannot be avoided.
PAIR, IMAGE, CAPTION = {"saf": 10.6, "sgr": 19.5}, 229, 278


def full_width(module: str) -> Matcher:
    """36 regions of 2048, D = 1024, S = 256, words of 300, and 8,000 of them."""
    torch.manual_seed(0)
    return build_model(ModelConfig(module, vocab_size=8000))


def inputs(images: int, captions: int) -> tuple:
    """Random features, word ids and lengths."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(images, 36, 2048, generator=generator)
    ids = torch.randint(4, 8000, (captions, WORDS), generator=generator)
    return features, ids, torch.full((captions,), WORDS)


def product_rate(kind: str) -> float:
    """GFLOP/s of this machine in the product of 4096 x 1024 with 1024 x 256."""
    dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32
    a, b = torch.randn(4096, 1024).to(dtype), torch.randn(1024, 256).to(dtype)
    times = [seconds(lambda: a @ b) for _ in range(30)]
    return 2 * 4096 * 1024 * 256 / statistics.median(times) / 1e9


@torch.inference_mode()
def score(module: str, kind: str) -> dict:
    """Pairs a second, encoding included, and the share of the machine's product rate that this is."""
    keep_freed_memory()
    images, captions = (IMAGES // 2, CAPTIONS // 8) if kind == "reference" else (IMAGES, CAPTIONS)
    model, (features, ids, lengths) = full_width(module).eval(), inputs(images, captions)

    def literal() -> None:
        reference.scores(model, model.encode_images(features), model.encode_captions(ids, lengths), lengths)

    def ours() -> None:
        similarity_matrix(model, features, ids, lengths, kind)

    action = literal if kind == "reference" else ours
    action()
    time, pairs = seconds(action), images * captions
    gflop = (pairs * PAIR[module] + images * IMAGE + captions * CAPTION) / 1e3
    rate = product_rate(kind)
    return {"value": pairs / time, "share": gflop / time / rate, "product_gflops": rate}


def step(module: str, kind: str, batch: int) -> dict:
    """Seconds of one forward and backward pass of a batch, and memory above the model's."""
    keep_freed_memory()
    model, (features, ids, lengths) = full_width(module).train(), inputs(batch, batch)
    before = resident_mib()

    def action() -> None:
        regions, words = model.encode_images(features), model.encode_captions(ids, lengths)
        scorer = reference.scores if kind == "reference" else Matcher.scores
        Objective()(scorer(model, regions, words, lengths))["loss"].backward()

    with matmul_precision("float32" if kind == "reference" else kind):
        if kind != "reference":  # the loop takes most of a minute, and nothing of it needs to warm up
            action()
        return {"value": seconds(action), "before_mib": before}


def alternating(function, module: str, *arguments) -> dict:
    """Every kind in turn, several rounds, each in a fresh process; medians, spread and memory."""
    rounds = [{kind: alone(function, module, kind, *arguments) for kind in KINDS} for _ in range(REPEATS)]
    rows = {}
    for kind in KINDS:
        runs = [r[kind] for r in rounds]
        values = [run["value"] for run in runs]
        rows[kind] = {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
        rows[kind]["peak_mib"] = max(run["peak_mib"] - run.get("before_mib", 0) for run in runs)
        for key in ("share", "product_gflops"):
            if key in runs[0]:
                rows[kind][key] = statistics.median(run[key] for run in runs)
        rows[kind] = {key: round(value, 3) for key, value in rows[kind].items()}
        ours, loop = rows[kind]["median"], rows["reference"]["median"]
        rows[kind]["ratio"] = round(loop / ours if function is step else ours / loop, 2)
    return rows


def main() -> None:
    """Measure, print and write; a table that figures/bench.json has already is kept, unless `--again`."""
    result = {} if "--again" in sys.argv else read("bench")
    result |= {"threads": torch.get_num_threads(), "torch": torch.__version__, "repeats": REPEATS}
    tables = [("pairs a second", score, ())]
    tables += [(f"seconds a step, batch {batch}", step, (batch,)) for batch in BATCHES]
    for name, function, arguments in tables:
        for module in ("saf", "sgr"):
            rows = result.setdefault(module, {})
            if name not in rows:
                rows[name] = alternating(function, module, *arguments)
                write("bench", result)
            show(f"{module}, {name}", rows[name])


def show(name: str, rows: dict) -> None:
    """A line a kind."""
    for kind, row in rows.items():
        share = f"{row['share']:5.2f} of {row['product_gflops']:.0f} GFLOP/s" if "share" in row else ""
        print(
            f"{name:<30} {kind:<9} {row['median']:9.2f}  {row['ratio']:6.2f} x  "
            f"{row['peak_mib']:7.0f} MiB  {share}",
            flush=True,
        )


if __name__ == "__main__":
    main()
