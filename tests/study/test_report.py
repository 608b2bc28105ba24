"""The report: folded code, contents, formulas and links, and explorers that need no kernel."""

import re

import nbformat
import numpy as np
import pytest
import torch

from conftest import write_dataset
from vslnb.losses import VisualSemanticLoss
from vslnb.ranking import RANKS, soft_rank
from vslnb.study.explorers import EXPLORERS, INSTEAD
from vslnb.study.mathematics import with_mathml
from vslnb.study.profiles import ROOT
from vslnb.study.report import write_report
from vslnb.study.reproduce import NOTEBOOKS

WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "Slider()"}


def code(source, *tags, output=None):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})
    cell.outputs = [nbformat.v4.new_output("display_data", output)] if output else []
    return cell


def written(folder, data=None, **notebooks):
    """The report of some notebooks, each a list of cells; a string is Markdown."""
    (folder / "notebooks").mkdir(exist_ok=True)
    for name, cells in notebooks.items():
        cells = [nbformat.v4.new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        metadata = {"vslnb": {"explorer": name[1:]}} if name[1:] in EXPLORERS else {}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
    rows = [{"notebook": name, "began": 0.0, "seconds": 1.0, "fault": ""} for name in notebooks]
    return write_report(folder, "demo", rows, data)


def test_the_report_works_from_a_file_and_escapes_what_it_is_given(tmp_path):
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# One\n\nTwo"), code("x", output=WIDGET)]
    )
    nbformat.write(notebook, tmp_path / "notebooks" / "00_x.ipynb")
    rows = [
        {"notebook": "00_x", "began": 0.0, "seconds": 1.0, "fault": "<script>alert(1)</script>"},
        {"notebook": "01_y", "began": 1.0, "seconds": 2.0, "fault": ""},
    ]
    page = write_report(tmp_path, "demo", rows).read_text()
    assert INSTEAD in page and 'href="#00_x"' in page and "1 of 2 notebooks failed" in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    assert not re.search(r'(?:src|href)="?(?:https?:)?//', page)


def test_code_that_is_not_the_point_is_folded(tmp_path):
    cells = [
        code("run = 'by default'", "parameters"),
        code("run = 'of this run'", "injected-parameters"),
        code("import one", "fold"),
        code("import two", "fold", output={"text/plain": "drawn"}),
        code("import three", "fold"),
        code("the_point()"),
    ]
    page = written(tmp_path, a=["# A", *cells]).read_text()
    folds = re.findall(
        r'<details class="code"( open="")?><summary>(.*?)</summary>(.*?)</details>', page, flags=re.S
    )
    assert [(opened, name) for opened, name, _ in folds] == [
        ("", "parameters, 1 line"),
        ("", "code that prepares or draws, 2 lines"),  # two cells in a row
        ("", "code that prepares or draws, 1 line"),  # after an output a new one begins
        (' open=""', "code, 1 line"),
    ]
    assert "by default" not in page and "of this run" in folds[0][2]
    assert page.index("two") < page.index("drawn") < page.index("three")


def test_contents_lead_to_every_part_and_links_stay_within_the_report(tmp_path):
    first = "# 00 · First `x`\n\n[next](b.ipynb), [all](../README.md#notebooks), [licence](../LICENSE)\n\n## Part *one*\n\n## Part two"
    table = code("1", output={"text/markdown": "As [before](a.ipynb), $y$"})
    page = written(tmp_path, a=[first], b=["# 01 · Second\n\n## What we found", table]).read_text()
    anchors = re.findall(r'href="#([^"]*)"', page)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids)) and set(anchors) <= set(ids)
    contents = page.partition("<nav")[2].partition("</nav>")[0]
    for title in (
        "00 · First <code>x</code>",
        "Part <em>one</em>",
        "Part two",
        "01 · Second",
        "What we found",
    ):
        assert title in contents
    (licence,) = re.findall(r'href="([^"#]*LICENSE)"', page)
    assert (tmp_path / licence).resolve() == ROOT / "LICENSE"
    assert '<a href="#a">before</a>, <math' in page


