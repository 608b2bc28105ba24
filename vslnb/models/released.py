"""The authors' weights: their checkpoints, read without executing anything in them, and their names for ours."""

from __future__ import annotations

import argparse
import codecs
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from vslnb.config import MODULES, ModelConfig
from vslnb.errors import InputError
from vslnb.models import chan, encoders, gpo, imram, vsrn
from vslnb.models.build import build_model
from vslnb.models.caption_branch import CaptionBranch
from vslnb.models.matcher import Matcher

# SGRAF's names (as prefixes, in the three state dicts of `model`) and ours.
RENAMED = {
    "fc.": "image_encoder.linear.",
    "embed.": "text_encoder.embedding.",
    "cap_rnn.": "text_encoder.gru.",
    "v_global_w.embedding_local.0.": "image_global.local.",
    "v_global_w.embedding_local.1.": "image_global.local_norm.",
    "v_global_w.embedding_global.0.": "image_global.whole.",
    "v_global_w.embedding_global.1.": "image_global.whole_norm.",
    "v_global_w.embedding_common.0.": "image_global.common.",
    "t_global_w.embedding_local.0.": "text_global.local.",
    "t_global_w.embedding_global.0.": "text_global.whole.",
    "t_global_w.embedding_common.0.": "text_global.common.",
    "sim_tranloc_w.": "alignment.local.",
    "sim_tranglo_w.": "alignment.whole.",
    "sim_eval_w.": "head.",
    "SAF_module.attn_sim_w.": "filtration.attention.",
    "SAF_module.bn.": "filtration.norm.",
}
RENAMED_STEP = {"graph_query_w": "query", "graph_key_w": "key", "sim_graph_w": "output"}
ZOO = {
    "vsepp": encoders.RELEASED,
    "gpo": gpo.RELEASED,
    "scan": encoders.RELEASED,
    "vsrn": vsrn.RELEASED,
    "imram": imram.RELEASED,
    "chan": chan.RELEASED,
}
# Tensors of released state dicts that no score reads.
UNUSED = {"gpo": gpo.UNUSED, "chan": chan.UNUSED}
SETTINGS = {
    "scan": {"direction", "aggregation", "lse", "sharpness"},
    "vsrn": {"variant", "norm_axis"},
    "imram": {"mode", "steps", "sharpness"},
    "chan": {"num_heads"},
}
REMEDY = "Give a checkpoint of the released VSL or SGRAF program (a dict with `model` and `opt`)."


def load_released(path: str | Path) -> Matcher:
    """Load a released checkpoint of SGRAF or VSL on the CPU in eval mode.

    Only tensors, plain containers, numbers (also NumPy's) and `argparse.Namespace` are unpickled; anything else is refused.

    Raises:
        InputError: for a missing, damaged or hostile file, or weights that do not fit together.
    """
    path = Path(path)
    try:
        with torch.serialization.safe_globals([argparse.Namespace, *numpy_numbers()]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(path, "there is no such file", REMEDY) from None
    except pickle.UnpicklingError as fault:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(fault))
        reason = f"it holds a {wanted.group(1)}" if wanted else "it is not made of tensors and numbers"
        raise InputError(
            path, f"refused: the file asks for more than weights, nothing in it was run ({reason})", REMEDY
        ) from None
    except Exception as fault:  # torch.load raises many kinds for a damaged file
        raise InputError(
            path, f"not a readable checkpoint ({type(fault).__name__}: {fault})", REMEDY
        ) from None
    try:
        options, states = content["opt"], content["model"]
        weights = {key.removeprefix("module."): value for state in states for key, value in state.items()}
        return _model(options.module_name.lower(), {_sgraf_name(key): w for key, w in weights.items()}, {})
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RuntimeError) as fault:
        reason = " ".join(str(fault).split())[:300]
        raise InputError(
            path, f"not a released checkpoint ({type(fault).__name__}: {reason})", REMEDY
        ) from None


def from_released(module: str, state: Mapping[str, Tensor | np.ndarray], **settings: object) -> Matcher:
    """A model with weights of its authors' code, on the CPU in eval mode; all sizes come from the weights.

    Args:
        module: `saf`, `sgr`, `cosine`, `vsepp`, `gpo`, `scan`, `vsrn`, `imram` or `chan`.
        state: tensors or arrays by their released names, with a prefix for the part, such as `img.fc.weight`.
        settings: of `scan` direction (`t2i`, `i2t`), aggregation (`mean`, `lse`, `max`, `sum`), lse and sharpness;
            of `vsrn` variant (`f30k`, `coco`) and norm_axis (`regions`, `features`); of `imram` mode (`text`,
            `image`, `full`), steps and sharpness; of `chan` num_heads.

    Raises:
        InputError: for a module or a setting that there is not, or weights that are missing or do not fit.
    """
    if module not in MODULES:
        raise InputError(
            f"module {module!r}", "there is no such architecture", f"One of {', '.join(MODULES)}."
        )
    known = SETTINGS.get(module, set())
    for name in set(settings) - known:
        raise InputError(
            f"{module}, {name}", "there is no such setting", f"Known: {', '.join(sorted(known)) or 'none'}."
        )
    variant = str(settings.get("variant", "f30k"))
    weights = {}
    for name, value in state.items():
        ours = _sgraf_part(module, name) if module not in ZOO else _zoo_name(module, name, variant)
        if ours:
            weights[ours] = value.detach() if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
    try:
        return _model(module, weights, settings)
    except ValidationError as fault:
        problem = fault.errors()[0]
        raise InputError(
            f"{module}, {problem['loc'][-1]}={problem['input']!r}", problem["msg"], "Correct it."
        ) from None
    except (KeyError, IndexError, ValueError, RuntimeError) as fault:
        reason = " ".join(str(fault).split())[:300]
        raise InputError(
            f"weights of {module}", f"they do not make a model ({reason})", "Give all of them."
        ) from None


