"""Everything that determines a run, as frozen dataclasses, and the named recipes.

Recipes are called DATA-MODULE[-vsl][-released | -sgraf], see `recipe`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field, replace

from vslnb.errors import InputError

MODULES = ("saf", "sgr", "cosine")


@dataclass(frozen=True)
class ModelConfig:
    """Shapes of the matcher; `vocabulary`, `regions` and `features` are filled in from the data set."""

    module: str = "saf"
    embedding: int = 1024  # D
    similarity: int = 256  # S
    words: int = 300
    steps: int = 3  # of SGR
    dropout: float = 0.4
    vocabulary: int = 0
    regions: int = 36  # R
    features: int = 2048  # F


@dataclass(frozen=True)
class LossConfig:
    """Eq. 2 to 7, and when their parts begin."""

    margin: float = 0.2
    alpha: float = 1.0
    beta: float = 0.0
    beta_text: float = 0.0
    temperature: float = 1e-3
    rank: str = "paper"
    similarity: str = "cider"
    shuffled: bool = False  # the control: semantics of other, randomly drawn images
    all_negatives_epochs: int = 0  # over all violating negatives, before the hardest alone
    triplet_epochs: int = (
        0  # of the triplet alone, before VSL begins: VSL of random ranks falls as they level
    )


@dataclass(frozen=True)
class TrainingConfig:
    """Adam with one step down of the learning rate after `decay_after` epochs."""

    epochs: int = 40
    decay_after: int = 30
    learning_rate: float = 3e-4
    batch_size: int = 128
    clip: float = 2.0
    standardise: bool = False  # feature channels to mean 0, deviation 1, by training statistics
    dev_images: int = 0  # of the dev split, scored after every epoch to choose the best; 0 = all
    stop_on_collapse: bool = True


@dataclass(frozen=True)
class Config:
    """One run: a recipe's name, a seed and the three parts."""

    recipe: str
    seed: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def arm(self) -> str:
        """`triplet`, or `vsl-` with the rank (`vsl-shuffled` for the control)."""
        if not (self.loss.beta or self.loss.beta_text):
            return "triplet"
        return "vsl-shuffled" if self.loss.shuffled else f"vsl-{self.loss.rank}"

    def to_dict(self) -> dict:
        """Plain values, for config.json."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: dict) -> Config:
        """The inverse of `to_dict`."""
        parts = {"model": ModelConfig, "loss": LossConfig, "training": TrainingConfig}
        return cls(**{key: parts[key](**value) if key in parts else value for key, value in content.items()})

    @property
    def hash(self) -> str:
        """Twelve hex digits that change with any setting."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]

    def with_settings(self, settings: dict[str, object]) -> Config:
        """Change settings by dotted name, as `--set loss.beta=10` does.

        Raises:
            InputError: for an unknown name or a value of another type.

        >>> recipe("world-saf").with_settings({"loss.beta": "5"}).loss.beta
        5.0
        """
        config = self
        for name, value in settings.items():
            part, _, key = name.rpartition(".")
            owner = config if not part else getattr(config, part, None)
            if not dataclasses.is_dataclass(owner) or not hasattr(owner, key):
                known = [f"{p}.{f.name}" for p in ("model", "loss", "training") for f in _fields(config, p)]
                raise InputError(f"--set {name}", "no such setting", f"Known: seed, {', '.join(known)}.")
            changed = replace(owner, **{key: _parse(name, value, getattr(owner, key))})
            config = changed if not part else replace(config, **{part: changed})
        return config


def _fields(config: Config, part: str) -> tuple:
    return dataclasses.fields(getattr(config, part))


def _parse(name: str, value: object, like: object) -> object:
    kind = type(like)
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "false": False}[value.lower()]
        return kind(value)
    except (ValueError, KeyError):
        raise InputError(f"--set {name}={value}", f"not a {kind.__name__}", f"For example {like}.") from None


# The paper (Sec. IV-A), its released program and SGRAF: (epochs, epochs before the decay) by data and module.
SCHEDULES = {
    "": {"f30k-sgr": (45, 25), "f30k-saf": (25, 10), "coco-sgr": (25, 10), "coco-saf": (25, 10)},
    "released": {"f30k-sgr": (40, 25), "f30k-saf": (30, 15), "coco-sgr": (25, 10), "coco-saf": (25, 10)},
    "sgraf": {"f30k-sgr": (40, 30), "f30k-saf": (30, 20), "coco-sgr": (20, 10), "coco-saf": (20, 10)},
}
BETA, BETA_BATCH = 10.0, 128  # Sec. III-B and IV-A; the triplet is a sum over the batch, VSL a mean


def recipe(name: str) -> Config:
    """The configuration of a name DATA-MODULE[-vsl][-released | -sgraf].

    `-vsl` adds the loss of the paper (its rank, `cider`, and beta 10 at batch 128; a smaller batch has a
    smaller beta, which keeps the ratio of the two losses: STUDY section 3, row 17); `-released` takes the released program's
    width, schedule, rank and `tfidf`; `-sgraf` SGRAF's learning rate and schedule. Without `-vsl` the same
    recipe with beta = 0.

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
    loss = LossConfig(
        beta=BETA * training.batch_size / BETA_BATCH if vsl else 0.0,
        rank="released" if released else "paper",
        similarity="tfidf" if released else "cider",
        all_negatives_epochs=all_negatives,
        triplet_epochs=1 if data in ("world", "flickr8k") else 0,
    )
    return Config(name, model=model, loss=loss, training=training)


def _sizes(data: str, module: str, suffix: str) -> tuple[ModelConfig, TrainingConfig, int]:
    """Model, training and epochs of all negatives; the last avoid the collapse of STUDY section 3, row 14."""
    if data in ("f30k", "coco"):
        epochs, decay = SCHEDULES[suffix][f"{data}-{'saf' if module == 'cosine' else module}"]
        rate = 2e-4 if suffix == "sgraf" else 3e-4
        model = ModelConfig(module=module, embedding=1024 if suffix else 2048)
        # The two programs take the hardest negatives from the first step; the paper does not say.
        return model, TrainingConfig(epochs, decay, rate), 0 if suffix else 1
    if data == "flickr8k":
        model = ModelConfig(module=module, embedding=128, similarity=32)
        epochs, decay = (10, 8) if module == "cosine" else (4, 3)
        training = TrainingConfig(epochs, decay, 1e-3, 64, standardise=True, dev_images=250)
        return model, training, epochs
    model = ModelConfig(module=module, embedding=64, similarity=16, words=64)
    return model, TrainingConfig(5, 4, 2e-3, 32, standardise=True), 5
