"""Everything that determines a run, as frozen dataclasses whose values pydantic checks.

The named recipes that fill them in are in `vslnb.recipes`.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, FiniteFloat, ValidationError
from pydantic.dataclasses import dataclass

from vslnb.errors import InputError

Module = Literal["saf", "sgr", "cosine", "vsepp", "gpo", "scan", "vsrn", "imram", "chan"]
Rank = Literal["paper", "descending", "released"]
Similarity = Literal["tfidf", "cider", "cider_d", "sentence"]
Precision = Literal["float32", "bfloat16"]
Unit = Literal["absolute", "spread"]
Optimizer = Literal["adam", "adamw"]
Curve = Literal["linear", "exponential", "sin"]
Label = Literal["pair", "matrix"]
MODULES: tuple[Module, ...] = get_args(Module)
RANKS: tuple[Rank, ...] = get_args(Rank)
SIMILARITIES: tuple[Similarity, ...] = get_args(Similarity)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
UNITS: tuple[Unit, ...] = get_args(Unit)

AtLeastZero = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Weight = Annotated[FiniteFloat, Field(ge=0)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Share = Annotated[FiniteFloat, Field(ge=0, lt=1)]

PARTS = ("model", "loss", "training", "ncr")
OF_THE_DATA = ("model.vocab_size", "model.num_regions", "model.feature_dim")  # filled in from the data set
FIXED = {"model.module", "model.networks", *OF_THE_DATA}  # decided by the recipe and the data set
# These change no number of a run that ends, so they are in neither its name nor its hash.
NOT_HASHED = {"training.stop_on_collapse"}
STRICT = ConfigDict(strict=True)  # `True` is no number, and "5" is text


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Shapes of a model; `vocab_size`, `num_regions` and `feature_dim` are filled in from the data set.

    >>> ModelConfig("cosine", embed_dim=64).word_dim
    300
    """

    module: Module = "saf"
    embed_dim: AtLeastOne = 1024  # D
    sim_dim: AtLeastOne = 256  # S
    word_dim: AtLeastOne = 300
    num_steps: AtLeastZero = 3  # of SGR's reasoning and of IMRAM's memory
    # The published zoo has none: its recipes say 0, except flickr8k's with one vector an item.
    dropout: Share = 0.4
    vocab_size: AtLeastZero = 0
    num_regions: AtLeastOne = 36  # R
    feature_dim: AtLeastOne = 2048  # F
    # SCAN: words attend to regions (text to image) or the reverse, and how the similarities are aggregated.
    direction: Literal["t2i", "i2t"] = "t2i"
    aggregation: Literal["mean", "lse", "max", "sum"] = "mean"
    lse: Weight = 0.0  # of the aggregation of that name; 0 takes the published 6, or 5 for i2t
    # Lambda of the attention of SCAN and IMRAM; 0 takes the published 9, or 4 for SCAN i2t.
    sharpness: Weight = 0.0
    mode: Literal["text", "image", "full"] = "full"  # which branches IMRAM has
    num_heads: AtLeastOne = 8  # of CHAN's attention among regions
    position_dim: AtLeastOne = 32  # of a position in GPO's pooling,
    pool_dim: AtLeastOne = 32  # and its GRU
    variant: Literal["f30k", "coco"] = "f30k"  # where VSRN normalises
    norm_axis: Literal["regions", "features"] = (
        "regions"  # what it normalises over: as released, or each region
    )
    caption_dim: AtLeastZero = 0  # of VSRN's caption branch, published 512; 0 leaves the branch out
    # Two teach each other, see `vslnb.training.noisy`; a score is then their mean.
    networks: Literal[1, 2] = 1


