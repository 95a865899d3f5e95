"""*What the original numbers measured*: which readings of the note print its figures, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

import optexec as ox
from optexec.evaluation import tail_mean
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, clear
from report.plot import Moving, Plot, bundle

__all__ = [
    "ACCOUNTS",
    "AVERSE",
    "EPISODES",
    "ETA",
    "EVEN",
    "FIGURES",
    "FITTED",
    "GAMMA",
    "LONDON",
    "NOTE",
    "REFERENCE",
    "S0",
    "Below",
    "Cap",
    "Chance",
    "Findings",
    "N",
    "Paired",
    "Saved",
    "Simulated",
    "Slippage",
    "Stress",
    "X",
    "as_shortfalls",
    "below",
    "best_readings",
    "cap",
    "chance",
    "counts_by_volatility",
    "distance",
    "expectation",
    "figures_by_volatility",
    "findings",
    "flows",
    "grid",
    "law",
    "least",
    "mean_std_plane",
    "paired",
    "plane",
    "printed_by",
    "produced",
    "readings",
    "saved",
    "shortfall_table",
    "simulated",
    "simulations",
    "slippage",
    "stress",
    "stress_table",
    "volatilities",
    "within_reach",
    "within_reach_table",
]

Array = NDArray[np.float64]

X, S0, N = 1000.0, 100.0, 20
ETA, GAMMA = 0.01, 0.001
EPISODES, RUNS = 100, 10_000
REFERENCE = ox.presets.reference()
EVEN, AVERSE = ox.twap(REFERENCE), ox.almgren_chriss(REFERENCE)
SQUARES = np.array([EVEN.trades @ EVEN.trades, AVERSE.trades @ AVERSE.trades])
"""Q of the two."""

ROWS = ["TWAP", "AC", "BCQ", "TD3+BC"]
AGENTS = ROWS[2:]
NOTE = pd.DataFrame(
    {
        "mean": [100_250, 100_350, 99_850, 99_920],
        "std": [1850, 1290, 1650, 1680],
        "Sharpe": [-54.19, -77.79, -60.52, -59.48],
    },
    index=ROWS,
)
"""The note's table; AC is its AC-Averse."""
FIGURES = [f"{what} {row}" for what in ("mean", "std", "Sharpe") for row in ROWS]
FIGURES += ["std AC / TWAP", "AC less TWAP", "BCQ to TWAP (%)", "TD3+BC to TWAP (%)"]


def headline(mean: Array, std: Array) -> Array:
    """The figures (16, n) of tables with these means and standard deviations (4, n)."""
    to_twap = [100 * (mean[i] / mean[0] - 1) for i in (2, 3)]
    between = [std[1] / std[0], mean[1] - mean[0], *to_twap]
    return np.concatenate([mean, std, -mean / std, between])


PRINTED = headline(*NOTE[["mean", "std"]].to_numpy(dtype=float).T[:, :, None])
"""The note's figures (16, 1)."""


@dataclass(frozen=True)
class Chance:
    """How often Sharpe ratios of means and standard deviations that were rounded later are those of rounded ones."""

    most: float
    """in the row where it happens most often [%]"""
    one_in: float
    """in all four rows at once: one case in so many"""


def chance(agreement: Array) -> Chance:
    """From the share of cases by row."""
    return Chance(100 * agreement.max(), 1 / float(f"{agreement.prod():.1g}"))


ACCOUNTS = {  # signs of the level X S_0, of permanent impact G and of temporary impact T
    "note's C": (1, -1, 1),
    "gross proceeds": (1, -1, 0),
    "net proceeds": (1, -1, -1),
    "total cost": (1, 1, 1),
    "shortfall": (0, 1, 1),
}


def expectation(account: str, squares: Any, eta: float = ETA, gamma: float = GAMMA) -> Any:
    """What an account expects of trades whose squares sum to Q [$]."""
    level, permanent, temporary = ACCOUNTS[account]
    G, T = gamma / 2 * (X**2 - squares), eta * squares
    return level * X * S0 + permanent * G + temporary * T


def as_shortfalls() -> pd.DataFrame:
    """The note's means as shortfalls [$], by what they are taken for; agents' with the least Q that there is."""
    for schedule, squares in zip((EVEN, AVERSE), SQUARES, strict=True):
        assert np.isclose(expectation("shortfall", squares), schedule.expected_cost)
    assert np.isclose(SQUARES[0], X**2 / N)  # the least that is possible
    impact = ETA * np.array([SQUARES[0], SQUARES[1], X**2 / N, X**2 / N])
    mean = NOTE["mean"].to_numpy()
    found = pd.DataFrame(
        {
            "total cost": mean - X * S0,
            "net proceeds": X * S0 - mean,
            "gross proceeds": X * S0 + impact - mean,
            "note's C": X * S0 + 2 * impact - mean,
        },
        index=ROWS,
    )
    for account in ("net proceeds", "gross proceeds", "note's C"):
        assert (found[account][AGENTS] > found[account]["TWAP"]).all()
    return found


def shortfall_table(shortfalls: pd.DataFrame) -> pd.DataFrame:
    """`as_shortfalls` in whole dollars."""
    return shortfalls.map("{:,.0f}".format).replace("-", "−", regex=True).rename_axis("taken for")


@dataclass(frozen=True)
class Saved:
    """The note's means as shortfalls [$]: how much worse than TWAP the agents sold, or how much they saved."""

    worse: float
    """BCQ, by the note's formula"""
    worse_bps: float
    """of the notional"""
    worse_td3bc: float
    twap_formula: float
    """TWAP's shortfall by the note's formula"""
    bcq_formula: float
    twap_total: float
    """TWAP's shortfall if totals of cost were printed"""
    bcq_profit: float
    share: float
    """of TWAP's shortfall that BCQ saved then [%]"""


