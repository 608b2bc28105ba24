"""Human ratings of Flickr8k: do a model's scores order pairs of image and caption as people do?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vslnb.data.precomp import Split, read_lines
from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import as_array, owners

EXPERTS, CROWD = "ExpertAnnotations.txt", "CrowdFlowerAnnotations.txt"
REMEDY = "Take the file of the Flickr8k text archive as it is."


def read_ratings(path: Path, split: Split, values: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratings of pairs that lie in a split.

    Args:
        path: lines `photo<TAB>photo#number of the caption<TAB>ratings`.
        split: with Q captions an image, in the order of their numbers.
        values: how many ratings are read from a line.

    Returns:
        images (P,), captions (P,), ratings (P, values).

    Raises:
        InputError: for a line that does not hold a photo, a caption and ratings, with its number.
    """
    position = {name: number for number, name in enumerate(split.ids)}
    images, captions, ratings = [], [], []
    counts = np.broadcast_to(split.captions_per_image, len(split.ids))
    for number, line in enumerate(read_lines(path), start=1):
        try:
            photo, caption, *rest = line.split("\t")
            name, _, place = caption.rpartition("#")
            rating, which = [float(value) for value in rest[:values]], int(place)
        except ValueError:
            raise InputError(f"{path}, line {number}", "not a photo, a caption and ratings", REMEDY) from None
        if len(rating) < values or not 0 <= which < counts.max():
            raise InputError(f"{path}, line {number}", "not a photo, a caption and ratings", REMEDY)
        if photo in position and name in position:
            image = position[name]
            if which >= counts[image]:
                raise InputError(f"{path}, line {number}", "not a photo, a caption and ratings", REMEDY)
            images.append(position[photo])
            captions.append(counts[:image].sum() + which)
            ratings.append(rating)
    return np.array(images, int), np.array(captions, int), np.array(ratings).reshape(-1, values)


def rating_correlations(scores: Any, split: Split) -> dict[str, float]:
    """Kendall's tau of scores and human ratings, times 100.

    Args:
        scores: (N, Q*N) of the split.
        split: its folder has the two annotation files of Flickr8k.

    Returns:
        `expert`: tau-c, each of the three ratings an observation, an image's own captions left out.
        `crowd`: tau-b with the share of people who said yes. Empty where the files or the pairs are missing.

    Raises:
        InputError: for a damaged line.
    """
    scores, result = as_array(scores), {}
    for name, file, values, variant in (("expert", EXPERTS, 3, "c"), ("crowd", CROWD, 1, "b")):
        if not (split.folder / file).exists():
            continue
        images, captions, ratings = read_ratings(split.folder / file, split, values)
        owner = owners(len(split.ids), split.captions_per_image)
        kept = images != owner[captions] if name == "expert" else images >= 0
        given = scores[images[kept], captions[kept]]
        if len(given) > 1:
            from scipy.stats import kendalltau  # a second to load, for this data set alone

            tau = kendalltau(np.repeat(given, values), ratings[kept].ravel(), variant=variant).statistic
            result[name] = 100.0 * float(tau)
    return result
