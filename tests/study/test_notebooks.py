import ast
import json
import re
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml
from test_importing import MeanColour, make_photos
from test_unequal_captions import captions_file

import vslnb.study.reproduce
from conftest import write_dataset
from vslnb.data.importing.dataset import import_captions
from vslnb.errors import InputError
from vslnb.study.profiles import PARAMETERS, PROFILES, ROOT, load_profile
from vslnb.study.reproduce import NOTEBOOKS, reproduce

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
FOLDED = tuple(f"{k:02d}" for k in range(10))  # their parameters are those they use


def cells(path):
    return nbformat.read(path, as_version=4).cells


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert [cell.id for cell in notebook.cells] == [f"cell-{k:02d}" for k in range(len(notebook.cells))]
    assert len(code) <= 40 and notebook.cells[0].source.startswith(f"# {path.stem[:2]} · ")
    assert notebook.cells[1].metadata.tags == ["parameters"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells) == 1


def parameters_of(path):
    return {
        line.target.id: ast.literal_eval(line.value)
        for line in ast.parse(cells(path)[1].source).body
        if isinstance(line, ast.AnnAssign)
    }


def test_notebooks_declare_what_they_use_with_the_values_of_the_demo_and_profiles_have_it_all():
    demo = yaml.safe_load((PROFILES / "demo.yaml").read_text())
    for path in PATHS:
        code = "\n".join(cell.source for cell in cells(path)[2:] if cell.cell_type == "code")
        used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        declared = parameters_of(path)
        assert declared == {name: demo[name] for name in declared}, path.stem
        if path.stem[:2] in FOLDED:
            assert set(declared) == used & set(PARAMETERS), path.stem
    for profile in PROFILES.glob("*.yaml"):
        assert set(yaml.safe_load(profile.read_text())) == set(PARAMETERS), profile


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path.stem != "08_readings_and_diagnostics"], ids=lambda path: path.stem
)
def test_a_notebook_teaches(path):
    """Links, a question before running, an equation with its number, folded answers, and code that is short."""
    notebook = cells(path)
    prose = "\n".join(cell.source for cell in notebook if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#:]+)\)", prose)
    assert links and all((path.parent / link).exists() for link in links)
    numbers = [int(other.stem[:2]) for other in map(Path, links) if re.match(r"\d\d_", other.stem)]
    own = int(path.stem[:2])
    appendix = path.stem[:2] in [
        other.stem[:2] for other in PATHS[: PATHS.index(path)]
    ]  # to the one before it
    assert {own - (not appendix), own + 1} - {-1, 10} <= set(numbers)
    for part in ("Predict, then run", r"\tag{", "## What we found", "## Exercises", "<details>"):
        assert part in prose, part
    assert prose.count("<details>") == prose.count("</details>")
    code = [cell.source.splitlines() for cell in notebook if cell.cell_type == "code"]
    assert max(map(len, code)) <= 15 and max(len(line) for cell in code for line in cell) <= 120


def test_profiles_that_are_not(tmp_path):
    with pytest.raises(InputError, match="demo"):
        load_profile("nowhere")
    for text in ("a: [", "- 1", "a: {b: 1}"):
        (tmp_path / "p.yaml").write_text(text)
        with pytest.raises(InputError, match="p.yaml"):
            load_profile(str(tmp_path / "p.yaml"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dataset": "mine"}, "For photos of your own write flickr8k here"),
        ({"arms": ["triplet"]}, "arms is no list of at least 2"),
        ({"modules": "saf"}, "modules is no list"),
    ],
)
def test_a_profile_that_no_notebook_can_run_is_refused_at_once(tmp_path, change, words):
    demo = yaml.safe_load((PROFILES / "demo.yaml").read_text())
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(demo | change))
    with pytest.raises(InputError, match=f"p.yaml: .*{words}"):
        load_profile(str(tmp_path / "p.yaml"))


PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def tiny_project(folder, sources, reads=()):
    """Notebooks of one cell and a profile, in place of ours; some only read."""
    for name, source in sources.items():
        parameters = nbformat.v4.new_code_cell(
            "# by papermill\nrun: str = ''", metadata={"tags": ["parameters"]}, id="cell-00"
        )
        cell = nbformat.v4.new_code_cell(source, id="cell-01")
        about = {"vslnb": {"reads": name in reads}}
        notebook = nbformat.v4.new_notebook(cells=[parameters, cell], metadata=PYTHON | about)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    demo = yaml.safe_load((PROFILES / "demo.yaml").read_text())
    values = demo | {"run": str(folder / "out"), "data": str(folder / "data")}
    (folder / "p.yaml").write_text(yaml.safe_dump(values))
    return str(folder / "p.yaml")