def saved(shortfalls: pd.DataFrame) -> Saved:
    """What the note's headline is worth under its accounts."""
    formula, total = shortfalls["note's C"], shortfalls["total cost"]
    worse = formula - formula["TWAP"]
    assert worse["BCQ"] == 400
    assert worse["TD3+BC"] == 330
    assert total["BCQ"] < 0 < total["TWAP"]
    return Saved(
        worse=worse["BCQ"],
        worse_bps=1e4 * worse["BCQ"] / (X * S0),
        worse_td3bc=worse["TD3+BC"],
        twap_formula=formula["TWAP"],
        bcq_formula=formula["BCQ"],
        twap_total=total["TWAP"],
        bcq_profit=-total["BCQ"],
        share=100 * (total["TWAP"] - total["BCQ"]) / total["TWAP"],
    )


def law(
    account: str, sigma: float, eta: float = ETA, gamma: float = GAMMA, plan: Array = AVERSE.trades
) -> tuple[Array, Array, float]:
    """An episode of each row: expectations (4,), standard deviations (4,), corr(TWAP, AC)."""
    v = np.array([EVEN.trades, plan, EVEN.trades, EVEN.trades])
    held = X - np.cumsum(v, axis=1)
    held[:, -1] = 0.0
    risk = np.sqrt((held**2).sum(axis=1))
    expected = expectation(account, (v**2).sum(axis=1), eta, gamma)
    return expected, sigma * risk, held[0] @ held[1] / (risk[0] * risk[1])


@lru_cache(maxsize=1)
def _normal_runs() -> tuple[Array, Array, Array]:
    """Means and variances (4, RUNS) of runs of standard normals, and the covariance (RUNS,) of the first two rows."""
    z = np.random.default_rng(42).standard_normal((4, RUNS, EPISODES))
    average, variance = z.mean(axis=2), z.var(axis=2, ddof=1)
    covariance = ((z[0] * z[1]).sum(axis=1) - EPISODES * average[0] * average[1]) / (EPISODES - 1)
    return average, variance, covariance


def printed_by(expected: Array, sd: Array, correlation: float, shocks: str = "a set each") -> tuple[Array, Array]:
    """Means and standard deviations (4, RUNS) that runs of 100 episodes print."""
    average, variance, covariance = _normal_runs()
    a, v = average, variance
    if shocks == "one set":
        rho, rest = correlation, np.sqrt(1 - correlation**2)
        mixed = rho**2 * variance[0] + 2 * rho * rest * covariance + rest**2 * variance[1]
        a, v = average[[0, 1, 0, 0]], variance[[0, 1, 0, 0]]
        a[1], v[1] = rho * average[0] + rest * average[1], mixed
    return expected[:, None] + sd[:, None] * a, sd[:, None] * np.sqrt(v)


def produced(mean: Array, std: Array) -> NDArray[np.bool_]:
    """THE rule: which of the printed figures lie in the central 95% of runs (16,)."""
    low, high = np.quantile(headline(mean, std), [0.025, 0.975], axis=1)[..., None]
    return np.asarray(((low <= PRINTED) & (high >= PRINTED))[:, 0])


PERCENT = 0.02 * S0
"""2% of the price [$]"""
VOLATILITIES = {
    "two cents, the note's equation": 0.02,
    "2% a year, daily": PERCENT / 252**0.5,
    "2% an order of 20 periods": PERCENT / 20**0.5,
    "2% a day, half-hourly, New York": PERCENT / 13**0.5,
    "2% a day, hourly, London": PERCENT / 8.5**0.5,
    "2% a day, hourly, New York": PERCENT / 6.5**0.5,
    "2% a period": PERCENT,
    "fitted to TWAP's 1,850": NOTE["std"]["TWAP"] / (EVEN.variance**0.5 / 0.02),
}
"""Readings of "sigma = 2%" [$ per square root of a period]."""
LONDON, FITTED = VOLATILITIES["2% a day, hourly, London"], VOLATILITIES["fitted to TWAP's 1,850"]
IMPACTS = {
    f"{words}, {more}": (ETA * factor, permanent)
    for (words, factor), (more, permanent) in product(
        {"η": 1, "20 η": N, "η/20": 1 / N}.items(), {"γ": GAMMA, "γ = 0": 0.0}.items()
    )
}


def planned(sigma: float, eta: float = ETA, gamma: float = GAMMA) -> Array:
    """The averse schedule from a reading's own numbers."""
    return ox.almgren_chriss(REFERENCE.replace(volatility=sigma, temporary=eta, permanent=gamma)).trades


def readings() -> pd.DataFrame:
    """All readings: their choices, sigma, which figures they produce, and how many."""
    records = []
    for (words, sigma), account, (impact, (eta, gamma)), plan in product(
        VOLATILITIES.items(), ACCOUNTS, IMPACTS.items(), ("printed", "own")
    ):
        if plan == "own" and eta <= gamma / 2:
            continue  # not convex
        trades = AVERSE.trades if plan == "printed" else planned(sigma, eta, gamma)
        of_episode = law(account, sigma, eta, gamma, trades)
        choices = {"volatility": words, "sigma": sigma, "account": account, "impact": impact, "plan": plan}
        for shocks in ("a set each", "one set"):
            hits = produced(*printed_by(*of_episode, shocks))
            records.append(choices | {"shocks": shocks} | dict(zip(FIGURES, hits, strict=True)))
    found = pd.DataFrame(records)
    found["produced"] = found[FIGURES].sum(axis=1)
    return found


def volatilities() -> pd.DataFrame:
    """Readings of the volatility, and the standard deviations that they make."""
    _, variance, _ = _normal_runs()
    rows = {}
    for words, sigma in VOLATILITIES.items():
        _, sd, _ = law("total cost", sigma)
        low, high = np.quantile(sd[0] * np.sqrt(variance[0]), [0.025, 0.975])
        own = law("total cost", sigma, plan=planned(sigma))[1][1]
        rows[words] = {
            "σ": f"{sigma:.3f}",
            "TWAP": f"{sd[0]:,.0f}",
            "95% of runs": f"{low:,.0f} to {high:,.0f}",
            "AC": f"{sd[1]:,.0f}",
            "AC, own plan": f"{own:,.0f}",
        }
    return pd.DataFrame(rows).T.rename_axis("reading")


