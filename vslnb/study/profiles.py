"""Load a profile (papermill parameters), its data set and cached results, and save figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from filelock import FileLock

from vslnb.errors import InputError
from vslnb.recipes import DATA
from vslnb.storage import write_stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "notebooks" / "profiles"
PARAMETERS = (
    "profile",
    "dataset",
    "data",
    "run",
    "modules",
    "arms",
    "seeds",
    "ablation_modules",
    "ablation_epochs",
    "ablation_seeds",
    "checkpoints",
    "device",
    "known",
    "cluster",
    "architectures",
)

# What the notebooks need of each: a first and a second arm to compare, a module a table.
LISTS = {"modules": 1, "arms": 2, "seeds": 1, "ablation_modules": 3, "ablation_seeds": 1, "checkpoints": 0}


def load_profile(name: str) -> dict:
    """The parameters of a profile: `notebooks/profiles/NAME.yaml`, or a path to such a file.

    Raises:
        InputError: if there is none, it is not a flat mapping, or its values cannot be.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES / f"{name}.yaml"
    known = ", ".join(sorted(p.stem for p in PROFILES.glob("*.yaml")))
    if not path.exists():
        raise InputError(path, "there is no such profile", f"Known: {known or 'none (run in a checkout)'}.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise InputError(path, f"not YAML ({fault})", "Start from profiles/demo.yaml.") from None
    if not isinstance(content, dict) or any(isinstance(value, dict) for value in content.values()):
        raise InputError(path, "not a flat mapping", "One `name: value` a line, as in profiles/demo.yaml.")
    content.setdefault("architectures", [])  # profiles that people made before there was notebook 09
    missing = [key for key in PARAMETERS if key not in content]
    if missing:
        raise InputError(path, f"no {', '.join(missing)}", "See profiles/demo.yaml.")
    if content["dataset"] not in DATA:
        problem = (
            f"dataset is {content['dataset']!r:.60}, but it names the recipes that train: {', '.join(DATA)}"
        )
        raise InputError(
            path, problem, "For photos of your own write flickr8k here, and their folder at `data`."
        )
    for key, least in LISTS.items():
        if not isinstance(content[key], list) or len(content[key]) < least:
            raise InputError(path, f"{key} is no list of at least {least}", "See profiles/demo.yaml.")
    return content


def prepare_data(data: str | Path, dataset: str) -> Path:
    """The data set of a profile, from the project's root; the bundled world is made where it is missing.

    Raises:
        InputError: if real photos are missing, with the command that imports them.
    """
    folder = ROOT / data
    if not (folder / "test_ims.npy").exists():
        if dataset in ("f30k", "coco"):
            raise InputError(folder, "no features here", "Put the field's files there (README, features).")
        if dataset != "world":
            raise InputError(folder, "no data set here", f"Make it: vslnb import {dataset} SOURCE {data}")
        from vslnb.data.world.build import build_world

        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):  # a notebook beside this one may need it too
            if not (folder / "test_ims.npy").exists():
                build_world(folder, progress=False)
    return folder


def most_captions(data: Path) -> int:
    """The largest number of captions that a training image has; 5, as in the field, before the data set is there.

    >>> most_captions(Path("no/such/folder"))
    5
    """
    if not (data / "train_caps.txt").exists():
        return 5
    from vslnb.data.precomp import load_split

    counts = load_split(data, "train").captions_per_image
    return counts if isinstance(counts, int) else max(counts)


def known_results(folder: str) -> list[dict]:
    """Results that need not be computed again: the content of every `*runs.json` of a folder.

    Args:
        folder: from the project's root; "" is none.

    Raises:
        InputError: for a file that is not a list of results.
    """
    files = sorted((ROOT / folder).glob("*runs.json")) if folder else []
    return [result for file in files for result in _results(file)]


def _results(file: Path) -> list[dict]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as fault:
        raise InputError(file, f"not JSON ({fault})", "Remove it; its runs are trained again.") from None
    if not isinstance(content, list) or not all(
        isinstance(one, dict) and isinstance(one.get("config_hash"), str) for one in content
    ):
        raise InputError(file, "not a list of results", "Remove it; its runs are trained again.")
    return content


def save_figure(figure: Figure, run: Path, name: str, photos: bool = False) -> Path:
    """Write a figure to the run's figures/ as PNG, readable at the width of a README.

    With `photos`, other people's pictures or captions are in it: it goes to photos/, which is never copied.
    """
    path = run / ("photos" if photos else "figures") / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_stream(
        path, lambda stream: figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
    )
    return path
