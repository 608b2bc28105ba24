import json

import numpy as np
import pytest
from PIL import Image

from conftest import shared
from vslnb.data.check import check_dataset
from vslnb.data.importing.caption_files import read_captions
from vslnb.data.importing.dataset import import_captions
from vslnb.data.importing.features import EfficientNetLite0, extract, grid_boxes, read_square
from vslnb.data.precomp import load_split
from vslnb.errors import InputError


class MeanColour:
    """Another detector: the mean colour of four quarters."""

    name, size, regions, width, boxes = "mean-colour", 8, 4, 3, grid_boxes(2)

    def __call__(self, photos):
        quarters = photos.reshape(len(photos), 2, 4, 2, 4, 3).mean((2, 4))
        return quarters.reshape(len(photos), 4, 3)


def make_photos(folder, count=40):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).save(folder / f"p{i:02d}.jpg")
    return folder


def token_file(path, count=40, per_image=5):
    lines = [f"p{i:02d}.jpg#{k}\ta thing number {i} seen {k}" for i in range(count) for k in range(per_image)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_own_photos_become_a_data_set_without_the_unreadable_one(tmp_path):
    photos = make_photos(tmp_path / "photos")
    (photos / "p07.jpg").write_bytes((photos / "p07.jpg").read_bytes()[:300])
    (photos / "p09.jpg").unlink()
    captions = token_file(tmp_path / "captions.token")
    report = import_captions(photos, captions, tmp_path / "d", backbone=MeanColour(), progress=False)
    assert {left["picture"] for left in report["left_out"]} == {"p07.jpg", "p09.jpg"}
    assert sum(report["images"].values()) == 38
    train = load_split(tmp_path / "d", "train")
    assert train.features.shape[1:] == (4, 3) and all(path.exists() for path in train.pictures())
    assert not any("number 7 " in caption for caption in train.captions)
    row = train.ids.index("p01.jpg")
    expected = MeanColour()(read_square(photos / "p01.jpg", 8)[None])[0]
    np.testing.assert_allclose(train.regions([row])[0], expected, rtol=1e-3)
    assert train.captions[5 * row].startswith("a thing number 1 ")
    assert all(passed for _, passed, _ in check_dataset(tmp_path / "d"))
    again = import_captions(photos, captions, tmp_path / "d", backbone=MeanColour(), progress=False)
    assert again["images"] == report["images"] and "already complete" in again["note"]


def test_an_interrupted_extraction_goes_on_and_ends_the_same(tmp_path):
    paths = sorted(make_photos(tmp_path / "photos", 70).iterdir())
    extract(paths, MeanColour(), tmp_path / "whole.npy", batch_size=2, progress=False)
    seen = []

    class Interrupted(MeanColour):
        def __call__(self, photos):
            seen.append(len(photos))
            if len(seen) == 30:
                raise KeyboardInterrupt
            return super().__call__(photos)

    with pytest.raises(KeyboardInterrupt):
        extract(paths, Interrupted(), tmp_path / "cut.npy", batch_size=2, progress=False)
    assert not (tmp_path / "cut.npy").exists()
    seen.clear()

    class Counting(MeanColour):
        def __call__(self, photos):
            seen.append(len(photos))
            return super().__call__(photos)

    extract(paths, Counting(), tmp_path / "cut.npy", batch_size=2, progress=False)
    assert sum(seen) == 70 - 2 * 29
    assert (tmp_path / "cut.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16"])
def test_photos_of_any_mode(tmp_path, mode):
    image = Image.fromarray(np.full((9, 9, 3), 200, np.uint8))
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    if mode == "I;16":
        Image.fromarray(np.full((9, 9), 200 << 8, np.uint16)).save(path)
    else:
        image.convert(mode).save(path)
    photo = read_square(path, 8)
    assert photo.shape == (8, 8, 3) and photo.dtype == np.uint8 and 150 < photo.mean() <= 255


def test_karpathy_and_csv_and_tokens_say_the_same(tmp_path):
    sentences = ["one", "two, and more"]
    images = [{"filename": "a.jpg", "split": "restval", "sentences": [{"raw": s} for s in sentences]}]
    (tmp_path / "k.json").write_text(json.dumps({"images": images}))
    (tmp_path / "c.csv").write_text('image,caption,split\na.jpg,one,train\na.jpg,"two, and more",train\n')
    (tmp_path / "t.token").write_text("a.jpg#0\tone\na.jpg#1\ttwo, and more\n")
    for name in ("k.json", "c.csv", "t.token"):
        (item,) = read_captions(tmp_path / name)
        assert (item.picture, item.captions) == ("a.jpg", sentences)
        assert item.split == (None if name == "t.token" else "train")


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("x.token", "a.jpg#0\tone\nno tab here\n", "line 2"),
        ("x.csv", "picture;words\na;b\n", "line 1"),
        ("x.csv", "image,caption\na.jpg,\n", "line 2"),
        ("x.json", "{", "not valid JSON"),
        ("x.json", '{"images": [{"filename": "a.jpg"}]}', r"images\[0\]"),
    ],
)
def test_bad_caption_files_are_named_with_the_place(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as fault:
        read_captions(tmp_path / name)
    assert name in str(fault.value)


def test_few_captions_and_outside_paths_are_refused(tmp_path):
    photos = make_photos(tmp_path / "photos", 2)
    with pytest.raises(InputError, match="fewer than 5"):
        import_captions(photos, token_file(tmp_path / "c", 2, 4), tmp_path / "d", 5, backbone=MeanColour())
    (tmp_path / "e").write_text("\n".join(f"../secret.jpg#{k}\tx y" for k in range(5)))
    with pytest.raises(InputError, match="no path below"):
        import_captions(photos, tmp_path / "e", tmp_path / "d", backbone=MeanColour())
    assert not (tmp_path / "d").exists()


def test_the_backbone_gives_36_regions(tmp_path):
    photos = [read_square(path, 192) for path in sorted(make_photos(tmp_path / "photos", 3).iterdir())]
    features = EfficientNetLite0()(np.stack(photos))
    assert features.shape == (3, 36, 1280) and np.isfinite(features).all() and features.std() > 0


def test_flickr8k_captions_with_their_oddities():
    items = {item.id: item for item in read_captions(shared("data/flickr8k/Flickr8k.token.txt"))}
    photos = {path.name for path in shared("data/flickr8k/images").iterdir()}
    assert set(items) - photos == {"2258277193_586949ec62.jpg", "2258277193_586949ec62.jpg.1"}
    assert len(photos) == 8091 and all(len(items[name].captions) == 5 for name in photos)
