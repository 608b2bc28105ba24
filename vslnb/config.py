"""Everything that determines a run, as frozen dataclasses, and the named recipes.

Recipes are called DATA-MODULE[-vsl][-released | -sgraf], see `recipe`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from vslnb.errors import InputError

MODULES = ("saf", "sgr", "cosine")
RANKS = ("paper", "descending", "released")
ARMS = ("triplet", *(f"vsl-{rank}" for rank in RANKS), "vsl-shuffled", "slack", "slack-shuffled")
SIMILARITIES = ("tfidf", "cider", "cider_d")
PRECISIONS = ("float32", "bfloat16")
LATER = {  # settings that came later: runs that leave them at these values keep their hash
    "loss": {"captions": 0, "slack": 0.0},
    "training": {"precision": "float32"},
}
OF_THE_DATA = ("vocabulary", "regions", "features")
GIVES_UP = "training.stop_on_collapse"  # changes no number of a run that ends: not in its name and hash
FIXED = {"model.module", *(f"model.{name}" for name in OF_THE_DATA)}


def _from(low: float, default: float, below: float = math.inf) -> object:
    """A number of the default's type, low <= it < below."""
    wanted = f"at least {low}" + (f" and below {below}" if below < math.inf else "")
    return field(default=default, metadata={"range": (low, below), "wanted": wanted})


def _above(low: float, default: float) -> object:
    """A finite number greater than `low`."""
    bounds = (math.nextafter(low, math.inf), math.inf)
    return field(default=default, metadata={"range": bounds, "wanted": f"finite and above {low}"})


def _one_of(choices: tuple[str, ...], default: str) -> object:
    return field(default=default, metadata={"choices": choices})


class _Checked:
    """Refuses a value of another type or out of its range as soon as it is set."""

    def __post_init__(self):
        for f in dataclasses.fields(self):
            value, kind = getattr(self, f.name), type(f.default)
            low, below = f.metadata.get("range", (-math.inf, math.inf))
            choices = f.metadata.get("choices")
            if choices and value not in choices:
                raise InputError(f"{f.name}={value}", "no such choice", f"One of {', '.join(choices)}.")
            if kind is float and type(value) is int:
                object.__setattr__(self, f.name, float(value))
            elif kind in (int, float, bool) and type(value) is not kind:
                raise InputError(f"{f.name}={value}", f"not a {kind.__name__}", f"For example {f.default}.")
            if kind in (int, float) and not low <= value < below:
                raise InputError(f"{f.name}={value}", "out of range", f"It is {f.metadata['wanted']}.")


@dataclass(frozen=True)
class ModelConfig(_Checked):
    """Shapes of the matcher; `vocabulary`, `regions` and `features` are filled in from the data set."""

    module: str = _one_of(MODULES, "saf")
    embedding: int = _from(1, 1024)  # D
    similarity: int = _from(1, 256)  # S
    words: int = _from(1, 300)
    steps: int = _from(0, 3)  # of SGR
    dropout: float = _from(0, 0.4, below=1)
    vocabulary: int = _from(0, 0)
    regions: int = _from(1, 36)  # R
    features: int = _from(1, 2048)  # F


@dataclass(frozen=True)
class LossConfig(_Checked):
    """Eq. 2 to 7, and when their parts begin."""

    margin: float = _above(0, 0.2)
    alpha: float = _from(0, 1.0)
    beta: float = _from(0, 0.0)
    beta_text: float = _from(0, 0.0)
    temperature: float = _above(0, 1e-3)
    rank: str = _one_of(RANKS, "paper")
    similarity: str = _one_of(SIMILARITIES, "cider")
    captions: int = _from(0, 0)  # of each image that L_vs reads, the first ones; 0 = all
    shuffled: bool = False  # the control: captions exchanged among the images, a fixed permutation a seed
    all_negatives_epochs: int = _from(0, 0)  # over all violating negatives, before the hardest alone
    # Of the triplet alone, before VSL begins: VSL of random ranks falls as they level.
    triplet_epochs: int = _from(0, 0)
    # Not in the paper: of the margin, in proportion to the likeness of a negative, see `losses.TripletLoss`.
    slack: float = _from(0, 0.0)

    @property
    def reads_images(self) -> bool:
        """Whether Eq. 3 is needed between images."""
        return bool(self.beta or self.slack)


@dataclass(frozen=True)
class TrainingConfig(_Checked):
    """Adam with one step down of the learning rate after `decay_after` epochs."""

    epochs: int = _from(1, 40)
    decay_after: int = _from(0, 30)
    learning_rate: float = _above(0, 3e-4)
    batch_size: int = _from(2, 128)
    clip: float = _above(0, 2.0)
    standardise: bool = False  # feature channels to mean 0, deviation 1, by training statistics
    dev_images: int = _from(0, 0)  # of the dev split, the first ones, scored after every epoch; 0 = all
    stop_on_collapse: bool = True
    precision: str = _one_of(PRECISIONS, "float32")  # of the matrix products, forward and backward


