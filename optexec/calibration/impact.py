"""Laws of market impact, made linear at the participation of an order."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from optexec._validate import real, store
from optexec.problem import Order

__all__ = ["Almgren2005", "Impact", "SquareRoot"]


@runtime_checkable
class Impact(Protocol):
    """A law of market impact that can be made linear at an order's own participation."""

    def coefficients(
        self, order: Order, volume: float, day_volume: float, day_volatility: float
    ) -> tuple[float, float]:
        """Eta and gamma [$/share per share] for an order in periods of ``volume`` shares each."""

    def redrawn(self, noise: np.random.Generator) -> Impact:
        """The law with its constants drawn from the distribution of their estimates."""


@dataclass(frozen=True)
class Almgren2005:
    """The law of Almgren, Thum, Hauptmann & Li (2005), fitted to institutional orders in US stocks.

    An order of X shares sold evenly in T days moves a price of daily volatility sigma [$] permanently by
    I = 0.314 sigma (X/V) (Theta/V)^(1/4) and pays K = 0.142 sigma (X/(V T))^0.6 [$/share] of temporary impact, V shares
    a day being the market's volume (V T its volume during the order) and Theta the shares outstanding. Its mean cost is
    I/2 + K a share. I is linear: gamma = I/X. K is not; eta = K/v + gamma/2 at the even trade v = X/N costs the even
    sale the same (gamma/2 because within a period `optexec.Market` charges no permanent impact).

    Args:
        outstanding: Theta > 0, shares outstanding.
        permanent: the constant of I, > 0, dimensionless.
        temporary: the constant of K, > 0, dimensionless.
        permanent_error: published standard error of ``permanent``, >= 0: of a mean over stocks and orders, exponents
            held at 1, 1/4 and 3/5; a single stock may differ by more.
        temporary_error: the same of ``temporary``, >= 0.
    """

    outstanding: float
    permanent: float = 0.314
    temporary: float = 0.142
    permanent_error: float = 0.041
    temporary_error: float = 0.0062

    def __post_init__(self) -> None:
        for name in ("outstanding", "permanent", "temporary"):
            store(self, **{name: real(name, getattr(self, name), above=0)})
        for name in ("permanent_error", "temporary_error"):
            store(self, **{name: real(name, getattr(self, name), minimum=0)})

    def coefficients(
        self, order: Order, volume: float, day_volume: float, day_volatility: float
    ) -> tuple[float, float]:
        """Eta and gamma [$/share per share] at the participation of the even sale.

        Args:
            order: X and N.
            volume: shares that the market trades in a period of the order.
            day_volume: V [shares].
            day_volatility: sigma [$/share/sqrt(day)].
        """
        even = order.shares / order.periods
        gamma = self.permanent * day_volatility / day_volume * (self.outstanding / day_volume) ** 0.25
        return self.temporary * day_volatility * (even / volume) ** 0.6 / even + gamma / 2, gamma

    def redrawn(self, noise: np.random.Generator) -> Almgren2005:
        """With both constants drawn from normal distributions (and kept positive)."""
        first, second = noise.standard_normal(2)
        return dataclasses.replace(
            self,
            permanent=max(self.permanent + self.permanent_error * first, 0.01 * self.permanent),
            temporary=max(self.temporary + self.temporary_error * second, 0.01 * self.temporary),
        )


@dataclass(frozen=True)
class SquareRoot:
    """The square-root law: an order of X shares moves the price by M = Y sigma sqrt(X/V) while it is executed.

    sigma is the daily volatility [$/share], V the daily volume; how long the order takes does not matter. On the way
    there the mean cost is 2/3 M a share. A part of M stays, I = ``stays`` M, and the cost is I/2 + K, so that
    K = (2/3 - stays/2) M; gamma = I/X and eta = K/v + gamma/2 at the even trade v = X/N, as for `Almgren2005`. With
    stays = 2/3 the price comes back to what was paid on average. Toth et al. (2011); Bouchaud et al. (2018).

    Args:
        prefactor: Y > 0, of order 1, dimensionless.
        error: standard error of Y as you know it, >= 0; 0 takes Y as known.
        stays: permanent part of M, in [0, 1].

    Examples:
        >>> order = Order(shares=40_000, periods=10)
        >>> eta, gamma = SquareRoot().coefficients(order, 1e5, day_volume=1e6, day_volatility=0.5)
        >>> f"{1e6 * eta:.2f} {1e6 * gamma:.2f}"  # $/share per million shares
        '9.17 1.67'
    """

    prefactor: float = 1.0
    error: float = 0.0
    stays: float = 2 / 3

    def __post_init__(self) -> None:
        store(
            self,
            prefactor=real("prefactor", self.prefactor, above=0),
            error=real("error", self.error, minimum=0),
            stays=real("stays", self.stays, minimum=0, maximum=1),
        )

    def coefficients(
        self, order: Order, volume: float, day_volume: float, day_volatility: float
    ) -> tuple[float, float]:
        """Eta and gamma [$/share per share]; arguments as for `Almgren2005.coefficients`."""
        moved = self.prefactor * day_volatility * (order.shares / day_volume) ** 0.5
        gamma = self.stays * moved / order.shares
        return (2 / 3 - self.stays / 2) * moved * order.periods / order.shares + gamma / 2, gamma

    def redrawn(self, noise: np.random.Generator) -> SquareRoot:
        """With Y drawn from a normal distribution (and kept positive)."""
        drawn = self.prefactor + self.error * noise.standard_normal()
        return dataclasses.replace(self, prefactor=max(drawn, 0.01 * self.prefactor))
