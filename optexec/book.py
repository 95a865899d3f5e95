"""How the report is built: plotly figures that need no network, and no stale results.

This module is two things at once, and nothing else in the package imports it:

- a Sphinx extension, named in ``_config.yml``;
- a renderer of notebook outputs, which myst-nb finds through an entry point in ``pyproject.toml``.

**Figures.** A chapter ends a cell with a plotly figure and JupyterLab shows it live, with no code for it
in the chapter. In the built page the figure stands once, as JSON; ``plotly.min.js`` is copied from the
installed plotly package, and ``book_assets/figures.js`` draws the figures with it. Both are loaded only
on pages that have figures. Nothing is asked of another host, so the report works from a folder on disk.

**Tables.** A cell that shows a pandas table and carries ``mystnb: {table: {caption, name}}`` gives a
numbered table that prose can refer to. Without that, the table stands as pandas draws it.

**Controls that need a kernel.** An ipywidgets slider in a page without a kernel moves and nothing
follows. Cells that show one are tagged ``remove-output``; showing one anyway is a warning, and no widget
scripts reach the page.

**Freshness.** myst-nb keeps the outputs of a chapter until its code cells change, and does not know that
the code also depends on this package. When a file named by ``optexec_inputs`` changed since the outputs
were kept, they are dropped and every chapter runs again; an edit of the prose runs nothing.
"""

from __future__ import annotations

import hashlib
import html
import importlib.resources
import json
import os
import re
import shutil
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import WIDGET_VIEW_MIMETYPE, MimeData, NbElementRenderer
from nbclient.output_widget import OutputWidget
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset_file

__all__ = ["FigureRenderer", "PlotlyFigure", "digest", "is_fresh", "setup"]

PLOTLY_MIMETYPE = "application/vnd.plotly.v1+json"
ASSETS = Path(__file__).parent / "book_assets"
SOURCES = ("book/**/*", "optexec/**/*", "_config.yml", "_toc.yml", "requirements.txt")
STAMP = ".optexec-built"

logger = logging.getLogger(__name__)


class PlotlyFigure(nodes.General, nodes.Element):
    """One plotly figure in a document: attributes ``figure`` (JSON text), ``height`` (px) and ``alt``."""


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
            return _table(renderer, data, options)
        if data.mime_type == PLOTLY_MIMETYPE:
            return _figure(renderer, data)
        return None


