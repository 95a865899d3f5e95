"""A small grammar of figures: panels, marks on them, sliders that know what they move, a layout for narrow screens.

Two panels with a slider over periods::

    plot = Plot(["Sold", "Held"], gap=0.12)
    for panel, curves in zip(plot, (sold, held), strict=True):
        for name, by_period in curves.items():
            panel.line(levels, Moving(by_period), COLOURS[name], key=name, hover=f"{name}: %{{y:.2f}}")
    plot.x("liquidity L")
    plot[0].y("shares", [0, 1])
    plot.slider("period k", periods, active=2)
    return plot.done("What is seen.", height=430, legend={"y": 1.12}, phone=plot.stacked(780, 0.16))

What a method does not name goes to plotly as it is, under plotly's own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.figures.style import NEUTRAL, add_slider, finish

__all__ = ["Moving", "Panel", "Plot", "bundle", "gap_axis", "jitter", "left", "minus", "places", "whiskers"]


class Moving(list[Any]):
    """What a slider changes of a trace: a value for each of its steps, in place of a single one."""


class Panel:
    """Draws on one pair of axes, and names them.

    A mark has an entry in the legend if it has a ``name``, once a figure however many marks have it. With a ``key``
    marks are shown and hidden together, under that name if there is no other. ``hover`` is what the pointer shows, or
    False for nothing; plotly's second box is left out unless the text has one. ``at`` places ``text`` beside a mark, as
    in plotly's textposition.
    """

    def __init__(self, figure: go.Figure, where: dict[str, int], entries: set[str], moving: dict[int, Any]) -> None:
        self.figure, self.where = figure, where
        self._entries, self._moving = entries, moving  # those of all panels

    def add(
        self,
        kind: str,
        *,
        name: Any = None,
        key: str | None = None,
        hover: str | bool | None = None,
        **more: Any,
    ) -> None:
        """Any trace of plotly, of which a slider moves what is `Moving`."""
        if isinstance(more.get("x"), dict):  # of `along`
            more |= more.pop("x")
        entry = name or key
        trace: dict[str, Any] = {"type": kind, "name": entry, "legendgroup": key} | more
        if "showlegend" not in more:
            trace["showlegend"] = False if entry is None or str(entry) in self._entries else None
            self._entries.add(str(entry))
        if hover is False:
            trace["hoverinfo"] = "skip"
        elif hover:
            trace["hovertemplate"] = hover if "<extra>" in str(hover) else f"{hover}<extra></extra>"
        moving = {attribute: value for attribute, value in trace.items() if isinstance(value, Moving)}
        if moving:
            self._moving[len(self.figure.data)] = moving
        self.figure.add_trace(_some(trace | {name: value[0] for name, value in moving.items()}), **self.where)

    def line(
        self,
        x: Any,
        y: Any,
        colour: str | None,
        width: float = 2.5,
        dash: str | None = None,
        *,
        shape: str | None = None,
        marks: Any = None,
        symbol: Any = None,
        at: Any = None,
        **more: Any,
    ) -> None:
        """A line through points, with marks of a size [px] on them if there is one, or one a point."""
        line = {"color": colour, "width": width, "dash": dash, "shape": shape}
        marker = {"size": marks, "symbol": symbol, "opacity": 1 if isinstance(marks, list) else None}
        mode = "lines" + "+markers" * (marks is not None) + "+text" * (at is not None)
        self.add(
            "scatter", x=x, y=y, mode=mode, line=_some(line), marker=_some(marker) or None, textposition=at, **more
        )

    def dots(
        self,
        x: Any,
        y: Any,
        colour: Any,
        size: float = 6,
        symbol: Any = None,
        *,
        edge: float | None = None,
        alpha: float | None = None,
        at: Any = None,
        **more: Any,
    ) -> None:
        """Marks of a size [px], with an edge of a width [px] in their colour, or as faint as ``alpha``."""
        marker = {"color": colour, "size": size, "symbol": symbol, "opacity": alpha}
        if edge is not None:
            marker["line"] = {"width": edge, "color": colour}
        mode = "markers" + "+text" * (at is not None)
        self.add("scatter", **{"x": x, "y": y, "mode": mode, "marker": _some(marker), "textposition": at} | more)

    def strokes(self, x: Any, y: Any, colour: str, size: float, **more: Any) -> None:
        """Upright strokes of a height [px], for values on rows."""
        marker = {"symbol": "line-ns", "size": size, "line": {"width": 3, "color": colour}}
        self.add("scatter", x=x, y=y, mode="markers", marker=marker, **more)

    def spans(self, low: Any, high: Any, y: Any, colour: str, width: float, **more: Any) -> None:
        """Level lines from one value to another, a row each."""
        ends, rows = bundle(zip(low, high, strict=True)), bundle(zip(y, y, strict=True))
        self.line(ends, rows, colour, width, **{"hover": False} | more)

    def words(self, x: Any, y: Any, text: Any, at: Any = None, **more: Any) -> None:
        """Text at points of the plane."""
        self.add("scatter", **{"x": x, "y": y, "text": text, "mode": "text", "textposition": at, "hover": False} | more)

    def band(self, x: Any, edge: Any, other: Any, fill: str, **more: Any) -> None:
        """The area between two curves over the same x."""
        across = np.concatenate([x, x[::-1]])
        if isinstance(edge, Moving):
            y: Any = Moving(np.concatenate([a, b[::-1]]) for a, b in zip(edge, other, strict=True))
        else:
            y = np.concatenate([edge, other[::-1]])
        look = {"mode": "lines", "fill": "toself", "fillcolor": fill, "line": {"width": 0}, "hover": False}
        self.add("scatter", **{"x": across, "y": y} | look | more)

    def bars(self, x: Any, y: Any, colour: Any, **more: Any) -> None:
        """A bar a point."""
        self.add("bar", x=x, y=y, **{"marker": {"color": colour}} | more)

    def vline(self, x: float, colour: str = NEUTRAL, width: float = 1.5, dash: str | None = "dot", **more: Any) -> None:
        """A vertical line through a panel; of a `Plot`, through all of them."""
        self.figure.add_vline(x=x, line=_some({"color": colour, "width": width, "dash": dash}), **self.where | more)

    def hline(self, y: float, colour: str = NEUTRAL, width: float = 1.5, dash: str | None = "dot", **more: Any) -> None:
        """A horizontal line through a panel; of a `Plot`, through all of them."""
        self.figure.add_hline(y=y, line=_some({"color": colour, "width": width, "dash": dash}), **self.where | more)

    def note(self, text: str, x: Any, y: Any, **more: Any) -> None:
        """Words on the plane, with an arrow if ``ax`` and ``ay`` say from where; logarithms on a logarithmic axis."""
        self.figure.add_annotation(text=text, x=x, y=y, **{"showarrow": "ax" in more} | self.where | more)

    def x(self, title: Any = None, span: Any = None, *, log: bool = False, ticks: Any = None, **more: Any) -> None:
        """The horizontal axis: its ends, and its ticks, values or labels by value; of a `Plot`, those of all panels."""
        self.figure.update_xaxes(**_axis(title, span, log, ticks) | self.where | more)

    def y(self, title: Any = None, span: Any = None, *, log: bool = False, ticks: Any = None, **more: Any) -> None:
        """The vertical axis, as `x`."""
        self.figure.update_yaxes(**_axis(title, span, log, ticks) | self.where | more)

    def rows(self, at: Mapping[str, float], **more: Any) -> None:
        """A vertical axis with a name a row, as `places` has them."""
        ticks = {height: name for name, height in at.items()}
        span = more.pop("span", [-0.6, len(at) - 0.4])
        self.y(span=span, ticks=ticks, **{"zeroline": False} | more)


class Plot(Panel):
    """A figure of panels, which are its items; what is drawn on the plot itself is on the first.

    Args:
        panels: how many, or their titles.
        rows: in so many rows, filled from the left.
        columns: in a row, where that is not what the panels need.
        gap: between columns, as a part of the width.
        shared_y: whether a row has one vertical axis.
        subplots: more for plotly's `make_subplots`.
    """

    def __init__(
        self,
        panels: int | Iterable[str] = 1,
        *,
        rows: int = 1,
        columns: int | None = None,
        gap: float | None = None,
        shared_y: bool = False,
        **subplots: Any,
    ) -> None:
        titles = None if isinstance(panels, int) else list(panels)
        count = panels if isinstance(panels, int) else len(titles or [])
        columns = columns or -(-count // rows)
        self.titled, self.shared_y = titles is not None, shared_y
        alone = count == 1 and titles is None and not subplots
        figure = go.Figure() if alone else make_subplots(
            rows=rows, cols=columns, subplot_titles=titles, horizontal_spacing=gap, shared_yaxes=shared_y, **subplots
        )  # fmt: skip
        super().__init__(figure, {}, set(), {})
        cells = [{"row": i // columns + 1, "col": i % columns + 1} for i in range(count)]
        self.panels = [self] if alone else [Panel(figure, cell, self._entries, self._moving) for cell in cells]

    def __len__(self) -> int:
        return len(self.panels)

    def __getitem__(self, i: int) -> Panel:
        return self.panels[i]

    def __iter__(self) -> Iterator[Panel]:
        return iter(self.panels)

    def slider(self, name: str, labels: Iterable[Any], active: int, *, frames: bool = False, **more: Any) -> None:
        """A slider that moves what is `Moving`, drawn as at its step ``active``; none where there is a single step.

        Args:
            name: what it sets, with its symbol.
            labels: of its steps.
            active: the step that is shown first.
            frames: a frame a step, where traces change in different attributes and what stays is heavy.
            more: as `optexec.figures.style.add_slider` takes it.
        """
        for i, parts in self._moving.items():
            self.figure.data[i].update({attribute: values[active] for attribute, values in parts.items()})
        words = [str(label) for label in labels]
        changes = [
            [{attribute: values[step] for attribute, values in parts.items()} for parts in self._moving.values()]
            for step in range(len(words))
        ]
        if len(words) > 1:
            steps = changes if frames else [self._together(now) for now in changes]
            add_slider(self.figure, name, words, steps, list(self._moving), active, **more)

    def _together(self, now: list[dict[str, Any]]) -> dict[str, list[Any]]:
        """What traces change at a step, by attribute; one that keeps what others move says what that is."""
        attributes = dict.fromkeys(attribute for part in now for attribute in part)
        still = [self.figure.data[i] for i in self._moving]
        return {
            attribute: [
                part[attribute] if attribute in part else "" if trace[attribute] is None else trace[attribute]
                for part, trace in zip(now, still, strict=True)
            ]
            for attribute in attributes
        }

    def stacked(self, height: int, gap: float = 0.09, *, shared_y: bool | None = None, **layout: Any) -> dict[str, Any]:
        """The layout of a phone, for `done`: panels one above the other, and what else is different there.

        Args:
            height: [px].
            gap: between panels, as a part of the height.
            shared_y: whether panels have one vertical axis; there every panel has its own.
            layout: more overrides, by the names of plotly's layout; an object is laid over what stacking sets.
        """
        shared = self.shared_y if shared_y is None else shared_y
        part = (1 - gap * (len(self) - 1)) / len(self)
        phone: dict[str, Any] = {"height": height}
        for i in range(len(self)):
            top, number = 1 - i * (part + gap), str(i + 1) if i else ""
            phone[f"xaxis{number}"] = {"domain": [0, 1], "anchor": f"y{number}"}
            phone[f"yaxis{number}"] = {"domain": [max(top - part, 0.0), top], "anchor": f"x{number}"}
            if shared:
                phone[f"yaxis{number}"]["showticklabels"] = True
            if self.titled:
                phone.setdefault("annotations", {})[i] = {"x": 0.5, "xanchor": "center", "y": top}
        return phone | {name: {**phone.get(name, {}), **value} for name, value in layout.items()}

    def done(self, alt: str, *, height: int, phone: dict[str, Any] | None = None, **layout: Any) -> go.Figure:
        """The figure, with its description, its height [px], the overrides for a phone, and more of plotly's layout."""
        self.figure.update_layout(**layout)
        return finish(self.figure, height=height, alt=alt, phone=phone)


