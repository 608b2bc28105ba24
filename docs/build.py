"""`make site`: README, executed notebooks, results, rankings and API reference as pages that need no network.

python docs/build.py [RUN [SITE]]    RUN is what `vslnb reproduce` made, runs/demo; SITE is build/site.

The pages are laid out as in the repository, so that links between its files hold as they are. Every link within the
site is checked, and that no page asks for anything from elsewhere; links to elsewhere are not followed.
"""

from __future__ import annotations

import pkgutil
import re
import shutil
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vslnb.errors import InputError  # noqa: E402
from vslnb.study.executed import folded, with_texts  # noqa: E402
from vslnb.study.explorers import with_explorers  # noqa: E402

RESULTS = ("figures/flickr8k/README.md", "figures/flickr8k/08_page.md")  # the first that is there
PROJECT = ("CONTRIBUTING.md", "benchmarks/README.md", "experiments/README.md", "figures/README.md")
ROOMS = (
    "losses",
    "ranking",
    "semantics",
    "sentences",
    "models",
    "retrieval",
    "evaluation",
    "data",
    "training",
    "recipes",
    "config",
)
ROOMS += ("browser", "figures", "study", "run_folder", "storage", "device", "distributed", "errors")
LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))|(?<=src=\")([^\"]+)(?=\")")
BROWSE = """# Browse the rankings

Two models side by side on the bundled world: for captions and pictures from lists of clear cases, what each ranked
first, where its words look, and what each word adds to the score.

<a href="browse/index.html">Open the browser of rankings</a>
"""


