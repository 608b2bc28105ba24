import json
import mmap
import subprocess
import sys

import numpy as np
import pytest

from conftest import shared, write_dataset
from vslnb.data.check import check_dataset
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.data.vocabulary import Vocabulary
from vslnb.errors import InputError
from vslnb.storage import fetch, open_array, pages


def test_repeated_images_read_as_one(tmp_path, dataset):
    once = load_split(dataset, "dev")
    features = np.load(dataset / "dev_ims.npy")
    np.save(dataset / "dev_ims.npy", np.repeat(features, 5, axis=0))
    repeated = load_split(dataset, "dev")
    assert len(repeated) == len(once) == 10 and repeated.step == 5
    np.testing.assert_array_equal(repeated.regions([3, 7]), features[[3, 7]])
    assert len(repeated.head(4)) == 4 and repeated.head(4).regions(slice(None)).shape[0] == 4
    rest = repeated.rest(4)
    np.testing.assert_array_equal(rest.regions(slice(None)), features[4:])
    assert rest.captions == once.captions[20:] and rest.ids == repeated.ids[4:]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("start", [0, 7])
def test_the_pages_that_are_fetched_hold_the_rows(tmp_path, dtype, start):
    rows = np.random.default_rng(0).standard_normal((50, 37, 11)).astype(dtype)
    np.save(tmp_path / "rows.npy", rows)
    part, wanted = open_array(tmp_path / "rows.npy")[start:], np.array([0, 3, 11, 42])
    size = rows[0].nbytes
    for row, (first, length) in zip(wanted, pages(part, part._mmap, wanted), strict=True):
        assert first % mmap.PAGESIZE == 0 and size <= length < size + mmap.PAGESIZE
        assert part._mmap[first : first + length].endswith(rows[start + row].tobytes())
    fetch(part, wanted)
    np.testing.assert_array_equal(part[wanted], rows[start + wanted])


