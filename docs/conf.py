"""Sphinx's settings of the site; `docs/build.py` lays out its pages and runs it."""

from __future__ import annotations

from vslnb.study.mathematics import displayed, in_line

project = "vslnb"
author = "the authors of vslnb"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# Notebooks are shown as they were executed; nothing runs here.
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
nb_code_prompt_show, nb_code_prompt_hide = "Show the code", "Hide the code"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_update_mathjax = False
html_math_renderer = "mathml"

# Docstrings name objects and code between single backticks; those that Sphinx knows become links.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "exclude-members": "set",
}  # matplotlib's
napoleon_use_ivar = True

html_context = {"default_mode": "auto"}
html_theme = "sphinx_book_theme"
html_title = "Visual Semantic Loss, an executable study"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "navbar_persistent": [],  # the search stands in the sidebar
    "use_download_button": False,
    "use_fullscreen_button": False,
    "pygments_light_style": "default",
    "pygments_dark_style": "github-dark",
}


def setup(app) -> None:
    """Formulas become MathML when the site is built, so that no page asks a network for a script."""
    from docutils.nodes import SkipNode

    def inline(writer, node) -> None:
        writer.body.append(in_line(node.astext()))
        raise SkipNode

    def block(writer, node) -> None:
        writer.body.append(displayed(node.astext()))
        raise SkipNode

    app.add_html_math_renderer("mathml", (inline, None), (block, None))
