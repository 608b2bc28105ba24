"""All differences between the paper and its released code that are known, each with what it does (notebook 07)."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd


class Difference(NamedTuple):
    """One difference; a dash where one of the two says nothing."""

    about: str
    paper: str
    released: str
    effect: str


DIFFERENCES = (
    Difference(
        "rank",
        "Eq. 4 compares an entry with the others of its row; the best has the highest rank",
        "compares the entries of a row with those of the column of the same number; the best has rank 1",
        "a true rank on symmetric matrices such as C, none on the scores",
    ),
    Difference(
        "similarity of captions",
        "CIDEr, n-grams with TF-IDF",
        "cosine of TF-IDF of single words",
        "most, not all, of the nearest pictures stay the same",
    ),
    Difference(
        "tau",
        "0.001",
        "0.001, and the exponent is cut at 50",
        "nothing: no gradient was left there. A tau so small silences most comparisons in both",
    ),
    Difference(
        "embedding size",
        "2048",
        "1024; the features of a region have 2048",
        "half the width that the paper states",
    ),
    Difference(
        "schedules",
        "Flickr30K: 25 + 20 epochs (SGR), 10 + 15 (SAF); MSCOCO: 10 + 15",
        "Flickr30K: 25 + 15 (SGR), 15 + 15 (SAF); MSCOCO: 10 + 15",
        "other lengths of training; both are recipes here",
    ),
    Difference(
        "baseline",
        '"reproduced through public code"',
        "SGRAF's code has another rate and schedule",
        "a published gain may hold two changes at once: the loss and the recipe",
    ),
    Difference(
        "memory of the captions",
        "—",
        "a dense matrix in float64",
        "20 GB on Flickr30K, of which nearly all is zero; sparse it is 18 MB",
    ),
    Difference(
        "memory of the features",
        "—",
        "all regions in memory; each image five times in the evaluation",
        "33 GB on MSCOCO, where one batch is enough",
    ),
    Difference(
        "means over five folds",
        "MSCOCO 1K",
        "prints other columns than its labels say",
        "a printed rsum that is no rsum",
    ),
    Difference(
        "ensemble and set-up",
        "SGRAF is the mean of SGR and SAF",
        "loads SGR's weights into SAF; misses a module; needs CUDA; cannot resume",
        "the SGRAF rows cannot be made with it as it is",
    ),
    Difference(
        "number of runs",
        "not stated",
        "sets no seed",
        "no way to tell a gain from the noise of training",
    ),
    Difference(
        "equal scores",
        "—",
        "the last in the file comes first",
        "a model that scores all pairs alike finds some ground truths; here a tie counts against the model",
    ),
    Difference(
        "SAF's batch normalisation",
        "—",
        "in training, one caption at a time",
        "nearly nothing; here the same, however the work is cut",
    ),
    Difference(
        "negatives",
        "Eq. 2 leaves it open",
        "the hardest, from the first step",
        "training can collapse: all scores equal",
    ),
    Difference(
        "score",
        "Eq. 1, cosine of two vectors",
        "SGRAF's learned score of aligned words and regions",
        "both are here, as `cosine` and as `saf`, `sgr`",
    ),
    Difference(
        "loss on the text side",
        "Eq. 7 ranks the columns of S",
        "commented out, and ranks the rows",
        "another loss under the same name",
    ),
    Difference(
        "sum and mean",
        "Eq. 2 is one triplet, Eq. 5 a mean over pairs",
        "the triplet loss is a sum over the batch",
        "one beta weighs less the larger the batch, so Table III mixes two effects",
    ),
    Difference(
        "entries of the tables",
        "two baselines of SGRAF; two modules share three numbers; one recall falls where all are said to rise",
        "—",
        "shown here as published, beside this remark",
    ),
)


def difference_table() -> pd.DataFrame:
    """All differences as text, numbered from 1.

    >>> difference_table().loc[3, "about"], len(difference_table())
    ('tau', 18)
    """
    heads = {"paper": "the paper", "released": "the released code", "effect": "what it does"}
    frame = pd.DataFrame(DIFFERENCES, index=range(1, len(DIFFERENCES) + 1))
    return frame.rename(columns=heads).rename_axis("no.")