@dataclass(frozen=True)
class Config(_Checked):
    """One run: a recipe's name, a seed and the three parts."""

    recipe: str
    seed: int = _from(0, 0)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def arm(self) -> str:
        """`triplet`, `slack`, or `vsl-` with the rank; `slack-shuffled` and `vsl-shuffled` for the controls."""
        if not (self.loss.beta or self.loss.beta_text):
            return "triplet" if not self.loss.slack else "slack-shuffled" if self.loss.shuffled else "slack"
        return "vsl-shuffled" if self.loss.shuffled else f"vsl-{self.loss.rank}"

    @property
    def name(self) -> str:
        """Module, arm, what else differs from the recipe, and seed: the folder of a run inside its profile's.

        >>> recipe("world-saf-vsl").name
        'saf-vsl-paper-s0'
        >>> recipe("world-saf-vsl").with_settings({"loss.beta": 6, "loss.rank": "released"}).name
        'saf-vsl-released-beta=6-s0'
        >>> arm_recipe("world", "saf", "vsl-shuffled").with_settings({"loss.rank": "released"}).name
        'saf-vsl-shuffled-rank=released-s0'
        """
        plain = recipe(self.recipe)
        told = {GIVES_UP, "loss.shuffled", "" if self.loss.shuffled else "loss.rank"}  # the others by the arm
        changed = "".join(
            f"-{name}={value:g}" if isinstance(value, float) else f"-{name}={value}"
            for part in ("model", "loss", "training")
            for name, value in vars(getattr(self, part)).items()
            if value != getattr(getattr(plain, part), name) and f"{part}.{name}" not in FIXED | told
        )
        return f"{self.model.module}-{self.arm}{changed}-s{self.seed}"

    def to_dict(self) -> dict:
        """Plain values, for config.json."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: dict) -> Config:
        """The inverse of `to_dict`.

        Raises:
            TypeError: for an unknown or a missing name.
            InputError: for a value that cannot be.
        """
        parts = {"model": ModelConfig, "loss": LossConfig, "training": TrainingConfig}
        return cls(**{key: parts[key](**value) if key in parts else value for key, value in content.items()})

    @property
    def hash(self) -> str:
        """Twelve hex digits that change with whatever changes a run; the data set's sizes are no setting."""
        content = self.with_settings({GIVES_UP: True}).to_dict()
        for name in OF_THE_DATA:
            del content["model"][name]
        for part, settings in LATER.items():
            for name, value in settings.items():
                if content[part][name] == value:
                    del content[part][name]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def with_settings(self, settings: dict[str, object]) -> Config:
        """Change settings by dotted name, as `--set loss.beta=10` does.

        Raises:
            InputError: for an unknown name or a value of another type.

        >>> recipe("world-saf").with_settings({"loss.beta": "5"}).loss.beta
        5.0
        """
        config = self
        for name, value in settings.items():
            known = {"seed"} | {
                f"{p}.{key}" for p in ("model", "loss", "training") for key in vars(getattr(config, p))
            }
            if name in FIXED:
                raise InputError(
                    f"--set {name}", "not yours to set", "The recipe and the data set decide it."
                )
            if name not in known:
                known -= FIXED
                raise InputError(f"--set {name}", "no such setting", f"Known: {', '.join(sorted(known))}.")
            part, _, key = name.rpartition(".")
            owner = getattr(config, part) if part else config
            changed = replace(owner, **{key: _parse(name, value, getattr(owner, key))})
            config = replace(config, **{part: changed}) if part else changed
        return config


def _parse(name: str, value: object, like: object) -> object:
    kind = type(like)
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "false": False}[value.lower()]
        return kind(value)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise InputError(f"--set {name}={value}", f"not a {kind.__name__}", f"For example {like}.") from None


# The paper (Sec. IV-A), its released program and SGRAF: (epochs, epochs before the decay) by data and module.
SCHEDULES = {
    "": {"f30k-sgr": (45, 25), "f30k-saf": (25, 10), "coco-sgr": (25, 10), "coco-saf": (25, 10)},
    "released": {"f30k-sgr": (40, 25), "f30k-saf": (30, 15), "coco-sgr": (25, 10), "coco-saf": (25, 10)},
    "sgraf": {"f30k-sgr": (40, 30), "f30k-saf": (30, 20), "coco-sgr": (20, 10), "coco-saf": (20, 10)},
}
# The flickr8k recipes: learning rate, beta (at batch 64) and tau, by the rule of experiments/tuning.py, on dev.
TUNED = {"saf": (0.002, 5.0, 0.001), "sgr": (0.002, 5.0, 0.001), "cosine": (0.001, 10.0, 0.001)}
BETA, BETA_BATCH = 10.0, 128  # Sec. III-B and IV-A; the triplet is a sum over the batch, VSL a mean


