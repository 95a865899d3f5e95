"""Plotly figures of any problem, from data: one template, one colour a policy, axes with units.

Every function returns a `plotly.graph_objects.Figure` with transparent backgrounds. ``layout.meta`` may hold ``alt``,
the description read to those who cannot see the figure, and ``phone``, layout overrides for narrow screens. Sliders
carry their data in their steps, so that they work in a page without a kernel.
"""

from optexec.figures.costs import scenario_tails, shortfall_densities, stress_split
from optexec.figures.maps import policy_maps
from optexec.figures.schedules import frontier_tangent, holdings, trade_off
from optexec.figures.style import COLOURS

__all__ = [
    "COLOURS",
    "frontier_tangent",
    "holdings",
    "policy_maps",
    "scenario_tails",
    "shortfall_densities",
    "stress_split",
    "trade_off",
]
