"""What the files of a run take, derived from what writes them (`vslnb.run_folder` lists them)."""

from __future__ import annotations

from typing import NamedTuple

import torch

from vslnb.config import Config, LossConfig
from vslnb.models import build_model
from vslnb.semantics import ORDERS
from vslnb.study.step_cost import DataSizes, fitted

FLOAT = 4  # bytes of a weight, a moment or a score
ENTRY = 8 + 4  # of a sparse matrix: a value in float64 and its column in int32
SENTENCE = 384  # numbers of a sentence's embedding


class RunSize(NamedTuple):
    """Bytes that a run leaves, and that it needs besides for moments while it trains."""

    kept: int
    aside: int


def size_of_run(config: Config, sizes: DataSizes) -> RunSize:
    """The large files of a run; its log, its results and its ranks are small beside them.

    Args:
        config: of the run.
        sizes: of the data it is trained on.
    """
    with torch.device("meta"):
        model = build_model(fitted(config, sizes))
    weights = FLOAT * sum(tensor.numel() for tensor in model.state_dict().values())
    moments = 2 * FLOAT * sum(weight.numel() for weight in model.parameters())  # Adam has two of each weight
    matrix = FLOAT * sizes.images["test"] * sizes.captions["test"]
    checkpoint = weights + moments
    # The best weights and the newest checkpoint stay. The next one is whole before it takes the place of the last.
    return RunSize(weights + checkpoint + matrix + size_of_space(config.loss, sizes), checkpoint)


def size_of_space(loss: LossConfig, sizes: DataSizes) -> int:
    """Bytes of the caption space that a run saves where its losses read one; none where they do not.

    Every n-gram counts as often as it is there; captions that repeat some, or have words of one letter, which `tfidf`
    does not read, take up to a fifth less.

    Args:
        loss: what the run minimises.
        sizes: of the data; its training captions make the space.
    """
    if not loss.reads_captions:
        return 0
    captions = sizes.captions["train"]
    if loss.captions_per_image:
        captions = min(captions, loss.captions_per_image * sizes.images["train"])
    if loss.similarity == "sentence":
        return captions * SENTENCE * FLOAT
    if loss.similarity == "tfidf":
        return round(captions * sizes.words * ENTRY)
    matrices = 2 if loss.similarity == "cider_d" else 1  # which tells candidates from references
    return round(matrices * captions * sum(max(0.0, sizes.words - n + 1) for n in ORDERS) * ENTRY)