def whiskers(
    value: Any,
    low: Any,
    high: Any,
    colour: str | None = None,
    thickness: float | None = None,
    width: float | None = None,
    decimals: int | None = None,
) -> dict[str, Any]:
    """The error bars (``error_x`` or ``error_y``) of values with the ends of their intervals."""
    ends = {"array": np.asarray(high) - np.asarray(value), "arrayminus": np.asarray(value) - np.asarray(low)}
    if decimals is not None:
        ends = {side: length.round(decimals) for side, length in ends.items()}
    return _some(ends | {"color": colour, "thickness": thickness, "width": width})


def bundle(lines: Iterable[Sequence[float] | Any]) -> list[float | None]:
    """Lines as one trace, with gaps between them; NaN is a gap too."""
    return [None if value != value else float(value) for line in lines for value in (*line, np.nan)]


def places(names: Iterable[str]) -> dict[str, int]:
    """Heights of rows by name, the first at the top."""
    rows = list(dict.fromkeys(names))
    return {name: len(rows) - 1 - i for i, name in enumerate(rows)}


def jitter(count: int, step: float) -> Any:
    """Small shifts (count,) that keep the dots of neighbouring seeds apart."""
    return step * (np.arange(count) % 3 - 1)


def left(scores: Any, least: float) -> Any:
    """Where gaps closed stand on the axis of `gap_axis`: what they leave open, no closer to nothing than ``least``."""
    return np.maximum(1 - np.asarray(scores, dtype=np.float64), least)


