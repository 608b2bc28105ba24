"""`vslnb reproduce PROFILE`: every notebook through papermill, then one report that works from a file."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
import papermill
import typer
import yaml
from latex2mathml.converter import convert
from matplotlib.figure import Figure
from nbconvert import HTMLExporter

from vslnb.data.precomp import MANIFEST, file_hash, read_manifest
from vslnb.errors import InputError
from vslnb.files import read_json, write_json, write_stream, write_text

ROOT = Path(__file__).resolve().parents[1]
WIDGET = "application/vnd.jupyter.widget-view+json"
NOTEBOOKS, PACKAGE = ROOT / "notebooks", ROOT / "vslnb"
# What notebook 08 reads whatever its profile, below figures/.
EVIDENCE = (
    "flickr8k/runs.json",
    "flickr8k/tuning.json",
    "flickr8k/rsum_by_image.npz",
    "flickr8k/further_runs.json",
    "world/dose.json",
)
PARAMETERS = (
    "profile",
    "dataset",
    "data",
    "run",
    "modules",
    "arms",
    "seeds",
    "ablation_modules",
    "ablation_epochs",
    "ablation_seeds",
    "checkpoints",
    "device",
    "known",
    "cluster",
)


def load_profile(name: str) -> dict:
    """The parameters of a profile: `notebooks/profiles/NAME.yaml`, or a path to such a file.

    Raises:
        InputError: if there is none, or it is not a flat mapping.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else NOTEBOOKS / "profiles" / f"{name}.yaml"
    known = ", ".join(sorted(p.stem for p in (NOTEBOOKS / "profiles").glob("*.yaml")))
    if not path.exists():
        raise InputError(path, "there is no such profile", f"Known: {known or 'none (run in a checkout)'}.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise InputError(path, f"not YAML ({fault})", "Start from profiles/demo.yaml.") from None
    if not isinstance(content, dict) or any(isinstance(value, dict) for value in content.values()):
        raise InputError(path, "not a flat mapping", "One `name: value` a line, as in profiles/demo.yaml.")
    missing = [key for key in PARAMETERS if key not in content]
    if missing:
        raise InputError(path, f"no {', '.join(missing)}", "See profiles/demo.yaml.")
    return content


def prepare_data(data: str | Path, dataset: str) -> Path:
    """The data set of a profile, from the project's root; the bundled world is made where it is missing.

    Raises:
        InputError: if real photos are missing, with the command that imports them.
    """
    folder = ROOT / data
    if not (folder / "test_ims.npy").exists():
        if dataset in ("f30k", "coco"):
            raise InputError(folder, "no features here", "Put the field's files there (README, features).")
        if dataset != "world":
            raise InputError(folder, "no data set here", f"Make it: vslnb import {dataset} SOURCE {data}")
        from vslnb.data.world import build_world

        build_world(folder, progress=False)
    return folder


def known_results(folder: str) -> list[dict]:
    """Results that need not be computed again: every `*runs.json` of a folder, from the project's root; "" is none."""
    files = sorted((ROOT / folder).glob("*runs.json")) if folder else []
    return [result for file in files for result in _results(file)]


def _results(file: Path) -> list[dict]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as fault:
        raise InputError(file, f"not JSON ({fault})", "Remove it; its runs are trained again.") from None
    if not isinstance(content, list) or not all(
        isinstance(one, dict) and isinstance(one.get("config_hash"), str) for one in content
    ):
        raise InputError(file, "not a list of results", "Remove it; its runs are trained again.")
    return content


def save_figure(figure: Figure, run: Path, name: str, photos: bool = False) -> Path:
    """Write a figure to the run's figures/ as PNG, readable at the width of a README.

    With `photos`, other people's pictures or captions are in it: it goes to photos/, which is never copied.
    """
    path = run / ("photos" if photos else "figures") / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_stream(
        path, lambda stream: figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
    )
    return path


def reproduce(
    profile: str,
    run: Path | None = None,
    figures: bool = False,
    device: str | None = None,
    cluster: str | None = None,
    only: Sequence[str] = (),
) -> Path:
    """Run every notebook with a profile's parameters and write the report.

    Args:
        profile: a name or a YAML file.
        run: results folder; the profile's own `run` where none is given.
        figures: also copy the figures and JSON drawn (with `only`, by those) to figures/PROFILE/.
        device: `auto`, `cuda`, `mps` or `cpu`; the profile's own where none is given.
        cluster: address of a dask scheduler that trains; the profile's own where none is given.
        only: how the names of the notebooks to run begin, such as "03"; the others are shown if they are kept.

    What is done is kept: a notebook that ran to its end with the same parameters, code and data is not run
    again, and no run is trained twice.

    Returns:
        The path of report.html.

    Raises:
        InputError: after the report is written, if a notebook failed; for `only` that names none.
    """
    parameters, notebooks = load_profile(profile), sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    for name in only:
        if not any(path.stem.startswith(name) for path in notebooks):
            raise InputError(f"--only {name}", "no notebook begins so", "For example --only 03.")
    folder = Path(run).resolve() if run else ROOT / parameters["run"]
    home = Path(parameters["run"])
    if run and Path(parameters["data"]).is_relative_to(home):  # the bundled world goes where its run goes
        parameters["data"] = str(folder / Path(parameters["data"]).relative_to(home))
    parameters["run"] = str(folder)
    parameters |= {"device": device} if device else {}
    parameters |= {"cluster": cluster} if cluster else {}
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    rows = []
    for notebook in notebooks:
        row = _kept(notebook, folder, parameters)
        if row is None and only and not notebook.stem.startswith(tuple(only)):
            continue
        typer.echo(f"{notebook.stem} ... ", nl=False)
        word = "kept"
        if row is None:
            row = _execute(notebook, folder, parameters)
            word = row["fault"] or f"{row['seconds']:.0f} s"
        rows.append(row)
        typer.echo(word)
    write_json(folder / "reproduce.json", rows)
    report = write_report(folder, profile, rows, ROOT / parameters["data"])
    failed = [row["notebook"] for row in rows if row["fault"]]
    if failed:
        raise InputError(report, f"{', '.join(failed)} failed", "Open the report; what is done is kept.")
    if figures:
        target = ROOT / "figures" / Path(profile).stem
        target.mkdir(parents=True, exist_ok=True)
        drawn = sorted((folder / "figures").glob("*"))
        for file in drawn if only else [folder / "reproduce.json", *drawn]:
            if file.name.startswith(tuple(only) or ""):
                shutil.copy(file, target)
    return report


def _execute(notebook: Path, folder: Path, parameters: dict) -> dict:
    """Run one notebook; a note beside it says which state of everything it came from."""
    output, began, fault = folder / "notebooks" / notebook.name, time.perf_counter(), ""
    note = output.with_suffix(".json")
    note.unlink(missing_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    try:
        papermill.execute_notebook(
            notebook,
            output,
            parameters,
            cwd=ROOT,
            progress_bar=False,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],  # no word about its transport among our lines
        )
    except papermill.PapermillExecutionError as error:
        fault = f"{error.ename}: {error.evalue}"
    except RuntimeError as error:  # the kernel died
        fault = f"{type(error).__name__}: {error}"
    row = {"notebook": notebook.stem, "seconds": round(time.perf_counter() - began, 1), "fault": fault}
    if not fault:
        write_json(note, {"state": _state(notebook, parameters), **row})
    return row


def _kept(notebook: Path, folder: Path, parameters: dict) -> dict | None:
    """What is known of a notebook that was run to its end in just this state, or nothing."""
    note = folder / "notebooks" / f"{notebook.stem}.json"
    if not all(path.exists() for path in (note, note.with_suffix(".ipynb"), folder / "figures")):
        return None
    row = read_json(note, "Remove it; the notebook is run again.", ("state", "notebook", "seconds", "fault"))
    return row if row.pop("state") == _state(notebook, parameters) else None


def _state(notebook: Path, parameters: dict) -> str:
    """A hash of the notebook, its parameters, the package and the data set's manifest."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    code = [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".py", ".js", ".css")]
    known = sorted((ROOT / parameters["known"]).glob("*runs.json")) if parameters["known"] else []
    evidence = [ROOT / "figures" / path for path in EVIDENCE] if notebook.stem.startswith("08") else []
    for path in [notebook, *code, *known, *evidence, ROOT / parameters["data"] / MANIFEST]:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
pre { background: #f6f6f4; padding: .7rem; overflow-x: auto; font-size: 13px; border-radius: 4px; }
img { max-width: 100%; } table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } .fault { color: #b00020; }
section { border-top: 2px solid #ddd; margin-top: 3rem; } .jp-InputPrompt, .jp-OutputPrompt, .anchor-link { display: none; }
"""


def _data_line(data: Path) -> str:
    """Which data a report is about."""
    if not (data / MANIFEST).exists():
        return f"Data: {data.name}, the field's files."
    manifest = read_manifest(data)
    sizes = ", ".join(f"{split['images']:,} {name}" for name, split in manifest["splits"].items())
    return f"Data: {manifest.get('origin', data.name)}; images: {sizes}; manifest {file_hash(data / MANIFEST)[:12]}."


def write_report(folder: Path, profile: str, rows: list[dict], data: Path | None = None) -> Path:
    """All executed notebooks in one page without any link to a network."""
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.exclude_anchor_links = True
    sections, lines = [], []
    for row in rows:
        name, fault = row["notebook"], html.escape(row["fault"])
        state = f'<span class="fault">{fault}</span>' if fault else "done"
        lines.append(
            f'<tr><td><a href="#{name}">{name}</a></td><td>{row["seconds"]} s</td><td>{state}</td></tr>'
        )
        output = folder / "notebooks" / f"{name}.ipynb"
        if output.exists():
            notebook = _without_widgets(_with_mathematics(nbformat.read(output, as_version=4)))
            body, _ = exporter.from_notebook_node(notebook)
            sections.append(f'<section id="{name}">{body}</section>')
    title = html.escape(f"vslnb: {Path(profile).stem}")
    about = html.escape(_data_line(data)) if data else ""
    there = (folder / "pages" / "index.html").exists()
    pages = '<p><a href="pages/index.html">Browse the rankings</a>, with attention</p>' if there else ""
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>{about}</p>{pages}<table><tr><th>notebook</th><th>time</th><th>state</th></tr>{''.join(lines)}</table>"
        f"{''.join(sections)}</html>"
    )
    report = folder / "report.html"
    write_text(report, page)
    return report


def _with_mathematics(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Formulas as MathML, which a browser shows without a script from elsewhere."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"\$\$(.+?)\$\$", lambda m: convert(m[1], display="block"), cell.source, flags=re.S)
            cell.source = re.sub(r"\$([^$\n]+)\$", lambda m: convert(m[1]), text)
    return notebook


def _without_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Widgets live in a notebook alone: a line says so in their place, for their scripts come from elsewhere."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if WIDGET in output.get("data", {}):
                output.data = {
                    "text/plain": "An interactive view: open this notebook in JupyterLab to use it."
                }
    return notebook