def _simple(found: pd.DataFrame) -> pd.DataFrame:
    """Readings with impact and AC's plan as printed and a set of shocks each."""
    return found.query("impact == 'η, γ' and plan == 'printed' and shocks == 'a set each'")


def grid(found: pd.DataFrame) -> pd.DataFrame:
    """Figure by volatility: the accounts that produce it, by their initials; last, in how many readings it is."""
    simple = _simple(found)
    initials = dict(zip(ACCOUNTS, "CGNTS", strict=True))
    formats = ["{:,.0f}"] * 8 + ["{:.2f}"] * 4 + ["{:.3f}", "{:+,.0f}", "{:+.2f}", "{:+.2f}"]

    def letters(figure: str, sigma: float) -> str:
        accounts = simple[(simple["sigma"] == sigma) & simple[figure]]["account"]
        return "all" if len(accounts) == len(ACCOUNTS) else "".join(initials[a] for a in accounts) or "·"

    return pd.DataFrame(
        {
            "printed": [f.format(value).replace("-", "−") for f, value in zip(formats, PRINTED[:, 0], strict=True)],
            **{
                "fit" if sigma == FITTED else f"{sigma:.2f}": [letters(figure, sigma) for figure in FIGURES]
                for sigma in VOLATILITIES.values()
            },
            "n": [str(found[figure].sum()) for figure in FIGURES],
        },
        index=[figure.replace(" to TWAP", "") for figure in FIGURES],
    ).rename_axis("figure")


def best_readings(found: pd.DataFrame) -> pd.DataFrame:
    """The nine best readings, one of each account, impact and shocks, with what they do not produce."""
    ranked = found.sort_values("produced", ascending=False, kind="stable")
    ranked = ranked.drop_duplicates(["account", "impact", "shocks"]).head(9)
    assert (ranked["plan"] == "printed").all()
    independent = [figure for figure in FIGURES if not figure.startswith("Sharpe")]
    missed = [
        ", ".join(figure.replace(" to TWAP", "") for figure in independent if not row[figure]) or "nothing"
        for _, row in ranked.iterrows()
    ]
    return pd.DataFrame(
        {
            "produced": ranked["produced"].to_numpy(),
            "σ": ranked["sigma"].map("{:.2f}".format).to_numpy(),
            "impact": ranked["impact"].to_numpy(),
            "shocks": ranked["shocks"].to_numpy(),
            "not produced": missed,
        },
        index=pd.Index(ranked["account"], name="account"),
    )


def _count(sigma: float, account: str = "note's C") -> int:
    """Figures produced with impact and AC as printed and a set of shocks each."""
    return int(produced(*printed_by(*law(account, sigma))).sum())


@dataclass(frozen=True)
class Findings:
    """What readings produce. Volatilities in $ per square root of a period."""

    readings: int
    winners: int
    """readings that produce all sixteen figures"""
    london: float
    """2% a day in hours, in London"""
    fitted: float
    """TWAP's standard deviation put in by hand"""
    all_low: float
    """least volatility with all sixteen"""
    all_high: float
    day_low: float
    """hours of a day in which 2% a day is `all_high`"""
    day_high: float
    new_york: int
    """figures produced with the hours of New York"""
    own_all: float
    """tables of the London reading that score all sixteen by its own intervals [%]"""
    own_few: float
    """and fewer than twelve [%]"""
    luck: float
    """its runs in which an agent that is TWAP undercuts TWAP as TD3+BC does in the note [%]"""
    sd: float
    """its standard deviation of TWAP [$]"""
    half: float
    """95% half-width of a mean of 100 [$]"""
    farthest: float
    """the note's mean farthest from the notional, its distance [$]"""
    z_free: float
    """standard errors of AC's mean from the total cost with next to no impact"""
    expected_ac: float
    """by the note's formula [$]"""
    expected_twap: float
    below_half: int
    """most figures of a reading below $0.5"""
    two_percent: int
    """and at 2% a period"""
    own_plan: int
    """and with AC planned from the reading's own volatility"""


def findings(found: pd.DataFrame) -> Findings:
    """What `readings` say, and what London's own tables do."""
    winners, simple = _check_readings(found), _simple(found)
    fine = np.arange(0.6, 0.85, 0.002)
    everything = fine[[_count(sigma) == len(FIGURES) for sigma in fine]]
    assert np.allclose(np.diff(everything), 0.002)  # one stretch
    expected, sd, correlation = law("note's C", LONDON)
    tables = headline(*printed_by(expected, sd, correlation))
    low, high = np.quantile(tables, [0.025, 0.975], axis=1)[..., None]
    hits = ((low <= tables) & (tables <= high)).sum(axis=0)
    luck = tables[-2:].min(axis=0) <= PRINTED[-1, 0]
    free = expectation("total cost", SQUARES[1], ETA / N, 0.0)
    new_york = simple[simple["volatility"] == "2% a day, hourly, New York"].set_index("account")
    return Findings(
        readings=len(found),
        winners=winners,
        london=LONDON,
        fitted=FITTED,
        all_low=everything[0],
        all_high=everything[-1],
        day_low=(PERCENT / everything[-1]) ** 2,
        day_high=(PERCENT / everything[0]) ** 2,
        new_york=int(new_york["produced"]["note's C"]),
        own_all=100 * (hits == 16).mean(),
        own_few=100 * (hits < 12).mean(),
        luck=100 * luck.mean(),
        sd=sd[0],
        half=0.196 * sd[0],
        farthest=abs(NOTE["mean"] - X * S0).max(),
        z_free=(NOTE["mean"]["AC"] - free) / (sd[1] / 10),
        expected_ac=expected[1],
        expected_twap=expected[0],
        below_half=int(found.loc[found["sigma"] < 0.5, "produced"].max()),
        two_percent=int(found.loc[found["sigma"] == 2, "produced"].max()),
        own_plan=int(found.loc[found["plan"] == "own", "produced"].max()),
    )


