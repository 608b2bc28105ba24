"""The page to cite, figures/flickr8k/08_page.md: the tables and figures of notebook 08, with short captions."""

from __future__ import annotations

import pandas as pd

from vslnb.recipes import arm_recipe
from vslnb.study.decision import format_interval
from vslnb.study.evidence import effects
from vslnb.study.evidence.across import Across
from vslnb.study.evidence.dose import Dose
from vslnb.study.evidence.further import Further
from vslnb.study.evidence.general import General
from vslnb.study.evidence.known_relevance import KnownRelevance
from vslnb.study.evidence.means import Means
from vslnb.study.evidence.mechanism import FOLLOWED, WeightGradients, score_gradients
from vslnb.study.evidence.readings import AGAINST, DECIDES, FIRST_PLAN, Readings, readings_table, verdicts
from vslnb.study.evidence.runs import SHUFFLED, TRIPLET, VSL, Study
from vslnb.study.evidence.strength import Strength
from vslnb.study.markdown import markdown_table
from vslnb.study.power import spread_known_within

ARMS = pd.DataFrame(
    {
        TRIPLET: ["Eq. 2 alone"],
        VSL: ["with Eq. 5, soft ranks as Eq. 4 is printed"],
        "vsl-descending": ["the best item has rank 1"],
        "vsl-released": ["the ranks of the released code, and only its ranks"],
        SHUFFLED: ["vsl-paper with the captions exchanged among images by one fixed permutation a seed"],
    }
).T.reset_index(names="arm")
ARMS.columns = pd.Index(["arm", "loss"])


def headline(found: Readings) -> str:
    """The answer in one line, for the title of a figure."""
    decided = next(iter(found.values()))[DECIDES]
    firm = "a gain that we call unconfirmed" if _doubtful(found) else "the seeds of the first plan agree"
    return f"Flickr8k: VSL changes rsum by {format_interval(decided)}, {firm}"


def answer(study: Study, found: Readings) -> str:
    """What decides, and the same with the seeds that were first planned; intervals stand in a table."""
    decided, controlled = (intervals[DECIDES] for intervals in found.values())
    planned = next(iter(found.values()))[FIRST_PLAN]
    firm, met = (", **a gain that we call unconfirmed**", "not met") if _doubtful(found) else ("", "met")
    return (
        f"VSL changes rsum by {decided.value:+.1f} over the triplet loss alone and by {controlled.value:+.1f} over the "
        f"same loss on shuffled captions{firm}. With the seeds that were first planned, the rule written before the "
        f"runs is {met} (p = {planned.p:.2f}). One seed was then replaced after its result was known, and with the "
        f"seeds that count now the rule says \u201c{verdicts(study, found)[DECIDES]}\u201d (p = {decided.p:.2f})."
    )


def _doubtful(found: Readings) -> bool:
    """Whether the gain over the triplet is not shown with the seeds that were planned before any result was known."""
    return not next(iter(found.values()))[FIRST_PLAN].low > 0


def model_card(study: Study) -> pd.DataFrame:
    """The settings of the trained modules, a row each."""
    rows = []
    for module in study.modules:
        config = arm_recipe(study.design["dataset"], module, VSL)
        rows.append(
            {
                "module": module,
                "width": config.model.embed_dim,
                "epochs": config.training.epochs,
                "batch": config.training.batch_size,
                "rate": f"{config.training.learning_rate:g}",
                "beta": f"{config.loss.beta:g}",
                "tau": f"{config.loss.temperature:g}",
            }
        )
    return pd.DataFrame(rows)


def write_page(
    study: Study,
    gains: pd.DataFrame,
    found: Readings,
    weights: WeightGradients,
    further: Further,
    dose: Dose,
    stronger: Strength,
    known: KnownRelevance,
    means: Means,
    general: General,
) -> str:
    """The page as Markdown; its figures lie beside it.

    Args:
        study: the runs of the design.
        gains: as `effects.gain_table` returns them.
        found: what decides and its other readings.
        weights: gradients at the weights.
        further: the runs beyond the design.
        dose: the runs in the bundled world.
        stronger: the runs with several times the recipe's beta.
        known: their counterpart in the bundled world.
        means: of two of their trainings.
        general: the setting that was chosen from them, on fresh seeds.
    """
    parts = [
        f"# Does Visual Semantic Loss work? Flickr8k, small models, {study.state}",
        answer(study, found),
        f"These are means of SAF, SGR and cosine over {study.state}. Intervals are at 95 % over seeds.",
        *_protocol(study),
        *_gains(study, gains, found),
        *_other_measures(study),
        *_gradients(study, weights),
        *_strength(stronger, means, known, general),
        *_beyond(further, dose),
        *_card(study),
    ]
    return "\n\n".join(parts) + "\n"


