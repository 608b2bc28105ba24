"""What a picture of the bundled world shows: its words, its things, and how a scene is drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# Every concept and the words people use for it.
SUBJECTS = {
    **dict.fromkeys(("boy", "girl", "man", "woman"), "person"),
    **dict.fromkeys(
        ("dog", "cat", "horse", "cow", "sheep", "elephant", "rabbit", "pig", "bird", "duck"), "animal"
    ),
    **dict.fromkeys(("car", "bus", "truck", "tractor", "bicycle", "boat"), "vehicle"),
}
OBJECTS = ("ball", "kite", "umbrella", "chair", "box", "balloon", "flower", "tent", "tree", "bucket")
COLOURS = {
    "red": ("red", "crimson"),
    "blue": ("blue", "navy"),
    "green": ("green",),
    "yellow": ("yellow", "golden"),
    "white": ("white", "pale"),
    "black": ("black", "dark"),
    "orange": ("orange",),
    "purple": ("purple", "violet"),
}
ACTIONS = {
    "running": ("running", "racing", "sprinting"),
    "jumping": ("jumping", "leaping"),
    "sleeping": ("sleeping", "resting", "lying down"),
    "standing": ("standing", "waiting"),
    "playing": ("playing", "having fun"),
    "driving": ("driving along", "speeding by", "moving"),
    "parked": ("parked", "left alone"),
}
ACTIONS_OF = {  # what each kind of subject may do
    "person": ("running", "jumping", "sleeping", "standing", "playing"),
    "animal": ("running", "jumping", "sleeping", "standing", "playing"),
    "vehicle": ("driving", "parked"),
}
PLACES = {
    "beach": ("at the beach", "by the sea"),
    "park": ("in the park", "on the lawn"),
    "street": ("on the street", "on the road"),
    "snow": ("in the snow", "on a winter day"),
    "desert": ("in the desert", "among the dunes"),
    "room": ("indoors", "in a room"),
    "hills": ("in the hills", "on a hillside"),
    "night": ("at night", "under the stars"),
}


@dataclass
class Thing:
    """Something in a picture; `box` is x0, y0, x1, y1 as shares of the picture."""

    noun: str
    colour: str
    action: str | None
    box: tuple[float, float, float, float]


@dataclass
class Scene:
    """One image before it is drawn."""

    place: str
    subject: Thing
    object: Thing | None
    secondary: list[Thing] = field(default_factory=list)


def make_scene(rng: np.random.Generator, secondary_things: tuple[int, int] = (1, 3)) -> Scene:
    """Draw a scene: what happens, where, and what else stands around.

    >>> scene = make_scene(np.random.default_rng(0))
    >>> scene.subject.noun in SUBJECTS, len(scene.secondary) in (1, 2, 3)
    (True, True)
    """

    def thing(noun: str, box: tuple) -> Thing:
        actions = ACTIONS_OF.get(SUBJECTS.get(noun, ""), ())
        action = str(rng.choice(actions)) if len(actions) else None
        return Thing(noun, str(rng.choice(list(COLOURS))), action, box)

    count = int(rng.integers(secondary_things[0], secondary_things[1] + 1))
    subjects = rng.choice(list(SUBJECTS), 2 + count, replace=False).tolist()
    objects = rng.choice(list(OBJECTS), 2 + count, replace=False).tolist()
    side = float(rng.choice([-1, 1]))
    x = 0.5 - 0.1 * side + rng.uniform(-0.04, 0.04)
    subject = thing(subjects[0], _box(x, 0.93, 0.46))
    held = thing(objects[0], _box(x + 0.34 * side, 0.95, 0.2)) if rng.random() < 0.6 else None
    # Secondary things stand further back, at the sides, each in a place of its own.
    spots = rng.permutation([0.13, 0.5, 0.87])[:count] + rng.uniform(-0.03, 0.03, count)
    secondary = []
    for k, spot in enumerate(spots):
        noun = subjects[1 + k] if rng.random() < 0.75 else objects[1 + k]
        secondary.append(thing(noun, _box(float(spot), 0.45 + rng.uniform(-0.02, 0.02), 0.2)))
    return Scene(str(rng.choice(list(PLACES))), subject, held, secondary)


def _box(x: float, bottom: float, size: float) -> tuple[float, float, float, float]:
    return (max(x - size / 2, 0.0), bottom - size, min(x + size / 2, 1.0), bottom)
