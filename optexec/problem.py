"""The execution problem: an order, a market and a risk aversion, as frozen dataclasses.

Units: money in $, sizes in shares, time in the unit that ``Order.dt`` is measured in (days, hours, or simply
periods). Impact coefficients are $/share per share traded *in a period*.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from optexec._validate import brief, choice, integer, real, remade, store
from optexec.liquidity import (
    GRID_POINTS,
    Chain,
    Liquidity,
    OrnsteinUhlenbeck,
    Outlook,
    cached_chain,
    check,
)

__all__ = ["Market", "Order", "Problem"]

Array = NDArray[np.float64]
Number = TypeVar("Number", float, NDArray[np.float64])

LARGEST_COST = 1e150
"""Costs [$] beyond this are refused: their squares, which variances need, would not be numbers. So is 1 / this."""

SELDOM = 1e-3
"""Liquidity that a period falls short of with less than this probability does not set the haircut."""

MAX_PERIODS = 100_000
"""A day of 6.5 hours has 23,400 seconds; tables of the exact optimum for more than this do not fit in memory."""


NEW = {"since": "0.2"}
"""Of a field that 0.1 did not have: at its default a description leaves it out, so that what was described before, and
what was signed with it, stays the same."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be traded, and within which limits.

    Args:
        shares: X > 0, the order size [shares].
        periods: N >= 1, the number of trading periods, at most 100,000.
        dt: length of a period > 0 [time].
        side: "sell" or "buy".
        max_fraction: largest share of the remaining inventory that a period may trade, in (0, 1].
        max_participation: largest trade of a period as a fraction of its volume, v_k <= p volume L_k, in (0, 1];
            None for no limit.
        violation_penalty: cost in the reward of each share that had to be clipped, >= 0 [$/share].
        leftover_haircut: what is left after period N is sold this far below the last mid, >= 0 [$/share]; 0 for as
            much as makes leaving shares no gain, `Problem.haircut`.
    """

    shares: float = 1000.0
    periods: int = 20
    dt: float = 1.0
    side: str = "sell"
    max_fraction: float = 1.0
    max_participation: float | None = None
    violation_penalty: float = 0.0
    leftover_haircut: float = 0.0

    def __post_init__(self) -> None:
        cap = self.max_participation
        store(
            self,
            shares=real("shares", self.shares, above=0),
            periods=integer("periods", self.periods, minimum=1, maximum=MAX_PERIODS),
            dt=real("dt", self.dt, above=0),
            side=choice("side", self.side, ("sell", "buy")),
            max_fraction=real("max_fraction", self.max_fraction, above=0, maximum=1),
            max_participation=None if cap is None else real("max_participation", cap, above=0, maximum=1),
            violation_penalty=real("violation_penalty", self.violation_penalty, minimum=0),
            leftover_haircut=real("leftover_haircut", self.leftover_haircut, minimum=0),
        )

    @cached_property
    def sign(self) -> float:
        """+1 for a sale, -1 for a buy: the direction in which own trades push the price down."""
        return 1.0 if self.side == "sell" else -1.0

    @cached_property
    def capped(self) -> bool:
        """Whether there is a limit to what a period may trade."""
        return self.max_fraction < 1 or self.max_participation is not None


@dataclass(frozen=True, kw_only=True)
class Market:
    """Price, impact and liquidity.

    Args:
        price: S_0 > 0, the arrival price [$/share].
        volatility: sigma >= 0, of the arithmetic mid price [$/share/sqrt(time)].
        temporary: eta >= 0 [$/share per share traded in a period, at L = 1].
        permanent: gamma >= 0 [$/share per share].
        transient: q >= 0, size of the impact that decays [$/share per share, at L = 1].
        decay: delta >= 0, mean decay rate of transient impact [1/time].
        decay_noise: nu >= 0, noise of the log decay [1/sqrt(time)].
        slippage: s >= 0, standard deviation of the fill noise [$/share].
        half_spread: paid on every share, >= 0 [$/share].
        volume: shares that the market trades in a period at L = 1, > 0.
        volume_profile: N positive numbers with mean 1, an intraday shape that multiplies the liquidity process;
            None for a flat day.
        volatility_profile: s_k, N positive numbers whose squares have mean 1, an intraday shape that multiplies sigma:
            the mid price moves by sigma s_k sqrt(dt) eps_k in period k; None for a flat day.
        depth_exponent: b >= 0: a trade v costs (eta + q/2) v / D_k a share, with depth D_k = L_k^b. L_k is relative
            volume, and 1 says that depth goes with it; 0, that it does not move.
        liquidity: a process of `optexec.liquidity`.

    Raises:
        ValueError: a field outside its range, or eta + q/2 <= gamma/2: the cost would not be convex.
        TypeError: a field of the wrong type.
    """

    price: float = 100.0
    volatility: float = 0.02
    temporary: float = 0.01
    permanent: float = 0.001
    transient: float = 0.0
    decay: float = 0.1
    decay_noise: float = 0.02
    slippage: float = 0.01
    half_spread: float = 0.0
    volume: float = 10_000.0
    volume_profile: Sequence[float] | None = None
    volatility_profile: Sequence[float] | None = field(default=None, metadata=NEW)
    depth_exponent: float = field(default=1.0, metadata=NEW)
    liquidity: Liquidity = field(default_factory=OrnsteinUhlenbeck)

    __repr__ = brief

    def __post_init__(self) -> None:
        nonnegative = (
            "volatility",
            "temporary",
            "permanent",
            "transient",
            "decay",
            "decay_noise",
            "slippage",
            "half_spread",
            "depth_exponent",
        )
        store(self, **{name: real(name, getattr(self, name), minimum=0) for name in nonnegative})
        store(self, price=real("price", self.price, above=0), volume=real("volume", self.volume, above=0))
        if self.instantaneous <= self.permanent / 2:
            raise ValueError(
                "temporary + transient/2 must be > permanent/2 (else the cost is not convex), got "
                f"temporary={self.temporary!r}, transient={self.transient!r}, permanent={self.permanent!r}"
            )
        if self.volume_profile is not None:
            store(self, volume_profile=_profile("volume_profile", self.volume_profile, 1))
        if self.volatility_profile is not None:
            store(self, volatility_profile=_profile("volatility_profile", self.volatility_profile, 2))
        process: object = self.liquidity
        if isinstance(process, type) or not isinstance(process, Liquidity):
            raise TypeError(
                "liquidity must be a process such as OrnsteinUhlenbeck(), "
                f"got {self.liquidity!r} ({type(self.liquidity).__name__})"
            )

    @cached_property
    def instantaneous(self) -> float:
        """What a trade costs in its own period at L = 1, eta + q/2 [$/share per share]."""
        return self.temporary + self.transient / 2


def _profile(name: str, values: Any, power: int) -> tuple[float, ...]:
    """An intraday profile as a tuple of positive floats, this power of which has mean 1."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a sequence of positive numbers or None, got {values!r}")
    profile = tuple(real(f"{name}[{i}]", value, above=0) for i, value in enumerate(values))
    mean = sum(value**power for value in profile) / len(profile) if profile else float("nan")
    if not abs(mean - 1) <= 1e-6:
        squares = "squares with " if power == 2 else ""
        raise ValueError(f"{name} must have {squares}mean 1, got mean {mean!r} over {len(profile)} values")
    return profile


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An order in a market, and how much its risk matters: minimise J = E[IS + lambda sigma^2 dt sum x_{k+1}^2].

    Args:
        order: an `Order`.
        market: a `Market`; its ``volume_profile`` and ``volatility_profile`` must have ``order.periods`` entries.
        risk_aversion: lambda >= 0 [1/$].

    Examples:
        >>> import optexec as ox
        >>> problem = ox.Problem(order=ox.Order(shares=500, periods=10), risk_aversion=0.1)
        >>> problem.replace(volatility=0.03).market.volatility
        0.03
        >>> ox.Order(shares=-1)
        Traceback (most recent call last):
        ValueError: shares must be finite and > 0, got -1
    """

    order: Order = field(default_factory=Order)
    market: Market = field(default_factory=Market)
    risk_aversion: float = 0.5

    __setstate__ = remade

    def __repr__(self) -> str:
        return brief(self, 450)

    def __post_init__(self) -> None:
        for name, kind in (("order", Order), ("market", Market)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} must be an optexec.{kind.__name__}, got {value!r}")
        store(self, risk_aversion=real("risk_aversion", self.risk_aversion, minimum=0))
        if not math.isfinite(self.market.volatility * self.market.volatility * self.order.dt * self.risk_aversion):
            raise ValueError(
                "volatility^2 dt risk_aversion must be finite, got volatility "
                f"{self.market.volatility!r}, dt {self.order.dt!r}, risk_aversion {self.risk_aversion!r}"
            )
        for name in ("volume_profile", "volatility_profile"):
            profile = getattr(self.market, name)
            if profile is not None and len(profile) != self.order.periods:
                raise ValueError(
                    f"{name} must have one value a period: order.periods is {self.order.periods}, "
                    f"got {len(profile)} values"
                )
        check(self.market.liquidity, self.order.dt, self.order.periods)
        _representable(self)

    @cached_property
    def haircut(self) -> float:
        """What is left after period N is sold this far below the last mid [$/share]: the haircut in force.

        It is ``leftover_haircut`` where that is positive, and 0 where no cap can leave anything. A cap with
        ``leftover_haircut=0`` would pay for not trading: what is left would go at the mid, for free. It then is the
        most that a share could have cost, had it been sold:

            half_spread + 2 (eta + q/2) w + gamma X + q min(2 w sum_{i=1}^{N-1} E[D]^i, X/l),
            w = min(max_participation volume, max_fraction X / l).

        To sell one share more in period k and to leave one less costs half_spread + 2 (eta + q/2) v_k/L_k + gamma (x_N
        - v_k) + I_k + (q/L_k) sum_{j>k} v_j E[D]^{j-k}. The caps hold v_k/L_k <= w where L_k >= l, and with it the two
        transient terms, which also are at most q X/l since all trades add up to X. l is the lowest liquidity, profile
        included, that some period falls short of with a probability of 0.1%; under max_participation alone it matters
        only where that cap is so loose that max_fraction X / l is less. So whoever leaves shares, having had room for
        them at such liquidity, has saved nothing by it. Where depth is another power of liquidity, L_k^b, w is the most
        that v_k/L_k^b may be where L_k >= l, and X/l is X/l^b.
        """
        order, market = self.order, self.market
        if order.leftover_haircut > 0 or not self.order.capped:
            return order.leftover_haircut
        lowest, most = self._seldom_lower, order.max_fraction * order.shares
        shallowest = self.depth(lowest)
        relative = most / shallowest
        if order.max_participation is not None:
            rate, excess = order.max_participation * market.volume, 1 - market.depth_exponent
            relative = min(relative, rate * (max(lowest, most / rate) if excess > 0 else lowest) ** excess)
        decay = min(_mean_decay(self), 1.0)
        memory = float(np.sum(decay ** np.arange(1, order.periods)))
        transient = market.transient * min(2 * relative * memory, order.shares / shallowest)
        return market.half_spread + 2 * market.instantaneous * relative + market.permanent * order.shares + transient

    @property
    def _seldom_lower(self) -> float:
        """The lowest L_k, profile included, of which a period falls short with probability `SELDOM`."""
        chain = self.chain(101)
        if isinstance(chain, Outlook):
            return float(np.min(chain.quantiles(SELDOM) * self.profile))
        return min(
            float(chain.levels[int(np.argmax(np.cumsum(distribution) >= SELDOM))] * share)
            for share, distribution in zip(self.profile, chain.distributions(self.order.periods), strict=True)
        )

    def chain(self, points: int = GRID_POINTS) -> Chain:
        """Conditional expectations of this market's liquidity over the order, on a grid of so many levels."""
        market, order = self.market, self.order
        return cached_chain(market.liquidity, order.dt, order.periods, points, market.depth_exponent)

    @cached_property
    def profile(self) -> Array:
        """(N,) the volume profile, ones where the market has none; dimensionless, read-only."""
        given = self.market.volume_profile
        profile = np.ones(self.order.periods) if given is None else np.array(given, dtype=np.float64)
        profile.setflags(write=False)
        return profile

    @cached_property
    def variance_profile(self) -> Array:
        """(N,) s_k^2, squares of the volatility profile, ones where the market has none; dimensionless, read-only."""
        given = self.market.volatility_profile
        squares = np.ones(self.order.periods) if given is None else np.array(given, dtype=np.float64) ** 2
        squares.setflags(write=False)
        return squares

    @cached_property
    def step_variance(self) -> float:
        """Variance of the mid price over a period, sigma^2 dt [$^2/share^2]; the mean of the day's periods."""
        return self.market.volatility * self.market.volatility * self.order.dt

    @cached_property
    def risk_weight(self) -> float:
        """Running risk of one squared share held over a period, r = lambda sigma^2 dt [$/share^2]; the day's mean."""
        return self.risk_aversion * self.step_variance

    @cached_property
    def risk_weights(self) -> Array:
        """(N,) r_k = lambda sigma^2 s_k^2 dt, that of x_{k+1} squared [$/share^2]; read-only."""
        weights = self.risk_weight * self.variance_profile
        weights.setflags(write=False)
        return weights

    def depth(self, liquidity: Number) -> Number:
        """D = L^b, what impact is divided by, of liquidity (profile included): a float or an array of any shape."""
        exponent = self.market.depth_exponent
        depth: Number = liquidity if exponent == 1 else liquidity**exponent
        return depth

    def replace(self, **fields: Any) -> Problem:
        """A copy with any field of the order, the market or the problem changed, by name.

        Args:
            **fields: field names and new values, e.g. ``volatility=0.1, risk_aversion=1.0``; ``order=`` and
                ``market=`` replace these wholes, and further fields then apply to the new ones.

        Raises:
            TypeError: a name that no part has; the message lists those there are.
        """
        parts: dict[str, Any] = {
            "order": fields.pop("order", self.order),
            "market": fields.pop("market", self.market),
        }
        own = {"risk_aversion": fields.pop("risk_aversion", self.risk_aversion)}
        for name, part in parts.items():
            if dataclasses.is_dataclass(part) and not isinstance(part, type):
                names = {f.name for f in dataclasses.fields(part)}
                changed = {key: fields.pop(key) for key in names & fields.keys()}
                parts[name] = dataclasses.replace(part, **changed)
        if fields:
            allowed = [f.name for kind in (Order, Market, Problem) for f in dataclasses.fields(kind)]
            raise TypeError(f"replace() got unknown field {next(iter(fields))!r}; allowed: {', '.join(allowed)}")
        return Problem(**parts, **own)