def test_what_is_done_is_kept_and_a_failed_notebook_is_run_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    count = "open(run + '/count', 'a').write('x')"
    profile = tiny_project(tmp_path, {"00_a": count, "01_b": "1 / 0", "02_c": count})
    with pytest.raises(InputError, match="01_b failed"):
        reproduce(profile)
    assert "01_b ... ZeroDivisionError" in capsys.readouterr().out
    assert (tmp_path / "out" / "count").read_text() == "xx"
    tiny_project(tmp_path, {"01_b": count})
    report = reproduce(profile)
    assert (tmp_path / "out" / "count").read_text() == "xxx"
    assert capsys.readouterr().out.count("kept") == 2 and "ZeroDivision" not in report.read_text()
    tiny_project(tmp_path, {"00_a": count + " # changed"})
    reproduce(profile)
    assert (tmp_path / "out" / "count").read_text() == "xxxx"
    older = {"state": "of an older version", "notebook": "00_a", "seconds": 1.0, "fault": ""}
    (tmp_path / "out" / "notebooks" / "00_a.json").write_text(json.dumps(older))
    reproduce(profile)
    assert (tmp_path / "out" / "count").read_text() == "xxxxx"
    (tmp_path / "out" / "figures").rmdir()  # what all three drew is gone with it
    reproduce(profile)
    assert (tmp_path / "out" / "count").read_text() == "xxxxxxxx"


WAIT = """
import os, pathlib, time
here = pathlib.Path(run)
def wait(name):
    for _ in range(3000):  # a busy machine gives the process of low priority little
        if (here / name).exists(): return
        time.sleep(0.1)
    raise TimeoutError(name)
"""


