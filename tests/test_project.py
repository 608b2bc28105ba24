"""The frame: lists that must agree, committed figures, and the layout of the package."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name):
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", name)[0]).lower()


def test_the_conda_environment_is_this_package_with_all_its_extras():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    (package,) = [line for line in pip if line.startswith("-e")]
    assert package.startswith("-e .[") and "-c constraints.txt" in pip
    assert set(re.findall(r"\w+", package.partition("[")[2])) == set(PROJECT["optional-dependencies"])
    (python,) = [entry for entry in listed if str(entry).startswith("python=")]
    lowest = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    assert tuple(map(int, python.removeprefix("python=").split("."))) >= lowest


def test_every_dependency_has_an_exact_version_within_the_open_range():
    lines = [
        line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+_-]+", line) for line in lines)
    pinned = {normal(line) for line in lines}
    wanted = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    assert {normal(name) for name in wanted} <= pinned
    assert all(">=" in name and "<" not in name and "==" not in name for name in wanted)


def test_every_dependency_has_a_reason():
    rows = (ROOT / "CONTRIBUTING.md").read_text().partition("| package |")[2].splitlines()[2:]
    listed = {normal(name) for row in rows for name in row.split("|")[1].strip().split(", ")}
    wanted = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    assert listed == {normal(name) for name in wanted}


@pytest.mark.parametrize("module", ["saf", "sgr"])
@pytest.mark.parametrize("direction", ["image_to_text", "text_to_image"])
def test_the_world_is_neither_easy_nor_hopeless_and_has_the_problem_of_the_paper(module, direction):
    numbers = json.loads((ROOT / "figures" / "demo" / "00_the_claim.json").read_text())
    assert 35 <= numbers["recall"][module][direction]["R@1"] <= 75
    assert numbers["secondary"][module][direction]["rate"] >= 20


def code_of(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    return ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))


def test_committed_figures_and_numbers_are_those_of_the_notebooks():
    drawn = set()
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        named = set()
        for node in ast.walk(code_of(notebook)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "save_figure":
                drawn.add(node.args[2].value)
            if isinstance(node, (ast.Assign, ast.AugAssign)):
                (target,) = getattr(node, "targets", None) or [node.target]
                if getattr(target, "id", "") == "summary":
                    named |= {key.value for key in node.value.keys}
                elif isinstance(target, ast.Subscript) and getattr(target.value, "id", "") == "summary":
                    named.add(target.slice.value)
        if named and not notebook.stem.startswith("08"):
            numbers = json.loads((ROOT / "figures" / "demo" / f"{notebook.stem}.json").read_text())
            assert set(numbers) == named, notebook.stem
    ours = {
        name for name in drawn if not name.startswith("08")
    }  # 08 reads figures/flickr8k whatever the profile
    assert {picture.stem for picture in (ROOT / "figures" / "demo").glob("*.png")} == ours
    assert {picture.stem for picture in (ROOT / "figures" / "flickr8k").glob("*.png")} <= drawn


def test_files_are_small_and_the_top_level_is_short():
    counts = {path: len(path.read_text().splitlines()) for path in (ROOT / "vslnb").rglob("*.py")}
    assert max(counts.values()) <= 300, max(counts, key=counts.get)
    assert sum(path.is_file() for path in (ROOT / "vslnb").iterdir()) <= 14


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("0[4-8]*.ipynb")), ids=lambda p: p.stem)
def test_cells_of_the_evidence_are_short(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    code = ["".join(cell["source"]).splitlines() for cell in cells if cell["cell_type"] == "code"]
    assert max(map(len, code)) <= 15 and max(len(line) for cell in code for line in cell) <= 120
