"""Human ratings of Flickr8k: do a model's scores order pairs of image and caption as people do?"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class ExpertPairs:
    """Pairs of image and caption that experts rated, an image's own captions left out.

    Attributes:
        images: (P,) positions in the split.
        captions: (P,) positions in the split.
        ratings: (P, 3), from 1 to 4.
    """

    images: np.ndarray
    captions: np.ndarray
    ratings: np.ndarray

    @classmethod
    def of(cls, split: Split) -> ExpertPairs:
        """Those of a split whose folder has the file of Flickr8k.

        Raises:
            InputError: for a missing file or a damaged line.
        """
        images, captions, ratings = read_ratings(split.folder / EXPERTS, split, 3)
        kept = images != owners(len(split.ids), split.captions_per_image)[captions]
        return cls(images[kept], captions[kept], ratings[kept])

    def tau(self, given: np.ndarray) -> float:
        """Kendall's tau-c of a score a pair (P,) with its three ratings, times 100.

        >>> pairs = ExpertPairs(np.array([0, 0]), np.array([7, 8]), np.array([[1, 1, 2], [3, 4, 4]]))
        >>> pairs.tau(np.array([0.1, 0.9]))
        100.0
        """
        from scipy.stats import kendalltau  # a second to load, for this data set alone

        found = kendalltau(np.repeat(given, self.ratings.shape[1]), self.ratings.ravel(), variant="c")
        return 100.0 * float(found.statistic)

    def within_photos(self, given: np.ndarray) -> float:
        """Concordance among the candidates of one photo, in percent: what a score says beyond which photo it is.

        Of all two captions of one photo whose mean ratings differ, the share in the order of the ratings minus the
        share in the other order; equal scores are in neither. NaN where there are no such two.

        >>> pairs = ExpertPairs(np.array([0, 0, 1]), np.array([7, 8, 9]), np.array([[1], [2], [4]]))
        >>> pairs.within_photos(np.array([0.9, 0.1, 0.5]))
        -100.0
        """
        mean, agree, compared = self.ratings.mean(1), 0.0, 0
        for photo in np.unique(self.images):
            at = np.flatnonzero(self.images == photo)
            one, other = (at[side] for side in np.triu_indices(len(at), 1))
            order = np.sign(mean[one] - mean[other])
            agree += float((order * np.sign(given[one] - given[other])).sum())
            compared += int((order != 0).sum())
        return 100.0 * agree / compared if compared else float("nan")


def centred(scores: np.ndarray) -> np.ndarray:
    """Scores (N, C) less the mean of each image and of each caption, plus the mean of all.

    >>> centred(np.array([[1.0, 2.0], [11.0, 12.0]])).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    return scores - scores.mean(1, keepdims=True) - scores.mean(0, keepdims=True) + scores.mean()


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
    if (split.folder / EXPERTS).exists():
        pairs = ExpertPairs.of(split)
        if len(pairs.images) > 1:
            result["expert"] = pairs.tau(scores[pairs.images, pairs.captions])
    if (split.folder / CROWD).exists():
        images, captions, ratings = read_ratings(split.folder / CROWD, split, 1)
        if len(images) > 1:
            from scipy.stats import kendalltau

            tau = kendalltau(scores[images, captions], ratings[:, 0], variant="b").statistic
            result["crowd"] = 100.0 * float(tau)
    return result