def _model(module: str, weights: dict[str, Tensor], settings: Mapping[str, object]) -> Matcher:
    """The model of weights by our names; what it does not have is left out, as the other direction of IMRAM."""
    model = build_model(_config(module, weights, settings))
    if "caption_branch.project.weight" in weights:
        hidden, embed_dim = weights["caption_branch.project.weight"].shape
        vocab_size, word_dim = weights["caption_branch.embedding.weight"].shape
        model.caption_branch = CaptionBranch(embed_dim, hidden, word_dim, vocab_size)
    own = model.state_dict()
    fitting = {name: value.squeeze(-1) if value.ndim == 3 else value for name, value in weights.items()}
    if module in (*ZOO, "cosine"):
        fitting = {name: value for name, value in fitting.items() if name in own}
    for name in ("shift", "scale"):  # released code takes features as they are
        fitting[f"image_encoder.{name}"] = own[f"image_encoder.{name}"]
    model.load_state_dict(fitting)
    return model.eval()


def numpy_numbers() -> list:
    """What pickle needs for a number of NumPy's, under its names of today and before: it is data, no code."""
    kinds = [
        type(np.dtype(kind))
        for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
    ]
    scalar = np.float64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return [np.dtype, *kinds, *((scalar, name) for name in names), codecs.encode]


def _config(module: str, weights: dict[str, Tensor], settings: Mapping[str, object]) -> ModelConfig:
    """Shapes come from the weights themselves."""
    embed_dim, feature_dim = weights["image_encoder.linear.weight"].shape
    vocab_size, word_dim = weights["text_encoder.embedding.weight"].shape
    sizes: dict[str, object] = {"embed_dim": embed_dim, "feature_dim": feature_dim}
    sizes |= {"vocab_size": vocab_size, "word_dim": word_dim}
    if module in ZOO:
        sizes["dropout"] = 0.0
    else:
        sizes["num_regions"] = len(weights["image_global.local_norm.weight"])
    if module in ("saf", "sgr"):
        sizes["sim_dim"] = len(weights["alignment.local.weight"])
        sizes["num_steps"] = len({key.split(".")[2] for key in weights if key.startswith("reasoning.")})
    if module == "gpo":
        hidden_gates, sizes["position_dim"] = weights["image_pool.gru.weight_ih_l0"].shape
        sizes["pool_dim"] = hidden_gates // 3
    sizes |= {"num_steps" if name == "steps" else name: value for name, value in settings.items()}
    return ModelConfig(module=module, **sizes)  # type: ignore[arg-type]


def _zoo_name(module: str, name: str, variant: str) -> str | None:
    """Our name of a released tensor, None for one that is not read.

    Raises:
        InputError: for a name that the architecture does not have.
    """
    if module == "vsrn":
        other = "coco" if variant == "f30k" else "f30k"
        if name.startswith(f"img_{other}."):
            return None
        name = name.replace(f"img_{variant}.", "img.", 1)
    if name.startswith(UNUSED.get(module, ())):
        return None
    for theirs, ours in ZOO[module].items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    raise InputError(f"weights of {module}", f"it has no tensor {name!r}", "Give those of one model.")


def _sgraf_part(module: str, name: str) -> str | None:
    """Our name of a tensor of SGRAF, with or without the prefix of its part; None for one of the other network."""
    for prefix in ("module.", "img.", "txt.", "sim_SGR.", "sim_SAF."):
        if name.startswith(prefix):
            if prefix.startswith("sim_") and module != "cosine" and prefix != f"sim_{module.upper()}.":
                return None
            name = name.removeprefix(prefix)
    try:
        return _sgraf_name(name)
    except (KeyError, ValueError):
        raise InputError(
            f"weights of {module}", f"it has no tensor {name!r}", "Give those of one model."
        ) from None


def _sgraf_name(key: str) -> str:
    for theirs, ours in RENAMED.items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    _, step, layer, kind = key.split(".")  # SGR_module.{step}.{layer}.{weight | bias}
    return f"reasoning.steps.{step}.{RENAMED_STEP[layer]}.{kind}"
