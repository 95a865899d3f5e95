"""``optexec plots``: the report's figures of any problem, as pages that need no network and as pictures."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from optexec import figures
from optexec import stress as stress_tests
from optexec._files import beside, check_folder, check_writable
from optexec._validate import integer
from optexec.cli.output import progress_of, say
from optexec.optimum import optimum
from optexec.presets import stress as scenarios
from optexec.problem import Problem
from optexec.simulator import Policy, simulate

__all__ = ["browser", "check", "drawn", "write"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
WIDTH = 900
"""Of a picture [px]; its height is the figure's."""

SCRIPT = "plotly.min.js"

TITLES = {
    "trajectories": "Holdings of the Almgren–Chriss schedule for a risk aversion set by the slider, beside TWAP",
    "frontier": "Expected cost against variance of schedules, and the line of slope −λ that touches the frontier",
    "costs": "Distribution of the implementation shortfall by policy, with a dot at each mean",
    "policy_maps": "Fraction of the remaining inventory sold, by period and liquidity: the exact optimum, the "
    "Almgren–Chriss schedule, and their ratio",
    "stress": "Objective in every stressed market over the optimum's in the normal one: open marks are planned for the "
    "normal market, filled ones were told; diamonds have one plan for all",
    "stress_tails": "Episodes that cost more than an amount, by policy, in a stressed market set by the slider",
}
"""What each figure shows, whatever the problem."""

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<script charset="utf-8" src="{script}"></script></head>
<body style="margin: 2em auto; padding: 0 1em; max-width: 1000px; background: #fff; font: 16px system-ui, sans-serif">
<p>{title}</p>
<div id="figure" role="img" aria-label="{title}" style="height: {height}px"></div>
<script>
const figure = {figure};
figure.config = {{responsive: true, displaylogo: false}};
Plotly.newPlot("figure", figure);
</script>
</body>
</html>
"""

PICTURES = """<!doctype html>
<meta charset="utf-8"><script src="{script}"></script><pre id="pictures"></pre>
<script>
const figures = {figures};
Promise.all(figures.map(figure => Plotly.toImage(figure, {{
  format: "svg", width: {width}, height: figure.layout.height}}
))).then(images => {{ document.getElementById("pictures").textContent = "drawn " + images.join(" ") + " end"; }});
</script>
"""


def check(problem: Problem, out: Path, episodes: int) -> None:
    """Refuse before any work what cannot be drawn or written."""
    integer("episodes", episodes, minimum=2)
    if check_folder(out, "--out").is_dir():
        for file in (SCRIPT, *(f"{name}.{kind}" for name in TITLES for kind in ("html", "svg"))):
            check_writable(out / file, "--out")
    if problem.market.volatility == 0 or problem.order.periods < 3:
        raise ValueError(
            "plots need volatility > 0 and periods >= 3 (else there is no frontier and nothing to choose), got "
            f"{problem.market.volatility!r} and {problem.order.periods}"
        )


def write(problem: Problem, out: Path, episodes: int, seed: int, agents: Mapping[str, Policy]) -> None:
    """Write every figure as a page, and as a picture if a browser is there to draw it; say what was written."""
    with progress_of("figures", 6) as progress:
        made: dict[str, go.Figure] = {}
        for name, figure in drawn(problem, episodes, seed, agents):
            made[name] = figure
            progress(len(made), doing=name)
    check_folder(out, "--out").mkdir(exist_ok=True)
    _put(out / SCRIPT, get_plotlyjs())
    for name, figure in made.items():
        # the book's pages set these colours by their own, light or dark; meta is for them too
        figure.update_layout(paper_bgcolor="white", meta=None)
        for slider in figure.layout.sliders:
            slider.currentvalue.font.color = "#555"
        height, title = figure.layout.height, html.escape(TITLES[name])
        _put(out / f"{name}.html", PAGE.format(script=SCRIPT, title=title, height=height, figure=_embedded(figure)))
    say(f"wrote {', '.join(f'{name}.html' for name in made)} and {SCRIPT} to {out}")
    found = browser()
    if found is None:
        say(f"no pictures: none of {', '.join(BROWSERS)} is on the path")
        return
    pictures = _pictures(made, found)
    if not pictures:
        say(f"no pictures: {found} drew none")
        return
    for name, picture in pictures.items():
        _put(out / f"{name}.svg", picture)
    say(f"wrote {', '.join(f'{name}.svg' for name in pictures)} to {out}")


def drawn(problem: Problem, episodes: int, seed: int, agents: Mapping[str, Policy]) -> Iterator[tuple[str, go.Figure]]:
    """The figures by name, as they are made."""
    own = problem.risk_aversion or _urgent(problem)
    lambdas = own * np.geomspace(0.04, 10, 32)
    lambdas = np.unique(np.append(lambdas, own))
    if problem.market.volume_profile is None:
        family = (0.2 * own, 3 * own)
        yield "trajectories", figures.holdings(problem, list(lambdas), own, family, unit="time units")
    else:  # which has no half-life
        yield "trajectories", figures.trade_off(problem, list(lambdas), selected=own)
    yield "frontier", figures.frontier_tangent(problem, list(lambdas), selected=own, unit="time units")

    policies = {name: make(problem) for name, make in stress_tests.PLANNERS.items()} | dict(agents)
    samples = {name: simulate(problem, policy, episodes, seed) for name, policy in policies.items()}
    yield "costs", figures.shortfall_densities({name: run.shortfall for name, run in samples.items()})

    low, high = np.quantile(samples["TWAP"].liquidity, [0.001, 0.999]).tolist()
    if low < high and not problem.market.transient:  # else a policy is its schedule, or is one of transient impact too
        yield "policy_maps", figures.policy_maps(problem, np.linspace(low, high, 37), [problem.risk_aversion])

    costs, tails, best = [], {}, optimum(problem).value
    for name, market in scenarios(problem).items():
        runs = {
            who: simulate(market, policy, episodes, seed)
            for who, policy in (stress_tests.contestants(market, problem) | dict(agents)).items()
        }
        J = {who: float(run.objective.mean()) / best for who, run in runs.items()}
        tails[name] = {who: run.shortfall for who, run in runs.items()}
        costs += [
            {"scenario": name, "policy": who, "planned": J[who], "told": J.get(who + stress_tests.TOLD, np.nan)}
            for who in [*stress_tests.PLANNERS, *agents]
        ]
    yield "stress", figures.stress_split(pd.DataFrame(costs))
    yield "stress_tails", figures.scenario_tails(tails, selected="liquidity_shocks")


def _urgent(problem: Problem) -> float:
    """A lambda > 0 [1/$] that bends the schedule of a problem that has none of its own: kappa T is about 3."""
    impact = problem.market.instantaneous / problem.market.liquidity.long_run_mean
    return float(impact * (3 / problem.order.periods) ** 2 / problem.step_variance)


def browser() -> str | None:
    """A Chromium or Chrome on the path."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _pictures(made: Mapping[str, go.Figure], program: str) -> dict[str, str]:
    """SVG by name, drawn by a browser without a window that prints its page when all is drawn; none if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / SCRIPT).write_text(get_plotlyjs(), encoding="utf-8")
        wanted = "[" + ", ".join(map(_embedded, made.values())) + "]"
        page = Path(folder) / "page.html"
        page.write_text(PICTURES.format(script=SCRIPT, figures=wanted, width=WIDTH), encoding="utf-8")
        options = [
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={folder}/profile",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            options.append("--no-sandbox")  # which root cannot have
        command = [program, *options, "--virtual-time-budget=60000", "--dump-dom", page.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=180, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return {}
    printed = re.search(r"drawn (.*) end</pre>", done.stdout.decode(errors="replace"))
    images = printed[1].split(" ") if printed else []
    texts = [unquote(html.unescape(image).split(",", 1)[1]) for image in images]
    return dict(zip(made, texts, strict=True)) if texts else {}


def _embedded(figure: go.Figure) -> str:
    """A figure as JSON that may stand in a script."""
    return str(figure.to_json()).replace("</", "<\\/")


def _put(path: Path, content: str) -> None:
    with beside(path) as file:
        file.write(content.encode())
