"""`make bench`: the fast similarity and training step beside the literal loops, at full width."""

from __future__ import annotations

import statistics
import sys

import torch

from measure import ROOT, alone, seconds, write
from vslnb.config import ModelConfig
from vslnb.losses import Objective
from vslnb.memory import keep_freed_memory
from vslnb.models import Matcher
from vslnb.retrieval import similarity_matrix

sys.path.insert(0, str(ROOT / "tests"))
import reference  # noqa: E402

IMAGES, CAPTIONS, WORDS, BATCH, REPEATS = 64, 64, 15, 32, 5


def full_width(module: str) -> Matcher:
    """36 regions of 2048, D = 1024, S = 256, words of 300, and 8,000 of them."""
    torch.manual_seed(0)
    return Matcher(ModelConfig(module, vocabulary=8000))


def inputs(images: int, captions: int) -> tuple:
    """Random features, word ids and lengths."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(images, 36, 2048, generator=generator)
    ids = torch.randint(4, 8000, (captions, WORDS), generator=generator)
    return features, ids, torch.full((captions,), WORDS)


def score(module: str, kind: str) -> dict:
    """Median pairs a second of one way to score."""
    keep_freed_memory()
    model, (features, ids, lengths) = full_width(module).eval(), inputs(IMAGES, CAPTIONS)

    @torch.inference_mode()
    def literal() -> None:
        reference.scores(model, model.encode_images(features), model.encode_captions(ids, lengths), lengths)

    def ours() -> None:
        similarity_matrix(model, features, ids, lengths, kind)

    action = literal if kind == "reference" else ours
    action()
    return {"pairs_per_second": IMAGES * CAPTIONS / seconds(action)}


def step(module: str, kind: str) -> dict:
    """Seconds of one forward and backward pass of a batch."""
    keep_freed_memory()
    model, (features, ids, lengths) = full_width(module).train(), inputs(BATCH, BATCH)

    def action() -> None:
        regions, words = model.encode_images(features), model.encode_captions(ids, lengths)
        scorer = reference.scores if kind == "reference" else Matcher.scores
        Objective()(scorer(model, regions, words, lengths))["loss"].backward()

    action()
    return {"seconds": seconds(action)}


def alternating(function, module: str, kinds: tuple, key: str) -> dict:
    """Every kind in turn, several rounds, each in a fresh process; medians, spread and memory."""
    rounds = [{kind: alone(function, module, kind) for kind in kinds} for _ in range(REPEATS)]
    rows = {}
    for kind in kinds:
        values = [r[kind][key] for r in rounds]
        rows[kind] = {
            key: round(statistics.median(values), 3),
            "lowest": round(min(values), 3),
            "highest": round(max(values), 3),
            "peak_mib": max(r[kind]["peak_mib"] for r in rounds),
        }
    return rows


def main() -> None:
    """Measure, print and write."""
    result = {"threads": torch.get_num_threads(), "torch": torch.__version__, "repeats": REPEATS}
    for module in ("saf", "sgr"):
        scored = alternating(score, module, ("reference", "float32", "bfloat16"), "pairs_per_second")
        trained = alternating(step, module, ("reference", "float32"), "seconds")
        result[module] = {"score": scored, f"step at batch {BATCH}": trained}
        for kind, row in scored.items():
            ratio = row["pairs_per_second"] / scored["reference"]["pairs_per_second"]
            speed, memory = row["pairs_per_second"], row["peak_mib"]
            print(f"{module} {kind:<9} {speed:8.0f} pairs/s  {ratio:5.2f} x  {memory:6} MiB")
        for kind, row in trained.items():
            ratio = trained["reference"]["seconds"] / row["seconds"]
            print(
                f"{module} {kind:<9} {row['seconds']:8.2f} s/step   {ratio:5.2f} x  {row['peak_mib']:6} MiB"
            )
    write("bench", result)


if __name__ == "__main__":
    main()
