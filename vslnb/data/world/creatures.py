"""People, animals and birds of the bundled world, painted into their boxes."""

from __future__ import annotations

import math

from vslnb.data.world.brush import INK, PAINT, SKIN, Brush
from vslnb.data.world.scene import Thing


def person(b: Brush, thing: Thing, paint: str) -> None:
    """A person, upright in the box."""
    child, female = thing.noun in ("boy", "girl"), thing.noun in ("girl", "woman")
    hair = {"boy": "#6b3f1d", "girl": "#c98a2b", "man": "#2f2a28", "woman": "#7d2f1e"}[thing.noun]
    top = 0.2 if child else 0.02
    head = 0.26 if child else 0.2
    neck, hip = top + head, 0.68
    stride = {"running": 0.2, "jumping": 0.16}.get(thing.action or "", 0.07)
    arms = {"jumping": -0.2, "playing": -0.14, "running": 0.04}.get(thing.action or "", 0.2)
    for side in (-1, 1):
        b.stroke((0.5 + 0.05 * side, hip), (0.5 + stride * side, 0.97), fill="#44506b", width=0.075)
        b.stroke((0.5, neck + 0.07), (0.5 + 0.25 * side, neck + 0.1 + arms), fill=SKIN, width=0.055)
    if female:
        b.oval(0.5 - head / 2 - 0.04, top - 0.02, 0.5 + head / 2 + 0.04, neck + 0.12, hair)
        b.shape((0.42, neck), (0.58, neck), (0.7, hip + 0.08), (0.3, hip + 0.08), fill=paint)
    else:
        b.block(0.37, neck, 0.63, hip + 0.02, paint, 0.05)
    b.oval(0.5 - head / 2, top, 0.5 + head / 2, neck, SKIN)
    b.pen.pieslice(b.at((0.5 - head / 2, top - 0.01), (0.5 + head / 2, neck)), 180, 360, hair)
    if thing.noun == "man":
        b.pen.pieslice(b.at((0.5 - head / 2, top), (0.5 + head / 2, neck)), 20, 160, hair)
    _eyes(b, 0.5, top + 0.58 * head, 0.05, thing.action)


def _eyes(b: Brush, x: float, y: float, gap: float, action: str | None) -> None:
    for side in (-1, 1):
        if action == "sleeping":
            b.stroke((x + side * gap - 0.02, y), (x + side * gap + 0.02, y), width=0.015)
        else:
            b.oval(x + side * gap - 0.014, y - 0.014, x + side * gap + 0.014, y + 0.014, INK, None)


# Body height, leg length, neck, ear: what tells the animals apart besides the marks below.
BUILD = {
    "dog": (0.26, 0.26, 0.12, "flop"),
    "cat": (0.22, 0.2, 0.06, "point"),
    "horse": (0.26, 0.36, 0.3, "point"),
    "cow": (0.34, 0.24, 0.08, "horn"),
    "sheep": (0.36, 0.18, 0.02, "flop"),
    "elephant": (0.42, 0.24, 0.04, "big"),
    "rabbit": (0.3, 0.12, 0.04, "long"),
    "pig": (0.34, 0.14, 0.0, "point"),
}


def quadruped(b: Brush, thing: Thing, paint: str) -> None:
    """An animal on four legs."""
    body, leg, neck, ear = BUILD[thing.noun]
    if thing.action == "sleeping":
        leg *= 0.35
    belly = 0.97 - leg
    back = belly - body
    swing = {"running": 0.1, "jumping": 0.12}.get(thing.action or "", 0.0)
    for x, side in ((0.24, -1), (0.34, 1), (0.58, -1), (0.68, 1)):
        b.stroke((x, belly - 0.06), (x + swing * side, 0.97), width=0.085)
        b.stroke((x, belly - 0.06), (x + swing * side, 0.96), fill=paint, width=0.055)
    hx, hy = 0.76, back - neck + 0.06
    if neck > 0.1:
        b.shape((0.58, back + 0.06), (0.72, back + 0.14), (hx + 0.06, hy + 0.08), (hx - 0.08, hy), fill=paint)
    tail = {
        "cat": ((0.18, back + 0.08), (0.06, back - 0.1), (0.1, back - 0.26)),
        "horse": ((0.18, back + 0.06), (0.08, back + 0.16), (0.08, back + 0.36)),
    }
    points = tail.get(thing.noun, ((0.18, back + 0.08), (0.09, back - 0.02), (0.07, back - 0.08)))
    b.stroke(*points, width=0.06 if thing.noun == "horse" else 0.04)
    if thing.noun == "sheep":
        for k in range(12):
            angle = math.tau * k / 12
            cx, cy = 0.46 + 0.26 * math.cos(angle), back + body / 2 + 0.42 * body * math.sin(angle)
            b.oval(cx - 0.1, cy - 0.1, cx + 0.1, cy + 0.1, paint)
        b.oval(0.22, back + 0.02, 0.7, belly, paint, None)
    else:
        b.block(0.16, back, 0.74, belly, paint, body / 2.2)
    if thing.noun == "cow":
        for x, y in ((0.26, 0.05), (0.46, 0.1), (0.58, 0.02)):
            b.oval(
                x,
                back + y,
                x + 0.12,
                back + y + 0.12,
                "#f7f5ef" if paint == PAINT["black"] else "#3a3a40",
                None,
            )
    _head(b, thing, paint, hx, hy, ear)


