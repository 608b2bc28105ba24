"""Ranks come back from their file."""

import numpy as np
import pytest

from vslnb.errors import InputError
from vslnb.evaluation.intervals import recalls_by_image
from vslnb.evaluation.ranks_file import read_recalls_by_image, write_ranks
from vslnb.evaluation.recall_at_k import positive_ranks


def random_scores(seed):
    return np.random.default_rng(seed).random((10, 50)).astype(np.float32)


def test_ranks_come_back_from_their_file(tmp_path):
    ranks = positive_ranks(random_scores(0))
    write_ranks(tmp_path, ranks)
    np.testing.assert_array_equal(read_recalls_by_image(tmp_path), recalls_by_image(ranks))
    (tmp_path / "ranks.json").unlink()
    with pytest.raises(InputError, match="ranks.json"):
        read_recalls_by_image(tmp_path)
