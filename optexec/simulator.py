"""The market as a program: noise drawn first, one transition, whole batches of episodes.

`optexec.noise` fixes everything random of an episode before the first trade; `step` is the only text of the dynamics
and works on floats (the single environment) and arrays (everything else); `simulate` runs a policy over a batch.

Prices inside are those of a sale, as displacements from S_0. A buy is the mirror image: `Episodes` and observations
flip the sign of the displacement, and nothing else changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from optexec._threads import Crew
from optexec._validate import brief, integer
from optexec.liquidity import log_ou
from optexec.noise import BLOCK, OWN, PRICE, SLIPPAGE, Drawing, Noise, Shock, next_variance
from optexec.observation import TOLERANCE, Observation, observe, stacked
from optexec.problem import Problem

__all__ = ["Episodes", "Outcome", "Policy", "State", "simulate", "step"]

Array = NDArray[np.float64]
Number = TypeVar("Number", float, Array)

BATCH = 5 * BLOCK
"""Episodes that a policy acts in at once: few enough to stay in the processor's cache. What a policy that draws random
numbers as it acts does depends on it."""

CHUNK = 2 * BATCH
"""Episodes whose noise is drawn at once: enough to be shared out among threads."""

FARTHEST = 1e6
"""A wish that is infeasible by more than this many times the inventory is clipped by this many times."""


class State(NamedTuple):
    """What a period starts from; floats or arrays (n,)."""

    period: int
    """k"""
    inventory: Any
    """x_k [shares]"""
    displacement: Any
    """S_k - S_0 of a sale [$/share]"""
    transient: Any
    """I_k [$/share]"""


class Outcome(NamedTuple):
    """What a period did; floats or arrays (n,)."""

    trade: Any
    """v_k [shares]"""
    fill: Any
    """P_k - S_0 of a sale [$/share]"""
    clipped: Any
    """shares by which the wish was clipped"""


def step(problem: Problem, state: State, action: Any, shock: Shock) -> tuple[State, Outcome]:
    """One period of the market: the only place where the dynamics are written.

    x_{k+1} = x_k - v_k;  S_{k+1} = S_k + price_k - gamma v_k;  P_k = S_k - I_k - (eta + q/2) v_k / L_k - half_spread -
    slippage_k;  I_{k+1} = (I_k + q v_k / L_k) D_k, or with another power of L_k (`Problem.depth`). The trade is v_k =
    a_k x_k clipped to what the order allows; in the
    last period the wish is replaced by 1. A wish is clipped by at most `FARTHEST` times the inventory, so that what a
    finite wish costs is finite.

    Args:
        problem: the order and market.
        state: floats, or arrays (n,).
        action: wish a_k as a fraction of the remaining inventory, like the state's fields.
        shock: the period's noise, like the state's fields.

    Returns:
        The next state and the period's outcome.
    """
    order, market = problem.order, problem.market
    k, inventory, displacement, transient = state
    lesser: Callable[..., Any]
    greater: Callable[..., Any]
    lesser, greater = (np.minimum, np.maximum) if isinstance(inventory, np.ndarray) else (min, max)

    last = k == order.periods - 1
    fraction, beyond = _allowed(1.0 if last else action, order.max_fraction)
    trade = fraction * inventory
    clipped = (0.0 if last else beyond) * inventory
    if order.max_participation is not None:
        cap = order.max_participation * market.volume * shock.liquidity
        if not last:
            clipped = clipped + greater(trade - cap, 0.0)
        trade = lesser(trade, cap)

    relative = trade / problem.depth(shock.liquidity)
    paid = market.instantaneous * relative
    paid += shock.slippage
    fill = displacement - (paid + market.half_spread if market.half_spread else paid)
    if market.transient:
        fill = fill - transient
        transient = (transient + market.transient * relative) * shock.decay
    moved = displacement + shock.price
    moved -= market.permanent * trade
    return State(k + 1, inventory - trade, moved, transient), Outcome(trade, fill, clipped)


def _allowed(wish: Any, most: float) -> tuple[Any, Any]:
    """The fraction from 0 to ``most`` that is nearest to a wish, and by how much the wish is beyond it."""
    if not isinstance(wish, np.ndarray):
        fraction = min(max(wish, 0.0), most)
        return fraction, min(abs(wish - fraction), FARTHEST)
    if wish.min() >= 0.0 and wish.max() <= most:  # as nearly always
        return wish, 0.0
    fractions = wish.clip(0.0, most)
    return fractions, np.minimum(abs(wish - fractions), FARTHEST)


def violated(state: State, outcome: Outcome) -> Any:
    """Whether the wish was infeasible: clipped by more than rounding, bool or array (n,)."""
    return outcome.clipped > TOLERANCE * state.inventory


def cost_parts(problem: Problem, state: State, outcome: Outcome, after: State, shock: Shock) -> dict[str, Any]:
    """The period's part of the implementation shortfall, by cause [$]; floats or arrays (n,).

    Summed over the parts this is x_{k+1} (S_k - S_{k+1}) + v_k (S_k - P_k), the loss of a book marked to market, plus
    the haircut on what is left after the last period; summed over the periods it is IS.

    - spread: v half_spread; temporary: eta v^2/D; transient: v (I + (q/2) v/D); permanent: x_{k+1} gamma v;
    - slippage: v slippage_k; timing: -x_{k+1} sigma s_k sqrt(dt) eps_k; both have conditional mean zero;
    - leftover: haircut times what is left, in the last period.
    """
    market, trade = problem.market, outcome.trade
    relative, nothing = trade / problem.depth(shock.liquidity), 0.0 * trade
    last = state.period == problem.order.periods - 1
    return {
        "spread": market.half_spread * trade if market.half_spread else nothing,
        "temporary": market.temporary * trade * relative,
        "transient": trade * (state.transient + market.transient / 2 * relative) if market.transient else nothing,
        "permanent": market.permanent * trade * after.inventory,
        "slippage": trade * shock.slippage,
        "timing": -after.inventory * shock.price,
        "leftover": problem.haircut * after.inventory if last else nothing,
    }


@runtime_checkable
class Policy(Protocol):
    """Anything that maps observations to wishes.

    A policy whose action depends on the period alone may carry its wishes as ``open_loop`` (N,), and one whose action
    depends on the period and observed liquidity alone may have ``of_liquidity(k, L)``, its wishes (n,) in period k at L
    (n,): `simulate` then builds no observations. Every policy of this package answers a single observation (6,) with a
    single number; `simulate` asks none for that. A policy that remembers may have ``reset(n)``, called before each
    batch of n new episodes. A policy that was made for one order may say so by ``made_for``, the fields of
    `optexec.Order` that its numbers depend on with their values: it is refused where the order has others.
    """

    def act(self, observation: Observation) -> Array:
        """Wishes (n,) as fractions of remaining inventory, from observations (n, 6)."""


def check_acts(policy: Any, name: str = "policy", allowed: str = "a policy") -> None:
    """Refuse what is no policy.

    Raises:
        TypeError: no object with a method ``act``.
    """
    if isinstance(policy, type) or not callable(getattr(policy, "act", None)):
        made = f"the class {policy.__name__}: make one of it" if isinstance(policy, type) else repr(policy)
        raise TypeError(
            f"{name} must be {allowed}, an object with a method act, got {made} "
            "(act gives fractions (n,) for observations (n, 6); optexec.twap(problem) is one)"
        )


def check_policy(problem: Any, policy: Any, name: str = "policy") -> None:
    """Refuse what is no policy, or one that was made for another order.

    Raises:
        TypeError: no problem, or no object with a method ``act``.
        ValueError: its ``made_for`` differs from the problem's order; both are named.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be an optexec.Problem, got {problem!r}")
    check_acts(policy, name)
    open_loop, periods = getattr(policy, "open_loop", None), problem.order.periods
    made_for: Mapping[str, Any] = getattr(policy, "made_for", {})
    if any(getattr(problem.order, field) != value for field, value in made_for.items()):
        orders = [
            ", ".join(f"{field} = {value!r}" for field, value in fields.items())
            for fields in (made_for, {field: getattr(problem.order, field) for field in made_for})
        ]
        raise ValueError(
            f"{name} was made for an order with {orders[0]}, but problem.order has {orders[1]}: "
            f"make the {type(policy).__name__} for this order"
        )
    if open_loop is not None and len(open_loop) != periods:
        raise ValueError(f"{name} has open_loop for {len(open_loop)} periods, but order.periods is {periods}")


