"""How the report is built: plotly figures that need no network, and no stale results.

This module is two things at once, and puts the others of this folder to work:

- a Sphinx extension, named in ``_config.yml``;
- a renderer of notebook outputs, which myst-nb finds through an entry point in ``report/pyproject.toml``.

**Figures.** A chapter ends a cell with a plotly figure and JupyterLab shows it live, with no code for it
in the chapter. In the built page the figure stands once, as JSON; ``plotly.min.js`` is copied from the
installed plotly package, and ``assets/figures.js`` draws the figures with it. Both are loaded only
on pages that have figures. Nothing is asked of another host, so the report works from a folder on disk.

**Tables.** A cell that shows a pandas table and carries ``mystnb: {table: {caption, name}}`` gives a
numbered table that prose can refer to. Without that, the table stands as pandas draws it. Kernels start with
``assets/kernel.py``, so that pandas cuts none.

**Downloads.** Every table with a caption links its rows as CSV, every chapter itself as a notebook without outputs
(``assets/page.js`` hands it over where the report is read from a folder), and a figure's toolbar saves it as PNG
or SVG. The folder of the notebooks holds them and the data that they read, and nothing else: JupyterLab lists it.

**Weight.** Curves are sent as 32-bit numbers where nobody can see the difference, and code without marks around what
has no colour of its own.

**Controls that need a kernel.** An ipywidgets slider in a page without a kernel moves and nothing
follows. Cells that show one are tagged ``remove-output``; showing one anyway is a warning, and no widget
scripts reach the page.

**Runs.** Chapters run before Sphinx reads its pages, one a core, and only those without a run; ``runs.py`` says when a
kept run is good. An edit of the prose runs nothing.
"""

from __future__ import annotations

import html
import importlib.resources
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import nbformat
import yaml
from docutils import nodes
from myst_nb.core.render import WIDGET_VIEW_MIMETYPE, MimeData, NbElementRenderer
from pygments.formatters import HtmlFormatter
from pygments.token import Token
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.highlighting import PygmentsBridge
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset_file

from report.site import runs
from report.site.figures import PlotlyFigure, figure_node
from report.site.notebook import notebook
from report.site.state import digest, state
from report.site.tables import table_nodes

__all__ = ["CodeFormatter", "FigureRenderer", "is_fresh", "setup"]

PLOTLY_MIMETYPE = "application/vnd.plotly.v1+json"
ASSETS = Path(__file__).parent / "assets"
NOTEBOOKS = "_downloads"
HANDED = "_static/notebooks"
SOURCES = (
    "book/**/*",
    "optexec/**/*",
    "report/**/*.py",
    "report/site/assets/*",
    "report/agents/shipped/*",
    "_config.yml",
    "_toc.yml",
    "requirements.txt",
    "constraints.txt",
)
STAMP = ".optexec-built"

logger = logging.getLogger(__name__)


class FigureRenderer:
    """Renders the outputs that myst-nb leaves to us; its ``MimeRenderPlugin`` is the pattern."""

    mime_priority_overrides = (("*", PLOTLY_MIMETYPE, 0), ("*", WIDGET_VIEW_MIMETYPE, 1))

    @staticmethod
    def handle_mime(renderer: NbElementRenderer, data: MimeData, inline: bool) -> list[nodes.Element] | None:
        """Return the nodes for one output, or None to leave it to myst-nb."""
        if data.mime_type == WIDGET_VIEW_MIMETYPE:
            renderer.logger.warning(
                "an ipywidgets control does nothing in a page without a kernel: tag its cell remove-output "
                "(or remove-cell) and give the page a figure that moves by itself",
                subtype="widget",
                line=data.line,
            )
            return []
        if inline:
            return None
        if data.mime_type == "text/html" and (options := data.cell_metadata.get("mystnb", {}).get("table")):
            return table_nodes(renderer, data, options)
        if data.mime_type == PLOTLY_MIMETYPE:
            return figure_node(renderer, data)
        return None


class CodeFormatter(HtmlFormatter[str]):
    """Writes code without marks around names, punctuation and spaces: half of all, and they have the text's colour."""

    PLAIN = (Token.Name, Token.Name.Namespace, Token.Punctuation, Token.Text.Whitespace)

    def format(self, tokensource: Iterable[tuple[Any, str]], outfile: IO[str]) -> None:
        """Write the tokens."""
        super().format(((Token.Text if kind in self.PLAIN else kind, text) for kind, text in tokensource), outfile)


def is_fresh(root: Path) -> bool:
    """Say whether ``_build/html`` under ``root`` was built from the files as they are now."""
    stamp = root / "_build" / STAMP
    return stamp.is_file() and stamp.read_text() == digest(root, SOURCES)


def _configure(app: Sphinx, config: Config) -> None:
    """Settle what depends on where things are.

    The state of the inputs becomes part of the configuration: Sphinx reads every page again when it changes. So does
    that of scripts and styles, which Sphinx would not copy again while no page has changed.
    """
    root = Path(app.srcdir).parent
    # Jupyter Book takes a table of contents only from the folder of the pages: it may be the address of the real one.
    toc = Path(app.srcdir, config.external_toc_path)
    meta = yaml.safe_load(toc.read_text(encoding="utf-8")).get("meta", {})
    config.external_toc_path = str(toc.parent / meta.get("toc", toc.name))
    config.optexec_state = " ".join([state(root), digest(root, ["report/site/assets/*", "book/_static/*"])])
    config.html_static_path.append(str(ASSETS))
    # sphinx-mathjax-offline would have the page set in web fonts. plotly needs labels as pictures (SVG).
    config.mathjax_path = "mathjax/tex-svg.js"
    # assets/page.js starts it, so that it does not stand before the first figure.
    config.mathjax_options = {"type": "text/plain"}


