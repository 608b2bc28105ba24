"""The files of `static/`, as the notebook's widget and the exported pages want them."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
VIEW = ("elements.js", "attention_panel.js", "view.js")  # each uses those before it


def view_script() -> str:
    """One JavaScript module that exports `render` (anywidget's convention)."""
    return "\n".join(asset(name) for name in VIEW)


def asset(name: str) -> str:
    """The text of a file of `static/`."""
    return (STATIC / name).read_text(encoding="utf-8")