def _check_readings(found: pd.DataFrame) -> int:
    """What the chapter says of the readings, or it does not build; and how many produce everything."""
    simple = _simple(found)
    two_cents = simple[simple["sigma"] == 0.02]
    assert not two_cents[FIGURES[:12]].any(axis=None)  # no mean, no std, no Sharpe
    assert two_cents["std AC / TWAP"].all()  # a ratio has no scale
    for words in ("2% a day, hourly, London", "2% a day, hourly, New York"):
        assert simple[simple["volatility"] == words][["std TWAP", "std AC"]].all(axis=None)
    everything = found[found["produced"] == len(FIGURES)]
    for choice in ("account", "impact", "plan", "shocks"):
        assert len(set(everything[choice])) == 1
    assert set(everything["account"]) == {"note's C"}
    assert set(everything["sigma"]) == {LONDON, FITTED}
    assert found.loc[found["sigma"] < 0.5, "produced"].max() < 6
    assert not found.loc[found["sigma"] == 0.02, FIGURES[:12]].any(axis=None)  # whatever impact, plan and shocks
    expected, sd, _ = law("note's C", LONDON)
    for i, row in enumerate(ROWS):  # the regions of the figure
        away = (NOTE["mean"][row] - expected[i]) / sd[i] * EPISODES**0.5
        wider = np.log(NOTE["std"][row] / sd[i]) * (2 * (EPISODES - 1)) ** 0.5
        assert away**2 + wider**2 < stats.chi2.ppf(0.95, 2)
    without = found.query("impact == 'η/20, γ = 0' and plan == 'printed' and shocks == 'a set each'")
    free = without[without["sigma"] == LONDON].set_index("account")
    assert (free["produced"].drop("shortfall") == 15).all()
    assert not free["mean AC"]["total cost"]
    own = found[found["plan"] == "own"]
    assert not (own["std TWAP"] & own["std AC / TWAP"]).any()  # never both
    return len(everything)


def plane() -> go.Figure:
    """The note's table on `mean_std_plane`, with five readings of the volatility and four accounts."""
    shown = {
        f"{sigma:.2f}": sigma
        for words, sigma in VOLATILITIES.items()
        if sigma in (0.02, LONDON, PERCENT) or "order" in words or "year" in words
    }
    laws = {}
    for account in list(ACCOUNTS)[:4]:
        rows = {}
        for label, sigma in shown.items():
            expected, sd, _ = law(account, sigma)
            rows[label] = {
                (row, what): values[i]
                for i, row in enumerate(ROWS[:2])
                for what, values in (("mean", expected), ("std", sd))
            }
        laws[account] = pd.DataFrame(rows).T
    return mean_std_plane(NOTE[["mean", "std"]], laws, "note's C")


def counts_by_volatility() -> go.Figure:
    """`figures_by_volatility` for every account, with the readings of 2% marked."""
    scan = np.sort(np.append(np.geomspace(0.015, 3, 61), np.arange(0.52, 0.96, 0.02)))
    counts = pd.DataFrame({account: [_count(sigma, account) for sigma in scan] for account in ACCOUNTS}, index=scan)
    short = {"two cents, the note's equation": "two cents", "2% a year, daily": "2% a year"}
    short |= {"2% an order of 20 periods": "2% an order", "2% a day, half-hourly, New York": "2% a day, half-hourly"}
    marks = {short.get(words, words): sigma for words, sigma in list(VOLATILITIES.items())[:7]}
    return figures_by_volatility(counts, marks, len(FIGURES))


def flows(problem: ox.Problem, policy: ox.Policy, episodes: int = 100_000) -> tuple[Array, Array]:
    """Gross proceeds, and what fills lose to the mid price, of each episode (n,) [$]."""
    run = ox.simulate(problem, policy, episodes, seed=42)
    gross = (run.trades * run.mid[:, :-1]).sum(axis=1)
    return gross, gross - (run.trades * run.fills).sum(axis=1)


def simulated(account: str, *rows: tuple[Array, Array], shared: bool = False) -> tuple[Array, Array]:
    """Means and standard deviations (rows, runs) of flows; a set of shocks each, unless they are shared."""
    level, permanent, temporary = ACCOUNTS[account]
    runs = []
    for i, (gross, paid) in enumerate(rows):
        total = level * X * S0 + permanent * (X * S0 - gross) + temporary * paid
        runs.append(np.roll(total.reshape(-1, EPISODES), 0 if shared else i, axis=0))
    return np.mean(runs, axis=2), np.std(runs, axis=2, ddof=1)


@dataclass(frozen=True)
class Simulated:
    """What neither a geometric price nor wild liquidity changes. Standard deviations in $."""

    geometric: float
    """change of standard deviations where the price moves by per cents of itself, at most [%]"""
    now: float
    """standard deviation of TWAP at two cents in default liquidity"""
    limit: float
    """and where the level is as volatile as it can be"""
    deep_volatility: float
    """volatility of liquidity with a floor of 0.01 at which TWAP scatters as in the note"""
    deep: float
    """its standard deviation there"""
    deep_ratio: float
    """AC's there over TWAP's"""
    deep_mean: float
    """TWAP's total cost there [$]"""
    markets: int
    """other readings with random liquidity"""
    best: int
    """figures that the best of them produces"""
    floor_best: int
    """and the best with the default floor"""