def test_notebooks_that_only_read_run_beside_those_that_train(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    sources = {
        "00_a": "wait('b'); (here / 'a').touch()",
        "01_b": "(here / 'b').touch(); wait('d')",
        "02_c": "assert (here / 'd').exists(); 1 / 0",  # after 01, which waits for 03
        "03_d": "assert (here / 'a').exists(); (here / 'd').touch(); wait('e'); time.sleep(1)",
        "04_e": "(here / 'e').touch(); open(here / 'ran', 'a').write('x')",
    }
    sources = {name: WAIT + code for name, code in sources.items()}
    profile = tiny_project(tmp_path, sources, ("01_b", "02_c", "04_e"))
    with pytest.raises(InputError, match=": 02_c failed"):
        reproduce(profile)
    said = capsys.readouterr().out
    assert said.startswith("beside the others: 01_b, 02_c, 04_e\n00_a begins\n00_a ... ")
    assert "02_c ... ZeroDivisionError" in said and (tmp_path / "out" / "ran").read_text() == "x"
    rows = json.loads((tmp_path / "out" / "reproduce.json").read_text())
    assert [row["notebook"] for row in rows] == sorted(sources)
    began = {row["notebook"][:2]: row["began"] for row in rows}
    assert began["00"] + rows[0]["seconds"] <= began["03"] + 0.2 and began["01"] < began["03"] <= began["02"]


def test_a_process_of_reading_notebooks_that_is_killed_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    kill = WAIT + "import signal; os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)"
    sources = {"00_a": kill, "01_b": WAIT + "(here / 'b').touch()", "02_c": WAIT}
    profile = tiny_project(tmp_path, sources, ("00_a", "02_c"))
    with pytest.raises(InputError, match=": 00_a, 02_c failed"):
        reproduce(profile)
    assert "00_a ... its process ended before the notebook did" in capsys.readouterr().out
    assert (tmp_path / "out" / "b").exists()


def test_a_notebook_that_only_reads_trains_nothing():
    for path in PATHS:
        notebook = nbformat.read(path, as_version=4)
        if notebook.metadata.get("vslnb", {}).get("reads"):
            code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
            assert not re.search(r"\b(sweep|train|Trainer|sgraf|export)\(", code), path.stem


def test_a_notebook_is_given_the_parameters_that_it_declares(tmp_path, monkeypatch):
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    reproduce(tiny_project(tmp_path, {"00_a": "assert run and 'seeds' not in globals()"}))
    executed = nbformat.read(tmp_path / "out" / "notebooks" / "00_a.ipynb", as_version=4)
    assert executed.metadata.papermill.parameters == {"run": str(tmp_path / "out")}


def test_a_notebook_is_run_again_when_an_input_of_its_metadata_changes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    profile = tiny_project(tmp_path, {"00_a": "open(run + '/count', 'a').write('x')"})
    notebook = nbformat.read(tmp_path / "00_a.ipynb", as_version=4)
    notebook.metadata["vslnb"] = {"inputs": [str(tmp_path / "evidence.json")]}
    nbformat.write(notebook, tmp_path / "00_a.ipynb")
    for content, runs in (("[]", "x"), ("[]", "x"), ("[1]", "xx")):
        (tmp_path / "evidence.json").write_text(content)
        reproduce(profile)
        assert (tmp_path / "out" / "count").read_text() == runs


def test_inputs_of_notebooks_exist():
    for path in PATHS:
        metadata = nbformat.read(path, as_version=4).metadata
        for name in metadata.get("vslnb", {}).get("inputs", []):
            assert (ROOT / name).exists(), name


def test_a_part_of_the_notebooks_can_be_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    count = "open(run + '/count', 'a').write('x')"
    profile = tiny_project(tmp_path, {"00_a": "print('zero')", "01_b": count, "02_c": "1 / 0"})
    assert "02_c" not in reproduce(profile, only=["01"]).read_text()
    assert (tmp_path / "out" / "count").read_text() == "x"
    report = reproduce(profile, only=["00"]).read_text()
    assert "01_b ... kept" in capsys.readouterr().out and "zero" in report and "01_b" in report
    with pytest.raises(InputError, match="no notebook has a name that begins so"):
        reproduce(profile, only=["9"])


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A data set as the field has it, features, captions and ids, and the parameters of a run on it."""
    folder = tmp_path_factory.mktemp("bare")
    write_dataset(folder / "data", {"train": 40, "dev": 10, "test": 20})
    (folder / "data" / "dataset.json").unlink()
    (folder / "data" / "test_boxes.npy").unlink()
    shorter = {"profile": "bare", "dataset": "flickr8k", "modules": ["saf", "cosine"], "ablation_epochs": 1}
    places = {"data": str(folder / "data"), "run": str(folder / "run"), "device": "cpu"}
    return yaml.safe_load((PROFILES / "demo.yaml").read_text()) | shorter | places


@pytest.mark.parametrize(
    "path", [p for p in reversed(PATHS) if not p.stem.startswith("07")], ids=lambda path: path.stem
)
def test_a_notebook_runs_alone_in_any_order_without_pictures_or_truth(path, bare, tmp_path):
    # All but 07, which trains on the bundled world whatever the data; `make demo` runs that.
    papermill.execute_notebook(
        path, tmp_path / "out.ipynb", bare, cwd=ROOT, progress_bar=False, log_output=False
    )
    outputs = [o for cell in cells(tmp_path / "out.ipynb") for o in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)  # a picture to look at
    assert not any(
        "<Figure" in str(o.get("data", {})) for o in outputs if "image/png" not in o.get("data", {})
    )
    kept = Path(bare["run"]) / "figures"
    assert not any(kept.glob("05_[hn]*.png")) and not any(kept.glob("06_[ao]*.png"))  # not ours to copy


def test_the_ablations_run_over_a_few_photos_with_unequal_captions(tmp_path):
    photos, counts = make_photos(tmp_path / "photos", 24), [1 + i % 4 for i in range(24)]
    file = captions_file(tmp_path / "c.csv", counts)
    import_captions(photos, file, tmp_path / "data", backbone=MeanColour(), progress=False)
    demo = yaml.safe_load((PROFILES / "demo.yaml").read_text())
    mine = {"profile": "mine", "dataset": "flickr8k", "modules": ["cosine"], "device": "cpu"}
    mine |= {"data": str(tmp_path / "data"), "run": str(tmp_path / "run")}
    path = NOTEBOOKS / "04_ablations.ipynb"
    papermill.execute_notebook(path, tmp_path / "out.ipynb", demo | mine, cwd=ROOT, progress_bar=False)
    assert (tmp_path / "run" / "figures" / "04_ablations.json").exists()