@dataclass(frozen=True, config=STRICT)
class LossConfig:
    """Eq. 2 to 7, and when their parts begin."""

    margin: Positive = 0.2
    alpha: Weight = 1.0
    beta: Weight = 0.0
    beta_text: Weight = 0.0
    temperature: Positive = 1e-3
    # What tau counts in: the scores themselves (the paper), or the standard deviation of the batch's.
    temperature_unit: Unit = "absolute"
    rank: Rank = "paper"
    similarity: Similarity = "cider"
    captions_per_image: AtLeastZero = 0  # how many L_vs reads of each image, the first ones; 0 reads all
    # The control: captions exchanged among the images by a permutation that the seed fixes.
    shuffled: bool = False
    violating_epochs: AtLeastZero = 0  # first epochs over all violating negatives, before the hardest alone
    sum_epochs: AtLeastZero = 0  # first epochs with the sum over all negatives, before either
    # First epochs in which no loss reads a similarity. Before the model knows anything, equal scores lower VSL.
    vsl_warmup_epochs: AtLeastZero = 0
    # Epochs after those in which beta and beta_text rise in equal steps; in the last of them they have their value.
    vsl_rise_epochs: AtLeastZero = 0
    # Not in the paper: a margin that shrinks with the similarity of a negative, see `losses.TripletLoss`.
    slack: Weight = 0.0
    # Nor these: what somebody without VSL might do instead. Negatives that are nearly right left out, from this share
    # of the pair's own similarity on; and InfoNCE with labels that the similarity softens, by weight.
    left_out: Share = 0.0
    contrast: Weight = 0.0
    contrast_temperature: Positive = 0.05
    softness: Share = 0.0

    @property
    def reads_images(self) -> bool:
        """Whether the similarity of images (Eq. 3) is needed."""
        return bool(self.beta or self.slack or self.left_out or (self.contrast and self.softness))

    @property
    def reads_captions(self) -> bool:
        """Whether a caption space is needed: for the similarity of images, or of captions (L_ts)."""
        return self.reads_images or bool(self.beta_text)


@dataclass(frozen=True, config=STRICT)
class TrainingConfig:
    """How the weights are found; the learning rate falls to a tenth after `decay_after` epochs, or twice."""

    epochs: AtLeastOne = 40
    decay_after: AtLeastZero = 30
    learning_rate: Positive = 3e-4
    batch_size: Annotated[int, Field(ge=2)] = 128
    clip: Positive = 2.0
    standardise: bool = False  # feature channels to mean 0 and deviation 1, by training statistics
    dev_images: AtLeastZero = 0  # images of dev, the first ones, scored after every epoch; 0 scores all
    stop_on_collapse: bool = True
    precision: Precision = "float32"  # of the matrix products, forward and backward
    decay_again: AtLeastZero = 0  # epochs before it falls to a hundredth; 0 leaves that out
    optimizer: Optimizer = "adam"
    weight_decay: Weight = 0.0  # a part of Adam's gradient, but apart from it in AdamW
    drop_regions: Share = 0.0  # of the regions of an image in training, see `vslnb.data.augmentation`,
    drop_words: Share = 0.0  # and of the words of a caption
    noise_ratio: Share = 0.0  # of the training images, whose captions are exchanged, see `vslnb.data.noise`


@dataclass(frozen=True, config=STRICT)
class NCRConfig:
    """How two networks teach each other (`vslnb.training.noisy`); of a model of one network nothing is read."""

    warmup_epochs: AtLeastZero = 5  # first epochs, on all pairs, with the mean over all negatives
    soft_margin: Curve = "exponential"  # from the label of a pair, 0 to 1, to its share of the margin
    # One label a pair (the paper), or one for every entry of the batch's matrix (the released program).
    label: Label = "pair"
    threshold: Share = 0.5  # a pair is clean where its probability of being so is above


