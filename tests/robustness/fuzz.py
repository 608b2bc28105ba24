"""Damaged input for every reader: `make fuzz`, time-bounded by its number of cases.

    python tests/robustness/fuzz.py [cases a reader] [seed] [reader ...]

A reader may accept what it is given or refuse it with an InputError. Anything else is a finding: another
exception, more than five seconds, a file written, a program started.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import pickle
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from conftest import small_model, write_dataset
from vslnb.browser.load import load_browser
from vslnb.browser.session import Session
from vslnb.config import Config
from vslnb.data import read_photo
from vslnb.data.changes import find_changes, write_photos
from vslnb.data.check import check_dataset
from vslnb.data.importing.caption_files import read_captions, read_flickr8k
from vslnb.data.importing.names import Folder, find_photos
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.evaluation.human_ratings import CROWD, EXPERTS, rating_correlations
from vslnb.models import load_released
from vslnb.models.released import RENAMED, RENAMED_STEP
from vslnb.recipes import recipe
from vslnb.retrieval.gallery import Gallery, search
from vslnb.retrieval.matrix_store import MatrixFile
from vslnb.retrieval.similarity import encode_captions, encode_images
from vslnb.semantics import CaptionSpace
from vslnb.study.profiles import known_results, load_profile
from vslnb.training.checkpoint import load_checkpoint
from vslnb.training.loop import train
from vslnb.training.run import REMEDY, Run, load_run

LIMIT = 5  # seconds a case
MEMORY = 12 * 2**30  # a header that lies about its size must not take the machine
TOKENS = [b"\x00", b"\xff\xfe", b"\r\n", b"\n\n", b"\t", b'"', b"'", b"{", b"]", b"-1", b"1e999", b"NaN", b"null", b"99999999999",
          b"../../x", b"/etc/passwd", b"<script>alert(1)</script>", "\u202e\u2028\u00a0".encode(), b"\xed\xa0\x80", b"%00", b"#", b",",
          b"A" * 5000, b"[" * 5000]  # fmt: skip
VALUES = [
    None,
    True,
    -1,
    0,
    2**70,
    1e308,
    float("nan"),
    "",
    "x",
    "../../x",
    "\udc80",
    [],
    {},
    [[]],
    "9" * 400,
]


class Payload:
    """Code in a pickle."""

    def __reduce__(self):
        return (exec, ("import os; os.system('true')",))


def damaged(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """One of many ways in which a file goes wrong."""
    direction = rng.integers(12)
    place, end = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    if direction == 0:
        return content[:place]
    if direction == 1:
        return content[place:]
    if direction <= 4:  # a few bits, most of them near the head, where sizes are
        array = np.frombuffer(content or b"\0", np.uint8).copy()
        where = rng.integers(0, len(array) if direction > 2 else min(len(array), 256), rng.integers(1, 9))
        array[where] ^= (1 << rng.integers(0, 8, len(where))).astype(np.uint8)
        return array.tobytes()
    if direction == 5:
        return content[:place] + content[end:]
    if direction == 6:
        return content[:end] + content[place:]
    if direction == 7:
        return content[:place] + rng.bytes(int(rng.integers(1, 64))) + content[place:]
    if direction == 8 and name.endswith(".npy"):
        return other_array(content, rng)
    if direction in (8, 9) and name.endswith(".json"):
        return other_json(content, rng)
    if direction == 10:
        stream = io.BytesIO()
        torch.save({"model": Payload(), "opt": None}, stream)
        return [stream.getvalue(), pickle.dumps(Payload()), b"", b"\x80\x05."][rng.integers(4)]
    token = TOKENS[rng.integers(len(TOKENS))]
    return content[:place] + token + content[end if direction == 11 else place :]


def other_array(content: bytes, rng: np.random.Generator) -> bytes:
    """Another dtype, order, shape or content; or an object array that runs code where it is unpickled."""
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError:
        return b""
    kinds = [
        lambda a: np.array([Payload()], object),
        lambda a: np.asfortranarray(a),
        lambda a: a.astype([np.int8, np.float64, np.complex64, "U5", ">f4"][rng.integers(5)]),
        lambda a: a[: rng.integers(len(a) + 1)],
        lambda a: a.ravel(),
        lambda a: np.where(rng.random(a.shape) < 0.1, [np.nan, np.inf, -1, 2**40][rng.integers(4)], a),
        lambda a: a[None],
        lambda a: np.zeros((0, 3)),
    ]
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        np.save(stream, kinds[rng.integers(len(kinds))](array), allow_pickle=True)
    return stream.getvalue()


def other_json(content: bytes, rng: np.random.Generator) -> bytes:
    """Another value somewhere in the tree, or a key that is gone."""
    try:
        tree = json.loads(content)
    except ValueError:
        return b""
    root = [tree]
    node, last = root, 0
    while isinstance(node[last], dict | list) and node[last] and rng.random() < 0.8:
        node = node[last]
        keys = list(node) if isinstance(node, dict) else range(len(node))
        last = keys[rng.integers(len(keys))]
    if isinstance(node, dict) and rng.random() < 0.3:
        del node[last]
    else:
        node[last] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(root[0]).encode()


# Readers: each makes good files in a folder, and returns what reads them.


def data_set(home: Path) -> Callable:
    write_dataset(home, {"train": 12, "dev": 3, "test": 3})
    (home / "test_pictures.txt").write_text("a.png\nb.png\nc.png\n")

    def read() -> None:
        check_dataset(home)
        vocabulary = load_vocabulary(home)
        for name in ("train", "test"):
            split = load_split(home, name)
            split.regions(slice(0, 3)), split.boxes(), split.pictures(), vocabulary.encode_all(split.captions)

    return read


def caption_file(name: str, text: str) -> Callable:
    def make(home: Path) -> Callable:
        (home / name).write_text(text, encoding="utf-8")
        (home / "a.jpg").write_bytes(b"")
        folder = Folder(home)
        return lambda: find_photos(read_captions(home / name), folder, home / name)

    return make


def flickr8k(home: Path) -> Callable:
    (home / "Flickr8k.token.txt").write_text(
        "".join(f"{p}.jpg#{k}\ta dog {k}\n" for p in "abc" for k in range(5))
    )
    for name, photo in zip(("train", "dev", "test"), "abc"):
        (home / f"Flickr_8k.{name}Images.txt").write_text(f"{photo}.jpg\n")
    return lambda: read_flickr8k(home)


def unequal(home: Path) -> Callable:
    """A data set whose images have their own numbers of captions, and a note of its photos."""
    write_dataset(home, {"train": 12, "dev": 3, "test": 3})
    (home / "test_pictures.txt").write_text("a.png\nb.png\nc.png\n")
    for letter in "abc":
        (home / f"{letter}.png").write_bytes(letter.encode())
    for name, counts in (("train", [5] * 12), ("dev", [5] * 3), ("test", [1, 9, 5])):
        (home / f"{name}_counts.txt").write_text("".join(f"{count}\n" for count in counts))
    manifest = json.loads((home / "dataset.json").read_text()) | {"captions_per_image": "all"}
    (home / "dataset.json").write_text(json.dumps(manifest))
    write_photos(
        home, home, ["a.png", "b.png", "c.png"], dict.fromkeys(["a.png", "b.png", "c.png"], "0" * 64)
    )

    def read() -> None:
        check_dataset(home), find_changes(home)
        split = load_split(home, "test")
        split.regions(slice(0, 3)), split.pictures(), split.owner, split.head(2).captions

    return read


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def photos(home: Path) -> Callable:
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 255, (40, 30, 3), dtype=np.uint8))
    rgb.save(home / "a.jpg")
    rgb.convert("CMYK").save(home / "cmyk.jpg")
    rgb.convert("P").save(home / "palette.png")
    rgb.convert("RGBA").save(home / "alpha.webp")
    Image.fromarray(rng.integers(0, 65535, (40, 30), dtype=np.uint16)).save(home / "deep.png")
    rgb.save(home / "animated.gif", save_all=True, append_images=[rgb.rotate(90)])
    rgb.save(home / "a.tif", compression="tiff_lzw")
    rgb.save(home / "a.bmp")
    rgb.save(home / "a.avif")
    rgb.save(home / "turned.tif", exif=orientation(6))
    rgb.save(home / "turned.webp", exif=orientation(3))
    Image.fromarray(rng.random((40, 30), dtype=np.float32)).save(home / "float.tif")
    Image.fromarray(rng.integers(0, 4096, (40, 30), dtype=np.uint16)).save(home / "scan.tif")
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.from_pillow(rgb).save(home / "a.heic")
    paths = sorted(home.iterdir())

    def read() -> None:
        for path in paths:
            read_photo(path), read_photo(path, at_least=16)

    return read


def released(home: Path) -> Callable:
    model = small_model("sgr")
    theirs = {ours: name for name, ours in RENAMED.items()} | {"reasoning.steps.": "SGR_module."}
    steps, weights = {ours: name for name, ours in RENAMED_STEP.items()}, {}
    for key, value in model.state_dict().items():
        if key not in ("image_encoder.shift", "image_encoder.scale"):
            prefix = max((p for p in theirs if key.startswith(p)), key=len)
            name = theirs[prefix] + key.removeprefix(prefix)
            for ours, step in steps.items():
                name = name.replace(f".{ours}.", f".{step}.") if name.startswith("SGR") else name
            weights[name] = value
    options = argparse.Namespace(module_name="SGR")
    torch.save({"model": [weights], "opt": options, "epoch": 1}, home / "model.pth.tar")
    return lambda: load_released(home / "model.pth.tar")


def tiny_run(run: Path) -> tuple[Config, Path]:
    """A trained run; its configuration and its data."""
    data = write_dataset(Path(tempfile.mkdtemp()), {"train": 8, "dev": 3, "test": 4})
    sizes = {"model.embed_dim": 6, "model.sim_dim": 4, "model.word_dim": 5, "training.batch_size": 20}
    config = recipe("world-saf-vsl").with_settings(sizes | {"training.epochs": 1})
    train(config, data, run, device="cpu", progress=False)
    return config, data


def run_folder(home: Path) -> Callable:
    config, data = tiny_run(home)
    model = load_run(home, "cpu")[0]

    def read() -> None:
        load_run(home, "cpu")
        load_checkpoint(Run(home), model, torch.optim.Adam(model.parameters()), REMEDY, {})
        Run(home).results_if_complete(config, data)
        CaptionSpace.load(home / "semantics.npz").image_similarity()

    return read


def space(home: Path) -> Callable:
    captions = [f"a {kind} in the {place}" for kind in ("dog", "cat", "bird") for place in ("sun", "sea")]
    CaptionSpace.fit(captions, 2, "cider_d").save(home / "space.npz")

    def read() -> None:
        found = CaptionSpace.load(home / "space.npz")
        found.image_similarity(), found.caption_similarity()

    return read


def matrix(home: Path) -> Callable:
    MatrixFile(home, (6, 9), "key").add(0, [0, 2], np.ones((6, 2)))
    return lambda: MatrixFile(home, (6, 9), "key").scores.sum()


def gallery(home: Path) -> Callable:
    model = small_model("saf").eval()
    images = torch.rand(9, 5, 9)
    Gallery(home, "images", "weights").add(9, encode_images(model, [images]))
    (asked,) = encode_captions(model, [[1, 4, 2]], [3])
    return lambda: search(model, Gallery(home, "images", "weights"), asked, top=2)


def profile(home: Path) -> Callable:
    source = Path(__file__).parents[2] / "notebooks" / "profiles" / "demo.yaml"
    (home / "demo.yaml").write_bytes(source.read_bytes())
    return lambda: load_profile(str(home / "demo.yaml"))


def known(home: Path) -> Callable:
    (home / "runs.json").write_text(json.dumps([{"config_hash": "x", "seed": 0, "dev": {}, "test": {}}]))
    return lambda: known_results(str(home))


def ratings(home: Path) -> Callable:
    data = write_dataset(Path(tempfile.mkdtemp()), {"train": 8, "dev": 3, "test": 3})
    lines = [
        f"test_{i}\ttest_{j}#{k}\t1\t2\t{k % 3 + 1}" for i in range(3) for j in range(3) for k in range(2)
    ]
    (home / EXPERTS).write_text("\n".join(lines))
    (home / CROWD).write_text("\n".join(line.replace("\t1\t", "\t0.5\t") for line in lines))
    split = replace(load_split(data, "test"), folder=home)
    scores = np.random.default_rng(0).random((3, 15))
    return lambda: rating_correlations(scores, split)


def requests(home: Path) -> Callable:
    run = Path(tempfile.mkdtemp())
    tiny_run(run)
    browser = load_browser([run], progress=False)
    (name,) = browser.models
    state = {
        "direction": "image_to_text",
        "models": [name],
        "query": 1,
        "top": 5,
        "page": 0,
        "curated": "",
        "text": "",
    }
    asked = [
        {"kind": "state", "state": state},
        {"kind": "list", "name": "hardest"},
        {"kind": "attention", "model": name, "item": 2},
    ]
    (home / "asked.json").write_text(json.dumps(asked))
    session = Session(browser, lambda image, size: "")

    def read() -> None:
        try:
            given = json.loads((home / "asked.json").read_bytes().decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return
        for request in given if isinstance(given, list) else ():
            if isinstance(request, dict):  # what the transport hands over
                session.handle(request)

    return read


READERS: dict[str, Callable[[Path], Callable]] = {
    "data set": data_set,
    "unequal captions": unequal,
    "semicolons.csv": caption_file("semicolons.csv", "sep=;\nfile_name;caption1;caption2;split\n" + 'a.jpg;"a ""dog"", two";;Train\nb.jpg;a cat;it runs;\n' * 4),
    "tabs.tsv": caption_file("tabs.tsv", "image\tcaption\n" + 'a.jpg\t"Go says a shirt\nb.jpg\ta cat "here"\n' * 4),
    "listed.csv": caption_file("listed.csv", "image,captions\n" + "a.jpg,\"['a dog', 'two']\"\nb.jpg,\"['a cat' 'it runs']\"\n" * 4),
    "coco.json": caption_file("coco.json", json.dumps({"images": [{"id": k, "file_name": f"{k}.jpg"} for k in range(4)],
        "annotations": [{"image_id": k % 4, "caption": "a dog"} for k in range(9)]})),
    "metadata.jsonl": caption_file("metadata.jsonl", "".join(json.dumps({"file_name": f"{k}.jpg", "text": "a dog", "split": "train"}) + "\n" for k in range(4))),
    "mapping.json": caption_file("mapping.json", json.dumps({f"{k}.jpg": ["a dog", "a cat"] for k in range(4)})),
    "captions.csv": caption_file("captions.csv", "image,caption,split\n" + 'a.jpg,"a dog, two",train\nb.jpg,a cat,val\n' * 4),
    "tokens.txt": caption_file("tokens.txt", "".join(f"a{p}.jpg#{k}\ta dog {k}\n" for p in range(4) for k in range(5))),
    "karpathy.json": caption_file("karpathy.json", json.dumps({"images": [
        {"filename": f"{k}.jpg", "filepath": "val", "split": "val", "sentences": [{"raw": "a dog"}, {"raw": "a cat"}]} for k in range(4)]})),
    "flickr8k": flickr8k,
    "photos": photos,
    "released checkpoint": released,
    "run folder": run_folder,
    "semantics": space,
    "matrix": matrix,
    "gallery": gallery,
    "profile": profile,
    "known results": known,
    "ratings": ratings,
    "requests": requests,
}  # fmt: skip


def watched(events: list[str], home: Path) -> Callable:
    """An audit hook that notes programs started and files opened for writing elsewhere."""

    def hook(event: str, arguments: tuple) -> None:
        if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect"):
            events.append(f"{event} {arguments!r:.80}")
        elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[1], str):
            if set(arguments[1]) & set("wax+") and not arguments[0].startswith((str(home), "/dev/")):
                events.append(f"wrote {arguments[0]}")

    return hook


class Slow(BaseException):
    """A case took too long."""


def _slow(*_: object) -> None:
    raise Slow


def fuzz(name: str, cases: int, seed: int, home: Path, events: list[str]) -> Counter:
    """Damage one file of a reader's at a time; counts of what happened, findings printed."""
    home.mkdir()
    read = READERS[name](home)
    good = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != ".lock"}
    read()
    rng, counts = np.random.default_rng([seed, *name.encode()]), Counter()
    paths = sorted(good)
    events.clear()
    for case in range(cases):
        path = paths[rng.integers(len(paths))]
        path.write_bytes(damaged(good[path], path.name, rng))
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        try:
            read()
            counts["accepted"] += 1
        except InputError as fault:
            counts["refused"] += 1
            str(fault)
        except Slow:
            counts["slow"] += 1
            print(f"{name}, case {case}, {path.name}: more than {LIMIT} s", flush=True)
        except BaseException as fault:
            counts["traceback"] += 1
            where = traceback.extract_tb(fault.__traceback__)[-1]
            if counts["traceback"] <= 12:
                print(
                    f"{name}, case {case}, {path.name}: {type(fault).__name__}: {str(fault)[:150]} ({where.filename}:{where.lineno})",
                    flush=True,
                )
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for other in set(home.rglob("*")) - set(good):
            if other.is_file() and other.name != ".lock":
                other.unlink()
        for file in {path, *(p for p in good if not p.exists() or p.suffix in (".npy", ".json"))}:
            if not file.exists() or file.read_bytes() != good[file]:
                file.write_bytes(good[file])
    counts["started or wrote"] = len(events)
    for event in events[:5]:
        print(f"{name}: {event}", flush=True)
    return counts


def run(cases: int, seed: int, names: list[str]) -> bool:
    """All readers; True where nothing was found."""
    warnings.simplefilter("ignore")
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, most))
    signal.signal(signal.SIGALRM, _slow)
    clean, events = True, []
    with tempfile.TemporaryDirectory() as folder:
        sys.addaudithook(watched(events, Path(folder)))
        for number, name in enumerate(names or READERS):
            counts = fuzz(name, cases, seed, Path(folder) / str(number), events)
            print(f"{name:<20} {cases} cases  " + "  ".join(f"{k} {counts[k]}" for k in
                  ("accepted", "refused", "traceback", "slow", "started or wrote")), flush=True)  # fmt: skip
            clean = clean and not (counts["traceback"] or counts["slow"] or counts["started or wrote"])
    return clean


if __name__ == "__main__":
    numbers, words = [int(w) for w in sys.argv[1:3]], sys.argv[3:]
    sys.exit(not run(*(numbers + [2000, 0][len(numbers) :]), words))
