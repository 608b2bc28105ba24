"""Which pictures of the bundled world a caption fits: recall calls all but one of them wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vslnb.data.manifest import read_manifest
from vslnb.data.world.build import ORIGIN
from vslnb.data.world.captions import SYNONYMS
from vslnb.data.world.scene import ACTIONS, COLOURS, OBJECTS, PLACES, SUBJECTS, Scene, Thing, make_scene
from vslnb.errors import InputError

WORDS = {word: noun for noun in (*SUBJECTS, *OBJECTS) for word in SYNONYMS.get(noun, (noun,))}
SHADES = {word: colour for colour, words in COLOURS.items() for word in words}
DOINGS = {word: action for action, words in ACTIONS.items() for word in words}
WHERES = {word: place for place, words in PLACES.items() for word in words}


def _any_of(words: Sequence[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


SHADE = _any_of(list(SHADES))
# Words of the templates in `captions`: these put a thing into the background.
PHRASE = re.compile(
    rf"(?P<behind>\b(?:and|while|near) )?\ban? (?:(?P<shade>{SHADE}) )?(?P<noun>{_any_of(list(WORDS))})\b"
    rf"(?: in (?P<worn>{SHADE})\b)?(?P<far> in the background)?"
)
DOING, WHERE = (re.compile(rf"\b({_any_of(list(words))})\b") for words in (DOINGS, WHERES))


class Mention(NamedTuple):
    """A thing as a caption names it; the colour is None where it says nothing of it."""

    noun: str
    colour: str | None

    def fits(self, thing: Thing | None) -> bool:
        """Whether a thing is what is named."""
        return thing is not None and self.noun == thing.noun and self.colour in (None, thing.colour)


class Description(NamedTuple):
    """What a caption says of a scene; None where it says nothing."""

    subject: Mention
    action: str | None
    place: str | None
    object: Mention | None
    behind: Mention | None

    def fits(self, scene: Scene) -> bool:
        """Whether everything that is said is so in a scene, each thing in the part that it is said to play."""
        return (
            self.subject.fits(scene.subject)
            and self.action in (None, scene.subject.action)
            and self.place in (None, scene.place)
            and (self.object is None or self.object.fits(scene.object))
            and (self.behind is None or any(map(self.behind.fits, scene.secondary)))
        )


def read_caption(caption: str) -> Description:
    """What a caption of the bundled world says.

    Raises:
        ValueError: for a sentence that names nothing of the world.

    >>> read_caption("A crimson boat is parked by the sea near a dog .")
    Description(subject=Mention(noun='boat', colour='red'), action='parked', place='beach', object=None, \
behind=Mention(noun='dog', colour=None))
    """
    text = caption.lower()
    mentions: dict[str, Mention] = {}
    for found in PHRASE.finditer(text):
        shade = found["shade"] or found["worn"]
        mention = Mention(WORDS[found["noun"]], SHADES[shade] if shade else None)
        role = "subject" if not mentions else "behind" if found["behind"] or found["far"] else "object"
        mentions[role] = mention
    if not mentions:
        raise ValueError(f"not a caption of the bundled world: {caption!r:.80}")
    doing, where = DOING.search(text), WHERE.search(text)
    return Description(
        mentions["subject"],
        DOINGS[doing[1]] if doing else None,
        WHERES[where[1]] if where else None,
        mentions.get("object"),
        mentions.get("behind"),
    )


def read_scenes(folder: str | Path, split: str, images: int) -> list[Scene]:
    """The scenes that the first images of a split show, drawn again from the seeds of the world's manifest.

    Raises:
        InputError: for a folder that is no bundled world, or has no such split.

    >>> import tempfile
    >>> from vslnb.data.world.build import build_world
    >>> folder = tempfile.mkdtemp()
    >>> _ = build_world(folder, {"train": 1, "dev": 1, "test": 2}, progress=False)
    >>> len(read_scenes(folder, "test", 2))
    2
    """
    manifest = read_manifest(Path(folder))
    if manifest.get("origin") != ORIGIN or split not in manifest["splits"]:
        remedy = "Make one: vslnb world FOLDER."
        raise InputError(folder, f"no bundled world with a split {split!r} is here", remedy)
    drawn = manifest["parameters"]
    number = list(manifest["splits"]).index(split)
    things = tuple(drawn["secondary_things"])
    return [make_scene(np.random.default_rng([drawn["seed"], number, i]), things) for i in range(images)]


def fitting(captions: Sequence[str], scenes: Sequence[Scene]) -> np.ndarray:
    """Whether everything a caption says is so in a scene: (scenes, captions) of bool, as scores have it.

    >>> scenes = [make_scene(np.random.default_rng(k)) for k in range(2)]
    >>> fitting([f"A {scene.subject.noun}" for scene in scenes], scenes).diagonal().all()
    np.True_
    """
    described = [read_caption(caption) for caption in captions]
    return np.array([[one.fits(scene) for one in described] for scene in scenes])


def shared_parts(scenes: Sequence[Scene]) -> np.ndarray:
    """Of the main event of a row's scene, the share that a column's scene has too: (n, n) from 0 to 1.

    The parts are the subject, its colour, what it does, the place, and the object where there is one.

    >>> from dataclasses import replace
    >>> scene = make_scene(np.random.default_rng(0))
    >>> elsewhere = replace(scene, place="nowhere")
    >>> shared_parts([scene, elsewhere]).round(2)[0].tolist() in ([1.0, 0.75], [1.0, 0.8])
    True
    """
    parts = np.array([[str(part) for part in _main_event(scene)] for scene in scenes])
    named = np.array([[part is not None for part in _main_event(scene)] for scene in scenes])
    equal = (parts[:, None] == parts[None]) & named[:, None]
    return equal.sum(2) / named.sum(1)[:, None]


def _main_event(scene: Scene) -> tuple[str | None, ...]:
    subject, held = scene.subject, scene.object
    return subject.noun, subject.colour, subject.action, scene.place, held.noun if held else None