def simulations() -> Simulated:
    """Other prices, and other liquidity at two cents."""
    rng = np.random.default_rng(42)
    price, sums = np.full(50_000, S0), np.zeros((2, 50_000))
    for k in range(N):  # the standard deviation of sum v S
        sums += np.array([[EVEN.trades[k]], [AVERSE.trades[k]]]) * price
        price = price * (1 + LONDON / S0 * rng.standard_normal(50_000)) - GAMMA * EVEN.trades[k]
    geometric = sums.std(axis=1) / law("note's C", LONDON)[1][:2]
    assert abs(geometric - 1).max() < 0.02
    wild = _wild()
    best, floored = wild["produced"].max(), wild[wild["floor"] == 0.1]["produced"]
    assert (floored <= 6).all()
    assert best < 15
    assert not wild[["mean BCQ", "mean TD3+BC"]].any(axis=None)
    assert len(wild) == 150
    default = []
    for volatility in (0.2, 0.8, 3.2, 100.0, 10_000.0):
        market = REFERENCE.replace(liquidity=ox.OrnsteinUhlenbeck(volatility=volatility))
        default.append(ox.simulate(market, EVEN, 20_000, 42).shortfall.std())
    assert default == sorted(default)
    assert default[-1] < 1.01 * default[-2] < 700  # the limit
    deep = 0.45
    market = REFERENCE.replace(liquidity=ox.OrnsteinUhlenbeck(volatility=deep, floor=0.01))
    twap, ac = (ox.simulate(market, schedule, 100_000, 42).shortfall for schedule in (EVEN, AVERSE))
    assert 1600 < twap.std() < 2100
    return Simulated(
        geometric=100 * abs(geometric - 1).max(),
        now=default[0],
        limit=default[-1],
        deep_volatility=deep,
        deep=float(twap.std()),
        deep_ratio=float(ac.std() / twap.std()),
        deep_mean=float(X * S0 + twap.mean()),
        markets=len(wild),
        best=int(best),
        floor_best=int(floored.max()),
    )


def _wild() -> pd.DataFrame:
    """Which figures other speeds, volatilities and floors of liquidity produce at two cents."""
    rows: list[dict[str, Any]] = []
    for speed, volatility, floor in product((0.5, 0.2, 0.1, 0.05, 0.02), (0.1, 0.2, 0.4, 0.8, 1.6), (0.1, 0.01)):
        liquidity = ox.OrnsteinUhlenbeck(speed=speed, volatility=volatility, floor=floor)
        market = REFERENCE.replace(liquidity=liquidity)
        twap, ac = (flows(market, schedule, 10_000) for schedule in (EVEN, AVERSE))
        for account in ("note's C", "net proceeds", "total cost"):  # there is no impact in gross proceeds
            hits = dict(zip(FIGURES, produced(*simulated(account, twap, ac, twap, twap)), strict=True))
            rows.append({"floor": floor, "produced": sum(hits.values())} | hits)
    return pd.DataFrame(rows)


def least(advantage: float, sigma: float, slope: float) -> float:
    """The bound: standard errors, whatever the schedule."""
    return float(4 * np.sin(np.pi / (2 * N)) * np.sqrt(EPISODES * advantage * slope) / sigma)


def distance(d: Array, advantage: float, sigma: float, slope: float) -> float:
    """Standard errors for one schedule that holds d (N+1,) more than TWAP."""
    luck = sigma * np.sqrt((d**2).sum() / EPISODES)
    return float((advantage + slope * (np.diff(d) ** 2).sum()) / luck)


@dataclass(frozen=True)
class Paired:
    """How far the note's differences to TWAP are from what schedules expect [standard errors]."""

    bcq: float
    """on TWAP's shocks, at least"""
    td3bc: float
    bcq_total: float
    """as total cost"""
    sigma: float
    """volatility at which luck would do [$ per square root of a period]"""
    bcq_apart: float
    """on shocks of its own"""
    td3bc_apart: float


def paired(found: pd.DataFrame) -> Paired:
    """The bound on one set of shocks, and the usual test on separate ones."""
    same, std = found[found["shocks"] == "one set"], NOTE["std"]
    assert not same[["BCQ to TWAP (%)", "TD3+BC to TWAP (%)"]].any(axis=None)
    apart = {row: less / np.hypot(std["TWAP"], std[row]) * 10 for row, less in (("BCQ", 400), ("TD3+BC", 330))}
    assert max(apart.values()) < 1.96
    ratio = (std["TWAP"] / std) ** 2
    assert ratio["BCQ"] < stats.f.ppf(0.975, 99, 99) < ratio["AC"]
    slope = ETA + GAMMA / 2
    return Paired(
        bcq=least(400, FITTED, slope),
        td3bc=least(330, FITTED, slope),
        bcq_total=least(400, FITTED, ETA - GAMMA / 2),
        sigma=FITTED * least(400, FITTED, slope) / 1.96,
        bcq_apart=apart["BCQ"],
        td3bc_apart=apart["TD3+BC"],
    )


def within_reach() -> pd.DataFrame:
    """By account and gamma: what any policy expects, and how far the note's means are from it [standard errors]."""
    rows: list[dict[str, Any]] = []
    error = NOTE["std"] / 10
    for account, (more, gamma) in product(list(ACCOUNTS)[:4], {"as printed": GAMMA, "0": 0.0}.items()):
        even, at_once = (float(expectation(account, squares, ETA, gamma)) for squares in (X**2 / N, X**2))
        low, high = sorted((even, at_once))
        mean = NOTE["mean"]
        away = {row: (mean[row] - np.clip(mean[row], low, high)) / error[row] for row in AGENTS}
        away["TWAP"] = (mean["TWAP"] - even) / error["TWAP"]
        ends = " to ".join(dict.fromkeys(f"{end:,.0f}" for end in (low, high)))
        rows.append({"account": account, "γ": more, "any policy": ends, **away})
    return pd.DataFrame(rows).set_index(["account", "γ"])


def within_reach_table(reach: pd.DataFrame) -> pd.DataFrame:
    """`within_reach` with a decimal."""
    shown = reach.reset_index().set_index("account")
    for row in ("TWAP", *AGENTS):
        shown[row] = shown[row].map("{:+.1f}".format).str.replace("-", "−").replace({"+0.0": "0", "−0.0": "0"})
    shown["γ"] = shown["γ"].replace("as printed", "0.001")
    return shown[["γ", "any policy", "TWAP", *AGENTS]]


