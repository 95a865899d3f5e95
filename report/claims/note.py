"""The original note's claims, a function each, which measures it where the truth is known.

Schedules and agents are those of the normal market, unless they are said to be told of another. In the note's protocol
agents learn from a log of TWAP alone; agents that learned from mixed schedules are measured beside them.
"""

from __future__ import annotations

import numpy as np

from optexec import stress
from optexec.almgren_chriss import urgency
from optexec.evaluation import Estimate, mean, standard_deviation, tail_mean
from optexec.observation import Columns, stacked
from optexec.offline import scoring
from optexec.offline.data import behaviour, collect
from optexec.optimum import exact_value, optimum
from optexec.policies import Schedule, almgren_chriss, exact_objective, twap
from optexec.presets import almgren_chriss_2000, reference, stochastic
from optexec.presets import stress as scenarios
from optexec.problem import Problem
from optexec.simulator import Policy, simulate
from report.agents import published
from report.agents.protocol import LOGS
from report.claims.measures import (
    CONSTANT,
    CRITICS,
    MIXED,
    NORMAL,
    OPTIMAL,
    SCATTERED,
    SEED,
    TWAPS,
    agents,
    change_of_cost,
    exactly,
    excess,
    less,
    of_learners,
    over_agents,
    percent_change,
    sampled,
    scattered,
    shortfalls,
    title,
)
from report.claims.verdicts import Effect, Measured, claim

# The note's "Closed-form solution" and "Assumptions".


@claim(
    "Risk-neutral (λ=0): Uniform liquidation (TWAP)",
    "J of TWAP above the exact optimum's at λ = 0, in percent; optimal is within 0.01%",
    "% of J*",
)
def twap_neutral(n: int) -> Measured:
    """TWAP at lambda = 0, in the closed form's world and outside it."""
    calm, random = (problem.replace(risk_aversion=0.0) for problem in (reference(), stochastic()))
    return Measured(
        (exactly(CONSTANT, excess(calm, twap(calm)), OPTIMAL),),
        (exactly("stochastic liquidity", excess(random, twap(random)), OPTIMAL),),
    )


@claim(
    "Risk-averse (λ>0): Exponential trajectory with urgency κ = √(λσ²/η)",
    "J of holdings X exp(−κk), the rest sold last, above the optimum's; optimal is within 0.01%",
    "% of J*",
)
def exponential(n: int) -> Measured:
    """The trajectory as the note writes it, at the note's horizon and at three times it."""

    def of(problem: Problem, kappa: float) -> float:
        held = problem.order.shares * np.exp(-kappa * np.arange(problem.order.periods + 1))
        held[-1] = 0.0
        return excess(problem, Schedule(problem, -np.diff(held)))

    calm = reference()
    kappa = float(np.sqrt(calm.risk_aversion * calm.market.volatility**2 / calm.market.temporary))
    long = calm.replace(periods=3 * calm.order.periods)
    return Measured(
        (exactly("the note's horizon", of(calm, kappa), OPTIMAL),),
        (
            exactly("three times the horizon with the note's κ", of(long, kappa), OPTIMAL),
            exactly("three times the horizon with the κ of discrete time", of(long, urgency(long)), OPTIMAL),
        ),
    )


@claim(
    "AC optimal under stated assumptions",
    "J of the Almgren–Chriss schedule above the exact optimum's; optimal is within 0.01%",
    "% of J*",
)
def ac_optimal(n: int) -> Measured:
    """Almgren-Chriss under its assumptions, and where liquidity is random."""
    worlds = {CONSTANT: reference(), "the example of Almgren and Chriss": almgren_chriss_2000()}
    random = stochastic()
    return Measured(
        tuple(exactly(name, excess(world, almgren_chriss(world)), OPTIMAL) for name, world in worlds.items()),
        (exactly("stochastic liquidity", excess(random, almgren_chriss(random)), OPTIMAL),),
    )


