"""The authors' checkpoints: a pickled dict, read without executing anything in it."""

from __future__ import annotations

import argparse
import codecs
import pickle
import re
from pathlib import Path

import numpy as np
import torch

from vslnb.config import ModelConfig
from vslnb.errors import InputError
from vslnb.models.matcher import Matcher

# Their names (as prefixes, in the three state dicts of `model`) and ours.
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
REMEDY = "Give a checkpoint of the released VSL or SGRAF program (a dict with `model` and `opt`)."


def load_released(path: str | Path) -> Matcher:
    """Load a released checkpoint on the CPU in eval mode.

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
        model = Matcher(_config(options, weights))
        renamed = {_rename(key): value for key, value in weights.items()}
        for name in ("shift", "scale"):  # their program takes features as they are
            renamed[f"image_encoder.{name}"] = getattr(model.image_encoder, name)
        model.load_state_dict(renamed)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RuntimeError) as fault:
        reason = " ".join(str(fault).split())[:300]
        raise InputError(
            path, f"not a released checkpoint ({type(fault).__name__}: {reason})", REMEDY
        ) from None
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


def _config(options: argparse.Namespace, weights: dict[str, torch.Tensor]) -> ModelConfig:
    """Shapes come from the weights themselves; only the module's name is taken from the options."""
    embedding, features = weights["fc.weight"].shape
    vocabulary, words = weights["embed.weight"].shape
    return ModelConfig(
        module=options.module_name.lower(),
        embedding=embedding,
        similarity=len(weights["sim_tranloc_w.weight"]),
        words=words,
        steps=len({key.split(".")[1] for key in weights if key.startswith("SGR_module.")}),
        vocabulary=vocabulary,
        regions=len(weights["v_global_w.embedding_local.1.weight"]),
        features=features,
    )


def _rename(key: str) -> str:
    for theirs, ours in RENAMED.items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    _, step, layer, kind = key.split(".")  # SGR_module.{step}.{layer}.{weight | bias}
    return f"reasoning.steps.{step}.{RENAMED_STEP[layer]}.{kind}"