def implied_level(problem: Problem, previous: Any, state: State, outcome: Outcome) -> Any:
    """Liquidity level (without profile) implied by a fill, for a trader who sees neither L nor I.

    L^b = (eta + q/2) v / (S - P - half_spread), divided by the period's profile. A fill that implies nothing (no trade,
    or a price at least as good as the mid less the spread) leaves the previous value; so does every fill where b = 0.
    """
    impact, exponent = state.displacement - outcome.fill - problem.market.half_spread, problem.market.depth_exponent
    informative = (impact > 0) & (outcome.trade > 0) & (exponent > 0)
    numerator = problem.market.instantaneous * outcome.trade / problem.depth(problem.profile[state.period])
    root = 1 / exponent if exponent else 0.0
    if isinstance(impact, np.ndarray):
        depth = np.where(informative, numerator / np.where(informative, impact, 1.0), 1.0)
        return np.where(informative, depth if root == 1 else depth**root, previous)
    return (numerator / impact) ** root if informative else previous


@dataclass(frozen=True, eq=False)
class Episodes:
    """A batch of n simulated programs.

    Attributes:
        inventory: x_k (n, N+1) [shares].
        trades: v_k (n, N) [shares].
        mid: S_k (n, N+1) [$/share].
        fills: P_k (n, N) [$/share].
        liquidity: L_k (n, N), process times profile.
        seen: what a policy that observes liquidity was shown of it (n, N): L_k, or for `optexec.LogOU` its forecast.
        transient: I_k (n, N) at the start of each period [$/share].
        shortfall: IS (n,) = sum_k v_k (S_0 - P_k) + leftover (S_0 - S_N + haircut), mirrored for a buy [$].
        running_risk: lambda sigma^2 dt sum_k s_k^2 x_{k+1}^2 (n,) [$].
        violations: infeasible wishes (n,) counts.
        clipped: shares by which wishes were clipped (n,).
    """

    problem: Problem
    inventory: Array
    trades: Array
    mid: Array
    fills: Array
    liquidity: Array
    seen: Array
    transient: Array
    shortfall: Array
    running_risk: Array
    violations: Array
    clipped: Array

    __repr__ = brief

    @classmethod
    def empty(cls, problem: Problem, n: int) -> Episodes:
        """Room for n episodes, period by period in memory; what a simulation may leave untouched is 0."""
        periods = problem.order.periods
        rows = np.cumsum([periods + 1, periods + 1, periods, periods])
        inventory, mid, trades, fills, liquidity = np.split(np.empty((rows[-1] + periods, n)), rows)
        none = np.broadcast_to(0.0, (periods, n))  # takes no memory
        transient, totals = np.zeros((periods, n)) if problem.market.transient else none, np.zeros((4, n))
        seen = np.empty((periods, n)) if log_ou(problem.market.liquidity) else liquidity
        return cls(problem, inventory.T, trades.T, mid.T, fills.T, liquidity.T, seen.T, transient.T, *totals)

    def window(self, low: int, high: int) -> Episodes:
        """Episodes ``low`` to ``high - 1``, sharing memory."""
        arrays = (getattr(self, field.name)[low:high] for field in dataclasses.fields(self) if field.name != "problem")
        return Episodes(self.problem, *arrays)

    @property
    def leftover(self) -> Array:
        """What is unsold after the last period, x_N (n,) [shares]."""
        return self.inventory[:, -1]

    @property
    def completion(self) -> Array:
        """Traded share of the order (n,), 1 when all was traded."""
        return 1.0 - self.leftover / self.problem.order.shares

    @cached_property
    def expected_shortfall(self) -> Array:
        """Conditional mean of IS given liquidity, decay and trades (n,) [$], price and slippage noise averaged out.

        sum_k [x_{k+1} gamma v_k + v_k (I_k + (eta + q/2) v_k / D_k + half_spread)] + leftover haircut. Its mean over
        episodes estimates the same E[IS] as ``shortfall`` with far less noise.
        """
        market, total = self.problem.market, self.leftover * self.problem.haircut
        for k in range(self.trades.shape[1]):
            v = self.trades[:, k]
            depth = self.problem.depth(self.liquidity[:, k])
            paid = market.instantaneous * v / depth + self.transient[:, k] + market.half_spread
            total += v * (paid + market.permanent * self.inventory[:, k + 1])
        return total

    @property
    def objective(self) -> Array:
        """Conditional mean of IS plus running risk (n,) [$]; its mean over episodes is J."""
        return self.expected_shortfall + self.running_risk