def recipe(name: str) -> Config:
    """The configuration of a name DATA-MODULE[-vsl][-released | -sgraf].

    `-vsl` adds the loss of the paper (its rank, `cider`, and beta 10 at batch 128; a smaller batch has a
    smaller beta, which keeps the ratio of the two losses: notebook 04; flickr8k has what `TUNED`
    says); `-released` takes the released program's width, schedule, rank and `tfidf`; `-sgraf` SGRAF's learning
    rate and schedule. Without `-vsl` the same recipe with beta = 0.

    Raises:
        InputError: for a name that is not one.

    >>> recipe("f30k-sgr-vsl").training.epochs, recipe("f30k-sgr-vsl").loss.beta
    (45, 10.0)
    >>> recipe("world-cosine").loss.beta
    0.0
    """
    parts = name.split("-")
    suffix = parts.pop() if parts[-1] in ("released", "sgraf") else ""
    vsl = parts[-1] == "vsl"
    data, module = (parts[:-1] if vsl else parts) if len(parts) == 2 + vsl else ("", "")
    if data not in ("world", "flickr8k", "f30k", "coco") or module not in MODULES:
        raise InputError(
            f"recipe {name!r}",
            "there is no such recipe",
            "Names are DATA-MODULE[-vsl][-released|-sgraf] with DATA world, flickr8k, f30k, coco "
            "and MODULE saf, sgr, cosine; for example world-saf-vsl.",
        )
    model, training, all_negatives = _sizes(data, module, suffix)
    released = suffix == "released"
    beta = BETA * training.batch_size / BETA_BATCH
    _, beta, temperature = TUNED[module] if data == "flickr8k" else (0, beta, LossConfig.temperature)
    loss = LossConfig(
        beta=beta if vsl else 0.0,
        temperature=temperature,
        rank="released" if released else "paper",
        similarity="tfidf" if released else "cider",
        all_negatives_epochs=all_negatives,
        triplet_epochs=1 if data in ("world", "flickr8k") else 0,
    )
    return Config(name, model=model, loss=loss, training=training)


def arm_recipe(data: str, module: str, arm: str, seed: int = 0) -> Config:
    """The configuration of an arm of a comparison: one recipe, and only what the arm's name says changed.

    Args:
        data: `world`, `flickr8k`, `f30k` or `coco`.
        module: `saf`, `sgr` or `cosine`.
        arm: `triplet`; `vsl-` with a rank; `vsl-shuffled`, the paper's loss with the captions exchanged among images;
            `slack`, no VSL but margins by likeness, and `slack-shuffled`.
        seed: of weights, order and dropout.

    Raises:
        InputError: for a name that is not one.

    >>> arm_recipe("world", "saf", "vsl-descending").loss.rank
    'descending'
    """
    if arm.startswith(("triplet", "slack")):
        changes = {"loss.slack": float(arm != "triplet"), "loss.shuffled": arm.endswith("shuffled")}
        config = recipe(f"{data}-{module}").with_settings(changes | {"seed": seed})
        if config.arm == arm:
            return config
    changes = {"loss.shuffled": True} if arm == "vsl-shuffled" else {"loss.rank": arm.removeprefix("vsl-")}
    config = recipe(f"{data}-{module}-vsl").with_settings(changes | {"seed": seed})
    if config.arm != arm:
        raise InputError(f"arm {arm!r}", "there is no such arm", f"One of {', '.join(ARMS)}.")
    return config


def ensemble_hash(members: Sequence[Config]) -> str:
    """The config_hash of an ensemble: of those of its members, in any order."""
    hashes = " ".join(sorted(member.hash for member in members))
    return hashlib.sha256(hashes.encode()).hexdigest()[:12]


def _sizes(data: str, module: str, suffix: str) -> tuple[ModelConfig, TrainingConfig, int]:
    """Model, training and epochs of all negatives; the last avoid the collapse of notebook 07."""
    if data in ("f30k", "coco"):
        epochs, decay = SCHEDULES[suffix][f"{data}-{'saf' if module == 'cosine' else module}"]
        rate = 2e-4 if suffix == "sgraf" else 3e-4
        model = ModelConfig(module=module, embedding=1024 if suffix else 2048)
        # The two programs take the hardest negatives from the first step; the paper does not say.
        return model, TrainingConfig(epochs, decay, rate), 0 if suffix else 1
    if data == "flickr8k":
        model = ModelConfig(module=module, embedding=128, similarity=32)
        epochs, decay = (6, 4) if module == "cosine" else (4, 3)
        rate = TUNED[module][0]
        training = TrainingConfig(epochs, decay, rate, 64, standardise=True, dev_images=250)
        return model, training, epochs
    model = ModelConfig(module=module, embedding=64, similarity=16, words=64)
    return model, TrainingConfig(5, 4, 2e-3, 32, standardise=True), 5
