"""The results of experiments: JSON files below figures/."""

from __future__ import annotations

import json

from vslnb.study.profiles import ROOT


def read(name: str) -> dict:
    """The content of `figures/NAME.json`, or an empty mapping where there is none."""
    path = ROOT / "figures" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}
