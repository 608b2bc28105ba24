"""The ranks of a run's test queries, kept beside its results, from which paired intervals over images are had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vslnb.evaluation.intervals import recalls_by_image
from vslnb.evaluation.recall_at_k import DIRECTIONS
from vslnb.run_folder import RunFolder
from vslnb.storage import read_json, write_json

COUNTS = "captions_per_image"  # beside the ranks, where images have unequal numbers of captions


def write_ranks(run: Path, ranks: dict[str, np.ndarray], captions_per_image: int | Sequence[int] = 5) -> None:
    """Keep the ranks of the test queries in a run's folder.

    Args:
        run: the folder.
        ranks: as `positive_ranks` returns them.
        captions_per_image: Q, or one count an image.
    """
    unequal = {} if isinstance(captions_per_image, int) else {COUNTS: list(captions_per_image)}
    write_json(
        RunFolder(run).ranks_file,
        {direction: values.tolist() for direction, values in ranks.items()} | unequal,
    )


def read_recalls_by_image(run: Path) -> np.ndarray:
    """What every test image adds to the recalls of a run, (N, 7), see `recalls_by_image`.

    Raises:
        InputError: for a file that is missing or damaged.
    """
    ranks = read_json(RunFolder(run).ranks_file, "Train the run again.", DIRECTIONS)
    by_direction = {direction: np.asarray(ranks[direction]) for direction in DIRECTIONS}
    return recalls_by_image(by_direction, ranks.get(COUNTS, 5))
