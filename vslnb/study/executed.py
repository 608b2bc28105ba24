"""Executed notebooks for a reader of pages: what is folded, and a change of all their prose."""

from __future__ import annotations

from collections.abc import Callable

from nbformat import NotebookNode

FOLD, PARAMETERS, INJECTED = "fold", "parameters", "injected-parameters"  # tags of cells


def folded(notebook: NotebookNode) -> NotebookNode:
    """A notebook, changed: each cell whose code is to be folded has a name for it as metadata, `fold`.

    Folded are the parameters, of which those that were injected replace the defaults, and cells tagged `fold`;
    two of these in a row become one where the first has no output.
    """
    cells: list[NotebookNode] = []
    injected = any(INJECTED in cell.metadata.get("tags", ()) for cell in notebook.cells)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", ())
        if injected and PARAMETERS in tags:
            continue
        if PARAMETERS in tags or INJECTED in tags:
            cell.metadata["fold"] = "parameters"
        elif FOLD in tags:
            cell.metadata["fold"] = "code that prepares or draws"
            last = cells[-1] if cells else cell
            if last.metadata.get("fold") == cell.metadata["fold"] and not last.outputs:
                cell.source = f"{last.source}\n\n\n{cell.source}"
                cells.pop()
        cells.append(cell)
    notebook.cells = cells
    return notebook


def with_texts(notebook: NotebookNode, change: Callable[[str], str]) -> NotebookNode:
    """A notebook whose Markdown, in cells and in outputs, went through `change`."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = change(cell.source)
        for output in cell.get("outputs", ()):
            if "text/markdown" in output.get("data", {}):
                output.data = {"text/markdown": change(output.data["text/markdown"])}
    return notebook
