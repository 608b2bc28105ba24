"""All executed notebooks as one page that works from a file."""

from __future__ import annotations

import html
import re
from pathlib import Path

import nbformat
from latex2mathml.converter import convert
from nbconvert import HTMLExporter

from vslnb.data.precomp import MANIFEST, file_hash, read_manifest
from vslnb.storage import write_text

WIDGET = "application/vnd.jupyter.widget-view+json"
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