@claim(
    "Fails under stochastic liquidity",
    "J of the Almgren–Chriss schedule above the exact optimum's, in percent; to fail is to cost twice as much",
    "% of J*",
)
def ac_random(n: int) -> Measured:
    """What stochastic liquidity takes from the closed form."""
    problem, told = stochastic(), scenarios()["extreme_shocks_95"]
    fails = (100.0, np.inf)
    return Measured(
        (exactly(NORMAL, excess(problem, almgren_chriss(problem)), fails, 1),),
        (exactly("shocks of 95%", excess(told, almgren_chriss(told)), fails, 1),),
    )


@claim(
    "Cannot adapt to regime shifts",
    "J of the Almgren–Chriss schedule above the optimum's where liquidity switches between regimes: more than none",
    "% of J*",
)
def ac_regimes(n: int) -> Measured:
    """What a schedule loses where liquidity has regimes."""
    problem = scenarios()["regimes"]
    return Measured((exactly("regimes of liquidity", excess(problem, almgren_chriss(problem)), (0.0, np.inf), 1),))


@claim(
    "Requires known parameters",
    "Rise of J when Almgren–Chriss is planned with one parameter half or twice of what it is: more than none",
    "% of J",
)
def ac_parameters(n: int) -> Measured:
    """Regret of the schedule, a parameter at a time."""
    problem = stochastic()
    right = exact_objective(problem, almgren_chriss(problem))
    wrong = {
        f"{symbol} {word}": problem.replace(**{field: factor * getattr(problem.market, field)})
        for field, symbol in (("volatility", "σ"), ("temporary", "η"))
        for factor, word in ((0.5, "half"), (2.0, "twice"))
    }
    return Measured(
        tuple(
            exactly(name, 100 * (exact_objective(problem, almgren_chriss(belief)) / right - 1), (0.0, np.inf), 1)
            for name, belief in wrong.items()
        )
    )


# The note's "Stochastic Extension" and "Offline RL".


@claim(
    "RL agents learn state-dependent policies from offline data",
    "Elasticity of the fraction sold to liquidity, from L = 0.8 to 1.2 in period 5 (0: a schedule, 1: sells in "
    "proportion); at least a half",
    "",
)
def rl_reacts(n: int) -> Measured:
    """Whether the agents' actions depend on the state that matters."""
    periods = stochastic().order.periods
    seen = stacked(Columns(1.0, (periods - 5) / periods, 1.0, 0.02, np.array([0.8, 1.2]), 0.0), 2)

    def elasticity(agent: Policy) -> float:
        low, high = agent.act(seen)
        return float(np.log(high / low) / np.log(1.2 / 0.8))

    return of_learners(elasticity, (0.5, np.inf), 1)


@claim(
    "Both methods constrain policies to offline data support, preventing out-of-distribution actions",
    "Share of decisions, weighted by squared holdings, outside the central 98% of the log's fractions in their period: "
    "at most 2%",
    "%",
)
def constraints(n: int) -> Measured:
    """How often agents leave what was logged, in their market and after it changed."""
    normal = stochastic()

    def outside(name: str, market: str) -> list[float]:
        problem, shares = normal if market == "normal" else scenarios()[market], []
        for agent, log in zip(agents(f"{name}-mixture-8logs", market), LOGS, strict=True):
            logged = collect(normal, "mixture", seed=log).fractions.reshape(-1, normal.order.periods)[:, :-1]
            bottom, top = np.quantile(logged, [0.01, 0.99], axis=0)
            run = simulate(problem, agent, n, SEED)
            held, sold = run.inventory[:, :-2], run.trades[:, :-1]
            fraction = np.divide(sold, held, out=np.zeros_like(sold), where=held > 0)
            left = (fraction < bottom) | (fraction > top)
            shares.append(100 * float((held**2 * left).sum() / (held**2).sum()))
        return shares

    return Measured(
        tuple(
            over_agents(f"{label}, {title(market)}", outside(name, market), (0.0, 2.0))
            for market in ("normal", "liquidity_collapse", "combined", "extreme_shocks_95")
            for name, label in CRITICS.items()
        )
    )


