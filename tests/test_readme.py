"""The README: its tables are generated from the results, its links lead somewhere."""

import json
import re

import pytest

from vslnb.evaluation.measures import measure_of
from vslnb.study.profiles import ROOT
from vslnb.study.readme_blocks import README, fill, render_blocks


def test_the_tables_of_the_readme_are_generated():
    text = README.read_text(encoding="utf-8")
    assert fill(text, render_blocks()) == text, "run: python -m vslnb.study.readme_blocks"


def test_blocks_are_filled_and_a_wrong_marker_is_named():
    text = "before\n<!-- generated: a -->\nold\n<!-- end -->\nafter"
    assert fill(text, {"a": "| new |"}) == text.replace("old", "| new |")
    for blocks in ({}, {"a": "", "b": ""}):
        with pytest.raises(ValueError, match="markers and blocks differ"):
            fill(text, blocks)


def test_the_table_of_flickr8k_is_the_mean_of_the_runs_that_decide():
    runs = json.loads((ROOT / "figures" / "flickr8k" / "runs.json").read_text())
    lines = render_blocks()["flickr8k"].splitlines()
    for module, label in (("sgraf", "SGRAF"), ("cosine", "cosine")):
        key = (module, "vsl-paper")
        found = [measure_of(run) for run in runs if (run["module"], run["arm"]) == key and run["seed"] > 0]
        (line,) = [line for line in lines if line.startswith(f"| {label} + VSL |")]
        assert len(found) == 5 and line.endswith(f"| {sum(found) / 5:.1f} |")


def test_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (ROOT / target).exists(), target
