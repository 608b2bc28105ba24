"""The README: its tables are generated from the results, its links lead somewhere."""

import json
import re

import pytest

from vslnb.evaluation.measures import measure_of
from vslnb.study.profiles import ROOT
from vslnb.study.readme_blocks import PAGES, README, fill, names_in, render_blocks


def test_the_tables_of_the_pages_are_generated_and_each_stands_somewhere():
    blocks, texts = render_blocks(), [page.read_text(encoding="utf-8") for page in PAGES]
    for text in texts:
        assert fill(text, blocks) == text, "run: python -m vslnb.study.readme_blocks"
    assert set().union(*map(names_in, texts)) == set(blocks)


def test_blocks_are_filled_and_a_wrong_marker_is_named():
    text = "before\n<!-- generated: a -->\nold\n<!-- end -->\nafter"
    assert fill(text, {"a": "| new |", "b": ""}) == text.replace("old", "| new |")
    empty = "<!-- generated: a -->\n<!-- end -->\nbetween\n<!-- generated: b -->\n<!-- end -->"
    filled = empty.replace("a -->\n", "a -->\n| new |\n").replace("b -->\n", "b -->\n\n")
    assert fill(empty, {"a": "| new |", "b": ""}) == filled
    with pytest.raises(ValueError, match="no block is named a"):
        fill(text, {})


def test_the_table_of_flickr8k_is_the_mean_of_the_runs_that_decide():
    runs = json.loads((ROOT / "figures" / "flickr8k" / "runs.json").read_text())
    lines = render_blocks()["flickr8k"].splitlines()
    for module, label in (("sgraf", "SGRAF"), ("cosine", "cosine")):
        key = (module, "vsl-paper")
        found = [measure_of(run) for run in runs if (run["module"], run["arm"]) == key and run["seed"] > 0]
        (line,) = [line for line in lines if line.startswith(f"| {label} + VSL |")]
        assert len(found) == 5 and line.endswith(f"| {sum(found) / 5:.1f} |")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_snippet_of_the_readme_runs_as_pasted():
    (snippet,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(snippet, "README.md", "exec"), {})