def _drop_stale_runs(app: Sphinx) -> None:
    root = Path(app.srcdir).parent
    if runs.refresh(root, state(root)):
        logger.info("optexec: the package changed, so every chapter runs again")


def _run_chapters(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Run the chapters among the pages to be read that have no run, one a core; myst-nb then finds their runs."""
    root = Path(app.srcdir).parent
    # the last ones take longest
    pages = [Path(env.doc2path(name)) for name in reversed(names)]
    waiting = [page for page in pages if runs.is_chapter(page) and runs.kept(root, page) is None]
    raised = runs.execute(root, waiting, logger.info)
    for page, error in raised.items():
        logger.warning("%s: %s", page, error)
    if raised:
        raise ExtensionError(f"chapters that raise: {', '.join(page.name for page in raised)}")


def _offer_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a chapter the button of its notebook."""
    # A list may hold list items only, and the theme's style goes by the class.
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    if doctree is not None and (address := _write_notebook(app, pagename)):
        context["header_buttons"].append(
            {
                "type": "link",
                "url": address,
                "icon": "fas fa-download",
                "tooltip": "Download this chapter as a notebook",
                "label": "notebook",
                "classes": "pst-navbar-icon",
            }
        )


def _write_notebook(app: Sphinx, pagename: str) -> str:
    """Write a chapter as a notebook without outputs; return its address, or nothing for a page without code.

    A browser shows such a file instead of saving it where the page was opened from a folder. So the notebook is there
    a second time, as a script that ``assets/page.js`` can load and hand over.
    """
    source = Path(app.env.doc2path(pagename))
    if source.suffix != ".md" or not source.read_text(encoding="utf-8").startswith("---\njupytext:"):
        return ""
    text = str(nbformat.writes(notebook(app, pagename)))  # type: ignore[no-untyped-call]
    address = f"{NOTEBOOKS}/{source.stem}.ipynb"
    for name, content in {
        address: text + "\n",
        f"{HANDED}/{source.stem}.js": f"optexecSave({json.dumps(text)});\n",
    }.items():
        file = Path(app.outdir) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return address


def _add_page_assets(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page with figures the scripts that draw them, and no page the scripts of ipywidgets."""
    getattr(app.env, "nb_metadata", {}).get(pagename, {}).pop("js_files", None)
    app.add_js_file("page.js", loading_method="defer")
    figures = list(doctree.findall(PlotlyFigure)) if doctree is not None else []
    if not figures:
        return
    app.add_js_file("plotly.min.js", loading_method="defer")
    app.add_js_file("figures.js", loading_method="defer")
    # Labels may hold mathematics even where the page's own text has none.
    if any(re.search(r'"\$[^"]*\$"', figure["figure"]) for figure in figures):
        app.env.get_domain("math").data["has_equations"][pagename] = True


def _copy_assets_and_stamp(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    static, pages = Path(app.outdir) / "_static", sorted(Path(app.outdir).glob("*.html"))
    with importlib.resources.as_file(importlib.resources.files("plotly") / "package_data" / "plotly.min.js") as source:
        copy_asset_file(str(source), str(static))
    # What chapters read, for those that are run where they were downloaded.
    if (data := Path(app.srcdir) / "data").is_dir():
        shutil.copytree(data, Path(app.outdir) / NOTEBOOKS / "data", dirs_exist_ok=True)
    found = (
        (page, re.search(r'<meta name="description" content="([^"]*)"', page.read_text("utf-8"))) for page in pages
    )
    descriptions = {page.name: html.unescape(match[1]) for page, match in found if match}
    (static / "descriptions.js").write_text(f"optexecDescribe({json.dumps(descriptions)});\n", encoding="utf-8")
    root = Path(app.srcdir).parent
    (Path(app.outdir).parent / STAMP).write_text(digest(root, SOURCES))


def _readable(
    _app: Sphinx, _what: str, _name: str, _thing: Any, _options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """A default that is made anew for every instance is no expression: Sphinx would leave the signature as raw text."""
    return signature and signature.replace("<factory>", "..."), returned


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect everything above to Sphinx; see the module's description."""
    runs.prepare()
    app.add_config_value("optexec_state", "", "env", [str])
    PygmentsBridge.html_formatter = CodeFormatter
    for part in ("figures", "tables", "typeset", "meta"):
        app.setup_extension(f"report.site.{part}")
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", _readable)
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _drop_stale_runs)
    app.connect("env-before-read-docs", _run_chapters)
    app.connect("html-page-context", _offer_notebook, priority=600)  # after the theme has made its buttons
    app.connect("html-page-context", _add_page_assets, priority=400)  # before MathJax decides whether to load
    app.connect("build-finished", _copy_assets_and_stamp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
