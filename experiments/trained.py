"""What is asked of the trained weights of a profile, again and again: which of them are here and were not asked yet."""

from __future__ import annotations

from pathlib import Path

from vslnb.data.precomp import file_hash
from vslnb.study.profiles import ROOT, known_results
from vslnb.training.run import Run


def unasked(profile: dict, listed: dict[str, dict]) -> list[tuple[dict, Path, str]]:
    """Results, folder and hash of the weights of runs whose very weights `listed`, by config_hash, does not know."""
    found, left_out = [], []
    for run in known_results(str(ROOT / "figures" / profile["profile"])):
        if run["module"] not in profile["modules"]:
            continue
        folder = ROOT / profile["run"] / run["name"]
        best = Run(folder).best_file
        weights = file_hash(best)[:12] if best.exists() else ""
        if weights and listed.get(run["config_hash"], {}).get("weights") == weights:
            continue
        if weights and Run(folder).config().hash == run["config_hash"]:
            found.append((run, folder, weights))
        elif run["config_hash"] not in listed:
            left_out.append(run["name"])
    if left_out:
        print(f"no weights of these here, so nothing is known: {', '.join(left_out)}")
    return found
