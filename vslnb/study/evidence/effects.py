"""What every arm of the design changes: levels, gains in rsum, semantics, other measures, power."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vslnb.evaluation.intervals import Interval
from vslnb.evaluation.measures import (
    NCS_OTHERS,
    RECALLS,
    RSUM,
    SECONDARY,
    TAU_CROWD,
    TAU_EXPERT,
    MeasureName,
    measure_of,
)
from vslnb.study.comparison import gain_over_images
from vslnb.study.decision import format_interval
from vslnb.study.evidence.runs import MODULES, SHUFFLED, TITLES, TRIPLET, VSL, Panel, Study, as_panel
from vslnb.study.power import detectable

JUDGES = {RSUM: "rsum", TAU_EXPERT: "tau, experts", TAU_CROWD: "tau, crowd"}
OTHER_MEASURES = {
    MeasureName("R@1", "", "image_to_text"): "R@1, image to text",
    MeasureName("R@1", "", "text_to_image"): "R@1, text to image",
    NCS_OTHERS[0]: "NCS@10, image to text",
    NCS_OTHERS[1]: "NCS@10, text to image",
    SECONDARY[0]: "secondary, image to text",
    SECONDARY[1]: "secondary, text to image",
    TAU_EXPERT: "tau, experts",
    TAU_CROWD: "tau, crowd",
}
BY_MODULE = "gain in rsum over the triplet, by module"
# Hessel et al., EMNLP 2021: CLIPScore on the same ratings.
CLIPSCORE = {"CLIPScore, expert (published)": 51.2, "CLIPScore, crowd (published)": 34.4}


def mean_level(study: Study, module: str, arm: str, measure: MeasureName = RSUM) -> float:
    """The mean of a measure over the seeds that decide, and over the modules of `mean`."""
    return float(np.mean([measure_of(result, measure) for result in study.results(module, arm)]))


def level_table(study: Study) -> pd.DataFrame:
    """Recall and rsum on test, mean over seeds: columns module, arm, rsum and the six recalls."""
    rows = [
        {"module": TITLES[module], "arm": arm}
        | {str(name): mean_level(study, module, arm, name) for name in (RSUM, *RECALLS)}
        for module in MODULES
        for arm in study.design["arms"]
    ]
    return pd.DataFrame(rows)


def gain_panels(study: Study) -> dict[str, Panel]:
    """Gains in rsum over the triplet, a panel a module, an arm a row, by the module's title."""
    return {title: study.panel(module) for module, title in TITLES.items()}


def answer_panels(study: Study) -> dict[str, Panel]:
    """The answer as two panels of a forest plot: what decides and its control, and VSL over the triplet by module."""
    pairs = {
        "VSL over the triplet": (VSL, TRIPLET),
        "VSL over shuffled captions": (VSL, SHUFFLED),
        "shuffled captions over the triplet": (SHUFFLED, TRIPLET),
    }
    rows = {name: study.differences("mean", arm, against=against) for name, (arm, against) in pairs.items()}
    modules = {TITLES[module]: study.differences(module, VSL) for module in MODULES}
    return {"gain in rsum, mean of SAF, SGR, cosine": as_panel(rows), BY_MODULE: as_panel(modules)}


def gain_table(study: Study) -> pd.DataFrame:
    """Gains in rsum over the triplet with both kinds of interval, indexed by module and arm.

    Columns: the gain, its interval over seeds and p-value, and its interval over resampled test images.
    """
    rows = {}
    for module, title in TITLES.items():
        for arm in study.arms:
            seeds = study.gain(module, arm)
            pair = study.results(module, TRIPLET), study.results(module, arm)
            images = gain_over_images(*pair, [study.folder]) or Interval(*[np.nan] * 3)
            rows[title, arm] = {
                "gain": seeds.value,
                "seeds from": seeds.low,
                "seeds to": seeds.high,
                "p (seeds)": seeds.p,
                "images from": images.low,
                "images to": images.high,
            }
    return pd.DataFrame(rows).T


def semantics_panels(study: Study) -> dict[MeasureName, Panel]:
    """VSL minus the same loss on shuffled captions, by judge; a module a row."""
    return {
        judge: as_panel({t: study.differences(m, VSL, judge, SHUFFLED) for m, t in TITLES.items()})
        for judge in JUDGES
    }


def other_panels(study: Study) -> dict[MeasureName, Panel]:
    """What every arm changes over the triplet in every other measure, mean of SAF, SGR and cosine."""
    return {measure: study.panel("mean", measure) for measure in OTHER_MEASURES}


def other_table(study: Study) -> pd.DataFrame:
    """The same as text, indexed by measure: the triplet's level, what every arm changes, and VSL over its control."""
    columns = {
        TRIPLET: {n: f"{mean_level(study, 'mean', TRIPLET, m):.1f}" for m, n in OTHER_MEASURES.items()}
    }
    compared = {arm: (arm, TRIPLET) for arm in study.arms} | {f"{VSL} over {SHUFFLED}": (VSL, SHUFFLED)}
    for title, (arm, against) in compared.items():
        columns[title] = {
            name: format_interval(study.gain("mean", arm, measure, against))
            for measure, name in OTHER_MEASURES.items()
        }
    return pd.DataFrame(columns)


def ratings_table(study: Study) -> pd.DataFrame:
    """Kendall's tau with human ratings, triplet and VSL beside the published CLIPScore, indexed by module."""
    columns = {
        TITLES[module]: {
            f"{arm}, {judge.judge}": mean_level(study, module, arm, judge)
            for arm in (TRIPLET, VSL)
            for judge in (TAU_EXPERT, TAU_CROWD)
        }
        for module in MODULES
    }
    return pd.DataFrame(columns).T.assign(**CLIPSCORE)


def power_table(study: Study) -> pd.DataFrame:
    """The smallest true mean gain that is found with probability 0.8, indexed by module, an arm a column."""

    def smallest(module: str, arm: str) -> float:
        differences = study.differences(module, arm)
        return detectable(differences) if len(differences) > 1 else np.nan

    return pd.DataFrame({t: {arm: smallest(m, arm) for arm in study.arms} for m, t in TITLES.items()}).T


def without_offsets(study: Study, arm: str = VSL) -> np.ndarray:
    """The mean differences of an arm by seed, with the spread they would have if modules were independent.

    The interval over the seeds' means is narrow also where modules happen to offset each other.

    Returns:
        (seeds,), with the same mean as `study.differences("mean", arm)`.
    """
    each = np.array([study.differences(module, arm) for module in study.modules])
    means = each.mean(0)
    spread = np.sqrt(each.var(1, ddof=1).mean() / len(each))
    return means.mean() + (means - means.mean()) * spread / means.std(ddof=1)
