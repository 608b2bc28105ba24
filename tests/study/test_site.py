"""The site: how its pages are laid out and checked; Sphinx itself, of the extra `site`, where it is installed."""

import importlib.util
import shutil

import nbformat
import pytest

from conftest import extra
from vslnb.errors import InputError
from vslnb.study.profiles import ROOT
from vslnb.study.reproduce import NOTEBOOKS


def module_of(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site():
    return module_of("build")


@pytest.fixture
def run(tmp_path):
    """What `vslnb reproduce` leaves, as if every notebook had been executed; exported pages too."""
    (tmp_path / "run" / "notebooks").mkdir(parents=True)
    for path in NOTEBOOKS.glob("[0-9]*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", []):
                cell.outputs = [nbformat.v4.new_output("stream", text="shown")]
        nbformat.write(notebook, tmp_path / "run" / "notebooks" / path.name)
    (tmp_path / "run" / "pages").mkdir()
    (tmp_path / "run" / "pages" / "index.html").write_text("<title>rankings</title>")
    return tmp_path / "run"


def test_settings_can_be_read_without_sphinx():
    settings = module_of("conf")
    assert settings.nb_execution_mode == "off" and settings.html_math_renderer == "mathml"
    assert callable(settings.setup)


def test_pages_lie_as_in_the_repository_and_every_link_has_its_file(site, run, tmp_path):
    layout = site.Layout(tmp_path / "source", run, None)
    index = (layout.source / "index.md").read_text()
    assert not (layout.source / "README.md").exists()
    listed = {line[1:] for line in index.splitlines() if line.startswith("/")}
    assert {f"notebooks/{path.stem}" for path in NOTEBOOKS.glob("[0-9]*.ipynb")} <= listed
    assert "api/index" in listed and "browse" in listed and any("flickr8k" in page for page in listed)
    for page in listed:
        assert any((layout.source / f"{page}{kind}").exists() for kind in (".md", ".ipynb")), page
    for path in layout.source.rglob("*.md"):
        for match in site.LINK.finditer(path.read_text()):
            address = match[0].partition("#")[0]
            if address and ":" not in address and not address.startswith("browse/"):
                assert (path.parent / address).exists(), (path.name, match[0])
    notebook = nbformat.read(next(layout.source.glob("notebooks/00*.ipynb")), as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.metadata.get("fold") == "parameters"]
    assert cell.metadata.tags == ["hide-input"] and cell.outputs


def test_a_site_wants_executed_notebooks(site, tmp_path):
    with pytest.raises(InputError, match="no executed notebooks .*vslnb reproduce demo"):
        site.Layout(tmp_path / "source", tmp_path, None)


def test_every_room_of_the_package_is_in_the_reference(site):
    rooms = {path.stem for path in (ROOT / "vslnb").iterdir() if path.suffix in ("", ".py")}
    assert set(site.ROOMS) == rooms - {"__init__", "__main__", "__pycache__", "cli"}


def test_links_that_lead_nowhere_are_found(site, tmp_path):
    pages = {
        "index.html": '<a href="a.html#part">a</a><a href="sub/">s</a><a href="https://example.org/gone">w</a>'
        '<img src="data:image/png;base64,AA=="><a href="#top">t</a><p id="top">',
        "a.html": '<h2 id="part">A</h2><a href="../index.html">i</a>',
        "sub/index.html": '<a href="../a.html#other">a</a><script src="https://cdn.example.org/x.js"></script>',
    }
    for name, text in pages.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    faults, checked = site.faults_of(tmp_path)
    assert checked == 5 and faults == [
        "a.html: ../index.html is not there",
        "sub/index.html: ../a.html#other names no part of that page",
        "sub/index.html: loads https://cdn.example.org/x.js from elsewhere",
    ]


def test_sphinx_builds_pages_without_a_warning(site, run, tmp_path, monkeypatch):
    extra("myst_nb", "site")
    monkeypatch.setattr(site, "ROOMS", ("ranking", "losses"))
    (run / "pages" / "index.html").write_text("<title>rankings</title>")
    index = site.build(run, tmp_path / "site", None)
    text = index.read_text() + (tmp_path / "site" / "notebooks" / "02_soft_rank.html").read_text()
    assert "<math" in text and "mathjax" not in text.lower()
    assert (tmp_path / "site" / "browse" / "index.html").exists()
    shutil.rmtree(tmp_path / "site")