@dataclass(frozen=True, config=STRICT)
class Config:
    """One run: a recipe's name, a seed and the four parts."""

    recipe: str
    seed: AtLeastZero = 0
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    ncr: NCRConfig = field(default_factory=NCRConfig)

    @property
    def arm(self) -> str:
        """`triplet`, `slack`, `left-out`, `contrast`, `soft-labels`, or `vsl-` with the rank.

        The name of a control ends in `-shuffled`; that of VSL then does not say the rank. Of two networks that teach
        each other `ncr`, or another arm's name and `-ncr`.
        """
        loss = self.loss
        if loss.beta or loss.beta_text:
            arm = "vsl-shuffled" if loss.shuffled else f"vsl-{loss.rank}"
        else:
            names = {"soft-labels": loss.contrast and loss.softness, "contrast": loss.contrast}
            names |= {"left-out": loss.left_out, "slack": loss.slack}
            arm = next((name for name, used in names.items() if used), "triplet")
            if loss.shuffled and loss.reads_images:
                arm += "-shuffled"
        if self.model.networks == 1:
            return arm
        return "ncr" if arm == "triplet" else f"{arm}-ncr"

    def settings(self) -> dict[str, object]:
        """Every setting of the four parts by its dotted name, such as `loss.beta`."""
        return {
            f"{part}.{f.name}": getattr(getattr(self, part), f.name)
            for part in PARTS
            for f in dataclasses.fields(getattr(self, part))
        }

    def to_dict(self) -> dict:
        """Plain values, for config.json."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: dict) -> Config:
        """The inverse of `to_dict`.

        Raises:
            InputError: for an unknown or a missing name, or a value that cannot be.
        """
        parts = {"model": ModelConfig, "loss": LossConfig, "training": TrainingConfig, "ncr": NCRConfig}
        try:
            return cls(
                **{name: parts[name](**value) if name in parts else value for name, value in content.items()}
            )
        except ValidationError as fault:
            raise _readable(fault) from None
        except TypeError as fault:
            raise InputError("settings", str(fault), "Use the settings of this version.") from None

    @property
    def hash(self) -> str:
        """Twelve hex digits that change with whatever changes a run.

        A setting at its default is left out, so that a setting which a later version adds changes no hash. What
        the data set decides is no setting.
        """
        ignored, plain = NOT_HASHED.union(OF_THE_DATA), Config(self.recipe).settings()
        chosen = {
            name: value
            for name, value in self.settings().items()
            if value != plain[name] and name not in ignored
        }
        content = {"recipe": self.recipe, "seed": self.seed, "settings": chosen}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def with_settings(self, settings: Mapping[str, object]) -> Config:
        """Change settings by dotted name, as `--set loss.beta=10` does; a text is read as the setting's type.

        Raises:
            InputError: for an unknown name, or a value of another type or out of range.

        >>> Config("mine").with_settings({"loss.beta": "5"}).loss.beta
        5.0
        """
        changes: dict[str, dict] = {part: {} for part in PARTS}
        seed: object = self.seed
        known = {"seed", *self.settings()} - FIXED
        for name, value in settings.items():
            if name in FIXED:
                raise InputError(
                    f"--set {name}",
                    "the recipe and the data set decide this setting",
                    "Remove it from --set.",
                )
            if name not in known:
                last = {key.rpartition(".")[2]: key for key in sorted(known)}
                near = difflib.get_close_matches(name.rpartition(".")[2], last, 2, 0.75)
                named = [last[key] for key in near]
                remedy = (
                    f"Did you mean {' or '.join(named)}?" if named else f"Known: {', '.join(sorted(known))}."
                )
                raise InputError(f"--set {name}", "there is no such setting", remedy)
            part, _, key = name.rpartition(".")
            value = _parsed(name, value)
            if part:
                changes[part][key] = value
            else:
                seed = value
        try:
            parts = {part: replace(getattr(self, part), **changed) for part, changed in changes.items()}
            return replace(self, **{"seed": seed, **parts})
        except ValidationError as fault:
            raise _readable(fault) from None


def ensemble_hash(members: Sequence[Config]) -> str:
    """The config_hash of an ensemble: of those of its members, in any order."""
    hashes = " ".join(sorted(member.hash for member in members))
    return hashlib.sha256(hashes.encode()).hexdigest()[:12]


def _parsed(name: str, value: object) -> object:
    """A text from the command line as the type of the setting's default; anything else as it is."""
    default = Config("").settings().get(name, 0)
    if not isinstance(value, str) or isinstance(default, str):
        return value
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[value.lower()]
        return int(value) if isinstance(default, int) else float(value)
    except (ValueError, KeyError, OverflowError):
        kind = type(default).__name__
        raise InputError(f"--set {name}={value}", f"not a {kind}", f"For example {default}.") from None


def _readable(fault: ValidationError) -> InputError:
    """The first thing that pydantic found wrong, for a person."""
    first = fault.errors()[0]
    where = ".".join(map(str, first["loc"])) or "settings"
    return InputError(f"{where}={first['input']}", first["msg"], "Correct this setting.")
