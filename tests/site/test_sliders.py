"""Sliders of the built report, moved with the keyboard: the curves in the page are what the package computes.

The page holds the figures as they were computed when it was built, to the digits that a screen shows. Here they are
read back from the page, one setting after another, and compared with the package at that setting.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from playwright.sync_api import Browser, Locator

import optexec as ox
from optexec import stress
from tests.site.browsing import open_page
from tests.site.test_book import SETTLED

pytestmark = pytest.mark.browser

NOTE, MARKET = ox.presets.reference(), ox.presets.stochastic()

# What plotly draws: arrays as they are after a slider has restyled them, whatever they were sent as.
DRAWN = """(figure) => figure.querySelector('.js-plotly-plot')._fullData.map((trace) => {
  const plain = (values) => values === undefined ? null
    : Array.from(values, (value) => typeof value === 'object' && value !== null ? Array.from(value) : value);
  return { name: trace.name, x: plain(trace.x), y: plain(trace.y), z: plain(trace.z), text: trace.text,
    selected: trace.selectedpoints, axes: [trace.xaxis, trace.yaxis] };
})"""

RANGES = """(figure) => Object.entries(figure.querySelector('.js-plotly-plot')._fullLayout)
  .filter(([key]) => /^[xy]axis\\d*$/.test(key)).map(([key, axis]) => [key, ...axis.range])"""


class Figure:
    """A figure of an open page."""

    def __init__(self, element: Locator) -> None:
        self.element = element
        self.first = element.evaluate(RANGES)

    def set(self, step: int, slider: int = 0) -> str:
        """Move a slider to a step with the keys, and return the value that it says it has."""
        handle = self.element.get_by_role("slider").nth(slider)
        last = int(handle.get_attribute("aria-valuemax") or 0)
        step = step % (last + 1)
        handle.press("Home" if step <= last // 2 else "End")
        for _ in range(min(step, last - step)):
            handle.press("ArrowRight" if step <= last // 2 else "ArrowLeft")
        self.element.page.wait_for_function(
            "([handle, step]) => handle.getAttribute('aria-valuenow') === String(step)",
            arg=[handle.element_handle(), step],
        )
        self.element.evaluate(SETTLED)  # the drawing comes after the handle
        return handle.get_attribute("aria-valuetext") or ""

    def traces(self) -> list[dict[str, Any]]:
        """What is drawn, and that the axes have not moved."""
        assert self.element.evaluate(RANGES) == self.first, "an axis follows the slider"
        drawn: list[dict[str, Any]] = self.element.evaluate(DRAWN)
        return drawn


@pytest.fixture
def figure_of(browser: Browser, report: Path) -> Iterator[Callable[[str, str], Figure]]:
    with ExitStack() as pages:

        def find(page: str, name: str) -> Figure:
            opened = pages.enter_context(contextmanager(open_page)(browser, report / f"{page}.html", 1440, "light"))
            return Figure(opened.page.locator(f"#{name} .optexec-figure"))

        yield find


def close(shown: Any, computed: Any, within: float) -> None:
    np.testing.assert_allclose(np.asarray(shown, dtype=np.float64), computed, rtol=1e-4, atol=within)


def trade_off_shows(traces: list[dict[str, Any]], risk_aversion: float) -> None:
    """Schedule, distribution and frontier point of a plan."""
    plan = ox.almgren_chriss(NOTE.replace(risk_aversion=risk_aversion))
    cost, risk = plan.expected_cost, plan.variance**0.5
    held, sold, point, bell, worst = traces[4:9]
    close(held["y"], plan.inventory, 0.05)
    close(sold["y"], plan.trades, 0.05)
    close([*point["x"], *point["y"]], [risk, cost], 0.05)
    close(bell["y"], 100 * scipy.stats.norm(cost, risk).pdf(bell["x"]), 5e-3)
    close(worst["x"], [scipy.stats.norm(cost, risk).ppf(0.95)], 0.1)


def first_page_settings() -> list[float]:
    return sorted({0.0, ox.lvar_risk_aversion(NOTE), 0.5, *np.geomspace(0.0025, 2.0, 36)})


def test_first_page_moves_schedule_distribution_and_frontier_together(
    figure_of: Callable[[str, str], Figure],
) -> None:
    figure, values = figure_of("index", "fig-trade-off"), first_page_settings()
    trade_off_shows(figure.traces(), 0.5)  # before it is touched
    least = ox.lvar_risk_aversion(NOTE)
    for value in (0.0, values[1], least, values[20], 0.5, values[-2], values[-1]):
        label = figure.set(values.index(value))
        assert label.startswith(f"{value:.3g}: cost $"), "the page has other settings"
        trade_off_shows(figure.traces(), value)
    marks = {trace["text"][0]: (trace["x"][0], trace["y"][0]) for trace in figure.traces()[9:]}
    for name, value in (("TWAP", 0.0), ("95% L-VaR", least), ("original note", 0.5)):
        row = ox.frontier(NOTE, [value]).iloc[0]
        close(marks[name], (row["std"], row["expected_cost"]), 0.05)


def test_first_page_on_a_phone_follows_a_finger(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto((report / "index.html").as_uri())
    element = page.locator("#fig-trade-off .optexec-figure")
    page.wait_for_function("(figure) => figure.dataset.state === 'drawn'", arg=element.element_handle())
    figure, values = Figure(element), first_page_settings()
    rail = element.locator(".slider-rail-touch-rect")
    for along, value in ((0.999, values[-1]), (0.001, values[0])):
        rail.scroll_into_view_if_needed()
        box = rail.bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + along * box["width"], box["y"] + box["height"] / 2)
        element.evaluate(SETTLED)
        trade_off_shows(figure.traces(), value)
    context.close()


def test_frontier_line_touches_at_the_packages_schedule(figure_of: Callable[[str, str], Figure]) -> None:
    figure, values = figure_of("03-frontier", "fig-fr-tangent"), np.unique([*np.geomspace(0.02, 5, 32), 0.5])
    for step in (0, 7, int(np.flatnonzero(values == 0.5)[0]), -2, -1):
        value = float(values[step])
        assert figure.set(step).startswith(f"{value:.3g}: J = $")
        by_name = {trace["name"]: trace for trace in figure.traces()}
        plan = ox.almgren_chriss(NOTE.replace(risk_aversion=value))
        J = plan.expected_cost + value * plan.variance
        close(by_name["Almgren–Chriss"]["y"], plan.inventory, 0.05)
        close(by_name["trade list"]["y"], plan.trades, 0.05)
        close(
            [by_name["the schedule"]["x"][0], by_name["the schedule"]["y"][0]],
            [plan.variance, plan.expected_cost],
            0.05,
        )
        close(by_name["J"]["y"], [J], 0.05)
        (left, right), (high, low) = by_name["slope −λ"]["x"], by_name["slope −λ"]["y"]
        close((low - high) / (right - left), -value, 1e-3)


def worth_of_adapting(speed: float, spread: float) -> float:
    """In percent of the best schedule's J, as chapter 08 has it."""
    liquidity = ox.OrnsteinUhlenbeck(speed=speed, volatility=spread * (1 - (1 - speed) ** 2) ** 0.5)
    at = MARKET.replace(liquidity=liquidity)
    return 100 * (1 - ox.optimum(at).value / ox.exact_objective(at, ox.best_static(at)))