@dataclass(frozen=True)
class Below:
    """A mean below the notional. z: standard errors of the note's means from what is nearest to them."""

    twap_total: float
    """expected total cost of TWAP [$]"""
    z_twap_total: float
    z_bcq_total: float
    twap_after: float
    """the same if each trade is filled after its own permanent impact [$]"""
    z_twap_after: float
    z_bcq_free: float
    """BCQ's mean from the notional"""
    z_twap_net: float
    z_twap_gross: float
    z_bcq_formula: float
    least_shortfall: float
    """that any policy expects [$]"""
    least_no_permanent: float
    """and without permanent impact [$]"""
    least_formula: float
    """by the note's formula [$]"""
    saving: float
    """what the cheapest policy saves over TWAP in the report's market, exactly [$]"""
    enough: float
    """volatility of liquidity at which it would save 400 $"""


def _saving(volatility: float) -> float:
    """What the cheapest policy saves over TWAP in E[IS] in liquidity of this volatility, exactly [$]."""
    neutral = ox.presets.stochastic().replace(risk_aversion=0.0)
    market = neutral.replace(liquidity=ox.OrnsteinUhlenbeck(volatility=volatility))
    return ox.exact_objective(market, EVEN) - ox.optimum(market).value


def below(reach: pd.DataFrame) -> Below:
    """What a mean below the notional means, by account."""
    z: dict[str, Any] = {account: reach.loc[(account, "as printed")] for account in list(ACCOUNTS)[:4]}
    total: Any = reach.loc["total cost"]
    assert (total[AGENTS] < -3).all(axis=None)
    assert (total["TWAP"] < -1.3).all()
    assert (z["net proceeds"][["TWAP", *AGENTS]] > 4).all()
    assert (z["note's C"][["TWAP", *AGENTS]].abs() < 1.96).all()
    enough = brentq(lambda volatility: _saving(volatility) - 400, 0.2, 0.8, xtol=1e-4)
    saving = _saving(0.2)
    assert saving < 25
    assert enough > 0.5
    after = X * S0 + GAMMA / 2 * (X**2 + X**2 / N) + ETA * X**2 / N
    error = NOTE["std"] / 10
    return Below(
        twap_total=X * S0 + EVEN.expected_cost,
        z_twap_total=-z["total cost"]["TWAP"],
        z_bcq_total=-z["total cost"]["BCQ"],
        twap_after=after,
        z_twap_after=(after - NOTE["mean"]["TWAP"]) / error["TWAP"],
        z_bcq_free=(X * S0 - NOTE["mean"]["BCQ"]) / error["BCQ"],
        z_twap_net=z["net proceeds"]["TWAP"],
        z_twap_gross=z["gross proceeds"]["TWAP"],
        z_bcq_formula=-z["note's C"]["BCQ"],
        least_shortfall=expectation("shortfall", X**2 / N),
        least_no_permanent=expectation("shortfall", X**2 / N, gamma=0.0),
        least_formula=expectation("note's C", X**2 / N),
        saving=saving,
        enough=enough,
    )


CLAIMS = {"liquidity_collapse": 1.3, "impact_shift": 2.0}
"""The note's savings over AC [%], by scenario."""
Savings = Mapping[tuple[str, str, float, str], Array]
"""Ends of the central 95% of a saving over AC [%], by scenario, account, volatility and agent."""


def stress_table(savings: Savings) -> pd.DataFrame:
    """Savings over AC, in brackets where the note's figure is produced."""

    def cell(scenario: str, account: str, sigma: float, agent: str) -> str:
        low, high = savings[scenario, account, sigma, agent]
        text = f"{low:.2f} to {high:.2f}".replace("-", "−")
        return f"[{text}]" if low <= CLAIMS[scenario] <= high else text

    asked = list(product(CLAIMS, ("total cost", "note's C", "shortfall")))
    names = [f"{name.split('_')[1]}, {CLAIMS[name]:g}% of {account}" for name, account in asked]
    return pd.DataFrame(
        {
            f"{agent}, {sigma:.2f}": [cell(*claim, sigma, agent) for claim in asked]
            for sigma, agent in product((0.02, LONDON), ("TWAP", "cheapest"))
        },
        index=pd.Index(names, name="the note's figure"),
    )


@dataclass(frozen=True)
class Ends:
    """The central 95% of what runs print."""

    low: float
    high: float


@dataclass(frozen=True)
class Stress:
    """The figures of the note's stress table, under readings of the volatility."""

    collapse_most: float
    """most that is saved at two cents in the collapse, as a share of the notional's size [%]"""
    shift_most: float
    """and under the impact shift at either volatility [%]"""
    least_share: float
    """least that TWAP saves of the shortfall [%]"""
    level: float
    """drop of the level from which TWAP is 1.3% cheaper than AC [%]"""
    factor: float
    """factor of both impacts from which it is 2% cheaper"""
    table_std: float
    """AC's standard deviation below TWAP's in the note's first table [%]"""
    table_variance: float
    removed: dict[str, dict[str, Ends]]
    """of TWAP's by AC in the volatility spike [%]: of std or variance, on shared shocks (london, cents) or apart"""
    tail_cents: float
    """mean of AC's worst 5% above TWAP's under liquidity shocks at two cents [$]"""
    tail_cents_half: float
    tail_london: float
    """and below it at 2% a day [$]"""
    tail_london_half: float
    rise_80: float
    """rise of TWAP's total cost with liquidity down by 80% [%]"""
    rise_95: float
    times_80: float
    """its shortfall over the usual one with liquidity down by 80%"""


def _cheaper(level: float, factor: float) -> float:
    """Saving of TWAP over AC in percent of AC's total cost, at constant liquidity and a multiple of both impacts."""
    twap, ac = (expectation("total cost", squares, factor * ETA / level, factor * GAMMA) for squares in SQUARES)
    return float(100 * (1 - twap / ac))


def _rise(account: str, level: float) -> float:
    """What TWAP costs at a level of liquidity over what it usually does."""
    return float(expectation(account, SQUARES[0], ETA / level) / expectation(account, SQUARES[0]))