@claim(
    "AC-Averse has mean cost 100,350 against TWAP's 100,250",
    "Mean total cost of the risk-averse schedule above TWAP's, claimed 0.1%",
    "% of total cost",
)
def averse_dearer(n: int) -> Measured:
    """What aversion to risk costs on average."""
    problem, claimed = stochastic(), (100 * (100_350 / 100_250 - 1), np.inf)
    return Measured((exactly(NORMAL, change_of_cost(problem, almgren_chriss(problem), twap(problem)), claimed, 1),))


@claim(
    "AC-Averse has standard deviation 1,290 against TWAP's 1,850",
    "Standard deviation of IS of the risk-averse schedule against TWAP's, paired; claimed −30%",
    "%",
)
def averse_std(n: int) -> Measured:
    """Whether aversion to price risk steadies the cost."""
    claimed = (-np.inf, 100 * (1290 / 1850 - 1))

    def effect(market: str, problem: Problem, plan: Schedule) -> Effect:
        averse, even = (standard_deviation(shortfalls(problem, policy, n)) for policy in (plan, twap(problem)))
        return sampled(market, percent_change(averse, even), claimed, -1)

    normal, calm = stochastic(), reference()
    return Measured(
        (effect(NORMAL, normal, almgren_chriss(normal)),),
        (
            effect(CONSTANT, calm, almgren_chriss(calm)),
            effect(SCATTERED, scattered(), almgren_chriss(normal)),
        ),
    )


@claim(
    "RL agents reduce mean cost by 0.3-0.4%",
    "Mean total cost against TWAP's, X S₀ + E[IS], claimed −0.3% to −0.4%",
    "% of total cost",
)
def rl_mean(n: int) -> Measured:
    """Whether agents are cheaper than TWAP on average; E[IS] of an agent is exact."""
    problem = stochastic()
    return of_learners(lambda agent: change_of_cost(problem, agent, twap(problem)), (-np.inf, -0.3), -1)


@claim(
    "BCQ has mean cost 99,850 against TD3+BC's 99,920",
    "Mean total cost of BCQ's agents less that of TD3+BC's, as agents of one log; claimed −0.07%",
    "% of total cost",
)
def bcq_td3(n: int) -> Measured:
    """Which learner is cheaper on average; both sets of agents are resampled."""
    problem, claimed = stochastic(), (-np.inf, 100 * (99_850 / 99_920 - 1))

    def effect(study: str, log: str) -> Effect:
        costs = (
            np.array([change_of_cost(problem, agent, twap(problem)) for agent in agents(f"{name}-{study}")])
            for name in ("bcq", "td3bc")
        )
        return Effect.of(log, scoring.difference(*costs), claimed, -1)

    return Measured((effect("twap-data0", TWAPS),), (effect("mixture-8logs", MIXED),))


@claim(
    "while maintaining comparable variance",
    "Standard deviation of IS against TWAP's, paired; comparable is within the note's own 10.8%",
    "%",
)
def rl_std(n: int) -> Measured:
    """Whether agents' costs scatter as TWAP's do."""
    problem = stochastic()
    even = standard_deviation(shortfalls(problem, twap(problem), n))
    margin = 100 * (1 - 1650 / 1850)

    def against_twap(agent: Policy) -> Estimate:
        return percent_change(standard_deviation(shortfalls(problem, agent, n)), even)

    return of_learners(against_twap, (-margin, margin))


@claim(
    "RL outperforms under stochastic liquidity",
    "J against that of the Almgren–Chriss schedule: less",
    "% of J",
)
def rl_random(n: int) -> Measured:
    """Whether agents beat the closed form on what both are to minimise; exact for each agent."""
    problem = stochastic()
    base = exact_objective(problem, almgren_chriss(problem))
    return of_learners(lambda agent: 100 * (exact_value(problem, agent) / base - 1), (-np.inf, 0.0), -1)


# The note's "Stress Tests". Agents and schedules are those of the normal market, unless they are said to be told.