def test_speed_and_spread_set_one_market(figure_of: Callable[[str, str], Figure]) -> None:
    figure = figure_of("08-optimum", "fig-opt-speed")
    own = 0.2 / 0.75**0.5
    for by_speed, by_spread in ((9, 7), (0, 7), (0, -1), (-1, -1), (-1, 0), (4, 3)):
        speed = float(figure.set(by_speed, slider=0).split()[0])
        label = float(figure.set(by_spread, slider=1))
        spread = own if label == 0.231 else label
        along_speed, along_spread = figure.traces()[:2]
        dots = [
            (trace["x"][i], trace["y"][i], trace["text"][i])
            for trace in (along_speed, along_spread)
            for i in trace["selected"]
        ]
        worth = worth_of_adapting(speed, spread)
        close([dots[0][0], dots[1][0]], [speed, spread], 1e-3)
        close([dots[0][1], dots[1][1]], [worth, worth], 1e-3)
        assert dots[0][2] == dots[1][2]
        assert float(dots[0][2].rstrip("%")) == pytest.approx(worth, abs=0.006)
        for x, y in list(zip(along_speed["x"], along_speed["y"], strict=True))[::5]:
            close(y, worth_of_adapting(x, spread), 1e-3)
        for x, y in list(zip(along_spread["x"], along_spread["y"], strict=True))[::5]:
            close(y, worth_of_adapting(speed, x), 1e-3)