def stress(savings: Savings) -> Stress:
    """What the note's stress figures can have measured."""
    hits = {key for key, (low, high) in savings.items() if low <= CLAIMS[key[0]] <= high}
    assert hits == {("liquidity_collapse", account, LONDON, "cheapest") for account in ("total cost", "note's C")}
    level = brentq(lambda level: _cheaper(level, 1) - CLAIMS["liquidity_collapse"], 0.05, 1)
    factor = brentq(lambda factor: _cheaper(1, factor) - CLAIMS["impact_shift"], 1, 50)
    assert level < 0.3  # harder than this report's scenarios
    assert factor > 5
    removed: dict[str, dict[str, Ends]] = {"std": {}, "variance": {}}
    tails = {}
    for sigma in (0.02, LONDON):
        spike = ox.presets.stress()["volatility_spike"].replace(volatility=5 * sigma)
        shocked = ox.presets.stress()["liquidity_shocks"].replace(volatility=sigma)
        rows = [flows(spike, schedule) for schedule in (EVEN, AVERSE)]
        for shared in (False, True):
            _, (twap, ac) = simulated("total cost", *rows, shared=shared)
            for what, power in (("std", 1), ("variance", 2)):
                ends = Ends(*np.quantile(100 * (1 - (ac / twap) ** power), [0.025, 0.975]))
                place = "apart" if not shared else "cents" if sigma == 0.02 else "london"
                removed[what][place] = ends
                assert (ends.low < 30 < ends.high) == (what == "std" or not shared)  # shared: only the std
        shortfalls = [ox.simulate(shocked, schedule, 100_000, seed=42).shortfall for schedule in (EVEN, AVERSE)]
        tails[sigma] = tail_mean(shortfalls[1]) + tail_mean(shortfalls[0]) * -1
    assert tails[0.02].value - tails[0.02].ci > 0 > tails[LONDON].value + tails[LONDON].ci
    of_notional = {key: high for key, (_, high) in savings.items() if key[1] != "shortfall"}
    ratio = PRINTED[FIGURES.index("std AC / TWAP"), 0]
    return Stress(
        collapse_most=max(
            high for (name, _, sigma, _), high in of_notional.items() if name == "liquidity_collapse" and sigma == 0.02
        ),
        shift_most=max(high for (name, *_), high in of_notional.items() if name == "impact_shift"),
        least_share=min(low for (_, account, *_), (low, _) in savings.items() if account == "shortfall"),
        level=100 * (1 - level),
        factor=factor,
        table_std=100 * (1 - ratio),
        table_variance=100 * (1 - ratio**2),
        removed=removed,
        tail_cents=tails[0.02].value,
        tail_cents_half=tails[0.02].ci,
        tail_london=-tails[LONDON].value,
        tail_london_half=tails[LONDON].ci,
        rise_80=100 * (_rise("total cost", 0.2) - 1),
        rise_95=100 * (_rise("total cost", 0.05) - 1),
        times_80=_rise("shortfall", 0.2),
    )


@dataclass(frozen=True)
class Cap:
    """TWAP with a cap of 0.3 of the remaining inventory, by the note's formula."""

    left: float
    """[shares]"""
    left_percent: float
    """of the order"""
    out: float
    """what the formula expects if the rest is not counted [$]"""
    z_out: float
    """standard errors of the note's mean from it"""
    counted: float
    """and if it is counted at the last mid price [$]"""
    z_counted: float


def cap() -> Cap:
    """What a cap leaves, and whether the note's TWAP can have had it."""
    capped = ox.simulate(REFERENCE.replace(max_fraction=0.3, volatility=0.0), EVEN, episodes=1)
    v, mid, left = capped.trades[0], capped.mid[0], capped.leftover[0]
    out = v @ mid[:-1] + ETA * v @ v
    counted = out + left * mid[-1]
    assert np.isclose(left, 150 * 0.7**3)
    mean, error = NOTE["mean"]["TWAP"], NOTE["std"]["TWAP"] / EPISODES**0.5
    found = Cap(left, left / 10, out, (mean - out) / error, counted, (mean - counted) / error)
    assert found.z_out > 20
    assert abs(found.z_counted) < 1.96
    return found


@dataclass(frozen=True)
class Slippage:
    """Slippage of fills that gives TWAP its printed standard deviation at two cents."""

    std: float
    """[$ a share]"""
    percent: float
    """of the price"""
    ac: float
    """AC's standard deviation with it [$]"""
    ratio: float
    """over TWAP's"""


def slippage() -> Slippage:
    """How large slippage would have to be for TWAP's 1,850."""

    def noisy(std: float, schedule: ox.Schedule) -> float:
        return float(ox.Schedule(REFERENCE.replace(slippage=std), schedule.trades).variance ** 0.5)

    std = brentq(lambda std: noisy(std, EVEN) - NOTE["std"]["TWAP"], 1, 20)
    found = Slippage(std, 100 * std / S0, noisy(std, AVERSE), noisy(std, AVERSE) / noisy(std, EVEN))
    assert found.ratio > 1.2
    return found


REGION = float(-2 * np.log(0.05))
"""95% quantile of the chi-squared distribution with two degrees of freedom."""

LINES = {
    "note's C": (CONTRAST, "solid"),
    "gross proceeds": (LIQUIDITY, "solid"),
    "total cost": ("#4f8a3c", "dash"),
    "net proceeds": ("#a6762f", "dash"),
    "shortfall": (NEUTRAL, "dot"),
}
"""Colour and dash of an account."""


def region(expected: float, deviation: float, episodes: int, points: int = 49) -> tuple[Array, Array]:
    """Outline (points,) of the 95% region of a normal sample's mean and standard deviation, both in $.

    The two are independent; ln(std) has standard error 1/sqrt(2 (n - 1)), so that on a logarithmic axis it is an
    ellipse.
    """
    angle = np.linspace(0, 2 * np.pi, points)
    reach = REGION**0.5
    x = expected + reach * deviation / episodes**0.5 * np.cos(angle)
    y = deviation * np.exp(reach / (2 * (episodes - 1)) ** 0.5 * np.sin(angle))
    return x, y


