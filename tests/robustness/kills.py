"""Programs killed at random instants, started again until they end, and compared byte for byte: `make kills`.

python tests/robustness/kills.py [kills] [seed] [training|import|evaluate|search|reproduce ...]

Without names all but `reproduce`, which takes five minutes and is made by the demo's own notebooks.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from conftest import write_dataset

TINY = (
    "model.embed_dim=24 model.sim_dim=12 model.word_dim=12 training.batch_size=20 training.epochs=6".split()
)
VSLNB = [sys.executable, "-m", "vslnb"]
# Pixels instead of a network: an import without the weights' package, and fast enough to kill often.
IMPORT = """
import sys
import numpy as np
from vslnb.data.importing.dataset import import_captions
from vslnb.data.importing.features import grid_boxes
class Pixels:
    name, size, regions, width, boxes = "pixels", 64, 4, 3072, grid_boxes(2)
    def __call__(self, photos):
        return photos.reshape(len(photos), 4, 3072) / 255
import_captions(sys.argv[1] + "/photos", sys.argv[1] + "/captions.csv", sys.argv[2], backbone=Pixels())
"""


def files(folder: Path) -> dict[str, str]:
    """Hashes of what counts in a folder: all but logs with clock times, locks and what lies aside."""
    left_out = (".lock", ".tmp", ".html", ".ipynb", "metrics.jsonl", "progress.json", "environment.json")
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(left_out) and path.parent.name != "notebooks":
            content = path.read_bytes()
            if path.suffix == ".json":  # a notebook notes how long its runs took
                content = re.sub(rb'"seconds": [0-9.]+', b"", content)
            found[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return found


def write_photos(folder: Path, count: int = 600) -> None:
    """Photos of noise with their captions."""
    (folder / "photos").mkdir(parents=True)
    rng, rows = np.random.default_rng(0), ["image,caption"]
    for k in range(count):
        Image.fromarray(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)).save(folder / f"photos/{k}.jpg")
        rows += [f"{k}.jpg,the picture number {k} has words {word}" for word in "abcde"]
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")


def commands(home: Path) -> dict[str, Callable[[Path], list]]:
    """Each program's words, given a folder for what it writes; what it reads is made when it is first asked for."""
    data = write_dataset(home / "data", {"train": 300, "dev": 150, "test": 300})
    sets = [word for setting in TINY for word in ("--set", setting)]
    common = ["--data", data, *sets, "--quiet", "--device", "cpu"]

    def trained() -> Path:
        run = home / "trained"
        if not run.exists():
            program = [*VSLNB, "train", "world-sgr", *common, "--run", run]
            subprocess.run(program, check=True, capture_output=True)
        return run

    def importing(place: Path) -> list:
        if not (home / "photos").exists():
            write_photos(home)
        return [sys.executable, "-c", IMPORT, home, place / "data"]

    def searching(place: Path) -> list:
        if not (place / "run").exists():
            shutil.copytree(trained(), place / "run")
        return [*VSLNB, "search", place / "run", "a dog outside"]

    return {
        "training": lambda place: [
            *VSLNB, "train", "world-saf-vsl", *common, "--run", place / "run", "--resume"
        ],
        "import": importing,
        "evaluate": lambda place: [*VSLNB, "evaluate", trained(), "--keep", place / "kept", "--quiet"],
        "search": searching,
        "reproduce": lambda place: [*VSLNB, "reproduce", "demo", "--run", place / "demo"],
    }  # fmt: skip


def campaign(name: str, command: Callable[[Path], list], home: Path, kills: int, draw: random.Random) -> dict:
    """Run once in peace; then kill, start again, and compare with that."""
    whole, cut = home / name / "whole", home / name / "cut"
    for place in (whole, cut):
        place.mkdir(parents=True)
    words = list(map(str, command(whole)))
    began = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    length = time.monotonic() - began
    done, rounds, started, equal = 0, 0, 0, True
    while done < kills:
        rounds += 1
        while True:
            started += 1
            program = subprocess.Popen(
                list(map(str, command(cut))), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, start_new_session=True,
            )  # fmt: skip
            try:
                # Where it has been started often, it is left in peace for once, so that it comes to its end.
                wait = draw.uniform(0.3, 1.1) * length if done < kills else None
                _, told = program.communicate(timeout=wait)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.communicate()
                done += 1
                continue
            if program.returncode:
                raise SystemExit(f"{name}: did not go on after a kill:\n{told}")
            break
        equal = equal and files(whole) == files(cut)
        if not equal:
            a, b = files(whole), files(cut)
            raise SystemExit(f"{name}: differs in {[f for f in {*a, *b} if a.get(f) != b.get(f)]}")
        shutil.rmtree(cut)
        cut.mkdir()
    return {
        "program": name,
        "seconds": round(length, 1),
        "kills": done,
        "starts": started,
        "ends compared": rounds,
    }


def main(kills: int = 30, seed: int = 0, *names: str) -> None:
    """Share out the kills and print a line a program."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        found = commands(Path(folder))
        chosen = {name: found[name] for name in names or [name for name in found if name != "reproduce"]}
        for name, command in chosen.items():
            print(campaign(name, command, Path(folder), -(-kills // len(chosen)), draw), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