def _mean_decay(problem: Problem) -> float:
    """E[D], infinite where it overflows."""
    rate = problem.market.decay_noise * problem.market.decay_noise * problem.order.dt / 2
    try:
        return math.exp(rate - problem.market.decay * problem.order.dt)
    except OverflowError:
        return math.inf


def _representable(problem: Problem) -> None:
    """Refuse numbers whose costs are none.

    Raises:
        ValueError: a part of the costs is too large, or the whole too small; it names the fields.
    """
    order, market = problem.order, problem.market
    shares, level = order.shares, problem.depth(market.liquidity.long_run_mean)
    per_share = ("price", "half_spread", "slippage")
    parts = {f"shares {name}": shares * getattr(market, name) for name in per_share}
    parts |= {f"shares {name}": shares * getattr(order, name) for name in ("violation_penalty", "leftover_haircut")}
    parts |= {
        "shares volatility sqrt(periods dt)": shares * market.volatility * (order.periods * order.dt) ** 0.5,
        "shares^2 (temporary + transient) / liquidity": shares * shares * (market.temporary + market.transient) / level,
        "shares^2 permanent": shares * shares * market.permanent,
        "shares^2 periods dt volatility^2 risk_aversion": shares * shares * order.periods * problem.risk_weight,
        "volume": market.volume,
    }
    if market.transient:
        parts["the mean of the squared decay of transient impact, exp(2 (decay_noise^2 - decay) dt)"] = (
            _mean_decay(problem) ** 2 if _mean_decay(problem) < LARGEST_COST else math.inf
        )
    for name, value in parts.items():
        if not value <= LARGEST_COST:
            raise ValueError(
                f"{name} must be at most {LARGEST_COST:g} (beyond it costs cannot be represented), got {value:g} with "
                f"shares {shares!r}"
            )
    for name in ("shares price", "shares^2 (temporary + transient) / liquidity"):
        if parts[name] < 1 / LARGEST_COST:
            raise ValueError(
                f"{name} must be at least {1 / LARGEST_COST:g} (below it costs cannot be represented), got "
                f"{parts[name]:g} with shares {shares!r}"
            )
