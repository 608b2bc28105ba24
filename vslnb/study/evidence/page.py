"""The page to cite, figures/flickr8k/08_page.md: the tables and figures of notebook 08, with short captions."""

from __future__ import annotations

import pandas as pd

from vslnb.recipes import arm_recipe
from vslnb.study import published
from vslnb.study.decision import format_interval, format_intervals
from vslnb.study.evidence import effects
from vslnb.study.evidence.dose import Dose
from vslnb.study.evidence.further import Further
from vslnb.study.evidence.mechanism import FOLLOWED, WeightGradients, score_gradients
from vslnb.study.evidence.readings import AGAINST, DECIDES, Readings, readings_table, shown, verdicts
from vslnb.study.evidence.runs import MODULES, SHUFFLED, TITLES, TRIPLET, VSL, Study
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


def answer(study: Study, found: Readings) -> str:
    """What decides, in three sentences with the numbers filled in."""
    gain, over_shuffled = (format_interval(intervals[DECIDES]) for intervals in found.values())
    counts = shown(found)
    others = len(next(iter(found.values()))) - 1
    return (
        f"VSL changes rsum by {gain} over the triplet and by {over_shuffled} over the same loss on shuffled "
        f"captions (mean of SAF, SGR and cosine, {study.state}, 95 % intervals over seeds). By the rule written "
        f"before the runs: {verdicts(study, found)[DECIDES]}. Of {others} other readings of the same runs "
        + " and ".join(f"{count} show the gain {label}" for label, count in counts.items())
        + "."
    )


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
) -> str:
    """The page as Markdown; its figures lie beside it.

    Args:
        study: the runs of the design.
        gains: as `effects.gain_table` returns them.
        found: what decides and its other readings.
        weights: gradients at the weights.
        further: the runs beyond the design.
        dose: the runs in the bundled world.
    """
    parts = [
        f"# Does Visual Semantic Loss work? Flickr8k, small models, {study.state}",
        answer(study, found),
        *_protocol(study),
        *_gains(study, gains, found),
        *_other_measures(study),
        *_gradients(study, weights),
        *_beyond(further, dose),
        *_card(study),
    ]
    return "\n\n".join(parts) + "\n"


def _protocol(study: Study) -> list[str]:
    return [
        "## Arms and rule",
        markdown_table(ARMS),
        "VSL works if the interval over seeds of its gain in rsum over the triplet, mean of SAF, SGR and cosine, "
        "lies above zero; through semantics, if its gain over vsl-shuffled does too. Everything else decides "
        "nothing: of twenty true zeros one will on average have an interval without zero.",
        f"First, seeds 0 to {study.planned - 1} were to count. That seed 0, on which rate, beta and tau were chosen, "
        f"is a pilot and seed {study.planned} takes its place was decided when its results, test included, were "
        "known. Beta and tau were chosen for vsl-paper, the rate for the triplet; the control is not tuned.",
    ]


def _gains(study: Study, gains: pd.DataFrame, found: Readings) -> list[str]:
    low, high = spread_known_within(len(study.seeds))
    modules = {TITLES[module]: study.gain(module, VSL) for module in MODULES}
    published_gains = published.published_gains(published.TABLE_II)
    claimed = ", ".join(f"{module} {gain:+.1f}" for module, gain in published_gains.items())
    return [
        "## What decides, and other readings",
        "![What decides, and the same runs read in other ways](08_how_firm.png)",
        markdown_table(readings_table(found).reset_index(names="reading")),
        "*Modules independent*: the noise of the modules taken as independent. *750 photos of dev*: the same weights "
        "on the photos that chose no epoch; *250*: on those that did.",
        "![VSL over the triplet and over shuffled captions, and by module, seeds as points](08_gains.png)",
        f"By module, over the triplet: {format_intervals(modules)}. Triangles are differences published for "
        f"Flickr30K ({claimed}): another regime, the size of the claim and not the same quantity.",
        f"## Levels (test, mean over seeds)\n\n{markdown_table(effects.level_table(study))}",
        "## Gains in rsum over the triplet",
        "The interval over seeds is about other trainings on these photos, the one over images about these "
        "trainings on other queries.",
        markdown_table(gains.reset_index(names=["module", "arm"]), 2),
        "The smallest true mean gain that is found with probability 0.8, taking the observed spread for the true one "
        f"(the spread of {len(study.seeds)} seeds is known within {low:.1f} to {high:.1f} times):",
        markdown_table(effects.power_table(study).reset_index(names="module")),
        f"![VSL minus the same loss on shuffled captions ({', '.join(AGAINST)})](08_semantics.png)",
    ]


def _other_measures(study: Study) -> list[str]:
    return [
        "## Other measures",
        "Mean of SAF, SGR and cosine: the level of the triplet, and what every arm changes. *Secondary*: percent of "
        "the wrong first results that share with the query only words of a single caption; fewer is better.",
        "![R@1 and NCS@10, an arm minus the triplet](08_top_of_the_list.png)",
        "![Secondary matches and human ratings, an arm minus the triplet](08_content_and_people.png)",
        markdown_table(effects.other_table(study).reset_index(names="measure")),
    ]


def _gradients(study: Study, weights: WeightGradients) -> list[str]:
    return [
        "## Gradients",
        "![VSL's gradient on the best tenth of a list, and at the weights](08_why.png)",
        "Trained models on 16 batches of dev: VSL's value; Kendall's tau of scores and caption similarity, the pair "
        "itself left out, in percent; the gradient of beta times VSL with respect to the weights, its length in "
        "percent of the triplet's and its cosine with it.",
        markdown_table(weights.table(), 2),
        "![Rank correlation with caption similarity, an arm minus the triplet](08_order.png)",
        "While training, with respect to the scores, mean over the epochs with VSL: the length of VSL's gradient, "
        "times beta, over the triplet's; the percent of it on the best-scoring tenth of an image's row (an even "
        "share is 9.4); its cosine with the triplet's.",
        markdown_table(score_gradients(study).rename(columns=FOLLOWED), 3),
        "![Both losses and the scores of SAF through training](08_mechanism.png)",
    ]


def _beyond(further: Further, dose: Dose) -> list[str]:
    parts = []
    if len(table := further.table()):
        parts += [
            "## Beyond the design",
            "Every arm beside the triplet of its own settings, that triplet beside the design's. *Collapsed*: runs "
            "whose scores spread by less than 0.005 in the last epoch. By chance rsum is 3, pairwise accuracy 50.",
            markdown_table(table),
            "Nearest to the paper, at full width: batch 128, beta 10, the hardest negatives late. Dev are the 250 photos "
            "that chose the epoch.",
            markdown_table(further.nearest_table().reset_index(names="module")),
        ]
    if dose:
        slopes = pd.DataFrame([{"arm": name} | slope.known() for name, slope in dose.slopes().items()])
        parts += [
            "## A dose and its response, in the bundled world",
            "![Secondary mistakes by strength of secondary content](08_dose.png)",
            "How the difference to the triplet, secondary mistakes of a hundred captions, grows with the strength:",
            markdown_table(slopes, 3),
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
