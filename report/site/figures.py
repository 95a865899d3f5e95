"""Plotly figures in pages: once each, as JSON, with what a screen reader says of them.

``assets/figures.js`` draws them. Curves are sent as 32-bit numbers where nobody can see the difference.
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import Any

import numpy as np
from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx

__all__ = ["PlotlyFigure", "compact", "figure_node", "setup"]

CURVES = {"x", "y", "z", "array", "arrayminus"}
"""Attributes of plotly's traces that hold coordinates."""


class PlotlyFigure(nodes.General, nodes.Element):
    """One plotly figure in a document: attributes ``figure`` (JSON text), ``height`` (px) and ``alt``."""


def figure_node(renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    """The node of a figure that a cell shows; a warning where a screen reader could not name it."""
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
            figure=json.dumps(compact(figure)),
            height=int(layout.get("height") or 450),
            alt=alt,
        )
    ]


def compact(value: Any, name: str = "") -> Any:
    """Return a figure's JSON with long curves as 32-bit numbers, where that changes no pixel.

    Only coordinates and error bars: what is shown as text, or sets a colour, stays as it is. A list is replaced if it
    gets shorter, and no number by one that is further off than a hundred-thousandth of what the curve spans.
    """
    if isinstance(value, dict):
        if value.get("dtype") == "f8" and name in CURVES:
            numbers = np.frombuffer(base64.b64decode(value["bdata"]), dtype="<f8")
            return _singles(numbers, value, {key: value[key] for key in ("shape",) if key in value})
        return {key: compact(child, key) for key, child in value.items()}
    if isinstance(value, list):
        # plotly.js reads the rows of a grid as they are
        if (
            name in CURVES - {"z"}
            and len(value) >= 16
            and all(type(item) in (int, float, type(None)) for item in value)
        ):
            return _singles(np.array(value, dtype="<f8"), value, {})
        return [compact(child, name) for child in value]
    return value


def _singles(numbers: np.ndarray[Any, Any], given: Any, shape: dict[str, Any]) -> Any:
    singles = numbers.astype("<f4")
    finite = np.isfinite(numbers)
    if not finite.any():
        return given
    span = np.ptp(numbers[finite]) or np.abs(numbers[finite]).max()
    if not np.abs(singles[finite] - numbers[finite]).max() <= 1e-5 * span:
        return given
    found = {"dtype": "f4", "bdata": base64.b64encode(singles.tobytes()).decode(), **shape}
    return min(found, given, key=lambda form: len(json.dumps(form, separators=(",", ":"))))


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


def _visit_html(translator: Any, node: PlotlyFigure) -> None:
    # "<" cannot end the script element early, and JSON reads it back.
    text = json.dumps(json.loads(node["figure"]), separators=(",", ":")).replace("<", "\\u003c")
    alt = html.escape(node["alt"], quote=True)
    translator.body.append(
        # no "img": that may not hold the buttons of a toolbar
        f'<div class="optexec-figure" role="figure" aria-label="{alt}"'
        f' style="min-height:{node["height"]}px">'
        f'<script type="application/json">{text}</script>'
        f"<noscript><p>This figure is drawn by JavaScript, which is switched off here. {alt}</p></noscript>"
        "</div>\n"
    )
    raise nodes.SkipNode


def _visit_other(translator: Any, node: PlotlyFigure) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Teach Sphinx the node."""
    app.add_node(PlotlyFigure, html=(_visit_html, None), latex=(_visit_other, None), text=(_visit_other, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
