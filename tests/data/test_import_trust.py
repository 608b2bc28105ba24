"""An import one can trust: names are matched, everything left out is counted, copies stay together, changes are seen."""

import unicodedata
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from test_importing import MeanColour, make_photos

from vslnb.data.changes import find_changes, notice_changes, relocate
from vslnb.data.check import check_dataset
from vslnb.data.importing.dataset import import_captions, import_flickr8k
from vslnb.data.precomp import load_split
from vslnb.errors import InputError


def captions_of(path, names, per_image=5):
    lines = ["image,caption"] + [
        f'"{name}",thing {k} number {i}' for i, name in enumerate(names) for k in range(per_image)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def imported(tmp_path, photos, names, said=None, **options):
    file = captions_of(tmp_path / "captions.csv", names)
    said = [] if said is None else said
    report = import_captions(
        photos, file, tmp_path / "d", backbone=MeanColour(), progress=False, say=said.append, **options
    )
    return report, "\n".join(said)


def pictures(data):
    return {path for name in ("train", "dev", "test") for path in load_split(data, name).pictures()}


@pytest.mark.parametrize(
    "write, words",
    [
        (lambda root, name: name, ""),
        (lambda root, name: name.replace("/", "\\"), "backslashes"),
        (lambda root, name: f"./{name}", "./"),
        (lambda root, name: f"{root.name}/{name}", "the folder's own name"),
        (lambda root, name: f"{root.name}\\{name}".replace("/", "\\"), "backslashes"),
        (lambda root, name: str(root / name), "the folder's own name"),
        (lambda root, name: f"C:\\Users\\me\\{root.name}\\{name}".replace("/", "\\"), "backslashes"),
        (lambda root, name: unicodedata.normalize("NFC", name), "accents"),
        (lambda root, name: name.replace("\u202f", " "), "another kind of blank"),
        (lambda root, name: f"pictures/{name}", "a folder in front that is not there"),
        (lambda root, name: f"/home/me/pictures/{name}", "a folder in front that is not there"),
        (
            lambda root, name: "D:\\pictures\\" + name.replace("/", "\\"),
            "a folder in front that is not there",
        ),
        (lambda root, name: f"../{root.name}/{name}", "./"),
        (lambda root, name: f"https://example.org/{root.name}/{quote(name)}", "web address"),
        (lambda root, name: name.partition("/")[2], "no folder in front"),
    ],
)
def test_names_as_windows_macs_and_scripts_write_them(tmp_path, write, words):
    photos = make_photos(tmp_path / "photos", 12)
    (photos / "2022").mkdir()
    for number, path in enumerate(sorted(photos.glob("*.jpg"))):
        path.rename(photos / "2022" / unicodedata.normalize("NFD", f"Küche {number:02d} at\u202fPM.jpg"))
    names = [write(photos, f"2022/{path.name}") for path in sorted((photos / "2022").iterdir())]
    report, said = imported(tmp_path, photos, names)
    assert sum(report["images"].values()) == 12 and not report["left_out"]
    assert pictures(tmp_path / "d") == set((photos / "2022").iterdir())
    assert words in said


def test_names_that_nearly_match_and_photos_without_captions_are_named(tmp_path):
    photos = make_photos(tmp_path / "photos", 20)
    (photos / "p00.jpg").rename(photos / "p00.JPG")
    names = [f"p{i:02d}.jpg" for i in range(16)] + ["n" * 5000 + ".jpg"]
    report, said = imported(tmp_path, photos, names)
    assert sum(report["images"].values()) == 15
    assert (
        "2 of the 17 photos that are named are not in the folder" in said
        and "p00.jpg (but p00.JPG is there)" in said
    )
    assert "5 photos that no caption names: p00.JPG, p16.jpg, p17.jpg" in said
    listed = (tmp_path / "d" / "left_out.tsv").read_text()
    assert all(name in listed for name in ("p00.JPG", "nnnn.jpg", "p19.jpg"))
    assert (tmp_path / "d" / "import.txt").read_text().strip() == said.strip()


def test_a_name_of_several_photos_is_none_of_them(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    for folder in ("a", "b"):
        (photos / folder).mkdir()
        (photos / folder / "x.jpg").write_bytes((photos / "p00.jpg").read_bytes())
    (photos / "round").symlink_to(photos)
    (photos / "notes.pdf").write_bytes(b"%PDF")
    report, said = imported(tmp_path, photos, [*(f"p{i:02d}" for i in range(12)), "x.jpg"])
    assert "x.jpg (but a/x.jpg as well as b/x.jpg is there)" in said and "14 photos in the folder" in said
    assert "12 names found although they have no suffix" in said and sum(report["images"].values()) == 12


@pytest.mark.parametrize("name", ["../p00.jpg", "/etc/passwd", "C:\\Windows\\x.jpg", "a/../../p00.jpg"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    photos = make_photos(tmp_path / "photos", 12)
    with pytest.raises(InputError, match="no path below"):
        imported(tmp_path, photos, [*(f"p{i:02d}.jpg" for i in range(12)), name])


def test_two_names_of_one_photo_are_one_photo(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    names = [f"p{i:02d}.jpg" for i in range(12)] + ["./p00.jpg"]
    imported(tmp_path, photos, names)
    assert sum(len(load_split(tmp_path / "d", name)) for name in ("train", "dev", "test")) == 12


@pytest.mark.parametrize("seed", range(5))
def test_copies_stay_in_one_split(tmp_path, seed):
    photos = make_photos(tmp_path / "photos", 20)
    for path in list(photos.iterdir()):
        (photos / f"{path.stem} (1).jpg").write_bytes(path.read_bytes())
    names = sorted(path.name for path in photos.iterdir())
    report, said = imported(tmp_path, photos, names, seed=seed)
    content = {
        split: {path.read_bytes() for path in load_split(tmp_path / "d", split).pictures()}
        for split in ("train", "dev", "test")
    }
    assert not content["train"] & (content["dev"] | content["test"]) and not content["dev"] & content["test"]
    assert min(report["images"].values()) >= 4 and "40 photos have the same bytes as another" in said


def test_copies_that_a_file_puts_into_two_splits_are_said(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    (photos / "p01.jpg").write_bytes((photos / "p00.jpg").read_bytes())
    rows = [
        f"p{i:02d}.jpg,thing {i},{'test' if i in (0, 2) else 'dev' if i == 3 else 'train'}" for i in range(12)
    ]
    (tmp_path / "c.csv").write_text("\n".join(["image,caption,split", *rows]))
    said = []
    import_captions(
        photos, tmp_path / "c.csv", tmp_path / "d", backbone=MeanColour(), progress=False, say=said.append
    )
    assert "more than one split" in "\n".join(said) and "p00.jpg = p01.jpg" in "\n".join(said)


def test_a_long_caption_is_cut_with_a_count(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    file = captions_of(tmp_path / "c.csv", [f"p{i:02d}.jpg" for i in range(12)])
    file.write_text(
        file.read_text().replace("thing 0 number 3", "word " * 3000).replace("thing 0 number 4", "狗" * 300)
    )
    said = []
    import_captions(photos, file, tmp_path / "d", backbone=MeanColour(), progress=False, say=said.append)
    assert "2 captions longer than 100 words" in "\n".join(said)
    texts = [text for name in ("train", "dev", "test") for text in load_split(tmp_path / "d", name).captions]
    assert ("word " * 100).strip() in texts and "狗" * 100 in texts


def test_text_without_blanks_is_characters_and_said(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    rows = [f"p{i:02d}.jpg,两只狗在公园里跑{'一二三四五'[k]}" for i in range(12) for k in range(5)]
    (tmp_path / "c.csv").write_text("image,caption\n" + "\n".join(rows), encoding="utf-8")
    said = []
    import_captions(
        photos, tmp_path / "c.csv", tmp_path / "d", backbone=MeanColour(), progress=False, say=said.append
    )
    assert "60 captions in a script without blanks" in "\n".join(said)
    (row,) = [detail for what, _, detail in check_dataset(tmp_path / "d") if what == "vocabulary"]
    assert "test 0.0%" in row


def test_replaced_photos_are_noticed_by_import_and_check(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    names = [f"p{i:02d}.jpg" for i in range(12)]
    imported(tmp_path, photos, names)
    notice_changes(tmp_path / "d")
    (photos / "p05.jpg").write_bytes((photos / "p06.jpg").read_bytes())
    assert find_changes(tmp_path / "d").changed == ["p05.jpg"]
    with pytest.raises(InputError, match=r"1 of 12 photos have changed.*p05"):
        imported(tmp_path, photos, names)
    assert any(what == "photos" and not passed for what, passed, _ in check_dataset(tmp_path / "d"))


def test_a_moved_folder_is_noticed_and_can_be_named(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    names = [f"p{i:02d}.jpg" for i in range(12)]
    imported(tmp_path, photos, names)
    manifest = (tmp_path / "d" / "dataset.json").read_bytes()
    moved = photos.rename(tmp_path / "photos_2024")
    (row,) = [row for row in check_dataset(tmp_path / "d") if row[0] == "photos"]
    assert not row[1] and "vslnb import relocate" in row[2]
    with pytest.raises(InputError, match="vslnb import relocate"):
        imported(tmp_path, moved, names)
    with pytest.raises(InputError, match="none of the 12 photos"):
        relocate(tmp_path / "d", tmp_path)
    assert relocate(tmp_path / "d", moved) == 12
    assert all(passed for _, passed, _ in check_dataset(tmp_path / "d"))
    assert pictures(tmp_path / "d") == set(moved.iterdir())
    assert (tmp_path / "d" / "dataset.json").read_bytes() == manifest  # runs go on knowing it
    assert "already complete" in imported(tmp_path, moved, names)[0]["note"]


def test_an_interrupted_import_reads_changed_photos_again(tmp_path):
    photos, names = make_photos(tmp_path / "photos", 40), [f"p{i:02d}.jpg" for i in range(40)]

    class Interrupted(MeanColour):
        calls = 0

        def __call__(self, squares):
            Interrupted.calls += 1
            if Interrupted.calls > 1:
                raise KeyboardInterrupt
            return super().__call__(squares)

    file = captions_of(tmp_path / "captions.csv", names)
    with pytest.raises(KeyboardInterrupt):
        import_captions(photos, file, tmp_path / "d", backbone=Interrupted(), progress=False)
    for name in names:
        Image.fromarray(np.full((12, 16, 3), int(name[1:3]), np.uint8)).save(photos / name)
    imported(tmp_path, photos, names)
    train = load_split(tmp_path / "d", "train")
    for image, name in enumerate(train.ids):
        assert abs(train.regions([image]).mean() - int(name[1:3])) < 3


def test_kaggles_flickr8k_is_read(tmp_path):
    (tmp_path / "kaggle").mkdir()
    make_photos(tmp_path / "kaggle" / "Images", 12)
    captions_of(tmp_path / "kaggle" / "captions.txt", [f"p{i:02d}.jpg" for i in range(12)])
    report = import_flickr8k(tmp_path / "kaggle", tmp_path / "d", backbone=MeanColour(), progress=False)
    assert sum(report["images"].values()) == 12


def test_one_caption_an_image_in_the_fields_layout_is_recognised(tmp_path):
    rng = np.random.default_rng(0)
    for name, images in (("train", 20), ("test", 23)):
        np.save(tmp_path / f"{name}_ims.npy", rng.random((images, 3, 4), dtype=np.float32))
        (tmp_path / f"{name}_caps.txt").write_text("".join(f"caption {i}\n" for i in range(images)))
    assert [len(load_split(tmp_path, name)) for name in ("train", "test")] == [20, 23]
    features = np.load(tmp_path / "train_ims.npy")[:4]
    np.save(tmp_path / "train_ims.npy", np.repeat(features, 5, axis=0))
    assert len(load_split(tmp_path, "train")) == 4


def test_what_is_odd_in_captions_is_counted(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    for number, path in enumerate(sorted(photos.glob("*.jpg"))):
        folder = photos / ("train" if number < 8 else "val" if number < 10 else "test")
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg"))
    rows = [
        f"{name},{text},1"
        for name in names
        for text in (f"thing {name[-6:-4]}", f"thing {name[-6:-4]}", "42")
    ]
    (tmp_path / "c.csv").write_text("\n".join(["image,caption,is_test", *rows]))
    said = []
    file = tmp_path / "c.csv"
    import_captions(photos, file, tmp_path / "d", backbone=MeanColour(), progress=False, say=said.append)
    text = "\n".join(said)
    assert "12 captions without a letter, kept as they are: 42, 42, 42 and 9 more" in text
    assert "12 captions equal to another of the same photo, kept" in text
    assert "called test, train, val, but only a column `split`" in text
    assert "Read from the columns image, caption; not used: is_test." in text