def _protocol(study: Study) -> list[str]:
    return [
        "## Arms and rule",
        markdown_table(ARMS),
        "VSL works if the interval of its gain in rsum over the triplet lies above zero, for the mean of SAF, SGR "
        "and cosine. It works through semantics if its gain over vsl-shuffled does too. Everything else decides "
        "nothing: of twenty true zeros one will on average have an interval without zero.",
        f"First, seeds 0 to {study.planned - 1} were to count. Rate, beta and tau had been chosen on seed 0. It "
        f"became a pilot, and seed {study.planned} took its place, when its results were known, test included. "
        "Beta and tau were chosen for vsl-paper and the rate for the triplet; the control is not tuned.",
    ]


def _gains(study: Study, gains: pd.DataFrame, found: Readings) -> list[str]:
    low, high = spread_known_within(len(study.seeds))
    return [
        "## What decides, and other readings",
        "![What decides, and the same runs read in other ways](08_how_firm.png)",
        markdown_table(readings_table(found).reset_index(names="reading")),
        "*Modules independent*: the noise of the modules taken as independent. *750 photos of dev*: the same weights "
        "on the photos that chose no epoch; *250*: on those that did.",
        "![VSL over the triplet and over shuffled captions, and by module, seeds as points](08_gains.png)",
        "Triangles are the differences published for Flickr30K. They show the size of the claim, not the same "
        "quantity: data, features and width are others.",
        f"## Levels (test, mean over seeds)\n\n{markdown_table(effects.level_table(study))}",
        "## Gains in rsum over the triplet",
        "The interval over seeds is about other trainings on these photos, the one over images about these "
        "trainings on other queries.",
        markdown_table(gains.reset_index(names=["module", "arm"]), 2),
        "The smallest true mean gain that these seeds find with probability 0.8. The observed spread is taken for "
        f"the true one, which lies between {low:.1f} and {high:.1f} times as much.",
        markdown_table(effects.power_table(study).reset_index(names="module")),
        f"![VSL minus the same loss on shuffled captions ({', '.join(AGAINST)})](08_semantics.png)",
    ]


def _other_measures(study: Study) -> list[str]:
    return [
        "## Other measures",
        "The level of the triplet and what every arm changes, as the mean of SAF, SGR and cosine. *Secondary* is the "
        "percentage of wrong first results that share with the query only words of a single caption; fewer is better.",
        "![R@1 and NCS@10, an arm minus the triplet](08_top_of_the_list.png)",
        "![Secondary matches and human ratings, an arm minus the triplet](08_content_and_people.png)",
        markdown_table(effects.other_table(study).reset_index(names="measure")),
    ]


def _gradients(study: Study, weights: WeightGradients) -> list[str]:
    return [
        "## Gradients",
        "![VSL's gradient on the best tenth of a list, and at the weights](08_why.png)",
        "The trained models on 16 batches of dev. *VSL* is the value of the loss. *Rank correlation* is Kendall's tau "
        "of scores and caption similarity in percent, the pair itself left out. The last two columns are about the "
        "gradient of beta times VSL with respect to the weights: its length in percent of the triplet's, and its "
        "cosine with the triplet's.",
        markdown_table(weights.table(), 2),
        "![Rank correlation with caption similarity, an arm minus the triplet](08_order.png)",
        "The gradient of beta times VSL with respect to the scores, while training, as the mean over the epochs with "
        "VSL. The columns are the percentage of it on the best-scoring tenth of an image's row, its length over the "
        "triplet's, and its cosine with the triplet's. An even share would put 9.4 percent on that tenth.",
        markdown_table(score_gradients(study).rename(columns=FOLLOWED), 3),
        "![VSL's gradient with respect to SAF's scores through training](08_mechanism.png)",
    ]


