"""What notebook 09 compares: the architectures, what a pair costs each, and how often two of them agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from vslnb.config import ModelConfig, Module
from vslnb.figures.style import module_name
from vslnb.models import build_model
from vslnb.study.published import TABLE_II

REGIONS, WORDS, PAIRS = 36, 14, 4  # of a pair as the field has them; so many images and captions at a time


@dataclass(frozen=True)
class Architecture:
    """One row of the table.

    Attributes:
        year: of its paper; 0 for our own.
        idea: what it does, in one sentence.
        published: rsum on Flickr30K of a single model, in percent points; NaN where no source has all six recalls.
        source: whose number that is.
    """

    year: int
    idea: str
    published: float = float("nan")
    source: str = ""


ARCHITECTURES: dict[Module, Architecture] = {
    "vsepp": Architecture(
        2018,
        "One vector for a picture, one for a sentence; the score is their cosine.",
        442.3,
        "GPO's authors, with region features",
    ),
    "gpo": Architecture(
        2021, "As VSE++, but the model learns how to pool regions and words.", 498.1, "its authors"
    ),
    "vsrn": Architecture(
        2019,
        "Regions exchange information through a graph before they become one vector.",
        469.9,
        "its authors",
    ),
    "cosine": Architecture(
        0,
        "SGRAF's encoders alone: attention pools each item to one vector, and the score is their cosine.",
    ),
    "scan": Architecture(
        2018,
        "Each word looks at the regions that resemble it; the mean agreement is the score.",
        446.2,
        "its authors",
    ),
    "imram": Architecture(
        2020,
        "SCAN's attention several times, with a memory that rewrites the words in between.",
        484.2,
        "its authors",
    ),
    "chan": Architecture(
        2023, "Each word takes the single region that fits it best; all others are left out."
    ),
    "saf": Architecture(
        2021,
        "Vectors of similarity, a word each, are weighed by attention.",
        sum(TABLE_II["SAF*"]),
        "the paper of VSL",
    ),
    "sgr": Architecture(
        2021,
        "The same vectors of similarity reason in a graph before they become a score.",
        sum(TABLE_II["SGR*"]),
        "the paper of VSL",
    ),
}


def megaflops_of_a_pair(module: Module) -> float:
    """What the score of one more pair costs at full width once both items are encoded, in millions of operations.

    A multiplication and an addition count as two; only products of matrices are counted. A picture has 36 regions, a
    sentence 14 words.

    >>> round(megaflops_of_a_pair("vsepp"), 3)  # a dot product of 1,024 numbers
    0.002
    """
    model = build_model(ModelConfig(module, vocab_size=50, feature_dim=64)).eval()
    lengths = torch.full((PAIRS,), WORDS)
    ids = torch.randint(1, 50, (PAIRS, WORDS), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        images = model.image_items(model.encode_images(torch.rand(PAIRS, REGIONS, 64)))
        captions = model.caption_items(model.encode_captions(ids, lengths), lengths)
        with FlopCounterMode(display=False) as counted:
            model.pair_scores(images, captions, lengths)
    return counted.get_total_flops() / PAIRS**2 / 1e6


def table() -> pd.DataFrame:
    """All architectures, those of one kind together, with what a pair costs and what was published, by module."""
    rows = {
        module: {
            "architecture": module_name(module),
            "year": str(one.year or "ours"),
            "idea": one.idea,
            "MFLOP a pair": megaflops_of_a_pair(module),
            "published rsum": one.published,
            "source": one.source,
        }
        for module, one in ARCHITECTURES.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def agreement(first: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """How often two models put the same item first, in percent of the queries.

    Args:
        first: by model, the first result of every query, in the same order of queries.

    Returns:
        A square frame; its diagonal is 100.

    >>> agreement({"a": np.array([1, 2, 3, 4]), "b": np.array([1, 2, 0, 0])})
           a      b
    a  100.0   50.0
    b   50.0  100.0
    """
    names = list(first)
    return pd.DataFrame(
        [[100.0 * float(np.mean(first[a] == first[b])) for b in names] for a in names], names, names
    )