def _rl_against_ac(key: str, size: float) -> Measured:
    """Mean total cost of agents against the uninformed Almgren-Chriss schedule's in a scenario."""
    problem, plan = scenarios()[key], almgren_chriss(stochastic())
    claimed = (-np.inf, -size)

    def effect(agent: Policy) -> float:
        return change_of_cost(problem, agent, plan)

    found = of_learners(effect, claimed, -1, key)
    there = tuple(
        over_agents(f"{label}, trained there", map(effect, agents(f"{name}-{key}-mixture-4logs", key)), claimed, -1)
        for name, label in CRITICS.items()
    )
    return Measured(found.tests, (*found.elsewhere, *there))


@claim(
    "Liquidity collapse: RL, 1.3% cost reduction vs AC",
    "Mean total cost of agents against the risk-averse schedule's, neither told of the collapse; claimed −1.3%",
    "% of total cost",
)
def collapse(n: int) -> Measured:
    """The note's first stress claim."""
    return _rl_against_ac("liquidity_collapse", 1.3)


@claim(
    "AC-Averse optimal for high volatility",
    "J above the told optimum's in the volatility spike, the schedule told of it; optimal is within 0.01%",
    "% of J*",
)
def spike_best(n: int) -> Measured:
    """Whether the risk-averse schedule is what high volatility asks for."""
    problem = scenarios()["volatility_spike"]
    calm = reference().replace(volatility=problem.market.volatility)
    return Measured(
        (exactly("volatility spike, told", excess(problem, almgren_chriss(problem)), OPTIMAL),),
        (
            exactly("volatility spike, not told", excess(problem, almgren_chriss(stochastic())), OPTIMAL),
            exactly("constant liquidity, told", excess(calm, almgren_chriss(calm)), OPTIMAL),
        ),
    )


@claim(
    "Volatility spike: AC-Averse, 30% variance reduction",
    "Variance of IS of the risk-averse schedule against TWAP's in the spike, paired; claimed −30%",
    "%",
)
def spike_variance(n: int) -> Measured:
    """What a schedule that minds risk does to it when there is a lot of it."""
    problem = scenarios()["volatility_spike"]
    even = standard_deviation(shortfalls(problem, twap(problem), n)).squared()
    plans = {"not told": almgren_chriss(stochastic()), "told": almgren_chriss(problem)}
    return Measured(
        tuple(
            sampled(
                f"volatility spike, {name}",
                percent_change(standard_deviation(shortfalls(problem, plan, n)).squared(), even),
                (-np.inf, -30.0),
                -1,
            )
            for name, plan in plans.items()
        )
    )


@claim(
    "Impact regime shift: RL, 2% cost reduction vs AC",
    "Mean total cost of agents against the risk-averse schedule's, neither told of the shift; claimed −2%",
    "% of total cost",
)
def impact_shift(n: int) -> Measured:
    """The note's second claim of RL under stress."""
    return _rl_against_ac("impact_shift", 2.0)


@claim(
    "Liquidity shocks: AC-Averse, lower tail risk",
    "Mean of the worst 5% of IS of the risk-averse schedule less TWAP's, paired: below zero",
    "$",
)
def shock_tail(n: int) -> Measured:
    """Whether aversion to price risk protects against liquidity's shocks."""

    def effect(market: str, problem: Problem) -> Effect:
        plans = almgren_chriss(stochastic()), twap(problem)
        averse, even = (tail_mean(shortfalls(problem, plan, n)) for plan in plans)
        return sampled(market, less(averse, even), (-np.inf, 0.0), -1)

    shocks = scenarios()["liquidity_shocks"]
    wild = shocks.replace(volatility=scattered().market.volatility)
    return Measured(
        (effect("liquidity shocks", shocks),),
        (effect(CONSTANT, reference()), effect(f"liquidity shocks with {SCATTERED}", wild)),
    )


