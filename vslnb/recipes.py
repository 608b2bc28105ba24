"""The named recipes: DATA-MODULE[-vsl][-released | -sgraf | -ncr], and the arms of a comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from vslnb.config import (
    MODULES,
    NOT_HASHED,
    RANKS,
    Config,
    LossConfig,
    ModelConfig,
    Module,
    NCRConfig,
    TrainingConfig,
)
from vslnb.errors import InputError

DATA = ("world", "flickr8k", "f30k", "coco")
# What somebody without VSL might do with the same similarity, and plain InfoNCE beside it.
INSTEAD: dict[str, dict[str, object]] = {
    "slack": {"loss.slack": 1.0},
    "left-out": {"loss.left_out": 0.5},
    "contrast": {"loss.alpha": 0.0, "loss.contrast": 1.0},
    "soft-labels": {"loss.alpha": 0.0, "loss.contrast": 1.0, "loss.softness": 0.2},
}
CONTROLS = {f"{arm}-shuffled": {"loss.shuffled": True} | INSTEAD[arm] for arm in INSTEAD if arm != "contrast"}
ARMS = ("triplet", *(f"vsl-{rank}" for rank in RANKS), "vsl-shuffled", *INSTEAD, *CONTROLS)
SUFFIXES = ("released", "sgraf", "ncr")
# The paper (Sec. IV-A), its released code, SGRAF and NCR: (epochs, epochs before the decay) by data and module.
SCHEDULES = {
    "": {"f30k-sgr": (45, 25), "f30k-saf": (25, 10), "coco-sgr": (25, 10), "coco-saf": (25, 10)},
    "released": {"f30k-sgr": (40, 25), "f30k-saf": (30, 15), "coco-sgr": (25, 10), "coco-saf": (25, 10)},
    "sgraf": {"f30k-sgr": (40, 30), "f30k-saf": (30, 20), "coco-sgr": (20, 10), "coco-saf": (20, 10)},
    "ncr": {"f30k-sgr": (40, 30), "f30k-saf": (40, 30), "coco-sgr": (20, 10), "coco-saf": (20, 10)},
}
# Epochs that NCR's two networks learn from all pairs, before those of the schedule.
NCR_WARMUP = {"world": 2, "flickr8k": 2, "f30k": 5, "coco": 10}
# The zoo as published: (epochs, epochs before the decay, learning rate) by data and module.
PUBLISHED = {
    "vsepp": {"f30k": (30, 15, 2e-4), "coco": (30, 15, 2e-4)},
    "gpo": {"f30k": (25, 15, 5e-4), "coco": (25, 15, 5e-4)},
    "scan": {"f30k": (30, 15, 2e-4), "coco": (20, 10, 5e-4)},
    "vsrn": {"f30k": (30, 10, 2e-4), "coco": (30, 15, 2e-4)},
    "imram": {"f30k": (30, 15, 2e-4), "coco": (20, 10, 5e-4)},
    "chan": {"f30k": (25, 15, 5e-4), "coco": (25, 15, 5e-4)},
}
CHAN_MARGIN, CHAN_BATCH = 0.05, 384
WEIGHT_DECAY = 0.01  # of GPO and CHAN, by AdamW: what their programs for GRUs leave at torch's default
DROPPED = 0.2  # share of the regions and of the words that their training leaves out
CAPTION_DIM = 512  # of the branch with which VSRN was published, a fourth more work
SUM_FIRST = ("gpo", "chan")  # published with a first epoch of the sum over all negatives
# The flickr8k recipes: learning rate, beta (at batch 64) and tau, by the rule of experiments/tuning.py, on dev.
TUNED = {"saf": (0.002, 5.0, 0.001), "sgr": (0.002, 5.0, 0.001), "cosine": (0.001, 10.0, 0.001)}
# Of these the rate is tuned; beta and tau are those of cosine, a place to begin.
TUNED |= {module: (0.002, *TUNED["cosine"][1:]) for module in PUBLISHED}
BETA, BETA_BATCH = 10.0, 128  # Sec. III-B and IV-A; the triplet is a sum over the batch, VSL a mean


def recipe(name: str) -> Config:
    """The configuration of a name DATA-MODULE[-vsl][-released | -sgraf | -ncr].

    `-vsl` adds the loss of the paper (its rank, `cider`, and beta 10 at batch 128; a smaller batch has a
    smaller beta, which keeps the ratio of the two losses: notebook 04; flickr8k has what `TUNED`
    says); `-released` takes the released code's width, schedule, rank and `tfidf`; `-sgraf` SGRAF's learning
    rate and schedule. Without `-vsl` the same recipe with beta = 0. `-ncr`, of `sgr` and `saf`, trains two networks that
    teach each other which pairs are wrong, with NCR's width, rate and schedule.

    The zoo (`vsepp`, `gpo`, `scan`, `vsrn`, `imram`, `chan`) has the published schedule of each on f30k and coco; with
    `-released` the negatives too: the hardest from the first step, or after an epoch of all (`gpo`, `chan`); IMRAM
    as its scripts have it; and VSRN with its caption loss. It has no `-sgraf`. VSRN's best epoch is here, as for all,
    by rsum on dev; its program takes R@1 and R@5 alone. SCAN is text to image with the mean; of its LSE from image to
    text the published lambda is the default on f30k, and on coco 20, which `--set` says:
    `coco-scan-released --set model.direction=i2t --set model.aggregation=lse --set model.lse=20`.

    Raises:
        InputError: for a name that is not one.

    >>> recipe("f30k-sgr-vsl").training.epochs, recipe("f30k-sgr-vsl").loss.beta
    (45, 10.0)
    >>> recipe("world-cosine").loss.beta
    0.0
    """
    parts = name.split("-")
    suffix = parts.pop() if parts[-1] in SUFFIXES else ""
    vsl = parts[-1] == "vsl"
    data, module = (parts[:-1] if vsl else parts) if len(parts) == 2 + vsl else ("", "")
    if data not in DATA or module not in MODULES or (suffix == "sgraf" and module in PUBLISHED):
        raise InputError(
            f"recipe {name!r}",
            "there is no such recipe",
            f"Names are DATA-MODULE[-vsl][-released|-sgraf|-ncr] with DATA {', '.join(DATA)} "
            f"and MODULE {', '.join(MODULES)}; for example world-saf-vsl.",
        )
    ncr = suffix == "ncr"
    if ncr and module not in ("sgr", "saf"):
        problem = "there is no such recipe: NCR trains sgr and saf"
        raise InputError(f"recipe {name!r}", problem, f"Take {data}-sgr-ncr or {data}-saf-ncr.")
    model, training, violating_epochs = _sizes(data, cast(Module, module), suffix)
    warmup = NCR_WARMUP[data] if ncr else 0
    if ncr:
        model = replace(model, networks=2)
        epochs, decay = training.epochs + warmup, training.decay_after + warmup
        training = replace(training, epochs=epochs, decay_after=decay)
        # Published with the hardest; the small models, which collapse under them, keep the violating ones throughout.
        violating_epochs = epochs if violating_epochs else 0
    released = suffix == "released"
    beta = BETA * training.batch_size / BETA_BATCH
    _, beta, temperature = TUNED[module] if data == "flickr8k" else (0, beta, LossConfig().temperature)
    loss = LossConfig(
        margin=CHAN_MARGIN if module == "chan" else LossConfig().margin,
        beta=beta if vsl else 0.0,
        temperature=temperature,
        rank="released" if released else "paper",
        similarity="tfidf" if released else "cider",
        violating_epochs=violating_epochs,
        sum_epochs=int(released and data in ("f30k", "coco") and module in SUM_FIRST),
        vsl_warmup_epochs=1 if data in ("world", "flickr8k") else 0,
    )
    procedure = NCRConfig(warmup_epochs=warmup) if ncr else NCRConfig()
    return Config(name, model=model, loss=loss, training=training, ncr=procedure)


def arm_recipe(data: str, module: str, arm: str, seed: int = 0) -> Config:
    """The configuration of an arm of a comparison: one recipe, and only what the arm's name says changed.

    Args:
        data: `world`, `flickr8k`, `f30k` or `coco`.
        module: `saf`, `sgr`, `cosine` or one of the zoo.
        arm: `triplet`; `vsl-` with a rank; `vsl-shuffled`, the paper's loss with the captions exchanged among
            images; without VSL, `slack` (margins by similarity), `left-out` (no negative that is nearly right),
            `contrast` (InfoNCE) or `soft-labels` (InfoNCE with labels by similarity), and their `-shuffled`.
        seed: of weights, order and dropout.

    Raises:
        InputError: for a name that is not one.

    >>> arm_recipe("world", "saf", "vsl-descending").loss.rank
    'descending'
    """
    if arm not in ARMS:
        raise InputError(f"arm {arm!r}", "there is no such arm", f"One of {', '.join(ARMS)}.")
    changes: dict[str, object]
    if arm.startswith("vsl-"):
        changes = (
            {"loss.shuffled": True} if arm == "vsl-shuffled" else {"loss.rank": arm.removeprefix("vsl-")}
        )
        return recipe(f"{data}-{module}-vsl").with_settings(changes | {"seed": seed})
    changes = ({"triplet": {}} | INSTEAD | CONTROLS)[arm]
    return recipe(f"{data}-{module}").with_settings(changes | {"seed": seed})


def run_name(config: Config) -> str:
    """Module, arm, what else differs from the recipe, and seed: the folder of a run inside its profile's.

    >>> run_name(recipe("world-saf-vsl"))
    'saf-vsl-paper-s0'
    >>> run_name(recipe("world-saf-vsl").with_settings({"loss.beta": 6, "loss.rank": "released"}))
    'saf-vsl-released-beta=6-s0'
    >>> run_name(arm_recipe("world", "saf", "vsl-shuffled").with_settings({"loss.rank": "released"}))
    'saf-vsl-shuffled-rank=released-s0'
    """
    plain = recipe(config.recipe).settings()
    # The arm's name says these already.
    unsaid = {*NOT_HASHED, "loss.shuffled"} | ({"loss.rank"} if not config.loss.shuffled else set())
    unsaid |= {"model.module", "model.vocab_size", "model.num_regions", "model.feature_dim"}
    changed = "".join(
        f"-{name.rpartition('.')[2]}={f'{value:g}' if isinstance(value, float) else value}"
        for name, value in config.settings().items()
        if value != plain[name] and name not in unsaid
    )
    return f"{config.model.module}-{config.arm}{changed}-s{config.seed}"


def _sizes(data: str, module: Module, suffix: str) -> tuple[ModelConfig, TrainingConfig, int]:
    """Model, training and epochs of violating negatives; the last avoid the collapse of notebook 07."""
    if module in PUBLISHED:
        return _zoo_sizes(data, module, suffix)
    if data in ("f30k", "coco"):
        epochs, decay = SCHEDULES[suffix][f"{data}-{'saf' if module == 'cosine' else module}"]
        rate = 2e-4 if suffix in ("sgraf", "ncr") else 3e-4
        model = ModelConfig(module=module, embed_dim=1024 if suffix else 2048)
        # The two programs take the hardest negatives from the first step; the paper does not say.
        return model, TrainingConfig(epochs, decay, rate), 0 if suffix else 1
    if data == "flickr8k":
        model = ModelConfig(module=module, embed_dim=128, sim_dim=32)
        epochs, decay = (6, 4) if module == "cosine" else (4, 3)
        rate = TUNED[module][0]
        training = TrainingConfig(epochs, decay, rate, 64, standardise=True, dev_images=250)
        return model, training, epochs
    model = ModelConfig(module=module, embed_dim=64, sim_dim=16, word_dim=64)
    return model, TrainingConfig(5, 4, 2e-3, 32, standardise=True), 5


def _zoo_sizes(data: str, module: Module, suffix: str) -> tuple[ModelConfig, TrainingConfig, int]:
    """As `_sizes`, of the architectures that were published without dropout."""
    # Words ask alone in the small IMRAM: regions outnumber them, and their branch has four fifths of the work.
    mode = "text" if module == "imram" else ModelConfig().mode
    if data == "world":
        model = ModelConfig(module=module, embed_dim=64, word_dim=64, dropout=0.0, mode=mode)
        return model, TrainingConfig(5, 4, 2e-3, 32, standardise=True), 5
    if data == "flickr8k":
        # Published without dropout. On so few photos GPO, with one vector an item, then learns its training pairs by
        # heart and falls on dev; SCAN, which compares words with regions, learns less with it (experiments/tuning.py).
        one_vector = module in ("vsepp", "gpo", "vsrn")
        model = ModelConfig(module=module, embed_dim=128, dropout=0.4 if one_vector else 0.0, mode=mode)
        epochs, decay = (6, 4) if one_vector else (4, 3)
        training = TrainingConfig(epochs, decay, TUNED[module][0], 64, standardise=True, dev_images=250)
        return model, training, epochs
    of_coco = data == "coco"
    model = ModelConfig(module=module, embed_dim=2048 if module == "vsrn" else 1024, dropout=0.0)
    if module == "imram":
        model = replace(model, sharpness=11.0 if of_coco else 9.0)
        if suffix:  # what the scripts say; the paper has both directions and three steps
            model = replace(model, mode="text" if of_coco else "image", num_steps=3 if of_coco else 1)
    training = TrainingConfig(*PUBLISHED[module][data], CHAN_BATCH if module == "chan" else 128)
    if module == "vsrn":
        model = replace(model, variant="coco" if of_coco else "f30k")
        model = replace(model, caption_dim=CAPTION_DIM if suffix else 0)
        training = replace(training, decay_again=0 if of_coco else 20)  # f30k decays every ten epochs
    if module in ("gpo", "chan"):
        training = replace(
            training, optimizer="adamw", weight_decay=WEIGHT_DECAY, drop_regions=DROPPED, drop_words=DROPPED
        )
    return model, training, 0 if suffix else 1
