"""`vslnb reproduce PROFILE`: every notebook through papermill, then one report that works from a file."""

from __future__ import annotations

import html
import json
import shutil
import time
from pathlib import Path

import nbformat
import papermill
import typer
import yaml
from matplotlib.figure import Figure
from nbconvert import HTMLExporter

from vslnb.data.precomp import MANIFEST
from vslnb.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
PARAMETERS = ("profile", "dataset", "data", "run", "modules", "seeds", "device")


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
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
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
    if not (folder / MANIFEST).exists():
        if dataset != "world":
            raise InputError(folder, "no data set here", f"Make it: vslnb import {dataset} SOURCE {data}")
        from vslnb.data.world import build_world

        build_world(folder, progress=False)
    return folder


def save_figure(figure: Figure, run: Path, name: str) -> Path:
    """Write a figure to the run's figures/ as PNG, readable at the width of a README."""
    path = run / "figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    return path


def reproduce(
    profile: str, run: Path | None = None, figures: bool = False, device: str | None = None
) -> Path:
    """Run every notebook with a profile's parameters and write the report.

    Args:
        profile: a name or a YAML file.
        run: results folder; the profile's own `run` where none is given.
        figures: also copy the figures and JSON drawn to figures/PROFILE/.
        device: `auto`, `cuda`, `mps` or `cpu`; the profile's own where none is given.

    Returns:
        The path of report.html.

    Raises:
        InputError: after the report is written, if a notebook failed.
    """
    parameters = load_profile(profile)
    folder = Path(run).resolve() if run else ROOT / parameters["run"]
    home = Path(parameters["run"])
    if run and Path(parameters["data"]).is_relative_to(home):  # the bundled world goes where its run goes
        parameters["data"] = str(folder / Path(parameters["data"]).relative_to(home))
    parameters["run"] = str(folder)
    parameters |= {"device": device} if device else {}
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    rows = []
    for notebook in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        typer.echo(f"{notebook.stem} ... ", nl=False)
        output, began, fault = folder / "notebooks" / notebook.name, time.perf_counter(), ""
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
        rows.append(
            {"notebook": notebook.stem, "seconds": round(time.perf_counter() - began, 1), "fault": fault}
        )
        typer.echo(fault or f"{rows[-1]['seconds']:.0f} s")
    (folder / "reproduce.json").write_text(json.dumps(rows, indent=1) + "\n")
    report = write_report(folder, profile, rows)
    failed = [row["notebook"] for row in rows if row["fault"]]
    if failed:
        raise InputError(report, f"{', '.join(failed)} failed", "Open the report; what is done is kept.")
    if figures:
        target = ROOT / "figures" / Path(profile).stem
        target.mkdir(parents=True, exist_ok=True)
        for file in [folder / "reproduce.json", *sorted((folder / "figures").glob("*"))]:
            shutil.copy(file, target)
    return report


STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
pre { background: #f6f6f4; padding: .7rem; overflow-x: auto; font-size: 13px; border-radius: 4px; }
img { max-width: 100%; } table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } .fault { color: #b00020; }
section { border-top: 2px solid #ddd; margin-top: 3rem; } .jp-InputPrompt, .jp-OutputPrompt, .anchor-link { display: none; }
"""


def write_report(folder: Path, profile: str, rows: list[dict]) -> Path:
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
            body, _ = exporter.from_notebook_node(nbformat.read(output, as_version=4))
            sections.append(f'<section id="{name}">{body}</section>')
    title = html.escape(f"vslnb: {Path(profile).stem}")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><table><tr><th>notebook</th><th>time</th><th>state</th></tr>{''.join(lines)}</table>"
        f"{''.join(sections)}</html>"
    )
    report = folder / "report.html"
    report.write_text(page, encoding="utf-8")
    return report