def test_formulas_need_no_script():
    text = with_mathml("Row $i$ costs $$\\frac{1}{n} \\sum_k x_k \\qquad \\tag{5}$$ or $5 or `$x$ and $y$`")
    assert text.count("<math") == 2 and "<mfrac>" in text and text.endswith("or $5 or `$x$ and $y$`")
    assert '<span class="number">(5)</span>' in text


def test_notebooks_name_explorers_that_there_are():
    named = {
        path.stem: nbformat.read(path, as_version=4).metadata.get("vslnb", {}).get("explorer")
        for path in NOTEBOOKS.glob("*.ipynb")
    }
    assert {name for name in named.values() if name} == set(EXPLORERS)
    for stem, name in named.items():
        cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
        assert bool(name) == any("ipywidgets." in cell.source for cell in cells), stem


def test_a_progress_bar_leaves_no_trace(tmp_path):
    bar = {"text/plain": "scores:   0%|          | 0.00/450k [00:00<?, ?pair/s]"}
    report = written(tmp_path, anew=["# A", code("x", output=WIDGET | bar), code("y", output=WIDGET)])
    assert report.read_text().count(INSTEAD) == 1


def test_an_explorer_of_images_holds_the_nearest_of_each_similarity(tmp_path):
    data = write_dataset(tmp_path / "data", {"train": 8, "dev": 2, "test": 6})
    cells = ["# A", code("x", output=WIDGET), code("y", output=WIDGET)]
    report = written(tmp_path, data, anearest_images=cells)
    assert report.read_text().count(INSTEAD) == 2  # there are no pictures to show
    (data / "test_pictures.txt").write_text("".join(f"pictures/{k}.png\n" for k in range(6)))
    (data / "pictures").mkdir()
    from PIL import Image

    for k in range(6):
        Image.new("RGB", (20, 10), (40 * k, 0, 0)).save(data / "pictures" / f"{k}.png")
    captions = data / "test_caps.txt"
    captions.write_text(captions.read_text().replace("the dog", "</script><b>the dog"))
    page = written(tmp_path, data, anearest_images=cells).read_text()
    assert page.count(INSTEAD) == 1 and page.count("data:image/jpeg;base64,") == 6
    assert page.count("</script>") == page.count("<script>")  # no caption ends a script


@pytest.mark.browser
def test_the_report_in_a_browser(tmp_path, page):
    """Folding, width and dark ground; the explorer computes what the package does."""
    wide = code(
        "long = " + "'x' * 3 + " * 60 + "''",
        output={"text/html": "<table><tr>" + "<td>wide cell</td>" * 60 + "</tr></table>"},
    )
    formula = "$$" + " + ".join(f"x_{{{k}}}" for k in range(60)) + "\\tag{4}$$"
    report = written(tmp_path, asoft_rank=["# A", formula, wide, code("x", output=WIDGET)], b=["# B"])
    page.goto(report.as_uri())
    explorer = page.locator(".vx")
    for size, exponent in ((5, -2), (3, -0.5), (12, -5), (7, 0)):
        for name, value in (("tau", exponent), ("batch", size)):
            slider = explorer.get_by_label(name)
            slider.evaluate(f"node => {{ node.value = {value}; node.dispatchEvent(new Event('input')); }}")
        draw = np.random.default_rng(size).random((2, size, size)).round(2)
        scores, captions = map(torch.from_numpy, draw)
        for rank in RANKS:
            figure = explorer.locator(f'figure[data-rank="{rank}"]')
            shown = [float(cell.get_attribute("title")) for cell in figure.locator("span").all()]
            expected = soft_rank(scores, 10.0**exponent, rank).flatten().tolist()
            assert shown == pytest.approx(expected, abs=6e-4), (rank, size, exponent)
            loss = float(VisualSemanticLoss(10.0**exponent, rank)(scores, captions))
            assert figure.locator(".vx-loss").inner_text() == f"VSL {loss:.3f}"
    blocks = page.locator("details.code")
    page.get_by_role("button", name="hide all code").click()
    assert not any(block.evaluate("node => node.open") for block in blocks.all())
    page.get_by_role("button", name="show all code").click()
    assert all(block.evaluate("node => node.open") for block in blocks.all())
    for width in (420, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    assert page.faults == [] and all(url.startswith(("file:", "data:")) for url in page.asked)