def simulate(
    problem: Problem,
    policy: Policy,
    episodes: int = 100,
    seed: int = 42,
    *,
    first: int = 0,
    observe_liquidity: bool = True,
    threads: int | None = None,
) -> Episodes:
    """Run a policy on the shocks of a seed.

    Args:
        problem: the order and market.
        policy: anything with ``act``.
        episodes: n >= 1.
        seed: >= 0; the same seed gives every policy the same shocks.
        first: index of the first episode; episodes 100 to 199 of a seed are the same alone or after the first 100.
        observe_liquidity: whether the policy sees L (of `optexec.LogOU` its forecast) and I; without, it sees the level
            implied by its last fill (the long-run mean before there is one) and 0.
        threads: how many draw the noise, >= 1; None for as many as there are cores. The episodes are the same bits for
            any number, and the policy acts in the caller's thread.

    Returns:
        Episodes with arrays (n, N) and (n, N+1).

    Raises:
        TypeError: no policy, or one whose actions are no real numbers.
        ValueError: the policy was made for another order or returned a non-finite or wrongly shaped action, or the
            numbers overflowed.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> episodes = ox.simulate(problem, ox.twap(problem), episodes=3, seed=42)
        >>> episodes.trades.shape, episodes.completion
        ((3, 20), array([1., 1., 1.]))
    """
    check_policy(problem, policy)
    episodes, first = integer("episodes", episodes, minimum=1), integer("first", first, minimum=0)
    result = Episodes.empty(problem, episodes)
    with Crew(threads) as crew:

        def begun(low: int) -> tuple[Episodes, Drawing]:
            into = result.window(low, min(low + CHUNK, episodes))
            room = {PRICE: into.mid.T[1:], SLIPPAGE: into.fills.T, OWN: into.liquidity.T}  # what becomes of them
            return into, Drawing(problem, len(into.shortfall), seed, first + low, crew, room)

        coming = begun(0)
        for low in range(0, episodes, CHUNK):
            into, drawing = coming
            noise = drawing.finish()
            if low + CHUNK < episodes:
                coming = begun(low + CHUNK)
            for start in range(0, len(into.shortfall), BATCH):
                part = noise.columns(slice(start, start + BATCH))
                _play(problem, policy, part, observe_liquidity, into.window(start, start + BATCH))
    return result


