import filecmp
import json

import numpy as np
import pytest

from vslnb.data.check import check_dataset
from vslnb.data.precomp import load_split
from vslnb.data.world.build import build_world, concept_codes, concept_sets, regions_of
from vslnb.data.world.captions import SYNONYMS, caption
from vslnb.data.world.scene import OBJECTS, SUBJECTS, make_scene
from vslnb.errors import InputError

SMALL = {"train": 30, "dev": 6, "test": 8}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worlds") / "world"
    build_world(folder, SMALL, progress=False)
    return folder


def truth_of(folder, split="test"):
    return json.loads((folder / "truth.json").read_text())["splits"][split]


def test_same_seed_same_bytes_other_seed_other_world(world, tmp_path):
    build_world(tmp_path / "again", SMALL, progress=False)
    build_world(tmp_path / "other", SMALL, seed=1, progress=False)
    files = [str(p.relative_to(world)) for p in world.rglob("*") if p.is_file()]
    assert len(files) > sum(SMALL.values())
    assert filecmp.cmpfiles(world, tmp_path / "again", files, shallow=False)[0] == files
    assert (world / "test_caps.txt").read_bytes() != (tmp_path / "other" / "test_caps.txt").read_bytes()


def test_an_image_does_not_depend_on_how_many_there_are(world, tmp_path):
    build_world(tmp_path / "more", {"train": 31, "dev": 6, "test": 8}, progress=False)
    few, many = load_split(world, "train"), load_split(tmp_path / "more", "train")
    assert (few.features == many.features[:30]).all() and few.captions == many.captions[:150]


def test_it_loads_and_passes_every_check(world):
    split = load_split(world, "test")
    assert len(split) == 8 and split.features.shape == (8, 36, 64) and len(split.captions) == 40
    assert all(path.exists() for path in split.pictures())
    boxes = split.boxes()
    assert (boxes >= 0).all() and (boxes <= 1).all() and (boxes[..., 2:] > boxes[..., :2]).all()
    assert all(passed for _, passed, _ in check_dataset(world)), check_dataset(world)


def test_secondary_things_are_not_the_main_ones_and_have_fewer_regions(world):
    main, secondary, named = concept_sets(truth_of(world))
    for image, (a, b) in enumerate(zip(main, secondary)):
        assert not a & b
        assert all(words <= a | b for words in named[5 * image : 5 * image + 5])
        owners = truth_of(world)[image]["region_of"]
        most = max(owners.count(owner) for owner in set(owners) if owner.startswith("secondary"))
        assert owners.count("main") > most > 0


def test_captions_name_the_subject_and_mention_secondary_things_at_the_stated_rate():
    mentions = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        scene = make_scene(rng)
        for _ in range(5):
            text, named = caption(scene, rng, 1 / 6)
            assert any(word in text.lower() for word in SYNONYMS.get(named[0], (named[0],)))
            assert named[0] == scene.subject.noun and "  " not in text
            mentions += any(thing.noun in named for thing in scene.secondary)
    assert 0.13 < mentions / 1500 < 0.20


def test_regions_show_what_their_box_holds():
    codes, rng = concept_codes(64), np.random.default_rng(3)
    scene = make_scene(rng)
    features, boxes, owners = regions_of(scene, codes, rng, noise=0.0, secondary_strength=1.0)
    nouns = [*SUBJECTS, *OBJECTS]
    likeness = features @ np.array([codes[noun] for noun in nouns]).T
    for k, owner in enumerate(owners):
        best = nouns[likeness[k].argmax()]
        if owner == "background":
            np.testing.assert_allclose(features[k], codes[scene.place])
        else:
            things = [scene.subject, scene.object] if owner == "main" else [scene.secondary[int(owner[-1])]]
            inside = [t for t in things if t and (boxes[k][:2] >= np.array(t.box[:2]) - 1e-9).all()]
            assert best in {t.noun for t in things if t} and inside


def test_a_foreign_folder_is_refused_and_an_earlier_world_replaced(world, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="something else"):
        build_world(tmp_path / "mine", SMALL, progress=False)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"
    (tmp_path / "mine" / "dataset.json").write_text(
        '{"name": "world", "origin": "world.csv", "captions_per_image": 5, "splits": {}, "vocabulary_sha256": ""}'
    )
    (tmp_path / "w.part").mkdir()
    with pytest.raises(InputError, match="something else"):
        build_world(tmp_path / "mine", SMALL, progress=False)
    build_world(tmp_path / "w", SMALL, progress=False)
    assert (tmp_path / "w.part").is_dir()
    build_world(tmp_path / "w", SMALL, seed=2, progress=False)
    assert json.loads((tmp_path / "w" / "dataset.json").read_text())["parameters"]["seed"] == 2
