"""Plotly figures of the report, from data: one template, one colour a policy, axes with units.

Every function returns a `plotly.graph_objects.Figure` with transparent backgrounds; the built book recolours text and
grid for light and dark (`optexec.book`). ``layout.meta`` may hold ``alt``, the description read to those who cannot see
the figure, and ``phone``, layout overrides for narrow screens. Sliders carry their data in their steps, so that they
work in the published page without a kernel; what they show comes from the same functions as the live notebook.
"""

from optexec.figures.advice import stakes
from optexec.figures.almgren_chriss import cost_of_urgency, holdings, holdings_control
from optexec.figures.bcq import (
    critic_curves,
    extrapolated_costs,
    perturbation_reach,
    reach_sweep,
    seed_scores,
    support_clouds,
    training_start,
)
from optexec.figures.benchmarks import excess_objective, paired_forest, shortfall_densities, variance_parts
from optexec.figures.beyond import hedged_holdings, power_tails, two_worlds
from optexec.figures.claims import claimed_sizes
from optexec.figures.constraints import binding_periods, capped_policies, capped_scores, penalty_sweep, rounded_kink
from optexec.figures.data_needs import Reach, amounts, by_behaviour, parts, quality_and_breadth, within_reach
from optexec.figures.environment import REWARD_PARTS, capped_inventory, episode_story, reward_noise
from optexec.figures.first_page import above_optimum, risk_slider, trade_off
from optexec.figures.frontier import (
    below_frontier,
    frontier_control,
    frontier_tangent,
    sampled_frontier,
    two_frontiers,
    value_at_risk_tangent,
)
from optexec.figures.hidden import hidden_level, information_curves
from optexec.figures.impact import blind_spot, block_response, plan_comparison, resilience_slider, round_trips
from optexec.figures.learned import (
    learned_maps,
    learned_scores,
    regret_parts,
    seed_curves,
    seed_profiles,
    support_decides,
)
from optexec.figures.liquidity import autocorrelation, jensen, liquidity_fans, shock_response, two_clocks
from optexec.figures.markets import Episode, market_episode, market_mistakes, market_scores, seen_and_done
from optexec.figures.normal import cost_and_scatter, ranking_counts
from optexec.figures.note import figures_by_volatility, mean_std_plane
from optexec.figures.objectives import planned_risk, rankings, reversal
from optexec.figures.offline_data import action_clouds, action_coverage, effective_sizes, noise_levels
from optexec.figures.optimum import haste, policy_maps, speed_and_spread, value_of_adapting
from optexec.figures.own_agent import learning_curve, strength_curve
from optexec.figures.own_order import bar_estimates, cost_sources, own_plan
from optexec.figures.parameters import regret_curves, regret_valleys, tornado
from optexec.figures.problem import score_scatter, shortfall_anatomy
from optexec.figures.shift import beyond_the_log, costs_by_scenario, far_from_the_log, same_place
from optexec.figures.stress import (
    failure_by_severity,
    first_trades,
    scenario_tails,
    severity_tails,
    stress_split,
    waiting_for_recovery,
)
from optexec.figures.style import COLOURS, live_control, live_controls
from optexec.figures.td3_bc import (
    Reaction,
    ScoreRow,
    gap_by_seed,
    learned_reactions,
    reward_scales,
    seed_traces,
    where_regret_is,
)
from optexec.figures.wrong import blind_scores, error_curves, form_curves, turning_bars

__all__ = [
    "COLOURS",
    "REWARD_PARTS",
    "Episode",
    "Reach",
    "Reaction",
    "ScoreRow",
    "above_optimum",
    "action_clouds",
    "action_coverage",
    "amounts",
    "autocorrelation",
    "bar_estimates",
    "below_frontier",
    "beyond_the_log",
    "binding_periods",
    "blind_scores",
    "blind_spot",
    "block_response",
    "by_behaviour",
    "capped_inventory",
    "capped_policies",
    "capped_scores",
    "claimed_sizes",
    "cost_and_scatter",
    "cost_of_urgency",
    "cost_sources",
    "costs_by_scenario",
    "critic_curves",
    "effective_sizes",
    "episode_story",
    "error_curves",
    "excess_objective",
    "extrapolated_costs",
    "failure_by_severity",
    "far_from_the_log",
    "figures_by_volatility",
    "first_trades",
    "form_curves",
    "frontier_control",
    "frontier_tangent",
    "gap_by_seed",
    "haste",
    "hedged_holdings",
    "hidden_level",
    "holdings",
    "holdings_control",
    "information_curves",
    "jensen",
    "learned_maps",
    "learned_reactions",
    "learned_scores",
    "learning_curve",
    "liquidity_fans",
    "live_control",
    "live_controls",
    "market_episode",
    "market_mistakes",
    "market_scores",
    "mean_std_plane",
    "noise_levels",
    "own_plan",
    "paired_forest",
    "parts",
    "penalty_sweep",
    "perturbation_reach",
    "plan_comparison",
    "planned_risk",
    "policy_maps",
    "power_tails",
    "quality_and_breadth",
    "ranking_counts",
    "rankings",
    "reach_sweep",
    "regret_curves",
    "regret_parts",
    "regret_valleys",
    "resilience_slider",
    "reversal",
    "reward_noise",
    "reward_scales",
    "risk_slider",
    "round_trips",
    "rounded_kink",
    "same_place",
    "sampled_frontier",
    "scenario_tails",
    "score_scatter",
    "seed_curves",
    "seed_profiles",
    "seed_scores",
    "seed_traces",
    "seen_and_done",
    "severity_tails",
    "shock_response",
    "shortfall_anatomy",
    "shortfall_densities",
    "speed_and_spread",
    "stakes",
    "strength_curve",
    "stress_split",
    "support_clouds",
    "support_decides",
    "tornado",
    "trade_off",
    "training_start",
    "turning_bars",
    "two_clocks",
    "two_frontiers",
    "two_worlds",
    "value_at_risk_tangent",
    "value_of_adapting",
    "variance_parts",
    "waiting_for_recovery",
    "where_regret_is",
    "within_reach",
]