def gap_axis(worst: float, best: float, marks: Iterable[float]) -> dict[str, Any]:
    """An axis of the gap closed that is logarithmic in what is left, better to the right or the top.

    Args:
        worst: the score at its one end.
        best: the score at its other end, less than 1.
        marks: scores that are written on it, as far as they lie between.
    """
    ticks = {round(1 - score, 6): minus(f"{score:g}") for score in marks if worst <= score <= best}
    return _axis(None, [1 - worst, 1 - best], True, ticks)


def minus(text: str) -> str:
    """A number with a true minus sign."""
    return text.replace("-", "−")


def _axis(title: Any, span: Any, log: bool, ticks: Any) -> dict[str, Any]:
    """Plotly's names of what an axis is told; ends of a logarithmic axis are logarithms there."""
    axis: dict[str, Any] = {"title": title, "type": "log" if log else None}
    if span is not None:
        axis["range"] = np.log10(span).tolist() if log else list(span)
    if ticks is not None:
        axis["tickvals"] = list(ticks)
    if isinstance(ticks, Mapping):
        axis["ticktext"] = list(ticks.values())
    return _some(axis)


def _some(settings: dict[str, Any]) -> dict[str, Any]:
    """What was set."""
    return {name: value for name, value in settings.items() if value is not None}