def rollout(problem: Problem, policy: Policy, noise: Noise, *, observe_liquidity: bool = True) -> Episodes:
    """Run a policy on noise that was drawn before; `simulate` without the drawing."""
    check_policy(problem, policy)
    result = Episodes.empty(problem, noise.price.shape[1])
    _play(problem, policy, noise, observe_liquidity, result)
    return result


_PLAYING: ContextVar[bool] = ContextVar("_PLAYING", default=False)


def _play(problem: Problem, policy: Policy, noise: Noise, observe_liquidity: bool, into: Episodes) -> None:
    """Run a policy on drawn noise and write what happens ``into`` as many episodes.

    A simulation inside another, by a policy that simulates, has a context of its own: what a policy of this package
    remembers of the outer one stays as it was.
    """
    if _PLAYING.get():
        copy_context().run(_write, problem, policy, noise, observe_liquidity, into)
        return
    outermost = _PLAYING.set(True)
    try:
        _write(problem, policy, noise, observe_liquidity, into)
    finally:
        _PLAYING.reset(outermost)


def _write(problem: Problem, policy: Policy, noise: Noise, observe_liquidity: bool, into: Episodes) -> None:
    displace = np.add if problem.order.side == "sell" else np.subtract
    inventory, mid, trades, fills = into.inventory.T, into.mid.T, into.trades.T, into.fills.T
    inventory[0], mid[0] = problem.order.shares, problem.market.price
    into.liquidity.T[:] = noise.liquidity
    if log_ou(problem.market.liquidity):
        into.seen.T[:] = noise.seen
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is an error later, with a message
        shortfall: Any = 0.0
        squares: Any = 0.0
        even = problem.market.volatility_profile is None
        for state, outcome, after in _periods(problem, policy, noise, observe_liquidity):
            k = state.period
            inventory[k + 1], trades[k] = after.inventory, outcome.trade
            displace(problem.market.price, after.displacement, out=mid[k + 1])
            displace(problem.market.price, outcome.fill, out=fills[k])
            shortfall -= outcome.trade * outcome.fill
            square = after.inventory * after.inventory
            squares += square if even else square * problem.variance_profile[k]
            if problem.market.transient:
                into.transient.T[k] = state.transient
            if np.count_nonzero(outcome.clipped):
                into.violations[:] += violated(state, outcome)
                into.clipped[:] += outcome.clipped
        into.shortfall[:] = shortfall + after.inventory * (problem.haircut - after.displacement)
        into.running_risk[:] = squares * problem.risk_weight
    if not all(np.isfinite(each).all() for each in (into.shortfall, into.running_risk, into.liquidity)):
        raise ValueError("the simulation overflowed: the problem's parameters are too large to represent costs")