def test_severity_shows_the_simulated_tails(figure_of: Callable[[str, str], Figure]) -> None:
    figure = figure_of("10-stress", "fig-stress-severity")
    for step in (0, 5, 9, -1):
        label = figure.set(step)
        drop = 0.0 if label == "none" else float(label.removeprefix("−").split("%")[0]) / 100
        shocks = ox.Shocks(ox.OrnsteinUhlenbeck(floor=0.01), probability=0.05, size=-drop)
        problem = MARKET.replace(liquidity=shocks)
        rules, traces = stress.contestants(problem), figure.traces()
        for name, which in (("TWAP", 0), ("optimum", 0), ("optimum, told", 1)):
            same = [trace for trace in traces if trace["name"] == name.removesuffix(stress.TOLD)]
            sample = ox.simulate(problem, rules[name], 8_192, 42).shortfall
            close(same[which]["x"], np.quantile(sample, 1 - np.array(same[which]["y"]) / 100), 3.0)


def test_policy_maps_are_those_of_the_risk_aversion(figure_of: Callable[[str, str], Figure]) -> None:
    figure = figure_of("08-optimum", "fig-opt-policy")
    for step in (0, 1, 6, -1):
        value = float(figure.set(step).split()[0])
        at = MARKET.replace(risk_aversion=value)
        best, plan = ox.optimum(at), ox.almgren_chriss(at).fractions
        adaptive, fixed, ratio = figure.traces()
        levels = np.array(adaptive["y"])
        for k in range(19):
            fractions = best.fraction(k, levels)
            close(np.array(adaptive["z"])[:, k], fractions, 1e-3)
            close(np.array(fixed["z"])[:, k], plan[[k]], 1e-3)
            close(np.array(ratio["z"])[:, k], fractions / plan[k], 6e-3)


def figures_with_sliders(report: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(report.glob("*.html")):
        for text in re.findall(
            r'<script type="application/json">(.*?)</script>', path.read_text(encoding="utf-8"), re.S
        ):
            figure = json.loads(text)
            if figure["layout"].get("sliders"):
                yield path.name, figure


def moved_axes(figure: dict[str, Any]) -> Iterator[str]:
    """The axes of the traces whose coordinates a slider changes, as the layout names them."""
    changes = [
        (change, trace)
        for frame in figure.get("frames", [])
        for change, trace in zip(frame["data"], frame["traces"], strict=True)
    ]
    for slider in figure["layout"]["sliders"]:
        for step in slider["steps"]:
            assert step["method"] in ("restyle", "animate"), step["method"]
            if step["method"] == "restyle":
                changes += [(step["args"][0], trace) for trace in step["args"][1]]
    for change, trace in changes:
        for letter in {"x", "y"} & set(change):
            yield figure["data"][trace].get(f"{letter}axis", letter).replace(letter, f"{letter}axis")


def test_sliders_are_two_at_most_and_say_what_they_set(report: Path) -> None:
    found = 0
    for page, figure in figures_with_sliders(report):
        assert len(figure["layout"]["sliders"]) <= 2, page
        for slider in figure["layout"]["sliders"]:
            found += 1
            assert re.search(r"\w.*[=:] $", slider["currentvalue"]["prefix"]), page
            assert all(step["label"].strip() for step in slider["steps"]), page
    assert found > 5


def test_axes_stay_while_a_slider_moves(report: Path) -> None:
    found = 0
    for page, figure in figures_with_sliders(report):
        for axis in set(moved_axes(figure)):
            found += 1
            assert "range" in figure["layout"][axis], f"{page}: {axis} follows its data"
    assert found > 20
