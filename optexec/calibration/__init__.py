"""A market estimated from bars of it, with 95% intervals, and what the errors of the estimates do to a plan.

A **bar** is a row with a timestamp, the shares that the market traded and a price. `calibrate` reads D days of B bars
each as

    S_{d,j+1} = S_{d,j} + sigma eps,    W_{d,j} = V w_j L_{d,j},    L_{d,j+1} = L_{d,j} + speed (1 - L_{d,j}) + omega z,

and estimates the volatility sigma [$/share/sqrt(bar)], the mean volume V [shares a bar], the profile w (mean 1) and the
Ornstein-Uhlenbeck process of relative volume L (mean 1: V carries the level). That L is also the *depth*, the level
that divides impact in `optexec.Market`, is an assumption, and bars cannot test it. Nor do they know the spread, fill
noise and impact: the first two are arguments, impact is a published law (`Almgren2005`, `SquareRoot`).
"""

from __future__ import annotations

from optexec.calibration.bars import BarReport, Bars, read_bars
from optexec.calibration.estimate import Calibration, Estimated, calibrate, synthetic
from optexec.calibration.forecast import forecast
from optexec.calibration.impact import Almgren2005, Impact, SquareRoot

__all__ = [
    "Almgren2005",
    "BarReport",
    "Bars",
    "Calibration",
    "Estimated",
    "Impact",
    "SquareRoot",
    "calibrate",
    "forecast",
    "read_bars",
    "synthetic",
]
