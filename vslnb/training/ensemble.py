"""SGRAF: the mean of an SGR's and a SAF's similarity matrices, as a run of its own without weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np

from vslnb.config import Config, ensemble_hash
from vslnb.data.precomp import file_hash, load_split, load_vocabulary
from vslnb.evaluation.ranks_file import write_ranks
from vslnb.evaluation.recall_at_k import recall
from vslnb.evaluation.summary import evaluate
from vslnb.recipes import run_name
from vslnb.retrieval.similarity import kept_scores
from vslnb.storage import write_json
from vslnb.training.run import Run, load_run


def sgraf(
    members: Sequence[Config],
    data: str | Path,
    results: str | Path,
    device: str = "auto",
    known: Sequence[dict] = (),
) -> dict:
    """Evaluate the mean of trained runs, or return what an earlier call found.

    Args:
        members: an SGR and a SAF of one arm and seed, trained, see `sweep`.
        data: their data set.
        results: where their folders are, and where this one goes.
        device: `auto`, `cuda`, `mps` or `cpu`.
        known: results that need not be computed again, found by their `config_hash`.

    Returns:
        The content of its results.json, with module `sgraf`.

    Raises:
        InputError: if a member is not trained.
    """
    first = members[0]
    name = run_name(first).replace(first.model.module, "sgraf", 1)
    run, parts = Run(Path(results) / name), [Run(Path(results) / run_name(member)) for member in members]
    found = {
        "name": name,
        "recipe": first.recipe.replace(f"-{first.model.module}", "-sgraf", 1),
        "module": "sgraf",
        "arm": first.arm,
        "seed": first.seed,
        "config_hash": ensemble_hash(members),
    }
    weights = [file_hash(part.best_file)[:12] for part in parts if part.best_file.exists()] or None
    found["weights"] = weights
    if run.results_file.exists():
        known = [*known, run.results()]
    for result in known:
        same = weights is None or result.get("weights", weights) == weights
        if result["config_hash"] == found["config_hash"] and same:
            return result
    vocabulary = load_vocabulary(data)
    models = {part.folder: load_run(part.folder, device)[0] for part in parts}
    run.folder.mkdir(parents=True, exist_ok=True)
    for name in ("dev", "test"):
        split = load_split(data, name).head(first.training.dev_images if name == "dev" else 0)
        matrices = [kept_scores(path, model, split, vocabulary) for path, model in models.items()]
        scores = reduce(np.add, matrices) / len(matrices)
        if name == "dev":
            found["dev"] = recall(scores, split.captions_per_image)
    evaluation = evaluate(scores, split)  # of the test split
    found |= {"test": evaluation.recall, "measures": evaluation.to_json()}
    write_ranks(run.folder, evaluation.ranks, split.captions_per_image)
    write_json(run.results_file, found)
    return found
