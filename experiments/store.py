"""Where the experiments keep what they found: JSON files below figures/."""

from __future__ import annotations

import json

from vslnb.study.profiles import ROOT


def read(name: str) -> dict:
    """What `figures/NAME.json` says, or nothing."""
    path = ROOT / "figures" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}
