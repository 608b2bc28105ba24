"""Where everything of a run stands: the one place that knows the files of its folder.

    config.json         all settings
    environment.json    versions, device, the data set's folder and hash
    metrics.jsonl       the log: a line every ten steps, a line an epoch
    best.safetensors    the weights of the best epoch on dev
    last/               the newest checkpoint: model, optimizer, progress
    semantics.npz       the caption space that the losses read
    results.json        recall and further measures; its presence says that the run is complete
    ranks.json          ranks of the test queries, for paired intervals over images
    stopped.json        the batch at which training went wrong, if it did
    scores/SPLIT        similarity matrices that were computed
    galleries/          encoded images and captions for search

Everything is written aside and renamed, so that a kill at any moment leaves the old file or the new one; meanwhile
there may be `.lock`, `last.new` and `last.old`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def _file(name: str) -> property:
    return property(lambda self: self.folder / name, doc=f"The path of {name}.")


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run; what they hold is listed at the top of this file.

    >>> RunFolder(Path("runs/saf")).best_file.as_posix()
    'runs/saf/best.safetensors'
    """

    folder: Path

    config_file = _file("config.json")
    environment_file = _file("environment.json")
    log_file = _file("metrics.jsonl")
    best_file = _file("best.safetensors")
    last_folder = _file("last")
    new_last_folder = _file("last.new")
    old_last_folder = _file("last.old")
    space_file = _file("semantics.npz")
    results_file = _file("results.json")
    ranks_file = _file("ranks.json")
    stopped_file = _file("stopped.json")
    scores_folder = _file("scores")
    galleries_folder = _file("galleries")

    def may_write(self, folder: Path) -> bool:
        """Whether something can be kept in a folder of the run, which may not be there yet."""
        return os.access(folder if folder.exists() else self.folder, os.W_OK)