def _figure(renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    content: Any = data.content
    figure = json.loads(content) if isinstance(content, str) else content
    layout = figure.get("layout", {})
    alt = _alternative_text(layout, data.cell_metadata)
    if not alt:
        renderer.logger.warning(
            "a figure that a screen reader cannot name: give its cell a caption "
            "(mystnb: {figure: {caption: ...}}) or the figure a layout.meta.alt",
            subtype="figure",
            line=data.line,
        )
    figure, mixed = _spell_money({key: figure[key] for key in ("data", "layout", "frames") if key in figure})
    for label in sorted(mixed):
        renderer.logger.warning(
            f"plotly shows only what is between the dollar signs of {label!r}: make it TeX altogether, or not at all",
            subtype="figure",
            line=data.line,
        )
    return [
        PlotlyFigure(
            figure=json.dumps(figure),
            height=int(layout.get("height") or 450),
            alt=alt,
        )
    ]


def _spell_money(value: Any) -> tuple[Any, set[str]]:
    """Return ``value`` with money that plotly would take for TeX spelled as an entity, and texts that mix the two.

    plotly sets whatever stands between two dollar signs as TeX and drops the rest. A label that is TeX
    altogether stays. "cost $5, risk $2" gets ``&#36;`` for its dollar signs. "time $t$" cannot be shown.
    """
    if isinstance(value, dict):
        pairs = {key: _spell_money(child) for key, child in value.items()}
        return {key: child for key, (child, _) in pairs.items()}, set().union(*(mixed for _, mixed in pairs.values()))
    if isinstance(value, list):
        items = [_spell_money(child) for child in value]
        return [child for child, _ in items], set().union(*(mixed for _, mixed in items))
    if not isinstance(value, str) or value.count("$") < 2 or re.fullmatch(r"\$[^$]+\$", value.strip()):
        return value, set()
    if any(re.search(r"[\\^_]", tex) or re.fullmatch(r"\w", tex) for tex in value.split("$")[1::2]):
        return value, {value}
    return value.replace("$", "&#36;"), set()


def _alternative_text(layout: dict[str, Any], cell_metadata: dict[str, Any]) -> str:
    """Return what stands for the figure where it cannot be seen: layout.meta.alt, or the bare caption."""
    meta = layout.get("meta")
    if isinstance(meta, dict) and meta.get("alt"):
        return str(meta["alt"])
    caption = str((cell_metadata.get("mystnb", {}).get("figure") or {}).get("caption", ""))
    plain = re.sub(r"\{[\w:+-]+\}`([^`]*)`", r"\1", caption)  # {role}`text`
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", plain)  # [text](address)
    plain = re.sub(r"\\(?:mathrm|text|mathbf|left|right)\b", "", plain)
    return " ".join(re.sub(r"[`$*{}\\]", "", plain).split())


class _TableReader(HTMLParser):
    """Reads an HTML table's rows, ``head`` and ``body``; a cell is (text, columns, rows, is a heading)."""

    def __init__(self) -> None:
        super().__init__()
        self.head: list[list[tuple[str, int, int, bool]]] = []
        self.body: list[list[tuple[str, int, int, bool]]] = []
        self._part = self.body
        self._cell: list[str] | None = None
        self._span = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("thead", "tbody"):
            self._part = self.head if tag == "thead" else self.body
        elif tag == "tr":
            self._part.append([])
        elif tag in ("th", "td"):
            given = dict(attrs)
            self._cell = []
            self._span = (int(given.get("colspan") or 1), int(given.get("rowspan") or 1))

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            text = "".join(self._cell).replace("\xa0", " ").strip()
            self._part[-1].append((text, *self._span, tag == "th"))
            self._cell = None


def _table(renderer: NbElementRenderer, data: MimeData, options: dict[str, Any]) -> list[nodes.Element]:
    """Return a pandas table as a numbered one, with ``options`` caption and name."""
    reader = _TableReader()
    reader.feed(data.string)
    if not reader.body:
        renderer.logger.warning("a cell with mystnb.table shows no table", subtype="table", line=data.line)
        return []
    head = reader.head
    # pandas gives the names of the index a row of their own: put them where the row above is empty.
    if len(head) > 1 and not any(cell[0] for row in head[-1:] for cell in row if cell not in head[-1][:1]):
        named, above = head[-1][0], head[-2][0]
        if named[0] and not above[0] and named[1:] == above[1:]:
            head = [*head[:-2], [named, *head[-2][1:]]]

    md = renderer.renderer
    line = data.line or 0

    def fill(node: nodes.Element, text: str) -> nodes.Element:
        if re.search(r"\$[^$]+\$|`", text):
            with md.current_node_context(node):
                md.nested_render_text(text, line, inline=True)
        else:
            node += nodes.Text(text)
        return node

    def row_of(cells: list[tuple[str, int, int, bool]], heading: bool) -> nodes.row:
        row = nodes.row()
        for text, columns, rows, stub in cells:
            entry = nodes.entry()
            if columns > 1:
                entry["morecols"] = columns - 1
            if rows > 1:
                entry["morerows"] = rows - 1
            number = not stub and re.fullmatch(r"[-+−±$≈<>~ ]*\d[\d,. eE+−±–%()-]*|nan|NaN|–|—", text)
            entry["classes"].append("text-right" if number or (heading and len(row) > 0) else "text-left")
            entry += fill(nodes.paragraph(), text)
            row += entry
        return row

    width = max(sum(cell[1] for cell in row) for row in (*head, *reader.body))
    stubs = 0
    while stubs < len(reader.body[0]) and reader.body[0][stubs][3]:
        stubs += 1
    table = nodes.table(classes=["colwidths-auto", "optexec-table"])
    if options.get("caption"):
        table += fill(nodes.title(), str(options["caption"]))
    group = nodes.tgroup(cols=width)
    table += group
    for column in range(width):
        group += nodes.colspec(colwidth=1, **({"stub": 1} if column < stubs else {}))
    if head:
        group += nodes.thead("", *(row_of(row, True) for row in head))
    group += nodes.tbody("", *(row_of(row, False) for row in reader.body))
    if options.get("name"):
        table["names"].append(nodes.fully_normalize_name(str(options["name"])))
        md.document.note_explicit_target(table, table)
    return [table]


def _visit_html(translator: Any, node: PlotlyFigure) -> None:
    figure = json.loads(node["figure"])
    moves = bool(figure["layout"].get("sliders") or figure["layout"].get("updatemenus"))
    # "<" cannot end the script element early, and JSON reads it back.
    text = json.dumps(figure, separators=(",", ":")).replace("<", "\\u003c")
    alt = html.escape(node["alt"], quote=True)
    translator.body.append(
        f'<div class="optexec-figure" role="{"group" if moves else "img"}" aria-label="{alt}"'
        f' style="min-height:{node["height"]}px">'
        f'<script type="application/json">{text}</script>'
        f"<noscript><p>This figure is drawn by JavaScript, which is switched off here. {alt}</p></noscript>"
        "</div>\n"
    )
    raise nodes.SkipNode


def _visit_other(translator: Any, node: PlotlyFigure) -> None:
    raise nodes.SkipNode


def digest(root: Path, patterns: Iterable[str], exclude: Iterable[str] = ()) -> str:
    """Return a hash of the names and contents of the files under ``root`` that match, in a fixed order."""
    skip = set(exclude)
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    total = hashlib.sha256()
    for path in sorted(found):
        name = path.relative_to(root).as_posix()
        if name in skip or {"__pycache__", "_build", ".ipynb_checkpoints"} & set(path.parts):
            continue
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def is_fresh(root: Path) -> bool:
    """Say whether ``_build/html`` under ``root`` was built from the files as they are now."""
    stamp = root / "_build" / STAMP
    return stamp.is_file() and stamp.read_text() == digest(root, SOURCES)


def _configure(app: Sphinx, config: Config) -> None:
    """Settle what depends on where things are.

    The state of the inputs becomes part of the configuration: Sphinx reads every page again when it changes.
    """
    root = Path(app.srcdir).parent
    config.optexec_state = digest(root, config.optexec_inputs)
    config.html_static_path.append(str(ASSETS))
    # sphinx-mathjax-offline would have the page set in web fonts. plotly needs labels as pictures (SVG).
    config.mathjax_path = "mathjax/tex-svg.js"


def _drop_stale_outputs(app: Sphinx) -> None:
    """Drop the kept outputs when something that the chapters' code depends on has changed."""
    build = Path(app.outdir).parent
    root = Path(app.srcdir).parent
    state = digest(root, app.config.optexec_inputs, exclude=["optexec/book.py", "optexec/book_text.py"])
    cache, stamp = build / ".jupyter_cache", build / ".jupyter_cache.inputs"
    if cache.exists() and (not stamp.is_file() or stamp.read_text() != state):
        logger.info("optexec: the package changed, so every chapter runs again")
        shutil.rmtree(cache)
    stamp.write_text(state)


def _add_page_assets(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page with figures the scripts that draw them, and no page the scripts of ipywidgets."""
    getattr(app.env, "nb_metadata", {}).get(pagename, {}).pop("js_files", None)
    if doctree is None or not any(True for _ in doctree.findall(PlotlyFigure)):
        return
    app.add_js_file("plotly.min.js", loading_method="defer")
    app.add_js_file("figures.js", loading_method="defer")
    # Labels may hold mathematics even where the page's own text has none.
    app.env.get_domain("math").data["has_equations"][pagename] = True


def _copy_assets_and_stamp(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    with importlib.resources.as_file(importlib.resources.files("plotly") / "package_data" / "plotly.min.js") as source:
        copy_asset_file(str(source), str(static))
    root = Path(app.srcdir).parent
    (Path(app.outdir).parent / STAMP).write_text(digest(root, SOURCES))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect everything above to Sphinx; see the module's description."""
    # Chapters run in the environment that builds them, whatever kernels the user has installed elsewhere.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    # plotly looks where it runs and picks a form of output; from an editor's terminal, say, one with scripts.
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    # nbclient tells the kernel what an Output widget (so: interact) shows, over the socket on which it waits for
    # the cell's reply. On a busy machine one such cell in ten then waits for its timeout (nbclient issue 312).
    # Nothing here needs the kernel to know.
    OutputWidget.sync_state = lambda self: None  # type: ignore[method-assign]
    app.add_config_value("optexec_inputs", ["optexec/**/*.py", "requirements.txt"], "", [list])
    app.add_config_value("optexec_state", "", "env", [str])
    app.add_node(
        PlotlyFigure,
        html=(_visit_html, None),
        latex=(_visit_other, None),
        text=(_visit_other, None),
    )
    app.setup_extension("optexec.book_text")
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _drop_stale_outputs)
    app.connect("html-page-context", _add_page_assets, priority=400)  # before MathJax decides whether to load
    app.connect("build-finished", _copy_assets_and_stamp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
