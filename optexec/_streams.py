"""Statistics of samples too long to keep: what they hold does not grow with the number of episodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["KEPT", "Covariance", "Tail"]

Array = NDArray[np.float64]

KEPT = 1 << 17
"""Episodes up to which a `Tail` keeps the sample and is exact."""

BINS = 4096
"""Thresholds that a `Tail` chooses from when the sample is longer."""

AROUND = 0.02
"""How far from its level, as a probability, those thresholds reach: more than 30 standard errors at `KEPT`."""


class Covariance:
    """Means and covariances of d features, from any number of chunks.

    Two sets of n and m rows whose means differ by g have, together, the products P + Q + g g^T n m / (n + m): Chan,
    Golub & LeVeque (1983). Nothing is lost to cancellation, however far the means are from 0.

    Attributes:
        count: n.
        mean: (d,).
        products: (d, d) sums of products of deviations from the mean.
    """

    def __init__(self, features: int) -> None:
        self.count = 0
        self.mean = np.zeros(features)
        self.products = np.zeros((features, features))

    def add(self, rows: Array) -> None:
        """Take in a chunk (d, m)."""
        m, mean = rows.shape[1], rows.mean(axis=1)
        deviations, gap = rows - mean[:, None], mean - self.mean
        total = self.count + m
        self.products += deviations @ deviations.T + np.outer(gap, gap) * (self.count * m / total)
        self.mean += gap * (m / total)
        self.count = total

    def deviation(self, weights: Array) -> float:
        """Standard deviation (n - 1 in the denominator) of a linear combination of the features; NaN from one row."""
        if self.count < 2:
            return float("nan")
        with np.errstate(over="ignore", invalid="ignore"):  # of prices near the largest number: no interval
            square = max(float(weights @ self.products @ weights), 0.0)
        return float(np.sqrt(square / (self.count - 1)))


class Tail:
    """The mean of the largest 1 - level of a sample, from any number of chunks.

    CVaR = min_q q + E[(x - q)^+] / (1 - level). Up to `KEPT` numbers the sample is kept and q is its quantile. A
    longer one is reduced to counts, sums and sums of squares between `BINS` thresholds, numbers of its beginning around
    their quantile, and q is the best of these: E[(x - q)^+] is then exact, and since the minimum is flat a q that is
    off by d, at most the distance of two thresholds, adds f(q) d^2 / (2 (1 - level)) where f is the density.
    """

    def __init__(self, level: float) -> None:
        self.level = level
        self.count = 0
        self.kept: list[Array] = []
        self.edges: Array | None = None
        self.sums = np.zeros((3, BINS + 1))

    def add(self, sample: Array) -> None:
        """Take in a chunk (m,)."""
        self.count += len(sample)
        if self.edges is None:
            self.kept.append(sample.copy())
            if self.count <= KEPT:
                return
            sample = np.concatenate(self.kept)
            levels = np.linspace(self.level - AROUND, self.level + AROUND, BINS)
            self.edges, self.kept = np.quantile(sample, levels, method="nearest"), []
        place = np.searchsorted(self.edges, sample, side="left")  # edges below x
        above = sample - self.edges[0]
        for power in range(3):
            self.sums[power] += np.bincount(place, weights=above**power, minlength=BINS + 1)

    def mean_and_deviation(self) -> tuple[float, float]:
        """The tail's mean, and the standard deviation of q + (x - q)^+ / (1 - level), of which it is the mean."""
        if self.edges is None:
            sample = np.concatenate(self.kept)
            quantile = float(np.quantile(sample, self.level))
            shortfall = quantile + np.maximum(sample - quantile, 0.0) / (1 - self.level)
            return float(shortfall.mean()), float(shortfall.std(ddof=1)) if self.count > 1 else float("nan")
        # sums over x > edge j are those of bins j + 1 and up
        number, first, second = np.cumsum(self.sums[:, :0:-1], axis=1)[:, ::-1]
        q = self.edges - self.edges[0]
        excess = (first - q * number) / self.count
        squares = (second - 2 * q * first + q**2 * number) / self.count
        best = int(np.argmin(q + excess / (1 - self.level)))
        variance = max(float(squares[best] - excess[best] ** 2), 0.0) * self.count / (self.count - 1)
        value = float(self.edges[best] + excess[best] / (1 - self.level))
        return value, variance**0.5 / (1 - self.level)