def _periods(
    problem: Problem, policy: Policy, noise: Noise, observe_liquidity: bool
) -> Iterator[tuple[State, Outcome, State]]:
    """Yield (state, outcome, next state) of every period."""
    order, market, n = problem.order, problem.market, noise.price.shape[1]
    if hasattr(policy, "reset"):
        policy.reset(n)
    open_loop, of_liquidity = getattr(policy, "open_loop", None), getattr(policy, "of_liquidity", None)
    state = State(0, order.shares, 0.0, 0.0)  # what is alike in all episodes stays a number
    if open_loop is None or order.max_participation is not None:
        state = State(0, np.full(n, order.shares), np.zeros(n), np.zeros(n))
    variance: Any = market.volatility**2
    implied = np.full(n, market.liquidity.long_run_mean)
    for k in range(order.periods):
        shock = noise[k]
        level = shock.seen if observe_liquidity else implied * problem.profile[k]
        if open_loop is not None:
            action: Any = float(open_loop[k])
        elif of_liquidity is not None:
            action = checked_action(of_liquidity(k, level.astype(np.float32).astype(np.float64)), n, k)
        else:
            impact = state.transient if observe_liquidity else 0.0
            volatility = np.sqrt(variance)
            seen = observe(problem, k, state.inventory, state.displacement, volatility, level, impact)
            action = checked_action(policy.act(stacked(seen, n)), n, k)
            variance = next_variance(problem, variance, shock.price)
        after, outcome = step(problem, state, action, shock)
        if open_loop is None and not observe_liquidity:
            implied = implied_level(problem, implied, state, outcome)
        yield state, outcome, after
        state = after


def checked_action(action: Any, n: int, period: int) -> Array:
    """The actions as float64 (n,), or a ValueError that names the period and the first bad value."""
    given = np.asarray(action)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"act must return real numbers, got {given.dtype} in period {period}")
    array = given.astype(np.float64, copy=False)
    if array.shape != (n,):
        raise ValueError(f"action must have shape ({n},) in period {period}, got {array.shape}")
    if not (np.isfinite(array.min()) and np.isfinite(array.max())):
        bad = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"action must be finite, got {array[bad]} for episode {bad} in period {period}")
    return array
