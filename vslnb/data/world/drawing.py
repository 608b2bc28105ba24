"""Draw a scene of the bundled world with flat shapes: no photographs, no labels."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from vslnb.data.world.brush import INK, PAINT, SCALE, SIZE, WOOD, Brush
from vslnb.data.world.creatures import bird, person, quadruped
from vslnb.data.world.scene import SUBJECTS, Scene, Thing

GROUND = {  # sky, ground
    "beach": ("#bfe6f5", "#efdcae"),
    "park": ("#cdebf7", "#9ccf7d"),
    "street": ("#d9dee6", "#8c8f96"),
    "snow": ("#dfe8f2", "#fbfcff"),
    "desert": ("#fbe3b5", "#dfae6a"),
    "room": ("#f1e3d3", "#b98f68"),
    "hills": ("#cfe6ee", "#86b56c"),
    "night": ("#1f2950", "#3c4a63"),
}
HORIZON = 0.42


def draw(scene: Scene) -> Image.Image:
    """A picture of 256 x 256: the place, secondary things at the back, the main event in front."""
    image = Image.new("RGB", (SIZE * SCALE,) * 2)
    pen = ImageDraw.Draw(image)
    _place(pen, scene.place)
    for thing in scene.secondary:
        _thing(pen, thing)
    if scene.object:
        _thing(pen, scene.object)
    _thing(pen, scene.subject)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def _place(pen: ImageDraw.ImageDraw, place: str) -> None:
    sky, ground = GROUND[place]
    b = Brush(pen, (0, 0, 1, 1))
    pen.rectangle(b.at((0, 0), (1, 1)), sky)
    pen.rectangle(b.at((0, HORIZON), (1, 1)), ground)
    if place == "beach":
        pen.rectangle(b.at((0, 0.34), (1, 0.47)), "#5fb3d9")
        b.oval(0.78, 0.05, 0.92, 0.19, "#ffd34d", None)
    elif place == "park":
        for x in (0.02, 0.3, 0.66, 0.9):
            b.stroke((x + 0.05, 0.42), (x + 0.05, 0.3), fill=WOOD, width=0.025)
            b.oval(x - 0.03, 0.12, x + 0.13, 0.34, "#4f9a55", None)
    elif place == "street":
        for k, x in enumerate((0.0, 0.24, 0.5, 0.76)):
            top = 0.08 + 0.06 * (k % 2)
            pen.rectangle(b.at((x, top), (x + 0.22, HORIZON)), ("#b9917a", "#a7b0ba")[k % 2])
            for i in range(4):
                wx, wy = x + 0.04 + 0.09 * (i % 2), top + 0.05 + 0.11 * (i // 2)
                pen.rectangle(b.at((wx, wy), (wx + 0.05, wy + 0.06)), "#f4e9b8")
        for x in range(5):
            pen.rectangle(b.at((0.22 * x, 0.7), (0.22 * x + 0.12, 0.715)), "#f4f4f0")
    elif place == "snow":
        for k in range(40):
            x, y = (k * 0.618) % 1, (k * 0.382) % 0.95
            b.oval(x, y, x + 0.012, y + 0.012, "#ffffff", None)
        pen.polygon(b.at((0, HORIZON), (0.25, 0.15), (0.5, HORIZON)), "#b9c7d9")
        pen.polygon(b.at((0.4, HORIZON), (0.7, 0.2), (1, HORIZON)), "#c8d4e3")
    elif place == "desert":
        pen.polygon(b.at((0, 0.5), (0.3, 0.33), (0.6, 0.5)), "#e6bc7c")
        for x in (0.08, 0.85):
            b.stroke((x, 0.44), (x, 0.24), fill="#4f8a4c", width=0.03)
            b.stroke((x - 0.05, 0.28), (x - 0.05, 0.34), (x, 0.34), fill="#4f8a4c", width=0.022)
    elif place == "room":
        pen.rectangle(b.at((0.34, 0.07), (0.66, 0.3)), "#bfe0ef", "#8a5a33", 8)
        b.stroke((0.5, 0.07), (0.5, 0.3), fill="#8a5a33", width=0.012)
        for y in (0.55, 0.7, 0.85):
            b.stroke((0, y), (1, y), fill="#a37a55", width=0.006)
    elif place == "hills":
        b.oval(-0.3, 0.22, 0.6, 0.9, "#76a860", None)
        b.oval(0.35, 0.28, 1.4, 0.9, "#6a9c58", None)
    elif place == "night":
        b.oval(0.76, 0.06, 0.9, 0.2, "#f3eec5", None)
        for k in range(24):
            x, y = (k * 0.618) % 1, (k * 0.382) % 0.38
            b.oval(x, y, x + 0.01, y + 0.01, "#f5f3d8", None)


def _thing(pen: ImageDraw.ImageDraw, thing: Thing) -> None:
    x0, y0, x1, y1 = thing.box
    size = x1 - x0
    shadow = Brush(pen, (x0, y1 - 0.06 * size, x1, y1 + 0.05 * size))
    lift = 0.16 * size if thing.action == "jumping" else 0.0
    shadow.oval(0.12, 0.2, 0.88, 0.9, "#6d6d66" if lift else "#7c7c74", None)
    b = Brush(pen, (x0, y0 - lift, x1, y1 - lift))
    paint = PAINT[thing.colour]
    kind = SUBJECTS.get(thing.noun)
    if kind == "person":
        person(b, thing, paint)
    elif kind == "animal":
        (bird if thing.noun in ("bird", "duck") else quadruped)(b, thing, paint)
    elif kind == "vehicle":
        _vehicle(b, thing, paint)
    else:
        _object(b, thing.noun, paint)
    if thing.action in ("running", "driving"):
        for y in (0.35, 0.5, 0.65):
            b.stroke((-0.14, y), (-0.02, y), width=0.018)
    if thing.action == "sleeping":
        for k in (0, 1):
            x, y, s = 0.86 + 0.1 * k, 0.12 - 0.12 * k, 0.07 + 0.02 * k
            b.stroke((x, y), (x + s, y), (x, y + s), (x + s, y + s), width=0.02)


def _wheel(b: Brush, x: float, r: float) -> None:
    b.oval(x - r, 0.97 - 2 * r, x + r, 0.97, "#3a3a40")
    b.oval(x - r / 2.4, 0.97 - 1.42 * r, x + r / 2.4, 0.97 - 0.58 * r, "#d8d8d8")


def _vehicle(b: Brush, thing: Thing, paint: str) -> None:
    glass = "#cfe9f5"
    if thing.noun == "bicycle":
        for x in (0.24, 0.76):
            b.pen.ellipse(b.at((x - 0.2, 0.57), (x + 0.2, 0.97)), None, INK, max(3, int(0.035 * b.w)))
        frame = ((0.24, 0.77), (0.42, 0.45), (0.68, 0.45), (0.48, 0.77), (0.24, 0.77))
        b.stroke(*frame, fill=paint, width=0.05)
        b.stroke((0.42, 0.45), (0.48, 0.77), fill=paint, width=0.05)
        b.stroke((0.76, 0.77), (0.66, 0.36), (0.8, 0.32), fill=paint, width=0.05)
        b.stroke((0.32, 0.38), (0.48, 0.38), width=0.06)
    elif thing.noun == "boat":
        b.stroke((0.48, 0.1), (0.48, 0.68), fill=WOOD, width=0.04)
        b.shape((0.52, 0.1), (0.86, 0.58), (0.52, 0.58), fill="#faf6ea")
        b.shape((0.04, 0.66), (0.96, 0.66), (0.8, 0.95), (0.2, 0.95), fill=paint)
    elif thing.noun == "bus":
        b.block(0.02, 0.28, 0.98, 0.86, paint, 0.06)
        for x in (0.08, 0.3, 0.52, 0.74):
            b.block(x, 0.36, x + 0.17, 0.56, glass, 0.02)
        _wheel(b, 0.25, 0.1)
        _wheel(b, 0.75, 0.1)
    elif thing.noun == "truck":
        b.block(0.0, 0.26, 0.62, 0.84, paint, 0.02)
        b.block(0.64, 0.46, 0.98, 0.84, "#c9ccd1", 0.05)
        b.block(0.78, 0.51, 0.95, 0.65, glass, 0.02)
        _wheel(b, 0.2, 0.1)
        _wheel(b, 0.78, 0.1)
    elif thing.noun == "tractor":
        b.block(0.4, 0.5, 0.92, 0.78, paint, 0.04)
        b.block(0.16, 0.22, 0.5, 0.7, glass, 0.04)
        b.stroke((0.76, 0.5), (0.76, 0.28), width=0.05)
        _wheel(b, 0.28, 0.24)
        _wheel(b, 0.8, 0.12)
    else:
        b.shape((0.2, 0.6), (0.32, 0.36), (0.68, 0.36), (0.84, 0.6), fill=paint)
        b.shape((0.27, 0.58), (0.35, 0.41), (0.48, 0.41), (0.48, 0.58), fill=glass)
        b.shape((0.53, 0.58), (0.53, 0.41), (0.65, 0.41), (0.75, 0.58), fill=glass)
        b.block(0.02, 0.57, 0.98, 0.84, paint, 0.1)
        _wheel(b, 0.25, 0.12)
        _wheel(b, 0.76, 0.12)


def _object(b: Brush, noun: str, paint: str) -> None:
    if noun == "ball":
        b.oval(0.15, 0.27, 0.85, 0.97, paint)
        b.pen.arc(b.at((0.35, 0.27), (1.1, 0.97)), 120, 240, INK, b.line)
    elif noun == "balloon":
        b.stroke((0.5, 0.6), (0.45, 0.8), (0.54, 0.97), width=0.02)
        b.oval(0.22, 0.02, 0.78, 0.64, paint)
    elif noun == "kite":
        b.stroke((0.5, 0.6), (0.36, 0.8), (0.56, 0.97), width=0.02)
        b.shape((0.5, 0.0), (0.86, 0.3), (0.5, 0.7), (0.14, 0.3), fill=paint)
        b.stroke((0.14, 0.3), (0.86, 0.3), width=0.02)
    elif noun == "umbrella":
        b.stroke((0.5, 0.3), (0.5, 0.92), (0.6, 0.95), width=0.04)
        b.pen.pieslice(b.at((0.02, 0.05), (0.98, 0.95)), 180, 360, paint, INK, b.line)
    elif noun == "chair":
        b.stroke((0.28, 0.6), (0.24, 0.97), width=0.07)
        b.stroke((0.72, 0.6), (0.76, 0.97), width=0.07)
        b.block(0.24, 0.12, 0.36, 0.62, paint, 0.03)
        b.block(0.22, 0.54, 0.8, 0.66, paint, 0.03)
    elif noun == "box":
        b.shape((0.12, 0.4), (0.3, 0.26), (0.98, 0.26), (0.8, 0.4), fill=paint)
        b.shape((0.8, 0.4), (0.98, 0.26), (0.98, 0.8), (0.8, 0.97), fill=paint)
        b.shape((0.12, 0.4), (0.8, 0.4), (0.8, 0.97), (0.12, 0.97), fill=paint)
        b.stroke((0.46, 0.4), (0.46, 0.97), width=0.05)
    elif noun == "flower":
        b.stroke((0.5, 0.4), (0.5, 0.97), fill="#3c8a3f", width=0.06)
        for k in range(6):
            x, y = 0.5 + 0.2 * math.cos(math.tau * k / 6), 0.3 + 0.2 * math.sin(math.tau * k / 6)
            b.oval(x - 0.14, y - 0.14, x + 0.14, y + 0.14, paint)
        b.oval(0.38, 0.18, 0.62, 0.42, "#7a4a1f")
    elif noun == "tent":
        b.shape((0.5, 0.15), (1.0, 0.97), (0.0, 0.97), fill=paint)
        b.shape((0.5, 0.4), (0.66, 0.97), (0.34, 0.97), fill="#3a3a40")
    elif noun == "tree":
        b.stroke((0.5, 0.55), (0.5, 0.97), fill=WOOD, width=0.14)
        b.oval(0.1, 0.0, 0.9, 0.68, paint)
    elif noun == "bucket":
        b.pen.arc(b.at((0.2, 0.1), (0.8, 0.8)), 180, 360, INK, max(3, int(0.03 * b.w)))
        b.shape((0.14, 0.44), (0.86, 0.44), (0.74, 0.97), (0.26, 0.97), fill=paint)
