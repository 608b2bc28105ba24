"""The table of notebook 09: every architecture is in it, and its costs are the products that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest

from vslnb.config import MODULES
from vslnb.study.architectures import ARCHITECTURES, REGIONS, WORDS, agreement, megaflops_of_a_pair, table
from vslnb.study.published import TABLE_II


def test_every_architecture_is_in_the_table_with_its_published_sum():
    rows = table()
    assert set(rows.index) == set(MODULES) == set(ARCHITECTURES)
    assert rows.loc["saf", "published rsum"] == pytest.approx(sum(TABLE_II["SAF*"]))
    assert (rows["published rsum"].isna() == (rows["source"] == "")).all()


@pytest.mark.parametrize("module", ["vsepp", "gpo", "vsrn", "cosine"])
def test_a_pair_of_two_vectors_costs_their_dot_product(module):
    assert megaflops_of_a_pair(module) == pytest.approx(2 * 1024 / 1e6)


def test_a_pair_of_scan_costs_its_attention():
    # Every word with every region, and what a word attends to: at least two products of W x R x D.
    products = 2 * WORDS * REGIONS * 1024 / 1e6
    assert products < megaflops_of_a_pair("scan") < 3 * products
    assert megaflops_of_a_pair("imram") > 50 * megaflops_of_a_pair("scan")


def test_agreement_counts_equal_first_results():
    first = {"a": np.array([3, 1, 2]), "b": np.array([3, 0, 2]), "c": np.array([0, 0, 0])}
    found = agreement(first)
    for one in first:
        for other in first:
            same = sum(x == y for x, y in zip(first[one], first[other]))
            assert found.loc[one, other] == pytest.approx(100 * same / 3)
    assert isinstance(found, pd.DataFrame) and list(found) == list(first)