@claim(
    "All strategies fail under extreme shocks (>80% liquidity drop)",
    "Rise of mean IS over the normal market's for the policy that is hurt least; to fail is +100%, or, under a cap, "
    "to leave more than 1% unsold in over 5% of episodes",
    "%",
)
def all_fail(n: int) -> Measured:
    """Whether shocks beyond 80% break every policy, by the criterion of the stress tests."""
    normal = stochastic()

    def policies(market: str) -> dict[str, Policy]:
        learners = {label: agents(f"{name}-mixture-8logs", market)[0] for name, label in CRITICS.items()}
        return {name: make(normal) for name, make in stress.PLANNERS.items()} | learners

    usual = {name: mean(shortfalls(normal, policy, n)) for name, policy in policies("normal").items()}
    tests = []
    for percent in (90, 95):
        market = f"extreme_shocks_{percent}"
        rises = {
            name: percent_change(mean(shortfalls(scenarios()[market], policy, n)), usual[name])
            for name, policy in policies(market).items()
        }
        least = min(rises, key=lambda name: rises[name].value)
        tests.append(sampled(f"{title(market)} ({least})", rises[least], (100.0, np.inf), 1))
    capped = scenarios()["extreme_shocks_90"].replace(max_participation=0.007, leftover_haircut=1.0)
    unfinished = [
        mean((simulate(capped, policy, n, SEED).completion < 0.99).astype(np.float64)) * 100
        for policy in policies("extreme_shocks_90").values()
    ]
    cap = "shocks of 90% under a cap, policies that were not told (unfinished)"
    fewest = min(unfinished, key=lambda share: share.value)
    return Measured(tuple(tests), (sampled(cap, fewest, (5.0, np.inf), 1),))


# The note's "Failure modes".


@claim(
    "RL generalizes poorly to out-of-distribution regimes",
    "J of agents from the normal market above that of agents trained in the scenario; poorly is by 5% of the optimum's",
    "% of J*",
)
def rl_elsewhere(n: int) -> Measured:
    """What it costs TD3+BC not to have been there, scenario by scenario; from the published scores."""
    manifest, tests = published.manifest(), []
    away = manifest["td3bc-mixture-8logs"]["elsewhere"]
    for key, problem in scenarios().items():
        there = next(name for logs in (8, 4) if (name := f"td3bc-{key}-mixture-{logs}logs") in manifest)
        best = optimum(problem).value
        pair = [100 / best * np.array(entry["scores"]["objective"]) for entry in (away[key], manifest[there])]
        tests.append(Effect.of(title(key), scoring.difference(*pair), (5.0, np.inf), 1))
    return Measured(tuple(tests))


@claim(
    "AC cannot adapt to parameter changes",
    "What is left of the uninformed schedule's excess over the told optimum once it is planned again with the new "
    "parameters; claimed is all of it",
    "%",
)
def ac_change(n: int) -> Measured:
    """Whether a closed form that is solved again has adapted."""
    tests = []
    for key in ("volatility_spike", "impact_shift", "liquidity_collapse"):
        problem = scenarios()[key]
        before, after = (excess(problem, almgren_chriss(belief)) for belief in (stochastic(), problem))
        tests.append(exactly(title(key), 100 * after / before, (100.0, np.inf), 1))
    return Measured(tuple(tests))


@claim(
    "Offline RL quality bounded by behavior policy",
    "J of agents below that of the best policy in their log; bounded is by no more than 0.5%",
    "% of J",
)
def rl_bounded(n: int) -> Measured:
    """Whether agents can be better than what they learned from, for a log of one policy and of several."""
    problem = stochastic()
    arms = [exact_value(problem, arm) for arm in behaviour(problem, "mixture").arms.values()]
    bounded = (-np.inf, 0.5)

    def gains(study: str, base: float) -> list[float]:
        return [100 * (1 - exact_value(problem, agent) / base) for agent in agents(study)]

    even = exact_objective(problem, twap(problem))
    return Measured(
        tuple(
            over_agents(f"{label}, {log}", gains(f"{name}-{study}", base), bounded)
            for study, log, base in (("twap-data0", TWAPS, even), ("mixture-8logs", MIXED, min(arms)))
            for name, label in CRITICS.items()
        )
    )
