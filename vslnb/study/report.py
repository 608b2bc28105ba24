"""All executed notebooks as one page that works from a file: contents, folded code, formulas, explorers."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter

from vslnb.data.precomp import MANIFEST, file_hash, read_manifest
from vslnb.storage import write_text
from vslnb.study.executed import folded, with_texts
from vslnb.study.explorers import STATIC, with_explorers
from vslnb.study.mathematics import with_mathml
from vslnb.study.profiles import ROOT

# Of nbconvert's own template only what holds a code cell's source is another.
TEMPLATE = """{%- extends 'basic/index.html.j2' -%}
{% block input %}
{%- set lines = cell.source.splitlines() | select | list | length -%}
<details class="code"{{ "" if cell.metadata.fold else " open" }}><summary>{{ cell.metadata.fold or "code" }}, {{ lines }} line{{ "" if lines == 1 else "s" }}</summary>
{{ super() }}
</details>
{%- endblock input %}
"""


def write_report(folder: Path, profile: str, rows: list[dict], data: Path | None = None) -> Path:
    """All executed notebooks in one page, report.html, without any link to a network.

    Args:
        folder: of the run; its notebooks/ holds what was executed.
        profile: a name or a YAML file, for the title.
        rows: notebook, seconds and fault of each.
        data: the data set, which is named and which an explorer reads.
    """
    exporter = HTMLExporter(raw_template=TEMPLATE, exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.exclude_anchor_links = True
    names = [row["notebook"] for row in rows]
    sections, contents = [], []
    for row in rows:
        name, output = row["notebook"], folder / "notebooks" / f"{row['notebook']}.ipynb"
        headings = [("1", name, name)]
        if output.exists():
            notebook = with_explorers(prepared(nbformat.read(output, as_version=4), names, folder), data)
            body, found = with_anchors(exporter.from_notebook_node(notebook)[0], name)
            headings = found or headings
            sections.append(f'<section id="{name}">{body}</section>')
        contents.append(_entry(row, headings))
    title = html.escape(f"vslnb: {Path(profile).stem}")
    about = html.escape(_data_line(data)) if data else ""
    there = (folder / "pages" / "index.html").exists()
    pages = '<p><a href="pages/index.html">Browse the rankings</a>, with attention</p>' if there else ""
    style, script = ((STATIC / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}\n{_code_colours()}</style></head><body>"
        f'<nav class="contents" aria-label="contents"><details open><summary>Contents</summary>'
        f'<ol>{"".join(contents)}</ol></details></nav><main><header id="contents"><h1>{title}</h1><p>{about}</p>'
        f'{pages}<p class="tools" hidden><button type="button" data-fold="open">show all code</button> '
        f'<button type="button" data-fold="">hide all code</button></p>{_how_it_ran(rows)}</header>'
        f"{''.join(sections)}</main><script>{script}</script></body></html>"
    )
    report = folder / "report.html"
    write_text(report, page)
    return report


def prepared(notebook: nbformat.NotebookNode, names: Sequence[str], folder: Path) -> nbformat.NotebookNode:
    """An executed notebook as the report shows it: formulas, links within the report, and what is folded.

    Args:
        notebook: it is changed.
        names: of the notebooks in the report.
        folder: where the report is.
    """
    return folded(with_texts(notebook, lambda text: with_links(with_mathml(text), names, folder)))


def with_links(text: str, names: Sequence[str], folder: Path) -> str:
    """Markdown whose links to notebooks lead to their sections, and to other files of the project to these.

    >>> with_links("[a](01_a.ipynb#b) [c](../README.md#notebooks)", ["01_a"], ROOT / "runs" / "demo")
    '[a](#01_a) [c](#contents)'
    >>> with_links("[LICENSE](../LICENSE) [w](https://example.org)", [], ROOT / "runs" / "demo")
    '[LICENSE](../../LICENSE) [w](https://example.org)'
    """

    def target(match: re.Match) -> str:
        path, _, anchor = match[1].partition("#")
        name = Path(path).name
        if re.match(r"[a-z]+:", path) or not path:
            return match[0]
        if name.endswith(".ipynb") and name[:-6] in names:
            return f"](#{name[:-6]})"
        if (name, anchor) == ("README.md", "notebooks"):
            return "](#contents)"
        place = os.path.relpath(ROOT / "notebooks" / path, folder)
        return f"]({Path(place).as_posix()}{'#' + anchor if anchor else ''})"

    return re.sub(r"\]\(([^()\s]+)\)", target, text)


def with_anchors(body: str, name: str) -> tuple[str, list[tuple[str, str, str]]]:
    """A notebook's page with an anchor at each heading, and its headings of two levels: level, anchor, HTML.

    >>> with_anchors("<h1>A</h1><h2>B <em>c</em></h2>", "00_a")
    ('<h1 id="00_a-1">A</h1><h2 id="00_a-2">B <em>c</em></h2>', [('1', '00_a-1', 'A'), ('2', '00_a-2', 'B <em>c</em>')])
    """
    headings: list[tuple[str, str, str]] = []

    def anchored(match: re.Match) -> str:
        anchor = f"{name}-{len(headings) + 1}"
        headings.append((match[1], anchor, re.sub(r"</?a\b[^>]*>", "", match[2])))
        return f'<h{match[1]} id="{anchor}">{match[2]}</h{match[1]}>'

    body = re.sub(r' id="cell-id=[^"]*"', "", body)  # the same in every notebook
    return re.sub(r"<h([12])>(.*?)</h\1>", anchored, body, flags=re.S), headings


def _entry(row: dict, headings: list[tuple[str, str, str]]) -> str:
    """A notebook in the contents, its parts below it."""
    (_, _, first), *rest = headings
    mark = ' <span class="fault">failed</span>' if row["fault"] else ""
    parts = "".join(
        f'<li><a href="#{anchor}">{text}</a></li>' for level, anchor, text in rest if level == "2"
    )
    below = f"<details><summary>parts</summary><ol>{parts}</ol></details>" if parts else ""
    return f'<li><a href="#{row["notebook"]}">{first}</a>{mark}{below}</li>'


def _how_it_ran(rows: list[dict]) -> str:
    """Time and state of every notebook; open where one failed."""
    failed = [row["notebook"] for row in rows if row["fault"]]
    lines = [
        f'<tr><td><a href="#{row["notebook"]}">{row["notebook"]}</a></td><td>{row["seconds"]} s</td>'
        + (
            f'<td class="fault">{html.escape(row["fault"])}</td></tr>'
            if row["fault"]
            else "<td>done</td></tr>"
        )
        for row in rows
    ]
    word = f"{len(failed)} of {len(rows)} notebooks failed" if failed else f"All {len(rows)} notebooks ran"
    return (
        f"<details{' open' if failed else ''}><summary>{word}, in {minutes_of(rows):.1f} minutes</summary>"
        f"<table><tr><th>notebook</th><th>time</th><th>state</th></tr>{''.join(lines)}</table></details>"
    )


def minutes_of(rows: Iterable[Mapping[str, Any]]) -> float:
    """The minutes in which at least one notebook ran: some run side by side, and kept ones ran before.

    >>> minutes_of([{"began": 0, "seconds": 90}, {"began": 60, "seconds": 60}, {"began": 600, "seconds": 60}])
    3.0
    """
    seconds, until = 0.0, float("-inf")
    for began, lasted in sorted((row["began"], row["seconds"]) for row in rows):
        end = began + lasted
        seconds += max(0.0, end - max(began, until))
        until = max(until, end)
    return seconds / 60


def _data_line(data: Path) -> str:
    """Which data a report is about."""
    if not (data / MANIFEST).exists():
        return f"Data: {data.name}, the field's files."
    manifest = read_manifest(data)
    sizes = ", ".join(f"{split['images']:,} {name}" for name, split in manifest["splits"].items())
    return f"Data: {manifest.get('origin', data.name)}; images: {sizes}; manifest {file_hash(data / MANIFEST)[:12]}."


def _code_colours() -> str:
    """Colours of code on a light and on a dark ground."""
    from pygments.formatters import HtmlFormatter

    light, dark = (
        HtmlFormatter(style=style, nobackground=True).get_style_defs(".highlight")
        for style in ("default", "github-dark")
    )
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}"