def mean_std_plane(
    printed: pd.DataFrame, laws: Mapping[str, pd.DataFrame], selected: str, episodes: int = 100
) -> go.Figure:
    """Means and standard deviations that were printed, and where readings would print them; a slider over accounts.

    Args:
        printed: indexed by policy, mean and std [$].
        laws: by account, a frame indexed by the volatility in words, without its unit [$ per sqrt(period)], with a row
            for each reading of it: mean and std [$] of one episode, as columns (policy, "mean") and (policy, "std") for
            the policies "TWAP" and "AC".
        selected: the account that is shown first.
        episodes: n of the printed table.
    """
    plot, first = Plot(), laws[selected]
    for policy in ("TWAP", "AC"):
        x, y = zip(*(_outlines(law, policy, episodes) for law in laws.values()), strict=True)
        colour, name = COLOURS[policy], f"{policy}, 95% of runs of {episodes}"
        fill = clear(colour, 0.16)
        plot.line(Moving(x), Moving(y), colour, 2, fill="toself", fillcolor=fill, name=name, hover=False)
    edge = {"color": "rgba(255,255,255,0.85)", "width": 1}
    for who, row in printed.iterrows():
        mean, std, name = row["mean"], row["std"], f"{who}, printed"
        hover = f"{name}: mean {mean:,.0f}, std {std:,.0f}"
        plot.dots([mean], [std], COLOURS[str(who)], 11, "diamond", marker_line=edge, name=name, hover=hover)
    plot.vline(100_000, width=1)
    beside = {"xref": "paper", "xanchor": "left", "yanchor": "middle", "font": {"size": 11, "color": NEUTRAL}}
    for label, std in first["TWAP", "std"].items():
        plot.note(f"σ = ${label}", 1.01, float(np.log10(std)), **beside)
    plot.slider("counted", laws, list(laws).index(selected))
    plot.x("mean ($)", [97_600, 102_400], tickformat=",.0f")
    stds = np.concatenate([law.xs("std", axis=1, level=1).to_numpy() for law in laws.values()])
    ticks = {tick: f"{tick:,}" for tick in (30, 100, 300, 1000, 3000)}
    plot.y("standard deviation ($)", [0.7 * stds.min(), 1.5 * stds.max()], log=True, ticks=ticks)

    def said(policy: Any, law: pd.Series) -> str:
        return f"{policy} {law['mean']:,.0f} and {law['std']:,.0f}"

    read = (
        f"σ = {label} dollars: " + ", ".join(said(p, row[p]) for p in ("TWAP", "AC")) for label, row in first.iterrows()
    )
    return plot.done(
        "Mean against standard deviation of the four printed rows and of TWAP and AC under readings of the "
        f"volatility, counted as {selected}. {'; '.join(read)}. Printed: "
        f"{'; '.join(said(*row) for row in printed.iterrows())}. A slider chooses among {', '.join(laws)}.",
        height=560,
        margin={"t": 64, "r": 72},
        phone={
            "height": 620,
            "margin": {"t": 130, "r": 52, "l": 54},
            "xaxis": {"tickvals": [98_000, 100_000, 102_000], "title": {"text": "mean ($)"}},
            "annotations": {i: {"text": f"${label}"} for i, label in enumerate(first.index)},
            **SMALL_SLIDER,
        },
    )


def _outlines(law: pd.DataFrame, policy: str, episodes: int) -> tuple[list[float | None], list[float | None]]:
    """The borders of a policy's `region`, a row of the law each, across and up."""
    borders = [region(mean, std, episodes) for mean, std in law[[(policy, "mean"), (policy, "std")]].to_numpy()]
    return bundle(across.round(1) for across, _ in borders), bundle(up.round(2) for _, up in borders)


def figures_by_volatility(counts: pd.DataFrame, named: Mapping[str, float], total: int) -> go.Figure:
    """How many of the printed figures a reading produces, against the volatility of the price.

    Args:
        counts: indexed by sigma [$ per sqrt(period)], a column an account (keys of `LINES`).
        named: sigma by the words that it is a reading of, ascending.
        total: how many figures there are.
    """
    plot, sigma = Plot(), counts.index.to_numpy(dtype=np.float64)
    above = {"yref": "paper", "xanchor": "center", "yanchor": "bottom", "textangle": -90, "font": {"size": 11}}
    for words, value in named.items():
        plot.vline(value, width=1)
        plot.note(words, float(np.log10(value)), 1.01, **above)
    for account in counts.columns:
        colour, dash = LINES[account]
        hover = f"{account}, σ = $%{{x:.3f}}: %{{y}} of {total}"
        plot.line(sigma.round(5), counts[account].to_numpy(), colour, dash=dash, shape="hvh", name=account, hover=hover)
    ticks = {tick: f"{tick:g}" for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)}
    plot.x("volatility of the price ($ per √period)", [sigma[0], sigma[-1]], log=True, ticks=ticks)
    plot.y(f"printed figures produced, of {total}", [0, total + 0.6], dtick=4)
    width = 300 / float(np.log10(sigma[-1] / sigma[0]))  # pixels a decade of the plot on a phone
    there, shifts = -np.inf, []
    for value in named.values():
        here = float(np.log10(value)) * width
        there = max(here, there + 12)  # a line of text apart
        shifts.append(round(there - here, 1))
    first = counts.idxmax().to_dict()
    peaks = (
        f"{account} has at most {most}, first at {first[account]:.2f} dollars" for account, most in counts.max().items()
    )
    return plot.done(
        f"Number of the {total} printed figures that are produced, against the volatility of the price: "
        f"{'; '.join(peaks)}. Marked: {'; '.join(f'{words} at {value:.2f}' for words, value in named.items())}.",
        height=570,
        margin={"t": 160, "b": 110},
        legend={"y": -0.24, "yanchor": "top"},
        phone={
            "height": 590,
            "margin": {"t": 164, "b": 150, "l": 50, "r": 12},
            "xaxis": {"tickvals": [0.02, 0.1, 0.5, 2], "ticktext": ["0.02", "0.1", "0.5", "2"]},
            "annotations": {i: {"font": {"size": 10}, "xshift": shift} for i, shift in enumerate(shifts)},
            "legend": {"y": -0.2},
        },
    )
