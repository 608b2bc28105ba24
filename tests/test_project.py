"""The frame: lists that must agree, and a README without a number of its own."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()


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


def table(profile):
    """The README's table of a profile, from its runs.json."""
    lines = []
    for run in json.loads((ROOT / "figures" / profile / "runs.json").read_text()):
        ways = [run["test"][way] for way in ("image_to_text", "text_to_image")]
        cells = [f"{way[f'R@{k}']:.1f}" for way in ways for k in (1, 5, 10)]
        name = {"saf": "SAF", "sgr": "SGR", "sgraf": "SGRAF"}.get(run["module"], run["module"])
        name += "" if run["arm"] == "triplet" else " + VSL"
        lines.append(f"| {name} | {' | '.join(cells)} | {run['test']['rsum']:.1f} |")
    return lines


@pytest.mark.parametrize("profile", ["demo", "flickr8k"])
def test_the_tables_of_the_readme_are_those_of_the_runs(profile):
    found = README.partition(f"<!-- {profile} -->")[2].partition("<!-- end -->")[0].strip().splitlines()
    assert found[2:] == table(profile)
    assert len({line.count("|") for line in found}) == 1


def bench_table():
    """The README's table of speed, from figures/bench.json."""
    lines = []
    bench = json.loads((ROOT / "figures" / "bench.json").read_text())
    for module in ("saf", "sgr"):
        for what, rows in bench[module].items():
            for kind in ("float32", "bfloat16"):
                ours, loop = rows[kind], rows["reference"]
                digits = 0 if what == "pairs a second" else 2
                values = " | ".join(f"{row['median']:,.{digits}f}" for row in (loop, ours))
                memory = f"{loop['peak_mib']:,.0f} | {ours['peak_mib']:,.0f}"
                lines.append(
                    f"| {module.upper()}, {what}, {kind} | {values} | {ours['ratio']:.1f} x | {memory} |"
                )
    return lines


def test_the_speed_of_the_readme_is_measured():
    found = README.partition("<!-- bench -->")[2].partition("<!-- end -->")[0].strip().splitlines()
    assert found[2:] == bench_table()
    shortlist = json.loads((ROOT / "figures" / "bench_shortlist.json").read_text())
    rows = [row for rows in shortlist["runs"].values() for row in rows if row["times fewer"] == 20]
    precision = json.loads((ROOT / "figures" / "bench_precision.json").read_text())["runs"]
    (most,) = re.findall(r"moved a recall by at most ([\d.]+) points", README)
    assert max(abs(change) for run in precision.values() for change in run.values()) == float(most)
    assert len(rows) == 4 and all(row["top-1 kept"] >= 99.5 for row in rows)


def test_the_hours_of_the_readme_are_measured():
    large = json.loads((ROOT / "figures" / "bench_large.json").read_text())
    exact = {key: large[key] for key in large if key.startswith("exact")}
    hours = [
        exact[f"exact, {m}, {p}"]["hours for the whole"]
        for p in ("float32", "bfloat16")
        for m in ("saf", "sgr")
    ]
    told = re.findall(
        r"take ([\d.]+) hours \(SAF\) and ([\d.]+) \(SGR\) at float32, ([\d.]+) and ([\d.]+) at", README
    )
    assert [f"{value:.1f}" for value in hours] == list(told[0])
    (memory,) = re.findall(r"in ([\d.]+) GiB above the interpreter", README)
    assert f"{max(row['MiB above the interpreter'] for row in exact.values()) / 1024:.1f}" == memory
    assert all(row["share of the matrix"] >= 0.02 for row in exact.values())
    ((hours, memory),) = re.findall(r"the whole took ([\d.]+) hours and ([\d.]+) GiB", README)
    row = large["by shortlist, saf, bfloat16"]
    assert f"{row['hours']:.1f}" == hours and f"{row['MiB above the interpreter'] / 1024:.1f}" == memory


def test_the_notebook_map_has_the_measured_times():
    rows = json.loads((ROOT / "figures" / "demo" / "reproduce.json").read_text())
    for row in rows:
        (line,) = [line for line in README.splitlines() if line.startswith(f"| [{row['notebook']}](")]
        assert line.rstrip(" |").endswith(f"{row['seconds']:.0f} s"), line
    assert {p.stem for p in (ROOT / "notebooks").glob("*.ipynb")} == {row["notebook"] for row in rows}


def test_the_minutes_of_flickr8k_are_those_of_its_runs():
    runs = json.loads((ROOT / "figures" / "flickr8k" / "runs.json").read_text())
    (minutes,) = re.findall(r"about (\d+) minutes of training on two cores", README)
    assert abs(int(minutes) - sum(run.get("seconds", 0) for run in runs) / 120) < 5


def test_what_the_world_showed_is_in_its_json():
    gains = json.loads((ROOT / "figures" / "world" / "03_training.json").read_text())["gains"]["rsum"]
    ((total, count, value, low, high),) = re.findall(
        r"of (\d+) gains .* rsum, (\d+) has a 95 % interval without zero "
        r"\(cosine with descending ranks, \+([\d.]+), ([\d.]+) to ([\d.]+)\)",
        README,
    )
    told = {name: gain for name, gain in gains.items() if gain["low"] > 0 or gain["high"] < 0}
    assert (len(gains), list(told)) == (int(total), ["cosine, vsl-descending"]) and len(told) == int(count)
    found = told["cosine, vsl-descending"]
    assert [f"{found[key]:.1f}" for key in ("value", "low", "high")] == [value, low, high]
    assert all(len(gain["seeds"]) == 3 for gain in gains.values())
    half = [(gain["high"] - gain["low"]) / 2 for name, gain in gains.items() if name[:4] in ("SAF,", "SGR,")]
    assert min(half) > 10
    rows = json.loads((ROOT / "figures" / "world" / "reproduce.json").read_text())
    (minutes,) = re.findall(r"`vslnb reproduce world`, (\d+) minutes", README)
    assert abs(sum(row["seconds"] for row in rows) / 60 - int(minutes)) < 1


@pytest.mark.parametrize("module", ["saf", "sgr"])
@pytest.mark.parametrize("way", ["image_to_text", "text_to_image"])
def test_the_world_is_neither_easy_nor_hopeless_and_has_the_problem_of_the_paper(module, way):
    numbers = json.loads((ROOT / "figures" / "demo" / "00_the_claim.json").read_text())
    assert 35 <= numbers["recall"][module][way]["R@1"] <= 75
    assert numbers["secondary"][module][way]["rate"] >= 20


def test_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


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
        if named:
            numbers = json.loads((ROOT / "figures" / "demo" / f"{notebook.stem}.json").read_text())
            assert set(numbers) == named, notebook.stem
    assert {picture.stem for picture in (ROOT / "figures" / "demo").glob("*.png")} == drawn
    assert {picture.stem for picture in (ROOT / "figures" / "flickr8k").glob("*.png")} <= drawn