def _beyond(further: Further, dose: Dose) -> list[str]:
    parts = []
    if len(table := further.table()):
        parts += [
            "## Beyond the design",
            "Every arm stands beside the triplet of its own settings, and that triplet beside the design's. "
            "*Collapsed* counts runs whose scores spread by less than 0.005 in the last epoch. By chance rsum is 3 and "
            "pairwise accuracy 50.",
            markdown_table(table),
            "The next runs are nearest to the paper: full width, batch 128, beta 10, and the hardest negatives late. "
            "*dev* has the 250 photos that chose the epoch.",
            markdown_table(further.nearest_table().reset_index(names="module")),
        ]
    if dose:
        slopes = pd.DataFrame([{"arm": name} | slope.known() for name, slope in dose.slopes().items()])
        parts += [
            "## A dose and its response, in the bundled world",
            "![Secondary mistakes by strength of secondary content](08_dose.png)",
            "The table says how the difference to the triplet, in secondary mistakes of a hundred captions, grows with "
            "the strength.",
            markdown_table(slopes, 3),
        ]
    return parts


def _strength(found: Strength, means: Means, known: KnownRelevance, general: General) -> list[str]:
    parts = []
    if found:
        parts += [
            "## A stronger VSL",
            "Every arm of the [design](../../experiments/strength.md) minus the triplet of its seed, mean over the "
            "seeds that exist. *Epoch* is the one whose weights count; in the first, VSL has not begun. *Gradient "
            "share* is the length of VSL's gradient at the weights in percent of the triplet's. *Dev rsum* is of the "
            "250 photos that choose the epoch. *Within photos* is the concordance with experts among one photo's "
            "candidates. *Centred* is the experts' tau after the mean score of each photo and each caption is taken "
            "away. *Secondary* is the share of wrong first results that are secondary matches, mean of both "
            "directions. NCS by sentence embeddings judges only what was not trained on them.",
            markdown_table(found.table()),
        ]
    if general:
        parts += [
            "## On fresh seeds",
            "The setting that the rule chose on dev, and what stands beside it. The figure is of `cosine`.",
            "![Experts' tau and rsum on fresh seeds](08_fresh_seeds.png)",
            general.block(found),
        ]
        if chosen := found.choice():
            parts += [
                "## On several architectures",
                "The same setting on every architecture that has it, its triplet and its control so far. rsum is "
                "counted in percent of the triplet's. One mean counts each architecture once; the random-effects "
                "mean stands beside it once every architecture has two seeds.",
                "![Experts' tau and rsum by architecture](08_architectures.png)",
                Across(general, chosen).block(),
            ]
    if means:
        parts += [
            "## Two trainings averaged",
            "The mean of two trainings' scores, of `cosine`, minus the mean of the two triplets of the same seeds. The "
            "pairs of seeds share their trainings, so there is no interval. *Epoch* is the earlier one whose weights count; "
            "in the first, VSL has not begun.",
            "![Experts' tau and rsum of two averaged trainings](08_means.png)",
            markdown_table(means.table()),
        ]
    if known:
        parts += [
            "## A stronger VSL where relevance is known, in the bundled world",
            "*The first picture fits*: of a hundred captions, how many have a picture first of which everything they "
            "say is true. *Shared main event*: NCS@10 by the parts of the main event that two scenes share, own "
            "captions left out, mean of both directions. The control of a strength has the paper's ranks.",
            markdown_table(known.table()),
        ]
    return parts


def _card(study: Study) -> list[str]:
    return [
        "## Model card",
        "Trained on Flickr8k's official split: 6,000 photos with five English captions each. Regions are the 36 "
        "cells of a frozen EfficientNet-Lite0 (ImageNet). Every arm takes the mean of the violating negatives; VSL "
        "begins after the first epoch. The models are sized for two cores and far from what the method reaches with "
        "detector features and full width. They are made to compare losses, not to be used: photos of 2013 and "
        "captions by crowd workers bring their biases. Weights and photos are not distributed.",
        markdown_table(model_card(study)),
        "`vslnb reproduce flickr8k --only 08 --figures` makes this page from the JSON here, in under a minute.",
    ]
