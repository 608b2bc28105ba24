"""The colours of the bundled world, and a brush that paints in the coordinates of one thing's box."""

from __future__ import annotations

from PIL import ImageDraw

SIZE, SCALE = 256, 2  # drawn twice as large, then halved: smooth edges
INK, SKIN, WOOD = "#2b2b2b", "#e8b48c", "#8a5a33"
PAINT = {
    "red": "#d1362f",
    "blue": "#2f62c9",
    "green": "#2f9e44",
    "yellow": "#f2c230",
    "white": "#f7f5ef",
    "black": "#3a3a40",
    "orange": "#f08030",
    "purple": "#8b45b5",
}


class Brush:
    """Draws in the units of a box: (0, 0) its top left corner, (1, 1) its bottom right."""

    def __init__(self, pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float]):
        n = SIZE * SCALE
        self.pen = pen
        self.x, self.y = box[0] * n, box[1] * n
        self.w, self.h = (box[2] - box[0]) * n, (box[3] - box[1]) * n
        self.line = max(2, int(self.w / 60))

    def at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        """Points of the box in pixels of the picture."""
        return [(self.x + px * self.w, self.y + py * self.h) for px, py in points]

    def oval(self, x0: float, y0: float, x1: float, y1: float, fill: str, outline: str | None = INK) -> None:
        """An ellipse between two corners."""
        self.pen.ellipse(self.at((x0, y0), (x1, y1)), fill, outline, self.line)

    def block(self, x0: float, y0: float, x1: float, y1: float, fill: str, radius: float = 0.0) -> None:
        """A rectangle with rounded corners."""
        self.pen.rounded_rectangle(self.at((x0, y0), (x1, y1)), radius * self.w, fill, INK, self.line)

    def shape(self, *points: tuple[float, float], fill: str) -> None:
        """A polygon with an outline."""
        corners = self.at(*points)
        self.pen.polygon(corners, fill)
        self.pen.line([*corners, corners[0]], INK, self.line, "curve")

    def stroke(self, *points: tuple[float, float], fill: str = INK, width: float = 0.03) -> None:
        """A line through points."""
        self.pen.line(self.at(*points), fill, max(2, int(width * self.w)), "curve")
