"""Noisy correspondence: training images some of which have the captions of others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vslnb.data.precomp import Split
from vslnb.errors import InputError


def exchange_captions(split: Split, ratio: float, seed: int) -> tuple[Split, np.ndarray]:
    """Exchange the captions of a share of the images, so that each of these has those of another.

    All captions of an image move together, and the number of images is exact. (NCR's program shuffles single
    captions, some of which stay where they were.)

    Args:
        split: of N images.
        ratio: share of the images, from 0 to below 1; their number is rounded.
        seed: that the choice of images and of captions follows from.

    Returns:
        The split with the captions exchanged, and the numbers of those images, ascending.

    Raises:
        InputError: for a share of a single image, which has none to exchange with, or of none.
    """
    count = round(ratio * len(split))
    if not ratio:
        return split, np.empty(0, dtype=int)
    if count < 2:
        problem = f"of {len(split)} images this is {count}, and captions are exchanged among two or more"
        raise InputError(f"training.noise_ratio={ratio}", problem, "Set a larger share, or 0.")
    chosen = np.random.default_rng([seed, *b"noise"]).permutation(len(split))[:count]
    source = np.arange(len(split))
    source[chosen] = np.roll(chosen, 1)  # in a circle, so that none keeps its own
    captions = [split.captions[k] for image in source for k in range(*split.starts[image : image + 2])]
    counts = split.captions_per_image
    if isinstance(counts, tuple):
        counts = tuple(counts[image] for image in source)
    return replace(split, captions=captions, captions_per_image=counts), np.sort(chosen)
