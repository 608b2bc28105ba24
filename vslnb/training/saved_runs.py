"""Evaluate trained runs and released checkpoints: one similarity matrix after the other, each ranked once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vslnb import distributed
from vslnb.data.changes import notice_changes
from vslnb.data.precomp import SPLITS, Split, load_split, load_vocabulary
from vslnb.device import resolve_device
from vslnb.errors import InputError
from vslnb.evaluation.summary import Evaluation, evaluate_runs
from vslnb.retrieval.shortlist import shortlist_scores
from vslnb.retrieval.similarity import split_scores
from vslnb.training.run import load_matcher


def evaluate_saved_runs(
    runs: Sequence[Path],
    split: Split,
    ensemble: bool = False,
    folds: int = 1,
    keep: Path | None = None,
    shortlist: int = 1,
    precision: str = "float32",
    device: str = "auto",
    progress: bool = False,
) -> dict[str, Evaluation]:
    """Evaluations by run; of several processes the first has them, the others return nothing.

    Args:
        runs: run folders, or released checkpoints.
        split: whose captions are the queries.
        ensemble: also evaluate the mean of all matrices.
        folds: more than 1 gives the mean recall over so many parts of the gallery.
        keep: a folder that keeps the matrices, so that a second call goes on with them.
        shortlist: compare in full only the best 1/N of a query's gallery; 1 is exact.
        precision: `float32` or `bfloat16`.
        device: `auto`, `cuda`, `mps` or `cpu`.
        progress: show progress bars.

    Raises:
        InputError: for runs that do not fit the data set, or options that do not go together.
    """
    if shortlist > 1 and distributed.world_size_from_env() > 1:
        raise InputError("--shortlist", "works in one process", "Leave out torchrun.")
    if keep and shortlist > 1:
        raise InputError("--keep", "a matrix by shortlist is not kept", "Leave out one of the two.")
    notice_changes(split.folder)
    matrices = _score(runs, split, keep, shortlist, precision, device, progress)
    with distributed.process_group(resolve_device(device)):
        if distributed.process_index() == 0:
            return evaluate_runs(matrices, split, folds, ensemble)
        for _ in matrices:  # this process scores its shard; the first one gathers the whole
            pass
    return {}


def open_split(data: Path, name: str) -> Split:
    """A split of a data set to evaluate on.

    Raises:
        InputError: naming those that are there, if it is not.
    """
    there = [one for one in SPLITS if (data / f"{one}_ims.npy").exists()]
    if not there:
        problem = "no data set is here" if data.is_dir() else "there is no such folder"
        raise InputError(data, problem, "Make one with `vslnb import` or `vslnb world`.")
    if name not in there:
        raise InputError(f"--split {name}", f"not in {data}", f"Use one of {', '.join(there) or 'none'}.")
    return load_split(data, name)


def _score(
    runs: Sequence[Path],
    split: Split,
    keep: Path | None,
    shortlist: int,
    precision: str,
    device: str,
    progress: bool,
) -> Iterator[tuple[str, np.ndarray]]:
    vocabulary = load_vocabulary(split.folder)
    for run in runs:
        model = load_matcher(run, split, vocabulary, device)
        if shortlist > 1:
            yield str(run), shortlist_scores(model, split, vocabulary, shortlist, precision, progress)
        else:
            place = keep and keep / f"{run.name}-{split.name}-{precision}"
            yield str(run), split_scores(model, split, vocabulary, precision, progress, place)
