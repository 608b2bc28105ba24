"""Captions exchanged among a share of the images."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vslnb.config import Config
from vslnb.data.noise import exchange_captions
from vslnb.data.precomp import Split
from vslnb.errors import InputError


def split_of(counts, equal):
    """Images with so many captions each; a caption names its image."""
    captions = [f"caption {k} of {image}" for image, count in enumerate(counts) for k in range(count)]
    features = np.zeros((len(counts), 1, 1), np.float32)
    ids = [str(image) for image in range(len(counts))]
    return Split(None, "train", features, captions, ids, counts[0] if equal else tuple(counts))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(2, 40),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 99),
    st.one_of(st.integers(1, 5), st.lists(st.integers(1, 4), min_size=40, max_size=40)),
)
def test_the_number_is_exact_and_nothing_is_lost(images, ratio, seed, counts):
    equal = isinstance(counts, int)
    split = split_of([counts] * images if equal else counts[:images], equal)
    count = round(ratio * images)
    if ratio and count < 2:
        with pytest.raises(InputError, match=f"noise_ratio={ratio}: of {images} images this is {count}"):
            exchange_captions(split, ratio, seed)
        return
    noisy, exchanged = exchange_captions(split, ratio, seed)
    assert len(exchanged) == len(set(exchanged)) == count and list(exchanged) == sorted(exchanged)
    assert Counter(noisy.captions) == Counter(split.captions) and len(noisy) == len(split)
    names = [caption.rpartition(" ")[2] for caption in noisy.captions]
    for image in range(images):
        owners = {name for name, owner in zip(names, noisy.owner) if owner == image}
        assert len(owners) == 1  # all captions of an image move together
        assert (owners == {str(image)}) == (image not in exchanged)
    again, same = exchange_captions(split, ratio, seed)
    assert again.captions == noisy.captions and np.array_equal(same, exchanged)
    assert noisy.features is split.features and noisy.ids == split.ids


def test_another_seed_chooses_others():
    split = split_of([2] * 30, True)
    assert len({tuple(exchange_captions(split, 0.3, seed)[1]) for seed in range(5)}) == 5
    assert exchange_captions(split, 0.0, 0)[0] is split


@pytest.mark.parametrize("ratio", [-0.1, 1, 1.5, "nan", "much"])
def test_a_ratio_that_cannot_be_is_refused(ratio):
    with pytest.raises(InputError, match="noise_ratio"):
        Config("mine").with_settings({"training.noise_ratio": ratio})
