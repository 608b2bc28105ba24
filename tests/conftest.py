"""What several tests share: shared data, small models, a small data set."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from vslnb.config import ModelConfig
from vslnb.data.precomp import write_manifest, write_split
from vslnb.models import Matcher, build_model

GOLDEN = Path(__file__).parent / "golden"
# For a program below tests/ that a test starts: it finds conftest as pytest does.
TESTS = Path(__file__).parent
PROGRAM_ENV = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def shared(name: str) -> Path:
    """A path below shared/; skips, or fails in CI, where it is missing."""
    root = Path(os.environ.get("VSLNB_SHARED", Path(__file__).parents[2] / "shared"))
    if not (root / name).exists():
        message = f"{root / name} is not there (set VSLNB_SHARED)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return root / name


def extra(package: str, name: str) -> None:
    """Skips, or fails in CI, where the package of an extra is not installed."""
    if importlib.util.find_spec(package) is None:
        message = f"{package} is not installed: pip install 'vslnb[{name}]'"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """What tests keep outside their folders is kept in one that is theirs."""
    os.environ["VSLNB_CACHE"] = str(tmp_path_factory.mktemp("cache"))


def small_model(module: str, **changes) -> Matcher:
    torch.manual_seed(0)
    sizes = {
        "embed_dim": 12,
        "sim_dim": 6,
        "word_dim": 7,
        "vocab_size": 20,
        "num_regions": 5,
        "feature_dim": 9,
        "num_heads": 4,
    }
    model = build_model(ModelConfig(module, **(sizes | changes)))
    with torch.no_grad():  # other than the initial 0 and 1, so that a swapped buffer shows
        for name, value in model.named_buffers():
            if name.endswith(("running_mean", "shift")):
                value.normal_()
            elif name.endswith(("running_var", "scale")):
                value.uniform_(0.5, 2)
    return model


def write_dataset(
    folder: Path, sizes: dict[str, int], width: int = 6, regions: int = 4, seed: int = 0
) -> Path:
    """Images of one of eight kinds; five captions that name the kind; features that show it."""
    rng = np.random.default_rng(seed)
    kinds = ["dog", "cat", "boat", "child", "horse", "tower", "bicycle", "river"]
    codes = rng.normal(size=(len(kinds), width))
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in sizes.items():
        kind = rng.integers(len(kinds), size=count)
        features = codes[kind][:, None] + 0.3 * rng.normal(size=(count, regions, width))
        np.save(folder / f"{name}_ims.npy", features.astype(np.float32))
        phrases = ["a {} outside", "the {}", "one {} in the sun", "some {} here", "there is a {}"]
        captions = [phrase.format(kinds[k]) for k in kind for phrase in phrases]
        write_split(folder, name, captions, [f"{name}_{i}" for i in range(count)], np.zeros((1, regions, 4)))
    write_manifest(folder, "made by the tests", 5, name="tests")
    return folder


@pytest.fixture
def dataset(tmp_path) -> Path:
    return write_dataset(tmp_path / "data", {"train": 40, "dev": 10, "test": 10})


@pytest.fixture(scope="module")
def chromium():
    """A page's browser; without Chromium a test says so, and fails in CI."""
    from playwright.sync_api import sync_playwright

    import lab

    path = lab.chromium_path()
    if path is None:
        message = "Chromium is not installed (set CHROMIUM)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=lab.FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """An empty page; `faults` are errors of its scripts, `asked` are the addresses that it asked for."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.faults, page.asked = [], []
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()