READS_AHEAD = """
import os, sys
import numpy as np, torch
from vslnb.data.loader import BatchLoader
from vslnb.data.precomp import load_split, load_vocabulary
torch.set_num_threads(2)
large = torch.ones(10**6).mul(2)  # torch starts its threads
loader = BatchLoader(load_split(sys.argv[1], "train"), load_vocabulary(sys.argv[1]), 100, 0)
before = len(os.listdir("/proc/self/task"))
batches = loader.epoch(0)
shape = next(batches).features.shape
print(shape.numel(), len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
def test_reading_ahead_starts_one_thread_and_none_of_torch(dataset):
    features = np.load(dataset / "train_ims.npy")
    large = np.ones(
        (len(features), features.shape[1], 4096), np.float16
    )  # enough for torch to share the work
    np.save(dataset / "train_ims.npy", large)
    said = subprocess.run(
        [sys.executable, "-c", READS_AHEAD, str(dataset)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(said[0]) > 2**18 and said[1] == "1"


def test_a_part_has_its_own_boxes_and_pictures(dataset):
    boxes = np.random.default_rng(0).random((10, *np.load(dataset / "dev_boxes.npy").shape[1:]), np.float32)
    np.save(dataset / "dev_boxes.npy", boxes)
    (dataset / "dev_pictures.txt").write_text("".join(f"{k}.png\n" for k in range(10)))
    part = load_split(dataset, "dev").rest(4).head(3)
    np.testing.assert_array_equal(part.boxes(), boxes[4:7])
    assert [path.name for path in part.pictures()] == ["4.png", "5.png", "6.png"]
    assert len(load_split(dataset, "dev").pictures()) == 10


@pytest.mark.parametrize(
    "damage, words",
    [
        ("row", ["train_ims.npy", "row 39", "39 rows", "Expected 40"]),
        ("caption", ["train_caps.txt", "line 199", "5 an image"]),
        ("bytes", ["train_ims.npy", "not a whole .npy"]),
        ("objects", ["train_ims.npy"]),
        ("flat", ["train_ims.npy", "shape"]),
        ("latin", ["train_caps.txt, line 3", "UTF-8"]),
        ("empty", ["train_caps.txt, line 3", "empty"]),
        ("gone", ["train_ims.npy", "no such file"]),
    ],
)
def test_damage_is_named_with_file_place_and_remedy(dataset, damage, words):
    ims, caps = dataset / "train_ims.npy", dataset / "train_caps.txt"
    features, lines = np.load(ims), caps.read_bytes().splitlines()
    if damage == "row":
        np.save(ims, features[:-1])
    elif damage == "caption":
        caps.write_bytes(b"\n".join(lines[:-1]))
    elif damage == "bytes":
        ims.write_bytes(ims.read_bytes()[:-100])
    elif damage == "objects":
        np.save(ims, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif damage == "flat":
        np.save(ims, features[:, 0])
    elif damage in ("latin", "empty"):
        lines[2] = b"caf\xe9" if damage == "latin" else b"  "
        caps.write_bytes(b"\n".join(lines))
    else:
        ims.unlink()
    with pytest.raises(InputError) as fault:
        load_split(dataset, "train")
    assert all(word in str(fault.value) for word in words), fault.value
    assert any(not passed for _, passed, _ in check_dataset(dataset))


def test_a_nan_is_found_by_reading_and_by_checking(dataset):
    features = np.load(dataset / "test_ims.npy")
    features[6, 1, 2] = np.nan
    np.save(dataset / "test_ims.npy", features)
    split = load_split(dataset, "test")
    split.regions([0, 1])
    with pytest.raises(InputError, match=r"test_ims\.npy, row 6 \(image test_6\).*NaN"):
        split.regions([2, 6])
    assert any(not passed and "row 6" in detail for _, passed, detail in check_dataset(dataset))


def test_repeated_rows_that_differ_are_a_fault(dataset):
    features = np.repeat(np.load(dataset / "dev_ims.npy"), 5, axis=0)
    features[17] += 1
    np.save(dataset / "dev_ims.npy", features)
    assert any("row 17" in detail for _, passed, detail in check_dataset(dataset) if not passed)


def test_a_vocabulary_survives_its_file_and_a_wrong_one_is_found(tmp_path, dataset):
    vocabulary = load_vocabulary(dataset)
    vocabulary.write(tmp_path / "v.json")
    assert Vocabulary.read(tmp_path / "v.json").words == vocabulary.words
    foreign = Vocabulary.build(["completely different words of another corpus"], min_count=1)
    foreign.write(dataset / "vocab.json")
    assert any("another data set" in detail for _, passed, detail in check_dataset(dataset) if not passed)
    content = json.loads((tmp_path / "v.json").read_text())
    content["word2idx"]["dog"] = 0
    (tmp_path / "v.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"v\.json, index"):
        Vocabulary.read(tmp_path / "v.json")


@pytest.mark.parametrize("theirs, passes", [("f30k", True), ("coco", False)])
def test_the_fields_vocabularies_fit_their_own_captions_only(tmp_path, theirs, passes):
    captions = shared("data/f30k_captions/test_caps.txt").read_text().splitlines()
    write_dataset(tmp_path / "f30k_precomp", {"train": 1})
    folder = tmp_path / "f30k_precomp"
    (folder / "dataset.json").unlink()
    for path in folder.glob("train*"):
        path.unlink()
    # Of every second photo: words that occur four times in all of them are seldom missing in a half.
    train = shared("data/f30k_captions/train_caps.txt").read_text().splitlines()
    train = [line for k, line in enumerate(train) if k // 5 % 2 == 0]
    for name, lines in (("train", train), ("test", captions)):
        (folder / f"{name}_caps.txt").write_text("\n".join(lines) + "\n")
        np.save(folder / f"{name}_ims.npy", np.ones((len(lines) // 5, 1, 2), np.float16))
    (folder / "vocab.json").write_bytes(shared(f"data/vocab/{theirs}_precomp_vocab.json").read_bytes())
    faults = [detail for what, passed, detail in check_dataset(folder) if what == "vocabulary" and not passed]
    assert bool(faults) != passes, faults
    assert passes or "occur in no caption" in faults[0] or "not in the vocabulary" in faults[0]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("dataset.json", "[1]"),
        ("dataset.json", "{}"),
        ("dataset.json", '{"captions_per_image": "five", "splits": {}, "vocabulary_sha256": ""}'),
        ("dataset.json", '{"captions_per_image": 5, "splits": [1], "vocabulary_sha256": ""}'),
        ("vocab.json", '{"word2idx": ["a"], "idx2word": {"0": "a"}, "idx": 1}'),
        ("vocab.json", '{"word2idx": {}, "idx2word": {}, "idx": 99999999999}'),
        ("train_caps.txt", None),
        ("train_ims.npy", None),
    ],
)
def test_check_names_a_file_that_is_something_else(dataset, file, content):
    (dataset / file).unlink()
    (dataset / file).mkdir() if content is None else (dataset / file).write_text(content)
    assert any(file in detail for _, passed, detail in check_dataset(dataset) if not passed)