def _head(b: Brush, thing: Thing, paint: str, x: float, y: float, ear: str) -> None:
    r = 0.17 if thing.noun == "elephant" else 0.125
    for side in (-1, 1):
        ex = x + side * r * 0.6
        if ear == "point":
            b.shape(
                (ex - 0.05, y - r * 0.6),
                (ex + side * 0.02, y - r - 0.1),
                (ex + 0.05, y - r * 0.6),
                fill=paint,
            )
        elif ear == "long":
            b.oval(ex - 0.04, y - r - 0.24, ex + 0.04, y - r * 0.4, paint)
        elif ear == "horn":
            b.stroke((ex, y - r * 0.7), (ex + side * 0.07, y - r - 0.09), fill="#efe6cf", width=0.04)
    b.oval(x - r, y - r, x + r, y + r, "#4a4038" if thing.noun == "sheep" else paint)
    for side in (-1, 1):
        ex = x + side * r
        if ear == "flop":
            b.oval(ex - 0.045, y - r * 0.7, ex + 0.045, y + r * 0.8, paint)
        elif ear == "big":
            b.oval(ex - 0.09, y - r, ex + 0.09, y + r * 0.9, paint)
    if thing.noun == "elephant":
        b.stroke((x + 0.02, y + 0.05), (x + 0.1, y + 0.26), (x + 0.2, y + 0.3), width=0.09)
        b.stroke((x + 0.02, y + 0.05), (x + 0.1, y + 0.26), (x + 0.2, y + 0.3), fill=paint, width=0.065)
    elif thing.noun == "pig":
        b.oval(x - 0.05, y + 0.01, x + 0.05, y + 0.09, "#f2b0b0")
    elif thing.noun in ("horse", "cow", "dog"):
        b.oval(x - 0.065, y + 0.03, x + 0.1, y + 0.14, "#e9d7c3" if paint != PAINT["white"] else "#d9b9a0")
        b.oval(x + 0.04, y + 0.05, x + 0.08, y + 0.085, INK, None)
    elif thing.noun == "cat":
        for side in (-1, 1):
            b.stroke((x + 0.03 * side, y + 0.05), (x + 0.16 * side, y + 0.03), width=0.01)
    b.oval(x - 0.065, y - 0.05, x - 0.01, y + 0.005, "#ffffff", None)
    b.oval(x + 0.025, y - 0.05, x + 0.08, y + 0.005, "#ffffff", None)
    _eyes(b, x + 0.008, y - 0.022, 0.045, thing.action)


def bird(b: Brush, thing: Thing, paint: str) -> None:
    """A bird."""
    duck = thing.noun == "duck"
    for x in (0.42, 0.54):
        b.stroke((x, 0.72), (x, 0.96), (x + 0.07, 0.97), fill="#d98a2b", width=0.03)
    b.shape((0.3, 0.5), (0.04, 0.36 if duck else 0.62), (0.26, 0.68), fill=paint)
    b.oval(0.2, 0.38, 0.76, 0.78, paint)
    b.oval(0.58, 0.14 if duck else 0.22, 0.88, 0.44 if duck else 0.52, paint)
    wing = -0.26 if thing.action in ("jumping", "running", "playing") else 0.12
    b.shape((0.32, 0.52), (0.56, 0.52), (0.34, 0.52 + wing), fill=paint)
    beak = 0.3 if duck else 0.37
    if duck:
        b.oval(0.82, beak - 0.03, 1.0, beak + 0.06, "#f0a030")
    else:
        b.shape((0.86, beak - 0.04), (0.99, beak), (0.86, beak + 0.05), fill="#f0a030")
    b.oval(0.73, beak - 0.09, 0.79, beak - 0.03, "#ffffff", None)
    b.oval(0.75, beak - 0.08, 0.785, beak - 0.04, INK, None)
