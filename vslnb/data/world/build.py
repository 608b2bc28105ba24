"""The bundled world: pictures whose main and secondary content were planted, so that both can be counted.

Every image shows one main event (a subject, its colour, what it does, sometimes with an object, a place)
and one to three secondary things of the same nouns and colours: one image's background is another's
subject. Five captions tell the main event in other words each; a secondary thing is named now and then.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from vslnb.data.precomp import read_manifest, write_manifest, write_split
from vslnb.data.world.captions import caption
from vslnb.data.world.drawing import draw
from vslnb.data.world.scene import ACTIONS, COLOURS, OBJECTS, PLACES, SUBJECTS, Scene, make_scene
from vslnb.errors import InputError
from vslnb.storage import new_array, write_text

ORIGIN = "drawn by vslnb world"
REGIONS = 36
MAIN_REGIONS, OBJECT_REGIONS, SECONDARY_REGIONS = 7, 3, 3
SIZES = {"train": 800, "dev": 150, "test": 300}


def concept_codes(width: int) -> dict[str, np.ndarray]:
    """One fixed random direction a concept, the same in every world of this width."""
    rng = np.random.default_rng(20230710)
    names = [*SUBJECTS, *OBJECTS, *COLOURS, *ACTIONS, *PLACES]
    return {name: rng.normal(size=width) / np.sqrt(width) for name in names}


def regions_of(
    scene: Scene,
    codes: dict[str, np.ndarray],
    rng: np.random.Generator,
    noise: float,
    secondary_strength: float,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """What a frozen detector would give: features (36, F), boxes (36, 4), and whose box each is.

    Noise is drawn once a thing (the detector misjudges it) and once a region (it misjudges each crop).
    """
    width = len(codes[scene.place])
    groups = [("main", scene.subject, MAIN_REGIONS, 1.0)]
    if scene.object:
        groups.append(("main", scene.object, OBJECT_REGIONS, 1.0))
    groups += [
        (f"secondary:{k}", thing, SECONDARY_REGIONS, secondary_strength)
        for k, thing in enumerate(scene.secondary)
    ]
    features, boxes, owners = [], [], []
    for owner, thing, count, strength in groups:
        shown = codes[thing.noun] + 0.7 * codes[thing.colour]
        if thing.action:
            shown = shown + 0.7 * codes[thing.action]
        shown = strength * shown + noise * rng.normal(size=width) / np.sqrt(width)
        for _ in range(count):
            features.append(shown)
            boxes.append(_jitter(thing.box, rng))
            owners.append(owner)
    place = codes[scene.place] + noise * rng.normal(size=width) / np.sqrt(width)
    while len(features) < REGIONS:
        x, y, w, h = rng.uniform(0, 0.6), rng.uniform(0, 0.6), rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.4)
        features.append(place)
        boxes.append((x, y, x + w, y + h))
        owners.append("background")
    order = rng.permutation(REGIONS)  # the place in the list must not tell what is main
    crops = np.array(features) + noise * rng.normal(size=(REGIONS, width)) / np.sqrt(width)
    return crops[order], np.array(boxes)[order], [owners[k] for k in order]


def _jitter(box: tuple, rng: np.random.Generator) -> tuple:
    x0, y0, x1, y1 = box
    a, b, c, d = rng.uniform(0, 0.25, 4)
    w, h = x1 - x0, y1 - y0
    return (x0 + a * w, y0 + b * h, x1 - c * w, y1 - d * h)


def concept_sets(truth: list[dict]) -> tuple[list[set], list[set], list[set]]:
    """Of a split's truth: main, secondary (a set an image) and named (a set a caption) nouns."""
    main = [{image["main"]["subject"], image["main"]["object"]} - {None} for image in truth]
    secondary = [{thing["noun"] for thing in image["secondary"]} for image in truth]
    return main, secondary, [set(caption["named"]) for image in truth for caption in image["captions"]]


