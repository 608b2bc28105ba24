"""NCS@10 against its literal loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from vslnb.evaluation.ncs import ncs

sizes = (st.integers(1, 6), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.integers(0, 999))


@settings(max_examples=50, deadline=None)
@given(*sizes)
def test_ncs_equals_the_loops(images, per_image, k, own, seed):
    rng = np.random.default_rng(seed)
    shape = images, images * per_image
    scores, relevance = rng.integers(0, 4, shape).astype(float), rng.integers(0, 3, shape) / 2
    found = ncs(scores, relevance, k, own, per_image)
    np.testing.assert_allclose(list(found.values()), reference.ncs(scores, relevance, k, own, per_image))


def test_ncs_of_the_best_order_is_100_and_never_more():
    relevance = np.random.default_rng(0).random((6, 30))
    assert ncs(relevance, relevance) == pytest.approx({"image_to_text": 100, "text_to_image": 100})
    assert all(value < 100 for value in ncs(-relevance, relevance, 3).values())
    with pytest.raises(ValueError, match="differ"):
        ncs(relevance, relevance[:5])
