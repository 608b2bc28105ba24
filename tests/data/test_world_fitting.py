"""Which pictures of the world a caption fits, held against the scenes that the captions were written from."""

import numpy as np
import pytest

from vslnb.data.precomp import load_split
from vslnb.data.world.build import build_world, concept_sets
from vslnb.data.world.captions import caption
from vslnb.data.world.fitting import Description, Mention, fitting, read_caption, read_scenes, shared_parts
from vslnb.data.world.scene import Scene, Thing, make_scene
from vslnb.errors import InputError
from vslnb.storage import read_json

BOX = (0.0, 0.0, 0.5, 0.5)


def scenes_with_captions(count):
    for k in range(count):
        rng = np.random.default_rng(k)
        scene = make_scene(rng)
        yield scene, *caption(scene, rng, mention_rate=0.5)


def test_a_caption_fits_the_scene_it_was_written_from_and_names_what_it_was_to_name():
    for scene, text, named in scenes_with_captions(600):
        said = read_caption(text)
        assert said.fits(scene), text
        assert [m.noun for m in (said.subject, said.object, said.behind) if m] == named, text


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: Scene(scene.place, scene.object, scene.subject, scene.secondary),
        lambda scene: Scene("snow", scene.subject, scene.object, scene.secondary),
        lambda scene: Scene(scene.place, Thing("cat", "blue", "running", BOX), scene.object, scene.secondary),
        lambda scene: Scene(scene.place, Thing("cat", "red", "sleeping", BOX), scene.object, scene.secondary),
        lambda scene: Scene(scene.place, scene.subject, None, [*scene.secondary, scene.object]),
        lambda scene: Scene(scene.place, scene.subject, scene.secondary[0], [scene.object]),
    ],
)
def test_a_caption_fits_no_scene_that_differs_in_what_it_says(change):
    scene = Scene(
        "beach",
        Thing("cat", "red", "running", BOX),
        Thing("box", "blue", None, BOX),
        [Thing("dog", "black", "standing", BOX)],
    )
    said = read_caption(
        "By the sea a crimson kitten is racing beside a navy crate and a dark hound further back ."
    )
    assert said == Description(
        Mention("cat", "red"), "running", "beach", Mention("box", "blue"), Mention("dog", "black")
    )
    assert said.fits(scene) and not said.fits(change(scene))


def test_what_is_not_said_may_be_anything():
    said = read_caption("There is a lady in violet")
    assert said == Description(Mention("woman", "purple"), None, None, None, None)
    assert not said.fits(make_scene(np.random.default_rng(0)))
    with pytest.raises(ValueError, match="bundled world"):
        read_caption("Nothing of it.")


def test_scenes_of_a_world_are_drawn_again_and_every_caption_fits_its_own(tmp_path):
    build_world(tmp_path / "w", {"train": 3, "dev": 2, "test": 9}, seed=5, progress=False)
    split, scenes = load_split(tmp_path / "w", "test"), read_scenes(tmp_path / "w", "test", 9)
    for folder, name in ((tmp_path, "test"), (tmp_path / "w", "testall")):
        with pytest.raises(InputError, match="no bundled world"):
            read_scenes(folder, name, 1)
    truth = read_json(tmp_path / "w" / "truth.json", "")["splits"]["test"]
    main, secondary, _ = concept_sets(truth)
    assert [{thing.noun for thing in scene.secondary} for scene in scenes] == secondary
    assert all(scene.subject.noun in nouns for scene, nouns in zip(scenes, main))
    fits = fitting(split.captions, scenes)
    assert fits.shape == (9, 45) and fits[split.owner, np.arange(45)].all()
    assert np.array_equal(fits[2], [read_caption(text).fits(scenes[2]) for text in split.captions])


def test_shared_parts_by_hand():
    girl = Thing("girl", "red", "running", (0, 0, 1, 1))
    boat = Thing("boat", "red", None, (0, 0, 1, 1))
    ball = Thing("ball", "blue", None, (0, 0, 1, 1))
    scenes = [Scene("beach", girl, ball), Scene("beach", girl, None), Scene("park", boat, ball)]
    expected = [[1, 4 / 5, 2 / 5], [1, 1, 1 / 4], [2 / 4, 1 / 4, 1]]
    np.testing.assert_allclose(shared_parts(scenes), expected)