def build_world(
    dest: str | Path,
    images: dict[str, int] | None = None,
    seed: int = 0,
    width: int = 64,
    noise: float = 0.85,
    mention_rate: float = 1 / 6,
    secondary_things: tuple[int, int] = (1, 3),
    secondary_strength: float = 1.3,
    progress: bool = True,
) -> dict:
    """Write a world in the SCAN layout, with `pictures/` and `truth.json`.

    Args:
        dest: a new or empty folder, or an earlier world, which is replaced once the new one is whole.
        images: images a split; default 800 train, 150 dev, 300 test.
        seed: every image follows from (seed, split, its number) alone.
        width: F, numbers a region.
        noise: length of the noise in units of a concept's code.
        mention_rate: chance that a caption names a secondary thing.
        secondary_things: fewest and most of them.
        secondary_strength: how clearly a region shows a secondary thing; 0 = not at all, 1 = as the main event.
        progress: show a progress bar.

    Returns:
        The manifest.

    Raises:
        InputError: for a folder that holds something else.
    """
    dest, sizes = Path(dest), images or SIZES
    if dest.exists() and not dest.is_dir():
        raise InputError(dest, "this is a file", "Name a folder for the world.")
    if dest.exists() and any(dest.iterdir()) and read_manifest(dest).get("origin") != ORIGIN:
        raise InputError(dest, "this folder holds something else", "Name a new folder for the world.")
    parameters = {
        "seed": seed,
        "width": width,
        "noise": noise,
        "mention_rate": mention_rate,
        "secondary_things": list(secondary_things),
        "secondary_strength": secondary_strength,
    }
    dest.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{dest.name}.part.", dir=dest.parent))
    try:
        manifest = _write(aside, sizes, parameters, progress)
    except BaseException:
        shutil.rmtree(aside)
        raise
    if dest.exists():
        shutil.rmtree(dest)
    aside.chmod(0o755)
    aside.rename(dest)
    return manifest


def _write(folder: Path, sizes: dict[str, int], parameters: dict, progress: bool) -> dict:
    """A whole world into a folder that is there and empty."""
    seed, width, noise, mention_rate, things, strength = parameters.values()
    codes, truth = concept_codes(width), {}
    for number, (split, count) in enumerate(sizes.items()):
        (folder / "pictures" / split).mkdir(parents=True)
        records, captions, boxes = [], [], np.empty((count, REGIONS, 4))
        features = new_array(folder / f"{split}_ims.npy", np.float16, (count, REGIONS, width))
        files = [f"pictures/{split}/{i:05d}.png" for i in range(count)]
        with ThreadPoolExecutor() as painters:  # Pillow shrinks and compresses without Python's lock
            painted = []
            for i in tqdm(range(count), desc=f"world {split}", disable=not progress):
                rng = np.random.default_rng([seed, number, i])
                scene = make_scene(rng, things)
                described = [caption(scene, rng, mention_rate) for _ in range(5)]
                features[i], boxes[i], owners = regions_of(scene, codes, rng, noise, strength)
                painted.append(painters.submit(_paint, scene, folder / files[i]))
                captions += [text for text, _ in described]
                records.append(_record(f"{split}_{i:05d}", scene, owners, [named for _, named in described]))
            for picture in painted:
                picture.result()
        features.flush()
        write_split(folder, split, captions, [r["id"] for r in records], boxes, files)
        truth[split] = records
    write_text(folder / "truth.json", json.dumps({"splits": truth}) + "\n")
    return write_manifest(folder, ORIGIN, 5, name="world", parameters=parameters)


def _paint(scene: Scene, file: Path) -> None:
    draw(scene).save(file)


def _record(name: str, scene: Scene, owners: list[str], named: list[list[str]]) -> dict:
    return {
        "id": name,
        "main": {
            "subject": scene.subject.noun,
            "colour": scene.subject.colour,
            "action": scene.subject.action,
            "object": scene.object.noun if scene.object else None,
            "place": scene.place,
        },
        "secondary": [{"noun": t.noun, "colour": t.colour, "action": t.action} for t in scene.secondary],
        "region_of": owners,
        "captions": [{"named": nouns} for nouns in named],
    }
