"""What five people might say a scene of the bundled world shows."""

from __future__ import annotations

import numpy as np

from vslnb.data.world.scene import ACTIONS, COLOURS, PLACES, SUBJECTS, Scene, Thing

SYNONYMS = {
    "boy": ("boy", "lad"),
    "girl": ("girl", "young girl"),
    "man": ("man", "guy"),
    "woman": ("woman", "lady"),
    "dog": ("dog", "puppy", "hound"),
    "cat": ("cat", "kitten"),
    "horse": ("horse", "pony"),
    "cow": ("cow", "calf"),
    "sheep": ("sheep", "lamb"),
    "rabbit": ("rabbit", "bunny"),
    "pig": ("pig", "piglet"),
    "car": ("car", "automobile"),
    "bus": ("bus", "coach"),
    "truck": ("truck", "lorry"),
    "bicycle": ("bicycle", "bike"),
    "boat": ("boat", "sailboat"),
    "ball": ("ball",),
    "umbrella": ("umbrella", "parasol"),
    "chair": ("chair", "seat"),
    "box": ("box", "crate"),
    "flower": ("flower", "blossom"),
    "bucket": ("bucket", "pail"),
}
BEHIND = ("with {} in the background", "and {} further back", "while {} can be seen behind", "near {}")


def caption(scene: Scene, rng: np.random.Generator, mention_rate: float) -> tuple[str, list[str]]:
    """One sentence and the nouns (concepts) it names; the subject always, the rest by chance.

    The shares of what is left out are those of the world, not of any corpus.
    """
    named = [scene.subject.noun]
    who = _phrase(scene.subject, rng, 0.7)
    doing = _pick(ACTIONS[scene.subject.action or ""], rng) if rng.random() < 0.85 else ""
    where = _pick(PLACES[scene.place], rng) if rng.random() < 0.6 else ""
    thing = ""
    if scene.object and rng.random() < 0.6:
        thing = _pick(("with", "next to", "beside"), rng) + " " + _phrase(scene.object, rng, 0.5)
        named.append(scene.object.noun)
    form = int(rng.integers(4))
    if form == 0 and doing:
        parts = [who, "is", doing, thing, where]
    elif form == 1 and where:
        parts = [where, who, "is" if doing else "can be seen", doing, thing]
    elif form == 2:
        parts = ["there is", who, doing, where, thing]
    else:
        parts = [who, doing, thing, where]
    if rng.random() < mention_rate and scene.secondary:
        other = scene.secondary[int(rng.integers(len(scene.secondary)))]
        parts.append(_pick(BEHIND, rng).format(_phrase(other, rng, 0.7)))
        named.append(other.noun)
    text = " ".join(part for part in parts if part)
    return text[0].upper() + text[1:] + (" ." if rng.random() < 0.7 else ""), named


def _phrase(thing: Thing, rng: np.random.Generator, colour_rate: float) -> str:
    noun = _pick(SYNONYMS.get(thing.noun, (thing.noun,)), rng)
    colour = _pick(COLOURS[thing.colour], rng) if rng.random() < colour_rate else ""
    if colour and SUBJECTS.get(thing.noun) == "person":
        return f"{_article(noun)} {noun} in {colour}"
    words = f"{colour} {noun}".strip()
    return f"{_article(words)} {words}"


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" and not words.startswith("uni") else "a"


def _pick(options: tuple, rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
