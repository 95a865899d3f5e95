"""Make the report's bar file, book/data/bars.csv: 20 days of 26 bars of 15 minutes of a stock that does not exist.

python -m report.tools.bars

The market is known, which is the point: the chapter *Your own order* holds its estimates against `TRUTH`. A test makes
the file again and compares.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import optexec as ox
from optexec._files import beside

TARGET = Path(__file__).parents[2] / "book" / "data" / "bars.csv"

BARS, DAYS, SEED = 26, 20, 0

TRUTH = ox.Market(
    price=40.0,
    volatility=0.115,  # $ a bar: about 1.5% of the price a day
    volume=100_000.0,
    volume_profile=tuple(ox.u_shape(BARS)),
    liquidity=ox.OrnsteinUhlenbeck(mean=1.0, speed=0.3, volatility=0.2, floor=0.1),
)
"""The simulated market; time is in bars."""


def made() -> pd.DataFrame:
    """The bars."""
    return ox.calibration.synthetic(TRUTH, bars=BARS, days=DAYS, seed=SEED)


def text() -> str:
    """The bars as the file has them."""
    return made().to_csv(index=False, date_format="%Y-%m-%d %H:%M", float_format="%.2f", lineterminator="\n")


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    with beside(TARGET) as file:
        file.write(text().encode())