class Layout:
    """The sources of the site in a folder of their own.

    Args:
        source: the folder, which is made anew.
        run: what `vslnb reproduce` made.
        data: the data set that an explorer reads.

    Raises:
        InputError: for a run without executed notebooks.
    """

    def __init__(self, source: Path, run: Path, data: Path | None):
        shutil.rmtree(source, ignore_errors=True)
        self.source, self.pages = source, set()
        notebooks = sorted((run / "notebooks").glob("[0-9]*.ipynb"))
        if not notebooks:
            raise InputError(run, "no executed notebooks are here", "Make them: vslnb reproduce demo")
        results = next((name for name in RESULTS if (ROOT / name).exists()), "")
        project = [name for name in PROJECT if (ROOT / name).exists()]
        self.waiting = ["README.md", *filter(None, [results]), *project]
        for path in notebooks:
            notebook = with_explorers(nbformat.read(path, as_version=4), data)
            name = f"notebooks/{path.name}"
            with_texts(folded(notebook), lambda text, name=name: self.linked(text, name))
            for cell in notebook.cells:
                if cell.metadata.get("fold"):
                    cell.metadata["tags"] = ["hide-input"]  # what myst-nb calls it
            self.write(name, nbformat.writes(notebook))
        while self.waiting:  # a page may link to one more
            name = self.waiting.pop(0)
            if name not in self.pages:
                self.write(name, self.linked((ROOT / name).read_text(encoding="utf-8"), name))
        listed = {f"notebooks/{path.name}" for path in notebooks} | {"README.md", results, *project}
        groups = {
            "Notebooks": [f"notebooks/{path.stem}" for path in notebooks],
            "Results": [results.removesuffix(".md"), *(["browse"] if (run / "pages").exists() else [])],
            "Reference": ["api/index"],
            "Project": [name.removesuffix(".md") for name in [*project, *sorted(self.pages - listed)]],
        }
        if (run / "pages").exists():
            self.write("browse.md", BROWSE)
        self.reference()
        index = source / "README.md"
        trees = "".join(toctree(pages, caption) for caption, pages in groups.items())
        (source / "index.md").write_text(index.read_text(encoding="utf-8") + trees, encoding="utf-8")
        index.unlink()

    def write(self, name: str, text: str) -> None:
        """A page at its place."""
        self.pages.add(name)
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def linked(self, text: str, page: str) -> str:
        """The text of a page; what it links to is copied beside it, or will be a page too."""

        def target(match: re.Match) -> str:
            link = match[0]
            address, _, anchor = link.partition("#")
            if urlsplit(link).scheme or not address:
                return link
            path = (ROOT / page).parent / address
            if path.is_dir():  # as a forge shows a folder: by its README
                path, link = path / "README.md", f"{address.rstrip('/')}/README.md"
            name = path.resolve().relative_to(ROOT).as_posix()
            if path.suffix == ".md" and path.exists():
                self.waiting.append(name)
            elif path.exists() and path.suffix != ".ipynb":  # executed notebooks are there
                (self.source / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, self.source / name)
            if name == "README.md":
                return f"{address.removesuffix('README.md')}index.md{'#' + anchor if anchor else ''}"
            return link

        return LINK.sub(target, text)

    def reference(self) -> None:
        """A page for each room of the package, from its docstrings."""
        for room in ROOMS:
            package = import_module(f"vslnb.{room}")
            inner = pkgutil.walk_packages(getattr(package, "__path__", []), f"vslnb.{room}.")
            modules = [f"vslnb.{room}", *(module.name for module in inner)]
            parts = []
            for name in modules:  # what a package takes from its modules is described there
                alone = "   :no-members:\n" if hasattr(import_module(name), "__path__") else ""
                parts.append(f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n{alone}```\n")
            self.write(f"api/{room}.md", f"# vslnb.{room}\n\n" + "\n".join(parts))
        lines = (
            f"- [vslnb.{room}]({room}.md): {(import_module(f'vslnb.{room}').__doc__ or '').splitlines()[0]}\n"
            for room in ROOMS
        )
        self.write(
            "api/index.md", f"# API reference\n\n{''.join(lines)}" + toctree(f"api/{room}" for room in ROOMS)
        )


def toctree(pages: Iterable[str], caption: str = "") -> str:
    """Pages of the table of contents at the left."""
    option = f":caption: {caption}\n" if caption else ""
    return (
        f"\n```{{toctree}}\n:hidden:\n{option}\n" + "".join(f"/{page}\n" for page in pages if page) + "```\n"
    )


class _Page(HTMLParser):
    """What a page names, links to, and loads."""

    def __init__(self, path: Path):
        super().__init__()
        self.names: set[str] = {""}
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.names |= {found[key] for key in ("id", "name") if key in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(found["href"])
        elif tag in ("img", "script", "iframe", "source") and "src" in found:
            self.loads.append(found["src"])


def faults_of(site: Path) -> tuple[list[str], int]:
    """Links of a site that lead nowhere and what its pages would load from elsewhere; how many links were checked."""
    paths = (path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts)
    pages = {path: _Page(path) for path in paths}  # without the theme's templates
    faults, checked = [], 0
    for path, page in pages.items():
        for address in [*page.links, *page.loads]:
            parts, name = urlsplit(address), path.relative_to(site)
            if parts.scheme or parts.netloc:
                if address in page.loads and parts.scheme != "data":
                    faults.append(f"{name}: loads {address} from elsewhere")
                continue
            checked += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                faults.append(f"{name}: {address} is not there")
            elif target in pages and unquote(parts.fragment) not in pages[target].names:
                faults.append(f"{name}: {address} names no part of that page")
    return faults, checked


def build(run: Path, site: Path, data: Path | None) -> Path:
    """Lay out the sources, run Sphinx, where a warning is an error, and check the links.

    Raises:
        InputError: without the extra `site`, for a page that Sphinx warns of, or for a link that leads nowhere.
    """
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        raise InputError(
            "Sphinx", "it is not installed", 'Use `make site`, or pip install -e ".[site]"'
        ) from None
    source, here = site.with_name(f"{site.name}-source"), Path(__file__).parent
    Layout(source, run, data)
    for file in ("conf.py", "site.css"):
        shutil.copy(here / file, source)
    shutil.rmtree(site, ignore_errors=True)
    options = ["-q", "-b", "html", "-W", "--keep-going", "-d", f"{site}-cache"]
    if build_main([*options, str(source), str(site)]):
        raise InputError(source, "Sphinx warns of pages, see above", "Mend them and build again.")
    if (run / "pages").exists():
        shutil.copytree(run / "pages", site / "browse")
    faults, checked = faults_of(site)
    if faults:
        raise InputError(site, f"{len(faults)} links lead nowhere:\n" + "\n".join(faults), "Mend them.")
    print(
        f"{site / 'index.html'}: {checked:,} links within the site lead somewhere, and no page needs a network"
    )
    return site / "index.html"


if __name__ == "__main__":
    RUN = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "runs" / "demo").resolve()
    SITE = Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "build" / "site").resolve()
    try:
        build(RUN, SITE, RUN / "world")
    except InputError as fault:
        sys.exit(str(fault))
